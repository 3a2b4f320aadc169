package iomt

import (
	"regexp"
	"strconv"
	"strings"
)

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// path writes the steps of a node as JSONPath; ok is false when it is more
// than steps.
func (n *node) path() (string, bool) {
	if n.kind == current {
		return "", true
	}
	if n.left == nil {
		return "", false
	}
	left, ok := n.left.path()
	switch n.kind {
	case field:
		if !plainName.MatchString(n.name) {
			return left + "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(n.name) + "']", ok
		}
		return left + "." + n.name, ok
	case index:
		return left + "[" + n.name + "]", ok
	case all:
		return left + "[*]", ok
	case filter:
		c, fits := n.args[0].condition()
		return left + "[?(" + c + ")]", ok && fits
	}
	return "", false
}

// condition writes a node as the condition of a path's filter. A field is true
// when it is there and not null.
func (n *node) condition() (string, bool) {
	if n.kind == operator {
		a, okA := n.args[0].operand(n.name == "&&" || n.name == "||" || n.name == "!")
		if n.name == "!" {
			return "!(" + a + ")", okA
		}
		b, okB := n.args[1].operand(n.name == "&&" || n.name == "||")
		return a + " " + n.name + " " + b, okA && okB
	}
	path, ok := n.path()
	return "@" + path + " && @" + path + " != null", ok
}

func (n *node) operand(truth bool) (string, bool) {
	switch {
	case truth:
		c, ok := n.condition()
		return "(" + c + ")", ok
	case n.kind == literal && n.number:
		return n.name, true
	case n.kind == literal:
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(n.name) + "'", true
	}
	path, ok := n.path()
	return "@" + path, ok
}

// jmesMatching is matching of a JMESPath expression.
func (e *expressions) jmesMatching(s source) (each, match string, err error) {
	n, err := parseJMES(s)
	if err != nil {
		return "", "", err
	}
	// to_array(@)[?condition]: the document's rows, or the document itself.
	if n.kind == filter && n.left.kind == call && n.left.name == "to_array" && len(n.left.args) == 1 && n.left.args[0].kind == current {
		match, ok := n.args[0].condition()
		if !ok {
			return "", "", wrong(s.place, "%s: the condition cannot be imported", s.text)
		}
		return "", match, checked(s, "[?("+match+")]")
	}
	steps, ok := n.path()
	if !ok {
		return "", "", wrong(s.place, "%s cannot be imported: a profile finds its rows by a path", s.text)
	}
	if n.kind == field {
		e.im.note(s.place, "%s is taken for one row; where it is a list, write each: '$%s[*]'", s.text, steps)
	}
	return "$" + steps, "", checked(s, "$"+steps)
}

// cel writes a node as the expression of a computed value: matchedToken is the
// row, all else lies in the document.
func (n *node) cel(s source) (string, error) {
	if n.kind == literal {
		if n.number {
			return float(n.name), nil
		}
		return strconv.Quote(n.name), nil
	}
	if n.kind != call {
		return n.reference(s)
	}
	args := make([]string, len(n.args))
	for i := range n.args {
		var err error
		if args[i], err = n.args[i].cel(s); err != nil {
			return "", err
		}
	}
	f, ok := functions[n.name]
	if !ok || len(args) != f.args {
		return "", wrong(s.place, "%s: the function %s with %d arguments cannot be imported", s.text, n.name, len(args))
	}
	if f.numbers {
		for i, a := range n.args {
			if a.kind != literal && !(a.kind == call && (a.name == "to_number" || functions[a.name].numbers)) {
				args[i] = "double(string(" + args[i] + "))"
			}
		}
	}
	out := f.write
	for i, a := range args {
		out = strings.ReplaceAll(out, "$"+strconv.Itoa(i+1), a)
	}
	return out, nil
}

// reference is a field of the row or the document in CEL.
func (n *node) reference(s source) (string, error) {
	switch {
	case n.kind == current:
		return "document", nil
	case n.kind == field && n.left.kind == current && n.name == "matchedToken":
		return "row", nil
	case n.kind == field || n.kind == index:
		left, err := n.left.reference(s)
		if n.kind == index {
			return left + "[" + n.name + "]", err
		}
		if plainName.MatchString(n.name) && !reserved[n.name] {
			return left + "." + n.name, err
		}
		return left + "[" + strconv.Quote(n.name) + "]", err
	}
	return "", wrong(s.place, "%s: a value is computed of single fields alone", s.text)
}

// reserved words of CEL are no names of fields.
var reserved = map[string]bool{"true": true, "false": true, "null": true, "in": true, "as": true, "break": true, "const": true, "continue": true,
	"else": true, "for": true, "function": true, "if": true, "import": true, "let": true, "loop": true, "package": true, "namespace": true,
	"return": true, "var": true, "void": true, "while": true}

// float writes a number so that CEL takes it for a double.
func float(text string) string {
	if strings.ContainsAny(text, ".eE") {
		return text
	}
	return text + ".0"
}

// function is a function of JMESPath, or of the connector, in CEL.
type function struct {
	args    int
	numbers bool // its arguments and its result are numbers
	write   string
}

var functions = map[string]function{
	"add":          {2, true, "($1 + $2)"},
	"subtract":     {2, true, "($1 - $2)"},
	"multiply":     {2, true, "($1 * $2)"},
	"divide":       {2, true, "($1 / $2)"},
	"abs":          {1, true, "math.abs($1)"},
	"ceil":         {1, true, "math.ceil($1)"},
	"floor":        {1, true, "math.floor($1)"},
	"to_number":    {1, false, "double(string($1))"},
	"to_string":    {1, false, "string($1)"},
	"length":       {1, false, "double(size($1))"},
	"insertString": {3, false, "($1.substring(0, int($3)) + $2 + $1.substring(int($3)))"},
}
