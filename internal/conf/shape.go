package conf

import (
	"fmt"
	"strings"

	"thalamus/internal/fault"
)

// What a configuration text may look like before it is parsed. The YAML
// library takes time that grows with the square of nesting, of keys side by
// side and of empty lines; no real configuration comes near these numbers.
const (
	maxText     = 4 << 20
	maxNesting  = 32   // of [ and {, and of "- - -" on a line
	maxSiblings = 4096 // keys side by side in one group, elements in one [ ]
	maxBlank    = 512  // empty lines in a row
)

// checkShape refuses texts that would take long to parse and mean nothing.
func checkShape(name string, text []byte) error {
	if len(text) > maxText {
		return fault.New(fault.Invalid, "conf.oversize", "the text has %d bytes, at most %d are read", len(text), maxText).At(name)
	}
	s := shape{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if what := s.line(line); what != "" {
			return fault.New(fault.Invalid, "conf.shape", "%s", what).At(fmt.Sprintf("%s:%d", name, n))
		}
	}
	return nil
}

// shape is what was seen of a text so far.
type shape struct {
	blank    int   // empty lines in a row
	indents  []int // of the groups around the line, ascending
	keys     []int // lines in each of them
	nesting  int   // of [ and {
	elements int   // commas since the outermost of them
	quote    byte
}

// line says what is wrong with a text at its next line, empty for nothing.
func (s *shape) line(line string) string {
	body := strings.TrimLeft(line, " \t")
	indent := len(line) - len(body)
	if strings.TrimSpace(body) == "" {
		if s.blank++; s.blank > maxBlank {
			return fmt.Sprintf("more than %d empty lines in a row", maxBlank)
		}
		return ""
	}
	s.blank = 0
	dashes := 0
	for strings.HasPrefix(body, "- ") || strings.HasPrefix(body, "? ") {
		dashes++
		rest := strings.TrimLeft(body[1:], " \t")
		indent += len(body) - len(rest)
		body = rest
	}
	if dashes > maxNesting {
		return fmt.Sprintf("nested deeper than %d levels", maxNesting)
	}
	for len(s.indents) > 0 && (s.indents[len(s.indents)-1] > indent || dashes > 0 && s.indents[len(s.indents)-1] == indent) {
		s.indents, s.keys = s.indents[:len(s.indents)-1], s.keys[:len(s.keys)-1]
	}
	if len(s.indents) == 0 || s.indents[len(s.indents)-1] < indent {
		s.indents, s.keys = append(s.indents, indent), append(s.keys, 0)
	}
	last := len(s.keys) - 1
	if s.keys[last]++; s.keys[last] > maxSiblings {
		return fmt.Sprintf("more than %d keys side by side", maxSiblings)
	}
	return s.flow(body)
}

// flow follows brackets, outside of quoted texts.
func (s *shape) flow(body string) string {
	before := byte(' ')
	for i := 0; i < len(body); i++ {
		c := body[i]
		switch {
		case s.quote != 0:
			if c == '\\' && s.quote == '"' {
				i++
			} else if c == s.quote {
				s.quote = 0
			}
		case (c == '"' || c == '\'') && strings.IndexByte(" \t[{,:", before) >= 0:
			s.quote = c
		case c == '#' && (before == ' ' || before == '\t'):
			return ""
		case c == '[' || c == '{':
			if s.nesting++; s.nesting > maxNesting {
				return fmt.Sprintf("nested deeper than %d levels", maxNesting)
			}
		case c == ']' || c == '}':
			if s.nesting = max(s.nesting-1, 0); s.nesting == 0 {
				s.elements = 0
			}
		case c == ',' && s.nesting > 0:
			if s.elements++; s.elements > maxSiblings {
				return fmt.Sprintf("more than %d elements in one pair of brackets", maxSiblings)
			}
		}
		before = c
	}
	return ""
}
