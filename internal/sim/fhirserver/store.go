package fhirserver

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"thalamus/internal/codec/fhir"
)

// resource is one stored resource.
type resource struct {
	kind    string
	id      string
	body    []byte // as it was sent
	version int
	changed time.Time
	keys    []string // its places in the index
}

func (r *resource) reference() string { return r.kind + "/" + r.id }

// shown is the resource with its version and when it was written.
func (r *resource) shown() []byte {
	n, err := fhir.Parse(r.body, fhir.Limits{})
	if err != nil {
		return r.body
	}
	if n.Get("meta").Sort() != fhir.Object {
		n.Set("meta", fhir.ObjectOf())
	}
	n.Get("meta").Set("versionId", fhir.TextOf(strconv.Itoa(r.version)))
	n.Get("meta").Set("lastUpdated", fhir.TextOf(r.changed.UTC().Format(time.RFC3339Nano)))
	return n.AppendJSON(nil)
}

// store is the memory of the server: resources by reference, and an index of
// identifiers and tags. The order of arrival decides what goes when it is full.
type store struct {
	mu    sync.Mutex
	limit int

	next   int
	byRef  map[string]*resource
	index  map[string][]*resource
	queue  []*resource // Observations, Media and Provenances, oldest first
	counts Counts

	controls map[string]*heard // MSH-10 → what Provenance said of it
	order    int
}

func (s *store) reset() {
	s.next, s.order = 0, 0
	s.byRef = map[string]*resource{}
	s.index = map[string][]*resource{}
	s.queue = nil
	s.counts = Counts{Resources: map[string]int{}}
	s.controls = map[string]*heard{}
}

// keysOf gives the index keys of a resource: Type|identifier|system|value and
// Type|_tag|system|code.
func keysOf(kind string, n *fhir.Node) []string {
	var keys []string
	ids := n.Get("identifier")
	if ids.Sort() == fhir.Array {
		for i := range ids.Len() {
			keys = append(keys, key(kind, "identifier", ids.At(i).Get("system").Text(), ids.At(i).Get("value").Text()))
		}
	}
	tags := n.Get("meta", "tag")
	for i := range tags.Len() {
		keys = append(keys, key(kind, "_tag", tags.At(i).Get("system").Text(), tags.At(i).Get("code").Text()))
	}
	return keys
}

func key(kind, parameter, system, value string) string {
	return kind + "\x00" + parameter + "\x00" + system + "\x00" + value
}

// find gives the resources a conditional query means. The error says what is
// not supported.
func (s *store) find(kind, query string) ([]*resource, string) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, "a query that cannot be read"
	}
	var found []*resource
	n := 0
	for name, list := range values {
		if name != "identifier" && name != "_tag" || len(list) != 1 {
			return nil, "a condition other than identifier or _tag"
		}
		system, value, ok := cutToken(list[0])
		if !ok {
			return nil, "a condition without a system"
		}
		if n++; n > 1 {
			return nil, "more than one condition"
		}
		found = s.index[key(kind, name, system, value)]
	}
	if n == 0 {
		return nil, "an empty condition"
	}
	return found, ""
}

// cutToken reads system|value with the escapes of FHIR R4 §3.1.1.4.2.1.
func cutToken(s string) (system, value string, ok bool) {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b = append(b, s[i])
		case s[i] == '|' && !ok:
			system, ok = string(b), true
			b = b[:0]
		default:
			b = append(b, s[i])
		}
	}
	return system, string(b), ok
}

// put stores a resource and gives its version.
func (s *store) put(kind, id string, body []byte, keys []string) int {
	ref := kind + "/" + id
	r := s.byRef[ref]
	if r == nil {
		r = &resource{kind: kind, id: id}
		s.byRef[ref] = r
		s.counts.Resources[kind]++
		switch kind {
		case "Observation", "Media", "Provenance":
			s.queue = append(s.queue, r)
		}
	}
	for _, k := range r.keys {
		s.unindex(k, r)
	}
	for _, k := range keys {
		s.index[k] = append(s.index[k], r)
	}
	r.keys, r.body = keys, body
	r.version++
	r.changed = time.Now()
	for len(s.byRef) > s.limit && len(s.queue) > 0 {
		s.evict()
	}
	return r.version
}

func (s *store) evict() {
	r := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	for _, k := range r.keys {
		s.unindex(k, r)
	}
	delete(s.byRef, r.reference())
	s.counts.Evicted++
}

func (s *store) unindex(k string, r *resource) {
	list := s.index[k]
	for i := range list {
		if list[i] == r {
			list = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	if len(list) == 0 {
		delete(s.index, k)
		return
	}
	s.index[k] = list
}

func (s *store) newID() string {
	s.next++
	return strconv.Itoa(s.next)
}

func (s *store) read(reference string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.byRef[reference]
	if r == nil {
		return nil, false
	}
	return r.shown(), true
}

// replace puts a new version of a resource in the place of the one that match
// names, W/"3"; empty: of any. status is 200, 404 or 412.
func (s *store) replace(reference string, n *fhir.Node, match string) (version, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.byRef[reference]
	switch {
	case r == nil:
		return 0, http.StatusNotFound
	case match != "" && match != `W/"`+strconv.Itoa(r.version)+`"`:
		return 0, http.StatusPreconditionFailed
	}
	s.counts.Updated++
	return s.put(r.kind, r.id, n.AppendJSON(nil), keysOf(r.kind, n)), http.StatusOK
}

type match struct {
	reference string
	body      []byte
}

// search finds by identifier, _tag, _id and patient or subject; _count bounds
// what is given (default 100, at most 1000), not the total.
func (s *store) search(kind string, query url.Values) (total int, found []match, refused string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 100
	if query.Get("_summary") == "count" {
		count = 0
	} else if n, err := strconv.Atoi(query.Get("_count")); err == nil && n >= 0 {
		count = min(n, 1000)
	}
	patient := ""
	condition := url.Values{}
	for name, list := range query {
		switch name {
		case "_count", "_summary":
		case "patient", "subject":
			patient = "Patient/" + strings.TrimPrefix(list[0], "Patient/")
		case "_id":
			if r := s.byRef[kind+"/"+list[0]]; r != nil {
				return 1, []match{{r.reference(), r.shown()}}, ""
			}
			return 0, nil, ""
		default:
			condition[name] = list
		}
	}
	add := func(r *resource) {
		if patient != "" && !strings.Contains(string(r.body), `"subject":{"reference":"`+patient+`"`) {
			return
		}
		if total++; len(found) < count {
			found = append(found, match{r.reference(), r.shown()})
		}
	}
	if len(condition) > 0 {
		list, why := s.find(kind, condition.Encode())
		if why != "" {
			return 0, nil, "search with " + why
		}
		for _, r := range list {
			add(r)
		}
		return total, found, ""
	}
	for _, r := range s.byRef {
		if r.kind == kind {
			add(r)
		}
	}
	return total, found, ""
}
