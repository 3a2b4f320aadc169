package iomt

import (
	"regexp"
	"strings"

	"thalamus/internal/profile"
)

// expressions translates the expressions of one template.
type expressions struct {
	im         *importing
	calculated bool   // expressions see the document, and the row as matchedToken
	language   string // jsonpath or jmespath, unless an expression says otherwise
}

type source struct {
	text, language, place string
}

// source reads an expression: its text, or an object with value and language.
func (e *expressions) source(given any, place string) (source, error) {
	s := source{language: e.language, place: place}
	switch x := given.(type) {
	case string:
		s.text = x
	case map[string]any:
		s.text, _ = x["value"].(string)
		if l, ok := x["language"].(string); ok {
			s.language = strings.ToLower(l)
		}
	}
	if s.text = strings.TrimSpace(s.text); s.text == "" {
		return s, wrong(place, "the expression is missing")
	}
	if s.language != "jsonpath" && s.language != "jmespath" {
		return s, wrong(place, "%q is no language of expressions; known are JsonPath and JmesPath", s.language)
	}
	if s.language == "jmespath" && !e.calculated {
		return s, wrong(place, "JmesPath stands in CalculatedContent alone")
	}
	return s, nil
}

var (
	bareName  = regexp.MustCompile(`@([\pL_])`)
	wholeScan = regexp.MustCompile(`^(.*\.\.)\[\?\s*(.*?)\s*\]$`)
)

// matching is where the rows of a template lie and what they must fulfil.
//
// The JSONPath of Json.NET takes the value itself for one of those a filter
// after .. looks at, and lets the dot after @ be missing.
func (e *expressions) matching(s source) (each, match string, err error) {
	if s.language == "jmespath" {
		return e.jmesMatching(s)
	}
	text := adapted(s.text)
	if m := wholeScan.FindStringSubmatch(text); m != nil {
		each, match = m[1], unwrapped(m[2])
		if err := checked(s, "[?("+match+")]"); err != nil {
			return "", "", err
		}
	} else if each = text; strings.Contains(text, "..[?") {
		return "", "", wrong(s.place, "a filter after .. is read at the end of an expression alone: %s", s.text)
	}
	if !strings.HasPrefix(each, "$") {
		each = "$." + each
	}
	return each, match, checked(s, each)
}

// adapted brings Json.NET's spelling to that of RFC 9535.
func adapted(text string) string {
	text = bareName.ReplaceAllString(text, "@.$1")
	parts := strings.Split(text, "..[")
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], ".[", "[")
	}
	return strings.Join(parts, "..[")
}

// unwrapped takes the brackets around a whole condition away.
func unwrapped(c string) string {
	if !strings.HasPrefix(c, "(") || !strings.HasSuffix(c, ")") {
		return c
	}
	depth := 0
	for i, r := range c {
		switch r {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 && i < len(c)-1 {
				return c
			}
		}
	}
	return c[1 : len(c)-1]
}

// checked tells whether a profile can read a path.
func checked(s source, path string) error {
	var f profile.Fields
	if err := f.Set(path); err != nil {
		return wrong(s.place, "the expression %s cannot be imported: %s", s.text, err)
	}
	return nil
}

// field is the path of a device, patient, visit or time. format is set where
// the expression says how a time is written.
func (e *expressions) field(s source, isTime bool) (path, format string, err error) {
	if s.language == "jsonpath" {
		path = e.row(adapted(s.text))
		return path, "", checked(s, path)
	}
	n, err := parseJMES(s)
	if err != nil {
		return "", "", err
	}
	if isTime && n.kind == call && len(n.args) == 1 {
		switch n.name {
		case "fromUnixTimestamp":
			n, format = n.args[0], "epoch_s"
		case "fromUnixTimestampMs":
			n, format = n.args[0], "epoch_ms"
		}
	}
	steps, ok := n.path()
	if !ok {
		return "", "", wrong(s.place, "%s computes what a profile takes from one field; have the sender say it, or choose a field", s.text)
	}
	path = e.row("$" + steps)
	return path, format, checked(s, path)
}

// value is a value's path, or the expression that computes it.
func (e *expressions) value(s source) (path, compute string, err error) {
	if s.language == "jsonpath" {
		path = e.row(adapted(s.text))
		return path, "", checked(s, path)
	}
	n, err := parseJMES(s)
	if err != nil {
		return "", "", err
	}
	if steps, ok := n.path(); ok {
		path = e.row("$" + steps)
		return path, "", checked(s, path)
	}
	compute, err = n.cel(s)
	return "", compute, err
}

// row turns a path that begins at what the template sees into one that begins
// at the row, or at the document.
func (e *expressions) row(path string) string {
	rest, rooted := strings.CutPrefix(path, "$")
	if e.calculated {
		if !rooted {
			rest = "." + rest
		}
		inside, ok := strings.CutPrefix(rest, ".matchedToken")
		if !ok || inside != "" && inside[0] != '.' && inside[0] != '[' {
			return "$" + rest
		}
		rest = inside
	}
	if rest == "" {
		return "@"
	}
	if strings.HasPrefix(rest, ".") && !strings.HasPrefix(rest, "..") && rest != ".arrived" {
		return rest[1:]
	}
	return rest
}
