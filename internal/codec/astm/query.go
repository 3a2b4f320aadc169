package astm

import (
	"bytes"
	"strings"
	"time"
)

// Query is what an instrument asks: which orders are there for these
// specimens (LIS02-A2 §11).
type Query struct {
	Specimens []string // their ids, as the instrument writes them; empty: all
	Sender    string   // H-5 of the instrument, as sent
	D         Delimiters
}

// maxSpecimens bounds what one query is answered for.
const maxSpecimens = 200

// QueryOf gives the query that records hold. A request that an instrument
// takes back (Q-13 = A) is none.
func QueryOf(records []byte) (q Query, asked bool) {
	if !bytes.Contains(records, []byte{'Q'}) {
		return q, false
	}
	all, _, err := Parse(records)
	if err != nil {
		return q, false
	}
	for _, m := range all {
		for _, r := range m.Records {
			switch r.Kind() {
			case 'H':
				q.Sender, q.D = r.Field(5).Raw, m.Delimiters
			case 'Q':
				if strings.EqualFold(r.Field(13).Text(), "A") {
					continue
				}
				asked = true
				for _, rep := range r.Field(3).Reps() {
					if id := specimen(rep); id != "" && len(q.Specimens) < maxSpecimens {
						q.Specimens = append(q.Specimens, id)
					}
				}
			}
		}
	}
	return q, asked
}

// specimen reads an id range of Q-3: patient id ^ specimen id, or the specimen
// id alone; ALL stands for all.
func specimen(rep Element) string {
	components := rep.Components()
	id := components[0].Text()
	if len(components) > 1 {
		if second := components[1].Text(); second != "" {
			id = second
		} else if id == "" {
			for _, c := range components[2:] {
				if id = c.Text(); id != "" {
					break
				}
			}
		}
	}
	if strings.EqualFold(id, "ALL") {
		return ""
	}
	return id
}

// Answer writes the host's answer to a query: the orders, records P O C R
// without a header, or that there are none (L-3 = I, §14.4.3).
func Answer(q Query, orders []byte, host string, now time.Time) []byte {
	b := Builder{D: q.D}
	if len(orders) > 0 {
		b.D = usual // the records of an order file are written with them
	}
	const first = 3 // the list begins with H-3
	header := make([]string, 12)
	header[5-first], header[10-first] = b.Field(host), addressed(&b, q)
	header[12-first], header[13-first], header[14-first] = "P", "LIS2-A2", now.Format("20060102150405")
	b.Record('H', header...)
	b.Raw(orders)
	if len(orders) > 0 {
		b.Record('L', "1", "F")
	} else {
		b.Record('L', "1", "I")
	}
	return b.Bytes()
}

// addressed is H-10: the instrument's own name.
func addressed(b *Builder, q Query) string {
	return b.Field(Element{Raw: q.Sender, d: q.D}.Reps()[0].Components()[0].Text())
}

// OrdersIn takes the records P O C R M and S out of a text of records, with
// whatever line ends: what an order file holds for a specimen. A header there
// and a terminator are left out.
func OrdersIn(text []byte) []byte {
	var out []byte
	for line := range bytes.FieldsFuncSeq(text, func(r rune) bool { return r == '\r' || r == '\n' }) {
		switch kindOf(line) {
		case 'P', 'O', 'C', 'R', 'M', 'S':
			out = append(out, bytes.TrimLeft(line, " \t")...)
			out = append(out, CR)
		}
	}
	return out
}
