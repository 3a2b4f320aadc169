package openmhealth

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxViolations bounds how many places of one document are named.
const maxViolations = 16

// violations holds a value against the shape.
func (s *shape) violations(n *node, place string) []Violation {
	quiet := checker{silent: true}
	if quiet.check(s, n, nil) {
		return nil
	}
	c := checker{}
	c.check(s, n, &step{name: place})
	return c.found
}

// step is a place on the way to a value.
type step struct {
	up   *step
	name string
}

func (s *step) String() string {
	if s.up == nil {
		return s.name
	}
	up := s.up.String()
	if up == "" || s.name[0] == '[' {
		return up + s.name
	}
	return up + "." + s.name
}

// checker collects violations; a silent one only tells whether there are any.
type checker struct {
	silent bool
	found  []Violation
}

func (c *checker) wrong(at *step, text string) bool {
	if !c.silent && len(c.found) < maxViolations {
		c.found = append(c.found, Violation{at.String(), text})
	}
	return false
}

func (c *checker) check(s *shape, n *node, at *step) bool {
	switch s.op {
	case isAny:
		return true
	case isSchema:
		return c.check(s.parts[0], n, at)
	case isPrimitive:
		if !primitives[s.name].fits(n) {
			return c.wrong(at, "must be "+primitives[s.name].words)
		}
		return true
	case isText:
		if n.kind != text || n.text != s.name {
			return c.wrong(at, `must be "`+s.name+`"`)
		}
		return true
	case isList:
		return c.list(s, n, at)
	case isObject:
		return c.object(s, n, at)
	case allOf:
		ok := true
		for _, part := range s.parts {
			ok = c.check(part, n, at) && ok
		}
		return ok
	}
	return c.choice(s, n, at)
}

func (c *checker) list(s *shape, n *node, at *step) bool {
	if n.kind != array {
		return c.wrong(at, "must be a list")
	}
	if s.must[0] && len(n.members) == 0 {
		return c.wrong(at, "must not be an empty list")
	}
	ok := true
	for i, e := range n.members {
		next := at
		if !c.silent {
			next = &step{at, "[" + strconv.Itoa(i) + "]"}
		}
		ok = c.check(s.parts[0], e, next) && ok
		if !ok && (c.silent || len(c.found) == maxViolations) {
			return false
		}
	}
	return ok
}

func (c *checker) object(s *shape, n *node, at *step) bool {
	if n.kind != object {
		return c.wrong(at, "must be an object")
	}
	ok := true
	for i, name := range s.names {
		v := n.member(name)
		if v == nil && !s.must[i] {
			continue
		}
		next := at
		if !c.silent {
			next = &step{at, name}
		}
		if v == nil {
			ok = c.wrong(next, "must be there")
		} else {
			ok = c.check(s.parts[i], v, next) && ok
		}
		if !ok && c.silent {
			return false
		}
	}
	return ok
}

// choice checks what is joined by | or ^. Where nothing fits, the choice whose
// members are there says why.
func (c *checker) choice(s *shape, n *node, at *step) bool {
	fit := 0
	quiet := checker{silent: true}
	for _, part := range s.parts {
		if quiet.check(part, n, at) {
			fit++
		}
	}
	switch {
	case fit == 1, fit > 1 && s.op == anyOf:
		return true
	case c.silent:
		return false
	case fit > 1:
		return c.wrong(at, "must be only one of: "+words(s))
	}
	if meant := meant(s, n); meant != nil {
		return c.check(meant, n, at)
	}
	return c.wrong(at, "must be one of: "+words(s))
}

// meant is the only one of the objects to choose from whose demanded members
// are all there.
func meant(s *shape, n *node) *shape {
	var out *shape
	for _, part := range s.parts {
		if part.op != isObject || n.kind != object {
			continue
		}
		all := true
		for i, name := range part.names {
			all = all && (!part.must[i] || n.member(name) != nil)
		}
		if all && out != nil {
			return nil
		}
		if all {
			out = part
		}
	}
	return out
}

// words names what can be chosen from.
func words(s *shape) string {
	var out []string
	for _, part := range s.parts {
		for part.op == isSchema {
			part = part.parts[0]
		}
		switch part.op {
		case isText:
			out = append(out, `"`+part.name+`"`)
		case isPrimitive:
			out = append(out, primitives[part.name].words)
		case isObject:
			var must []string
			for i, name := range part.names {
				if part.must[i] {
					must = append(must, name)
				}
			}
			out = append(out, "an object with "+strings.Join(must, " and "))
		case anyOf, oneOf:
			out = append(out, words(part))
		default:
			out = append(out, "another form")
		}
		if len(out) == 12 {
			return strings.Join(out, ", ") + " …"
		}
	}
	return strings.Join(out, ", ")
}

// primitive is a kind of value without parts.
type primitive struct {
	words string
	fits  func(*node) bool
}

var primitives = map[string]primitive{
	"string":    {"a text", func(n *node) bool { return n.kind == text }},
	"number":    {"a number", func(n *node) bool { return n.kind == number }},
	"integer":   {"a whole number", func(n *node) bool { return n.kind == number && whole(n.text) }},
	"boolean":   {"true or false", func(n *node) bool { return n.kind == boolean }},
	"date":      {"a date such as 2026-01-31", matches(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)},
	"time":      {"a time of day such as 07:25:00", matches(`^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(.\d{1,3})?$`)},
	"uuid":      {"a UUID", matches(`^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$`)},
	"date-time": {"a time with its zone such as 2026-01-31T07:25:00Z", func(n *node) bool { return n.kind == text && isDateTime(n.text) }},
	"uri":       {"a URI", func(n *node) bool { return n.kind == text && isURI(n.text) }},
	"iri":       {"an IRI", func(n *node) bool { return n.kind == text && isURI(n.text) }},
}

func matches(pattern string) func(*node) bool {
	p := regexp.MustCompile(pattern)
	return func(n *node) bool { return n.kind == text && p.MatchString(n.text) }
}

func whole(s string) bool {
	digits, fraction, _ := strings.Cut(s, ".")
	return !strings.ContainsAny(digits, "eE") && strings.Trim(fraction, "0") == ""
}

func isURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.IsAbs()
}

var dateTime = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$`)

// isDateTime knows the date-time of RFC 3339 §5.6, with its leap seconds.
func isDateTime(s string) bool {
	if len(s) > 64 || !dateTime.MatchString(s) {
		return false
	}
	s = strings.ToUpper(s)
	if s[17:19] == "60" {
		s = s[:17] + "59" + s[19:]
	}
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}
