// Package explain names the segments and fields of a message for people who
// look at it. Names are those of HL7 v2.6 chapters 2, 3, 4, 7 and 17.
package explain

import (
	_ "embed"
	"strings"

	"thalamus/internal/codec/hl7v2"
)

// Segment of a message.
type Segment struct {
	ID     string
	Name   string // empty for a local (Z) or unknown segment
	Fields []Field
}

// Field of a segment; absent fields are left out.
type Field struct {
	Path string // "OBX[3]-5"
	Name string
	Text string // as sent, delimiters and escapes included
}

// names.tsv: segment TAB field number (0: the segment) TAB name.
//
//go:embed names.tsv
var nameText string

var names = readNames(nameText)

func readNames(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		part := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(part) == 3 {
			all[part[0]+"-"+part[1]] = part[2]
		}
	}
	return all
}

// mostSegments and mostText bound what is shown of one message.
const (
	mostSegments = 2000
	mostText     = 4000
)

// Segments explains a message; nil when it cannot be read at all.
func Segments(raw []byte) []Segment {
	batch, err := hl7v2.SplitBatch(raw)
	if err != nil {
		return nil
	}
	var out []Segment
	for _, one := range batch.Messages {
		m, err := hl7v2.Parse(one)
		if err != nil {
			continue
		}
		for i := range m.Len() {
			if len(out) == mostSegments {
				return out
			}
			out = append(out, segment(m.Segment(i)))
		}
	}
	return out
}

func segment(s hl7v2.Segment) Segment {
	id := s.ID()
	out := Segment{ID: id, Name: names[id+"-0"]}
	for n, e := range s.Fields() {
		if !e.Present() {
			continue
		}
		text := string(e.Raw())
		if len(text) > mostText {
			text = text[:mostText] + "…"
		}
		out.Fields = append(out.Fields, Field{Path: e.Path(), Name: names[id+"-"+itoa(n)], Text: strings.ToValidUTF8(text, "\uFFFD")})
	}
	return out
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}
