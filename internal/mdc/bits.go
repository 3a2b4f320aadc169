package mdc

import (
	_ "embed"
	"strconv"
)

// bits.tsv names the bits of measurements that are bit strings, 0 the most
// significant, as the code system ASN1ToHL7 of HL7's guide for personal health
// devices does where their source is "measurement" (CC0).
//
//go:embed bits.tsv
var bitText string

// Bit is one bit of a bit string.
type Bit struct {
	At    int    // 0 the most significant
	Name  string // as the code system names it
	State bool   // says something by being clear too; else it tells of an event by being set
}

var loadedBits = loadBits()

func loadBits() map[uint32][]Bit {
	out := map[uint32][]Bit{}
	for p := range rows(bitText, 4) {
		code, err1 := strconv.ParseUint(p[0], 10, 32)
		at, err2 := strconv.Atoi(p[1])
		if err1 != nil || err2 != nil {
			panic("bits.tsv: " + p[0] + "." + p[1])
		}
		out[uint32(code)] = append(out[uint32(code)], Bit{At: at, Name: p[2], State: p[3] == "state"})
	}
	return out
}

// Bits gives the bits of a term that have a name, in their order; none where
// nobody named them. The list is shared: it is not to be changed.
func Bits(code uint32) []Bit { return loadedBits[code] }

// BitName names a bit of a term, 0 the most significant; empty where nobody
// named it.
func BitName(code uint32, at int) string {
	for _, b := range loadedBits[code] {
		if b.At == at {
			return b.Name
		}
	}
	return ""
}
