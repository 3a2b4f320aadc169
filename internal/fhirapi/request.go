package fhirapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/fault"
)

const mediaType = "application/fhir+json"

// Bounds of a request and its answer.
const (
	longestQuery = 16 << 10
	mostParams   = 100
	mostValues   = 100
	mostCount    = 1000
	usualCount   = 50
	mostIncluded = 2000
)

// param is one search parameter of a request.
type param struct {
	name, modifier string
	values         []string // any of them; escapes are taken away
	raw            string
}

func (p *param) place() string {
	if p.modifier != "" {
		return p.name + ":" + p.modifier
	}
	return p.name
}

// request is what was asked for beside the filters (FHIR R4 §3.1.1.5).
type request struct {
	params      []param // the filters
	count       int
	cursor      string
	summary     string // "", true, text, data, count
	elements    []string
	include     []param
	revinclude  []param
	total       bool
	sort        string
	pretty      bool
	lenient     bool
	posted      bool
	used        url.Values // what the self link shows
	left        []string   // what was ignored, lenient
	wantsCount0 bool
}

// acceptable says whether the caller takes JSON (FHIR R4 §3.1.0.1.10).
func acceptable(accept []string, format string) error {
	wrong := fault.New(fault.Invalid, "fhirapi.format", "only %s, FHIR version 4.0, is spoken here", mediaType).At("Accept")
	good := func(kind string) bool {
		switch kind {
		case mediaType, "application/json", "application/json+fhir", "text/json", "json", "*/*", "application/*":
			return true
		}
		return false
	}
	if format != "" {
		kind, _, err := mime.ParseMediaType(strings.ReplaceAll(format, " ", "+")) // a bare + in an address is a blank
		if err != nil || !good(kind) {
			return wrong
		}
		return nil
	}
	any := false
	for _, line := range accept {
		for one := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(one) == "" {
				continue
			}
			any = true
			kind, more, err := mime.ParseMediaType(one)
			if err != nil || !good(kind) {
				continue
			}
			if q, err := strconv.ParseFloat(more["q"], 64); err == nil && q == 0 {
				continue
			}
			if v := more["fhirversion"]; v == "" || v == "4.0" || v == "4.0.1" {
				return nil
			}
		}
	}
	if any {
		return wrong
	}
	return nil
}

// formOf gives the parameters of a search, from the address and, for _search,
// from the body (FHIR R4 §3.1.1.4).
func formOf(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if len(r.URL.RawQuery) > longestQuery {
		return nil, fault.New(fault.Invalid, "fhirapi.large", "a query has at most %d bytes; send a longer one in the body of a POST to _search", longestQuery)
	}
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fault.New(fault.Invalid, "fhirapi.value", "the query is not written as one; escape what is no letter or digit")
	}
	if r.Method != http.MethodPost {
		return form, nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, fault.New(fault.Invalid, "fhirapi.media", "send application/x-www-form-urlencoded").At("Content-Type")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestQuery*4))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, fault.New(fault.Invalid, "fhirapi.large", "a search has at most %d bytes", longestQuery*4)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "fhirapi.value", "the body did not arrive whole; send it again")
	}
	more, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fault.New(fault.Invalid, "fhirapi.value", "the body is not a form; escape what is no letter or digit")
	}
	for name, values := range more {
		form[name] = append(form[name], values...)
	}
	return form, nil
}

// readRequest reads the parameters of a search or read. known are the filters
// of the type.
func readRequest(form url.Values, t *kind, lenient, posted bool) (*request, error) {
	q := &request{count: usualCount, lenient: lenient, posted: posted, used: url.Values{}}
	n := 0
	for _, name := range sortedNames(form) {
		for _, value := range form[name] {
			if n++; n > mostParams {
				return nil, fault.New(fault.Invalid, "fhirapi.large", "a search has at most %d parameters", mostParams)
			}
			if value == "" {
				continue // FHIR R4 §3.1.1.4.14: nothing is asked for
			}
			took, err := q.take(t, name, value)
			switch {
			case err != nil:
				return nil, err
			case took:
				q.used.Add(name, value)
			case lenient:
				q.left = append(q.left, clip(name))
			default:
				return nil, fault.New(fault.Invalid, "fhirapi.parameter", "this is no parameter of %s here; the metadata list them, and Prefer: handling=lenient ignores what is not known", t.name).At(clip(name))
			}
		}
	}
	return q, nil
}

func sortedNames(form url.Values) []string {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// take reads one parameter; false when it is not known.
func (q *request) take(t *kind, name, value string) (bool, error) {
	bad := func(text string, args ...any) (bool, error) {
		return false, fault.New(fault.Invalid, "fhirapi.value", text, args...).At(clip(name))
	}
	base, modifier, _ := strings.Cut(name, ":")
	switch base {
	case "_format":
		return true, nil // read before
	case "_pretty":
		q.pretty = value == "true"
		return true, nil
	case "_count":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return bad("expected a whole number, 0 or more")
		}
		q.count, q.wantsCount0 = min(n, mostCount), n == 0
		return true, nil
	case "_cursor":
		q.cursor = value
		return true, nil
	case "_summary":
		switch value {
		case "false":
		case "true", "text", "data", "count":
			q.summary = value
		default:
			return bad("expected true, text, data, count or false")
		}
		return true, nil
	case "_elements":
		for one := range strings.SplitSeq(value, ",") {
			one = strings.TrimPrefix(strings.TrimSpace(one), t.name+".")
			if one != "" {
				q.elements = append(q.elements, one)
			}
		}
		return true, nil
	case "_total":
		switch value {
		case "none", "estimate":
		case "accurate":
			q.total = true
		default:
			return bad("expected none, estimate or accurate")
		}
		return true, nil
	case "_sort":
		if !slices.Contains(t.sorts, value) {
			return bad("expected one of %v", t.sorts)
		}
		q.sort = value
		return true, nil
	case "_include", "_revinclude":
		list, into := t.includes, &q.include
		if base == "_revinclude" {
			list, into = t.revincludes, &q.revinclude
		}
		if modifier == "iterate" { // of what was included
			for _, k := range kinds() {
				list = append(slices.Clone(list), k.includes...)
			}
		}
		if modifier != "" && modifier != "iterate" || !slices.Contains(list, value) {
			return bad("expected one of %v", list)
		}
		*into = append(*into, param{name: base, modifier: modifier, values: []string{value}})
		return true, nil
	}
	f := t.filter(base)
	if f == nil {
		return false, nil
	}
	if modifier != "" && !slices.Contains(f.modifiers, modifier) {
		return false, fault.New(fault.Invalid, "fhirapi.parameter", "the modifier is not known for this parameter; expected one of %v", f.modifiers).At(clip(name))
	}
	if f.private(modifier) && !q.posted {
		return false, fault.New(fault.Invalid, "fhirapi.private", "this may be a patient's number and does not belong in an address, which others keep; send it in the body of a POST to _search").At(clip(name))
	}
	p := param{name: base, modifier: modifier, values: splitValues(value), raw: value}
	if len(p.values) > mostValues {
		return bad("at most %d values", mostValues)
	}
	q.params = append(q.params, p)
	return true, nil
}

// splitValues splits at commas; \, \| \$ and \\ are the characters themselves
// (FHIR R4 §3.1.1.4.5). An escaped | stays escaped for tokens to see.
func splitValues(text string) []string {
	var out []string
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && strings.IndexByte(`,$\`, text[i+1]) >= 0:
			i++
			b.WriteByte(text[i])
		case c == ',':
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	return append(out, b.String())
}

// token is "code", "system|code", "|code" or "system|" (FHIR R4 §3.1.1.4.10).
type token struct {
	system, code string
	bare         bool // no system was said: any
}

func tokenOf(value string) token {
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case '|':
			return token{system: unbar(value[:i]), code: unbar(value[i+1:])}
		}
	}
	return token{code: unbar(value), bare: true}
}

func unbar(s string) string { return strings.ReplaceAll(s, `\|`, "|") }

func clip(s string) string {
	if len(s) > 80 {
		s = s[:80]
	}
	return strings.ToValidUTF8(s, "?")
}
