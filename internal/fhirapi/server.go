package fhirapi

import (
	"net/http"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// Base is where it answers.
const Base = "/fhir"

// Authenticate says who makes a request, or a fault.Denied.
type Authenticate func(r *http.Request) (service.Caller, error)

// Options of a server.
type Options struct {
	Version      string
	Started      time.Time // of the program: since when the statement holds
	Site         string    // what the installation is called
	Authenticate Authenticate
	// Status gives the HTTP status of a fault, as the API has it.
	Status func(kind fault.Kind, code string) int
}

// Server is the register as FHIR R4.
type Server struct {
	o      Options
	kinds  map[string]*kind
	status func(kind fault.Kind, code string) int
}

// New makes a server.
func New(o Options) *Server {
	s := &Server{o: o, kinds: map[string]*kind{}, status: o.Status}
	for _, k := range kinds() {
		s.kinds[k.name] = &k
	}
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Vary", "Accept, Authorization, Cookie")
	format := ""
	for _, pair := range strings.Split(r.URL.RawQuery, "&") {
		if v, ok := strings.CutPrefix(pair, "_format="); ok {
			format = strings.NewReplacer("%2B", "+", "%2b", "+", "%2F", "/", "%2f", "/").Replace(v)
		}
	}
	err := acceptable(r.Header.Values("Accept"), format)
	if err == nil {
		err = s.serve(w, r)
	}
	if err != nil {
		s.refuse(w, err)
	}
}

// serve finds out what a request is for (FHIR R4 §3.1.0). An error has not
// been answered yet.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	path := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, Base), "/"), "/")
	search := len(path) == 2 && path[1] == "_search"
	if r.Method != http.MethodGet && r.Method != http.MethodHead && !(search && r.Method == http.MethodPost) {
		return fault.New(fault.Invalid, "fhirapi.method", "nothing is changed here: the register is changed with /api, the command line or the console")
	}
	if path[0] == "metadata" && len(path) == 1 {
		return s.serveMetadata(w, r)
	}
	k := s.kinds[path[0]]
	if k == nil {
		return fault.New(fault.Absent, "fhirapi.type", "there are Device, DeviceDefinition, DeviceMetric and Location here; %s/metadata says more", Base)
	}
	who, err := s.o.Authenticate(r)
	if err != nil {
		return err
	}
	c := &caller{Caller: who}
	switch {
	case len(path) == 1 || search:
		return s.serveSearch(w, r, k, c)
	case len(path) == 2:
		return s.serveRead(w, r, k, c, path[1])
	case len(path) == 3 && path[2] == "_history" && k.versions != nil:
		return s.serveHistory(w, r, k, c, path[1])
	case len(path) == 4 && path[2] == "_history" && k.versions != nil:
		return s.serveVersion(w, r, k, c, path[1], path[3])
	}
	return fault.New(fault.Absent, "fhirapi.type", "there is nothing at this path; %s/metadata says what there is", Base)
}

// request reads what was asked for.
func (s *Server) request(w http.ResponseWriter, r *http.Request, k *kind, c *caller) (*request, error) {
	form, err := formOf(w, r)
	if err != nil {
		return nil, err
	}
	lenient := false
	for _, p := range r.Header.Values("Prefer") {
		lenient = lenient || strings.Contains(strings.ReplaceAll(p, " ", ""), "handling=lenient")
	}
	q, err := readRequest(form, k, lenient, r.Method == http.MethodPost)
	if err != nil {
		return nil, err
	}
	c.wants = q.wants(k.name)
	return q, nil
}

// wants says which elements of a type are needed in the answer.
func (q *request) wants(name string) func(string) bool {
	switch {
	case len(q.elements) > 0:
		return func(e string) bool { return contains(q.elements, e) }
	case q.summary == "true":
		return func(e string) bool { return contains(inSummary[name], e) }
	case q.summary == "text" || q.summary == "count":
		return func(string) bool { return false }
	}
	return func(string) bool { return true }
}

func contains(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

// shape leaves of a resource what was asked for.
func (q *request) shape(r *resource) {
	switch {
	case len(q.elements) > 0:
		r.pick(q.elements)
	case q.summary == "true":
		r.pick(inSummary[r.kind])
	case q.summary == "text":
		r.pick(nil)
	}
}

func (s *Server) serveRead(w http.ResponseWriter, r *http.Request, k *kind, c *caller, id string) error {
	q, err := s.request(w, r, k, c)
	if err != nil {
		return err
	}
	found, err := k.read(r.Context(), c, []string{id})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return absent(k, id)
	}
	one := found[0]
	one.seal()
	return s.answer(w, r, q, one)
}

func absent(k *kind, id string) error {
	return fault.New(fault.Absent, "fhirapi.absent", "there is no %s %q; search for it", k.name, clip(id))
}

// answer gives one resource, or says that the caller has it already
// (FHIR R4 §3.1.0.1.5, RFC 9110 §13.1).
func (s *Server) answer(w http.ResponseWriter, r *http.Request, q *request, one *resource) error {
	version := one.version()
	tag := `W/"` + version + `"`
	q.shape(one)
	w.Header().Set("ETag", tag)
	if !one.updated.IsZero() {
		w.Header().Set("Last-Modified", one.updated.UTC().Format(http.TimeFormat))
	}
	if unchanged(r, version, one.updated) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	write(w, http.StatusOK, q.dress(one.json()))
	return nil
}

func unchanged(r *http.Request, version string, updated time.Time) bool {
	if tags := r.Header.Values("If-None-Match"); len(tags) > 0 {
		for _, line := range tags {
			for one := range strings.SplitSeq(line, ",") {
				one = strings.TrimSpace(one)
				if one == "*" || strings.Trim(strings.TrimPrefix(one, "W/"), `"`) == version {
					return true
				}
			}
		}
		return false
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	return err == nil && !updated.IsZero() && !updated.Truncate(time.Second).After(since)
}
