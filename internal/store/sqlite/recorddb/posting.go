package recorddb

import (
	"encoding/binary"

	"thalamus/internal/fault"
)

// posting lists the messages that have something, as ordinals in ascending
// order, each as its difference to the one before.
type posting struct {
	last  ordinal
	count int
	body  []byte
}

func (p *posting) add(n ordinal) {
	if n == p.last {
		return
	}
	p.body = binary.AppendUvarint(p.body, uint64(n-p.last))
	p.last = n
	p.count++
}

func (p *posting) clear() { *p = posting{body: p.body[:0]} }

// readPosting appends the ordinals of a posting to into.
func readPosting(into []ordinal, body []byte) ([]ordinal, error) {
	n := ordinal(0)
	for len(body) > 0 {
		v, size := binary.Uvarint(body)
		if size <= 0 {
			return into, fault.New(fault.Broken, "record.damaged", "an index of messages cannot be read; set the file aside and read the journal again")
		}
		n += ordinal(v)
		into = append(into, n)
		body = body[size:]
	}
	return into, nil
}

// both gives what two ascending lists have in common, in the room of the first.
func both(a, b []ordinal) []ordinal {
	out := a[:0]
	for i, k := 0, 0; i < len(a) && k < len(b); {
		switch {
		case a[i] < b[k]:
			i++
		case a[i] > b[k]:
			k++
		default:
			out = append(out, a[i])
			i, k = i+1, k+1
		}
	}
	return out
}
