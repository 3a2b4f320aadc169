package phd

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

// bits.tsv names the bits of enumerations, 0 the most significant, as the code
// system ASN1ToHL7 of HL7's guide for personal health devices does (CC0).
//
//go:embed bits.tsv
var bitText string

type bit struct {
	code uint32
	at   int
}

var bitNames = loadBits()

func loadBits() map[bit]string {
	out := map[bit]string{}
	for line := range strings.Lines(bitText) {
		p := strings.Split(strings.TrimSpace(line), "\t")
		if len(p) != 3 {
			continue
		}
		code, err1 := strconv.ParseUint(p[0], 10, 32)
		at, err2 := strconv.Atoi(p[1])
		if err1 == nil && err2 == nil {
			out[bit{uint32(code), at}] = p[2]
		}
	}
	return out
}

// BitName names a bit of an enumeration, 0 the most significant; empty where
// nobody named it.
func BitName(code uint32, at int) string { return bitNames[bit{code, at}] }

// namesOf lists the bits that are set.
func namesOf(code uint32, value uint32, width int) string {
	var out []string
	for at := range width {
		if value>>(width-1-at)&1 == 0 {
			continue
		}
		name := BitName(code, at)
		if name == "" {
			name = fmt.Sprintf("bit %d", at)
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}
