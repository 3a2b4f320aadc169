// Package fhirserver is a FHIR R4 receiver for the demo, the tests and the
// torture: a real HTTP listener that processes transactions with conditional
// creates and updates, keeps what it got in bounded memory, counts on its own
// what arrived twice, and fails in the ways real servers do when told to.
//
// It is a receiver to be fed by a gateway, no product: it searches by
// identifier, tag, id and patient only, and nothing survives its end.
package fhirserver

import (
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"thalamus/internal/codec/fhir"
)

// Options of a server; the zero value is a working one on a free port.
type Options struct {
	Address      string      // default 127.0.0.1:0
	TLS          *tls.Config // nil: plain HTTP
	MaxResources int         // most resources kept; the oldest Observations and Provenances go first. Default 200,000
	Token        string      // Bearer token asked for; empty: none
	// NoTransactions makes the server say that it takes none, and take none.
	NoTransactions bool
	// KeepsDevices makes the server say that it updates no Device.
	KeepsDevices bool
	// MaxEntries refuses transactions with more entries; 0: no limit.
	MaxEntries int
}

// Server is a running receiver. The exported fields are its faults; they may
// be changed at any time.
type Server struct {
	Down        atomic.Bool  // drop every connection
	Slow        atomic.Int64 // nanoseconds before each answer
	Status      atomic.Int32 // answer every transaction with this status and do nothing; 0: work
	RetryAfter  atomic.Int32 // seconds, sent with Status
	LoseAnswers atomic.Int32 // of this many transactions one is committed and not answered; 0: none
	DevicePut   atomic.Int32 // answer every update of a Device with this status and do nothing; 0: work
	Refuse      atomic.Value // string: 422 for transactions that name a patient by this identifier value

	o    Options
	ln   net.Listener
	http http.Server
	done chan struct{}
	kept store

	transactions, looks atomic.Int64
}

// Listen starts a server.
func Listen(o Options) (*Server, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if o.MaxResources <= 0 {
		o.MaxResources = 200_000
	}
	ln, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, err
	}
	if o.TLS != nil {
		ln = tls.NewListener(ln, o.TLS)
	}
	s := &Server{o: o, ln: ln, done: make(chan struct{})}
	s.kept.limit = o.MaxResources
	s.kept.reset()
	s.http = http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			ln.Close()
		}
	}()
	return s, nil
}

// URL is the base of the server, "http://127.0.0.1:40123/fhir".
func (s *Server) URL() string {
	scheme := "http"
	if s.o.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + s.ln.Addr().String() + "/fhir"
}

// Address it listens on.
func (s *Server) Address() string { return s.ln.Addr().String() }

// Close stops the server and ends all connections.
func (s *Server) Close() {
	s.http.Close()
	<-s.done
}

// Forget empties the server, as after a loss of its own.
func (s *Server) Forget() {
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	s.kept.reset()
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if s.Down.Load() {
		drop(w)
		return
	}
	if d := time.Duration(s.Slow.Load()); d > 0 {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
			return
		}
	}
	if s.o.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.o.Token {
		outcome(w, http.StatusUnauthorized, "login", "a bearer token is asked for", "")
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/fhir")
	switch path = strings.Trim(path, "/"); {
	case !ok:
		outcome(w, http.StatusNotFound, "not-found", "the base of this server is /fhir", "")
	case r.Method == http.MethodPost && path == "":
		s.transact(w, r)
	case r.Method == http.MethodGet && path == "metadata":
		s.metadata(w)
	case r.Method == http.MethodGet && strings.Count(path, "/") == 1:
		s.read(w, path)
	case r.Method == http.MethodPut && strings.Count(path, "/") == 1:
		s.replace(w, r, path)
	case r.Method == http.MethodGet && path != "" && !strings.Contains(path, "/"):
		s.search(w, r, path)
	default:
		outcome(w, http.StatusMethodNotAllowed, "not-supported", "not supported here", "")
	}
}

// drop ends the connection without an answer.
func drop(w http.ResponseWriter) {
	if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
		c.Close()
	}
}

func (s *Server) transact(w http.ResponseWriter, r *http.Request) {
	if status := int(s.Status.Load()); status != 0 {
		if after := s.RetryAfter.Load(); after > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(after)))
		}
		outcome(w, status, "transient", "told to answer so", "")
		return
	}
	if s.o.NoTransactions {
		outcome(w, http.StatusMethodNotAllowed, "not-supported", "transactions are not supported", "")
		return
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(body)
		if err != nil {
			outcome(w, http.StatusBadRequest, "structure", "not gzip", "")
			return
		}
		body = unzip
	}
	text, err := io.ReadAll(io.LimitReader(body, 64<<20))
	if err != nil {
		outcome(w, http.StatusBadRequest, "structure", "the body ends early", "")
		return
	}
	bundle, err := fhir.Parse(text, fhir.Limits{})
	if err != nil {
		outcome(w, http.StatusBadRequest, "structure", err.Error(), "")
		return
	}
	if who, _ := s.Refuse.Load().(string); who != "" && names(bundle, who) {
		outcome(w, http.StatusUnprocessableEntity, "business-rule", "this patient is not taken here", "Bundle.entry[0].resource")
		return
	}
	answer, refused := s.process(bundle)
	if refused != nil {
		outcome(w, refused.status, refused.code, refused.text, refused.expression)
		return
	}
	n := s.transactions.Add(1)
	if lose := int64(s.LoseAnswers.Load()); lose > 0 && n%lose == 0 {
		drop(w)
		return
	}
	write(w, http.StatusOK, answer)
}

// names tells whether a Patient of the bundle has the identifier value.
func names(bundle *fhir.Node, value string) bool {
	entries := bundle.Get("entry")
	for i := range entries.Len() {
		r := entries.At(i).Get("resource")
		if r.Get("resourceType").Text() != "Patient" {
			continue
		}
		ids := r.Get("identifier")
		for k := range ids.Len() {
			if ids.At(k).Get("value").Text() == value {
				return true
			}
		}
	}
	return false
}

func (s *Server) metadata(w http.ResponseWriter) {
	device := ""
	if s.o.KeepsDevices {
		device = `{"type":"Device","interaction":[{"code":"read"},{"code":"search-type"},{"code":"create"}]},`
	}
	mode := `"interaction":[{"code":"transaction"}],`
	if s.o.NoTransactions {
		mode = ""
	}
	write(w, http.StatusOK, []byte(`{"resourceType":"CapabilityStatement","status":"active","date":"2026-11-21","kind":"instance",`+
		`"implementation":{"description":"Thalamus simulated FHIR receiver"},"fhirVersion":"4.0.1","format":["json"],"rest":[{"mode":"server",`+mode+
		`"resource":[`+device+`{"type":"Provenance","updateCreate":true,"conditionalCreate":true}]}]}`))
}

func (s *Server) read(w http.ResponseWriter, reference string) {
	body, ok := s.kept.read(reference)
	if !ok {
		outcome(w, http.StatusNotFound, "not-found", "no such resource", "")
		return
	}
	write(w, http.StatusOK, body)
}

// replace updates a resource that is there; If-Match asks for a version.
func (s *Server) replace(w http.ResponseWriter, r *http.Request, reference string) {
	if status := int(s.DevicePut.Load()); status != 0 && strings.HasPrefix(reference, "Device/") {
		outcome(w, status, "not-supported", "told to answer so", "")
		return
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		outcome(w, http.StatusBadRequest, "structure", "the body ends early", "")
		return
	}
	n, err := fhir.Parse(text, fhir.Limits{})
	if err != nil || n.Get("resourceType").Text()+"/"+n.Get("id").Text() != reference {
		outcome(w, http.StatusBadRequest, "invalid", "not the resource of this address", "")
		return
	}
	version, status := s.kept.replace(reference, n, r.Header.Get("If-Match"))
	if status != http.StatusOK {
		outcome(w, status, "conflict", "not the version that is there", "")
		return
	}
	w.Header().Set("ETag", fmt.Sprintf(`W/"%d"`, version))
	body, _ := s.kept.read(reference)
	write(w, http.StatusOK, body)
}

func (s *Server) search(w http.ResponseWriter, r *http.Request, kind string) {
	s.looks.Add(1)
	total, found, err := s.kept.search(kind, r.URL.Query())
	if err != "" {
		outcome(w, http.StatusBadRequest, "not-supported", err, "")
		return
	}
	out := fmt.Appendf(nil, `{"resourceType":"Bundle","type":"searchset","total":%d`, total)
	for i, f := range found {
		out = append(out, []string{`,"entry":[`, `,`}[min(i, 1)]...)
		out = fmt.Appendf(out, `{"fullUrl":"%s/%s","resource":%s,"search":{"mode":"match"}}`, s.URL(), f.reference, f.body)
	}
	if len(found) > 0 {
		out = append(out, ']')
	}
	write(w, http.StatusOK, append(out, '}'))
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/fhir+json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// outcome answers with an OperationOutcome.
func outcome(w http.ResponseWriter, status int, code, text, expression string) {
	issue := fhir.ObjectOf()
	issue.Set("severity", fhir.TextOf("error"))
	issue.Set("code", fhir.TextOf(code))
	issue.Set("diagnostics", fhir.TextOf(text))
	if expression != "" {
		issue.Set("expression", fhir.ArrayOf(fhir.TextOf(expression)))
	}
	o := fhir.ObjectOf()
	o.Set("resourceType", fhir.TextOf("OperationOutcome"))
	o.Set("issue", fhir.ArrayOf(issue))
	write(w, status, o.AppendJSON(nil))
}

// Looks is how many searches were answered.
func (s *Server) Looks() int { return int(s.looks.Load()) }
