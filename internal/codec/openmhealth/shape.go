package openmhealth

import (
	"errors"
	"strings"
)

// shape is what a schema demands of a value. The notation of schemas.txt:
//
//	number, text …            a value of that kind; see primitives
//	"mg/dL"                   that text
//	{value!: number, unit: …} an object; members with ! must be there, members
//	                          that are not named may be
//	[shape]  [shape]+         a list; + of at least one
//	omh/time-frame-1.x        what that schema demands
//	a & b                     both
//	a | b                     at least one
//	a ^ b                     exactly one
//	any                       whatever it is
type shape struct {
	op    op
	name  string // of a primitive, a text that is demanded, or a schema
	parts []*shape
	names []string // of an object's members, beside parts
	must  []bool   // of an object's members; must[0]: a list is not empty
}

type op byte

const (
	isAny op = iota
	isPrimitive
	isText
	isObject
	isList
	isSchema // parts[0] once all are read
	allOf
	anyOf
	oneOf
)

var errShape = errors.New("not a shape")

// reader reads one shape.
type reader struct{ rest string }

func (r *reader) space() { r.rest = strings.TrimLeft(r.rest, " ") }

func (r *reader) takes(s string) bool {
	r.space()
	rest, ok := strings.CutPrefix(r.rest, s)
	if ok {
		r.rest = rest
	}
	return ok
}

// shape reads shapes joined by & or by | or ^; & binds closer.
func (r *reader) shape() (*shape, error) {
	first, err := r.both()
	if err != nil {
		return nil, err
	}
	for sign, joined := range map[string]op{"|": anyOf, "^": oneOf} {
		if !r.takes(sign) {
			continue
		}
		out := &shape{op: joined, parts: []*shape{first}}
		for more := true; more; more = r.takes(sign) {
			part, err := r.both()
			if err != nil {
				return nil, err
			}
			out.parts = append(out.parts, part)
		}
		return out, nil
	}
	return first, nil
}

func (r *reader) both() (*shape, error) {
	first, err := r.one()
	if err != nil || !r.takes("&") {
		return first, err
	}
	out := &shape{op: allOf, parts: []*shape{first}}
	for more := true; more; more = r.takes("&") {
		part, err := r.one()
		if err != nil {
			return nil, err
		}
		out.parts = append(out.parts, part)
	}
	return out, nil
}

func (r *reader) one() (*shape, error) {
	switch {
	case r.takes("("):
		s, err := r.shape()
		if err == nil && !r.takes(")") {
			err = errShape
		}
		return s, err
	case r.takes("["):
		s, err := r.shape()
		if err != nil || !r.takes("]") {
			return nil, errShape
		}
		return &shape{op: isList, parts: []*shape{s}, must: []bool{r.takes("+")}}, nil
	case r.takes("{"):
		return r.object()
	case r.takes(`"`):
		s, rest, ok := strings.Cut(r.rest, `"`)
		if !ok {
			return nil, errShape
		}
		r.rest = rest
		return &shape{op: isText, name: s}, nil
	}
	word := r.word()
	switch {
	case word == "":
		return nil, errShape
	case word == "any":
		return &shape{op: isAny}, nil
	case strings.Contains(word, "/"):
		return &shape{op: isSchema, name: word}, nil
	}
	if _, ok := primitives[word]; !ok {
		return nil, errShape
	}
	return &shape{op: isPrimitive, name: word}, nil
}

func (r *reader) word() string {
	r.space()
	end := strings.IndexAny(r.rest, " ,:!{}[]()&|^\"+")
	if end < 0 {
		end = len(r.rest)
	}
	word := r.rest[:end]
	r.rest = r.rest[end:]
	return word
}

func (r *reader) object() (*shape, error) {
	out := &shape{op: isObject}
	for !r.takes("}") {
		if len(out.names) > 0 && !r.takes(",") {
			return nil, errShape
		}
		name := r.word()
		must := r.takes("!")
		if name == "" || !r.takes(":") {
			return nil, errShape
		}
		s, err := r.shape()
		if err != nil {
			return nil, err
		}
		out.names, out.parts, out.must = append(out.names, name), append(out.parts, s), append(out.must, must)
	}
	return out, nil
}
