package filedrop

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// names reads what the name of a file tells: {patient}_{serial}.pdf.
type names struct {
	pattern *regexp.Regexp
	fields  []string
	folders bool // it tells of subfolders too: {patient}/{any}.pdf
}

var tellable = []string{"patient", "visit", "serial", "model", "time"}

// parseNames reads the setting; nil for an empty one.
func parseNames(text string) (*names, error) {
	if text == "" {
		return nil, nil
	}
	n := &names{folders: strings.Contains(text, "/")}
	var b strings.Builder
	b.WriteString("^")
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(regexp.QuoteMeta(before))
		if !found {
			break
		}
		field, behind, closed := strings.Cut(after, "}")
		switch {
		case !closed:
			return nil, invalid("name", "a '{' has no '}'")
		case field == "any":
			b.WriteString(".*?")
		case !slices.Contains(tellable, field) || slices.Contains(n.fields, field):
			return nil, invalid("name", "between braces stands patient, visit, serial, model, time, each once, or any")
		default:
			n.fields = append(n.fields, field)
			b.WriteString(`([^_/\x00-\x1f]+?)`)
		}
		rest = behind
	}
	b.WriteString("$")
	if len(n.fields) == 0 {
		return nil, invalid("name", "the pattern tells nothing; name at least one of {patient}, {visit}, {serial}, {model}, {time}")
	}
	var err error
	if n.pattern, err = regexp.Compile(b.String()); err != nil {
		return nil, invalid("name", "the pattern cannot be used: it is too long")
	}
	return n, nil
}

// properties gives what a name tells, "patient: 4711" a line; fits is false
// for a name that is made otherwise.
func (n *names) properties(name string) (said string, fits bool) {
	if n == nil {
		return "", true
	}
	if !n.folders {
		name = path.Base(name)
	}
	found := n.pattern.FindStringSubmatch(name)
	if found == nil {
		return "", false
	}
	var b strings.Builder
	for i, field := range n.fields {
		b.WriteString(field + ": " + strings.TrimSpace(found[i+1]) + "\n")
	}
	return b.String(), true
}
