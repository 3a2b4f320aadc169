package iomt

import (
	"strconv"
	"strings"
)

// nodeKind of the part of JMESPath that mappings of devices use: fields,
// indexes, projections, filters, comparisons, literals and functions
// (jmespath.org/specification.html).
type nodeKind uint8

const (
	current  nodeKind = iota // @
	field                    // left.name
	index                    // left[n]
	all                      // left[*]
	filter                   // left[?args[0]]
	literal                  // `10` or 'text'
	call                     // name(args)
	operator                 // args[0] name args[1]; ! has one
)

type node struct {
	kind   nodeKind
	name   string
	left   *node
	args   []*node
	number bool // of a literal
}

const maxNested = 30

type jmes struct {
	s     string
	at    int
	depth int
	err   string
}

func parseJMES(s source) (*node, error) {
	p := &jmes{s: s.text}
	n := p.either()
	if p.space(); p.err == "" && p.at < len(p.s) {
		p.fail("what follows is not understood")
	}
	if p.err != "" {
		return nil, wrong(s.place, "%s: %s at character %d", s.text, p.err, p.at+1)
	}
	return n, nil
}

func (p *jmes) fail(why string) *node {
	if p.err == "" {
		p.err = why
	}
	return &node{}
}

func (p *jmes) space() {
	for p.at < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.at]) >= 0 {
		p.at++
	}
}

func (p *jmes) take(t string) bool {
	p.space()
	if p.err == "" && strings.HasPrefix(p.s[p.at:], t) {
		p.at += len(t)
		return true
	}
	return false
}

func (p *jmes) either() *node {
	if p.depth++; p.depth > maxNested {
		return p.fail("nested too deep")
	}
	defer func() { p.depth-- }()
	n := p.both()
	for p.take("||") {
		n = &node{kind: operator, name: "||", args: []*node{n, p.both()}}
	}
	return n
}

func (p *jmes) both() *node {
	n := p.compared()
	for p.take("&&") {
		n = &node{kind: operator, name: "&&", args: []*node{n, p.compared()}}
	}
	return n
}

func (p *jmes) compared() *node {
	if p.space(); strings.HasPrefix(p.s[p.at:], "!") && !strings.HasPrefix(p.s[p.at:], "!=") {
		p.at++
		if p.depth++; p.depth > maxNested {
			return p.fail("nested too deep")
		}
		defer func() { p.depth-- }()
		return &node{kind: operator, name: "!", args: []*node{p.compared()}}
	}
	n := p.steps(p.first())
	for _, op := range [...]string{"==", "!=", "<=", ">=", "<", ">"} {
		if p.take(op) {
			return &node{kind: operator, name: op, args: []*node{n, p.steps(p.first())}}
		}
	}
	return n
}

func (p *jmes) first() *node {
	p.space()
	if p.at == len(p.s) {
		return p.fail("something is missing")
	}
	switch c := p.s[p.at]; {
	case p.take("@"):
		return &node{kind: current}
	case p.take("("):
		n := p.either()
		if !p.take(")") {
			return p.fail("expected )")
		}
		return n
	case c == '\'':
		return &node{kind: literal, name: p.quoted('\'')}
	case c == '`':
		text := strings.TrimSpace(p.quoted('`'))
		if s, err := strconv.Unquote(text); err == nil {
			return &node{kind: literal, name: s}
		}
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return p.fail("expected a number or a text between ` and `")
		}
		return &node{kind: literal, name: text, number: true}
	case c == '[':
		return &node{kind: current}
	}
	name := p.named()
	if p.err != "" {
		return &node{}
	}
	if p.s[p.at-1] != '"' && p.take("(") {
		n := &node{kind: call, name: name}
		for !p.take(")") {
			if len(n.args) > 0 && !p.take(",") {
				return p.fail("expected , or )")
			}
			if n.args = append(n.args, p.either()); p.err != "" {
				return n
			}
		}
		return n
	}
	return &node{kind: field, name: name, left: &node{kind: current}}
}

func (p *jmes) named() string {
	p.space()
	if p.at < len(p.s) && p.s[p.at] == '"' {
		return p.quoted('"')
	}
	from := p.at
	for p.at < len(p.s) && (p.s[p.at] == '_' || p.s[p.at] >= 'a' && p.s[p.at] <= 'z' || p.s[p.at] >= 'A' && p.s[p.at] <= 'Z' || p.at > from && p.s[p.at] >= '0' && p.s[p.at] <= '9') {
		p.at++
	}
	if from == p.at {
		p.fail("expected a name")
		return ""
	}
	return p.s[from:p.at]
}

func (p *jmes) quoted(quote byte) string {
	var b strings.Builder
	for p.at++; p.at < len(p.s); p.at++ {
		switch c := p.s[p.at]; {
		case c == quote:
			p.at++
			return b.String()
		case c == '\\' && p.at+1 < len(p.s) && (p.s[p.at+1] == quote || p.s[p.at+1] == '\\'):
			p.at++
		}
		b.WriteByte(p.s[p.at])
	}
	p.fail("a quote is not closed")
	return ""
}

func (p *jmes) steps(n *node) *node {
	for p.err == "" {
		switch {
		case p.take("[?"):
			n = &node{kind: filter, left: n, args: []*node{p.either()}}
			if !p.take("]") {
				return p.fail("expected ]")
			}
		case p.take("[*]"), p.take("[]"), p.take(".*"):
			n = &node{kind: all, left: n}
		case p.take("["):
			from := p.at
			for p.at < len(p.s) && p.s[p.at] != ']' {
				p.at++
			}
			text := strings.TrimSpace(p.s[from:p.at])
			if _, err := strconv.Atoi(text); err != nil || !p.take("]") {
				return p.fail("expected a number, * or ?condition in brackets")
			}
			n = &node{kind: index, name: text, left: n}
		case p.take("."):
			n = &node{kind: field, name: p.named(), left: n}
		default:
			return n
		}
	}
	return n
}
