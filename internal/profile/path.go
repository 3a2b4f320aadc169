package profile

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/fault"
)

// Fields names where a value lies: the first of its alternatives that leads
// to something counts. An alternative is a path or a text in quotes that
// stands for itself.
//
// A path is JSONPath (RFC 9535) as far as documents of devices need it: names
// and ['names with spaces'], [2], [-1], [*], .*, ..name at any depth, and
// filters [?(@.type == 'hr' && @.value)]. It begins at the row; with $ at the
// document; $topic[1] is the second level of the topic the document came by. A
// path that ends with .. means what it leads to and all within.
type Fields []path

// Set implements conf.Setter.
func (f *Fields) Set(given any) error {
	list, ok := texts(given)
	if !ok {
		return fault.New(fault.Invalid, "conf.wrong-type", "expected a path or a list of paths")
	}
	*f = nil
	for i, t := range list {
		p, err := parsePath(t)
		if err != nil {
			place := ""
			if len(list) > 1 {
				place = "[" + strconv.Itoa(i) + "]"
			}
			return err.At(place)
		}
		*f = append(*f, p)
	}
	return nil
}

// String names the alternatives as they were written.
func (f Fields) String() string {
	texts := make([]string, len(f))
	for i, one := range f {
		if texts[i] = one.text; one.literal {
			texts[i] = strconv.Quote(one.text)
		}
	}
	return strings.Join(texts, " or ")
}

type path struct {
	text    string
	literal bool // text stands for itself
	root    bool // begins at the document
	topic   bool // begins at the levels of the topic
	steps   []step
}

type stepKind uint8

const (
	stepName stepKind = iota
	stepIndex
	stepAll
	stepDeep // every value at any depth, the value itself first
	stepFilter
)

type step struct {
	kind   stepKind
	name   string
	index  int
	filter *filter
}

// node is a value and where it lies.
type node struct {
	value any
	at    string
}

// walk is one look into a document, with bounds.
type walk struct {
	document any
	topic    []any // levels of the topic
	left     int   // values that may still be looked at
}

// maxLook bounds how many values one document's rules may look at.
const maxLook = 1 << 20

// first gives the value of the first alternative that leads to one.
func (w *walk) first(f Fields, row any) (any, string, bool) {
	for i := range f {
		if f[i].literal {
			return f[i].text, "", true
		}
		if found := w.all(f[i], row, 1); len(found) > 0 && found[0].value != nil {
			return found[0].value, found[0].at, true
		}
	}
	return nil, "", false
}

// rows gives all values of the first alternative that leads to any.
func (w *walk) rows(f Fields, row any) []node {
	for i := range f {
		if found := w.all(f[i], row, maxRows); len(found) > 0 {
			return found
		}
	}
	return nil
}

// maxRows bounds the rows of one document.
const maxRows = 100_000

func (w *walk) all(p path, row any, most int) []node {
	start := row
	if p.topic {
		start = w.topic
	} else if p.root {
		start = w.document
	}
	at := []node{{value: start}}
	for i := range p.steps {
		limit := maxRows
		if i == len(p.steps)-1 {
			limit = most
		}
		at = w.step(&p.steps[i], at, limit)
		if len(at) == 0 {
			return nil
		}
	}
	return at
}

func (w *walk) step(s *step, from []node, most int) []node {
	var out []node
	put := func(v any, at string) bool {
		w.left--
		out = append(out, node{v, at})
		return len(out) < most && w.left > 0
	}
	for _, n := range from {
		if w.left <= 0 {
			break
		}
		w.left--
		switch s.kind {
		case stepName:
			if m, ok := n.value.(map[string]any); ok {
				if v, ok := m[s.name]; ok && !put(v, below(n.at, s.name)) {
					return out
				}
			}
		case stepIndex:
			if list, ok := n.value.([]any); ok {
				i := s.index
				if i < 0 {
					i += len(list)
				}
				if i >= 0 && i < len(list) && !put(list[i], n.at+"["+strconv.Itoa(i)+"]") {
					return out
				}
			}
		case stepAll:
			if !children(n, put) {
				return out
			}
		case stepFilter:
			keep := func(v any, at string) bool {
				return !s.filter.holds(w, v) || put(v, at)
			}
			if !children(n, keep) {
				return out
			}
		case stepDeep:
			var deep func(v any, at string) bool
			deep = func(v any, at string) bool {
				return put(v, at) && children(node{v, at}, deep)
			}
			if !deep(n.value, n.at) {
				return out
			}
		}
	}
	return out
}

// children calls f with each member of a list or object, in order of index or
// name, until f says that it is enough.
func children(n node, f func(v any, at string) bool) bool {
	switch x := n.value.(type) {
	case []any:
		for i, v := range x {
			if !f(v, n.at+"["+strconv.Itoa(i)+"]") {
				return false
			}
		}
	case map[string]any:
		for _, k := range sortedKeys(x) {
			if !f(x[k], below(n.at, k)) {
				return false
			}
		}
	}
	return true
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func below(at, name string) string {
	if !isName(name) {
		return at + "['" + name + "']"
	}
	if at == "" {
		return name
	}
	return at + "." + name
}

func isName(s string) bool {
	for i, c := range s {
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 || i > 0 && (c >= '0' && c <= '9' || c == '-')) {
			return false
		}
	}
	return s != ""
}

// text is a scalar as text: numbers as they were written.
func text(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(x)
	}
	return ""
}

// Bounds of a path's text.
const (
	maxPath  = 1000
	maxSteps = 50
)

func parsePath(s string) (path, *fault.Fault) {
	p := path{text: s}
	if len(s) > maxPath {
		return p, fault.New(fault.Invalid, "profile.path", "the path has %d characters, at most %d are read", len(s), maxPath)
	}
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] {
		p.text, p.literal = s[1:n-1], true
		return p, nil
	}
	r := reader{s: s}
	r.space()
	if r.take("$topic") {
		p.topic = true
	} else if r.take("$") {
		p.root = true
	} else if r.take("@") {
	} else if r.at < len(s) && s[r.at] != '.' && s[r.at] != '[' {
		r.named(&p.steps)
	}
	r.steps(&p.steps)
	r.space()
	if r.err == nil && r.at < len(s) {
		r.fail("what follows is no part of a path")
	}
	if r.err == nil && len(p.steps) > maxSteps {
		r.fail("the path has too many steps")
	}
	return p, r.err
}

// reader reads paths and filters.
type reader struct {
	s     string
	at    int
	depth int
	err   *fault.Fault
}

func (r *reader) fail(why string) {
	if r.err == nil {
		r.err = fault.New(fault.Invalid, "profile.path", "%q, character %d: %s", r.s, r.at+1, why)
	}
}

func (r *reader) space() {
	for r.at < len(r.s) && (r.s[r.at] == ' ' || r.s[r.at] == '\t') {
		r.at++
	}
}

func (r *reader) take(t string) bool {
	if strings.HasPrefix(r.s[r.at:], t) {
		r.at += len(t)
		return true
	}
	return false
}

func (r *reader) named(to *[]step) {
	if r.take("*") {
		*to = append(*to, step{kind: stepAll})
		return
	}
	from := r.at
	for r.at < len(r.s) && (r.s[r.at] >= 0x80 || strings.IndexByte(" .[]()=<>!&|,'\"", r.s[r.at]) < 0) {
		r.at++
	}
	if from == r.at {
		r.fail("expected a name")
		return
	}
	*to = append(*to, step{kind: stepName, name: r.s[from:r.at]})
}

func (r *reader) steps(to *[]step) {
	for r.err == nil && r.at < len(r.s) {
		switch {
		case r.take(".."):
			*to = append(*to, step{kind: stepDeep})
			if r.at < len(r.s) && r.s[r.at] != '[' {
				r.named(to)
			}
		case r.take("."):
			r.named(to)
		case r.take("["):
			r.bracket(to)
		default:
			return
		}
	}
}

func (r *reader) bracket(to *[]step) {
	r.space()
	switch {
	case r.take("*"):
		*to = append(*to, step{kind: stepAll})
	case r.take("?"):
		f := r.either()
		*to = append(*to, step{kind: stepFilter, filter: f})
	case r.at < len(r.s) && (r.s[r.at] == '\'' || r.s[r.at] == '"'):
		*to = append(*to, step{kind: stepName, name: r.quoted()})
	default:
		from := r.at
		r.take("-")
		for r.at < len(r.s) && r.s[r.at] >= '0' && r.s[r.at] <= '9' {
			r.at++
		}
		n, err := strconv.Atoi(r.s[from:r.at])
		if err != nil {
			r.fail("expected a number, a name in quotes, * or ?(filter)")
			return
		}
		*to = append(*to, step{kind: stepIndex, index: n})
	}
	r.space()
	if !r.take("]") {
		r.fail("expected ]")
	}
}

func (r *reader) quoted() string {
	quote := r.s[r.at]
	r.at++
	var b strings.Builder
	for r.at < len(r.s) {
		c := r.s[r.at]
		r.at++
		if c == quote {
			return b.String()
		}
		if c == '\\' && r.at < len(r.s) {
			c = r.s[r.at]
			r.at++
		}
		b.WriteByte(c)
	}
	r.fail("a quote is not closed")
	return ""
}
