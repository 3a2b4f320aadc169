// Package api is the HTTP face of service: every operation at
// /api/v1/noun/verb, described by OpenAPI 3.1 at /api/openapi.json, errors as
// problem+json (RFC 9457), changes as server-sent events at /api/v1/events.
// Client is the same door from outside.
package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strconv"

	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// Authenticate says who makes a request, or a fault.Denied.
type Authenticate func(r *http.Request) (service.Caller, error)

// Events gives changes after the event of a number (0: from now on), until
// stop is called.
type Events func(ctx context.Context, after uint64) (changes <-chan service.Event, stop func())

// Server is the HTTP face.
type Server struct {
	ops          map[string]service.Op
	document     []byte
	authenticate Authenticate
	events       Events
	mux          *http.ServeMux
}

// New makes the face of the given operations.
func New(version string, ops []service.Op, who Authenticate, events Events) (*Server, error) {
	document, err := Document(version, ops)
	if err != nil {
		return nil, err
	}
	s := &Server{ops: map[string]service.Op{}, document: document, authenticate: who, events: events, mux: http.NewServeMux()}
	for _, o := range ops {
		s.ops[o.Name] = o
	}
	s.mux.HandleFunc("GET /api/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(s.document)
	})
	s.mux.HandleFunc("GET /api/v1/events", s.serveEvents)
	s.mux.HandleFunc("GET "+extractPath, s.serveExtract)
	s.mux.HandleFunc("GET "+archivePath, s.serveArchive)
	s.mux.HandleFunc("POST "+archivePath, s.serveArchive)
	s.mux.HandleFunc("GET "+calendarPath, s.serveCalendar)
	s.mux.HandleFunc("/api/v1/{noun}/{verb}", s.serveOp)
	s.mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		WriteProblem(w, fault.New(fault.Absent, "api.no-path", "there is nothing at this path; /api/openapi.json lists what there is"))
	})
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	s.mux.ServeHTTP(w, r)
}

func (s *Server) serveOp(w http.ResponseWriter, r *http.Request) {
	op, ok := s.ops[r.PathValue("noun")+"."+r.PathValue("verb")]
	if !ok {
		WriteProblem(w, fault.New(fault.Absent, "api.no-operation", "there is no operation %q; /api/openapi.json lists them", clip(r.PathValue("noun")+"."+r.PathValue("verb"))))
		return
	}
	caller, err := s.authenticate(r)
	if err != nil {
		WriteProblem(w, err)
		return
	}
	request := reflect.New(op.Request).Interface()
	switch {
	case r.Method == http.MethodPost:
		err = readBody(w, r, request)
	case r.Method == http.MethodGet && op.Mode == service.Reads:
		err = readQuery(r.URL.Query(), op, request)
	default:
		w.Header().Set("Allow", allow(op))
		WriteProblem(w, fault.New(fault.Invalid, "api.method", "%s is not for this operation; use %s", r.Method, allow(op)))
		return
	}
	if err != nil {
		WriteProblem(w, err)
		return
	}
	if err := ifMatch(r, request); err != nil {
		WriteProblem(w, err)
		return
	}
	response := reflect.New(op.Response).Interface()
	change := ""
	if err := caller.Call(service.WantChange(r.Context(), &change), op.Name, request, response); err != nil {
		WriteProblem(w, err)
		return
	}
	if change != "" {
		w.Header().Set(changeHeader, change)
	}
	if v := versionIn(response); v.IsValid() && v.Int() > 0 {
		w.Header().Set("ETag", `"`+strconv.FormatInt(v.Int(), 10)+`"`)
	}
	w.Header().Set("Content-Type", "application/json")
	writeJSON(w, response)
}

// changeHeader names the change that an act made, as the audit and histories
// do; change.undo takes it back.
const changeHeader = "Thalamus-Change"

// writeJSON writes an answer; one that may be large writes itself.
func writeJSON(w io.Writer, v any) {
	if large, ok := v.(interface{ WriteJSON(w io.Writer) error }); ok {
		_ = large.WriteJSON(w) // as below
		return
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // the connection is gone: nobody is left to tell
}

func allow(op service.Op) string {
	if op.Mode == service.Reads {
		return "GET or POST"
	}
	return "POST"
}
