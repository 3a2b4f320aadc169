// Package api is the HTTP face of service: every operation at
// /api/v1/noun/verb, described by OpenAPI 3.1 at /api/openapi.json, errors as
// problem+json (RFC 9457), changes as server-sent events at /api/v1/events.
// Client is the same door from outside.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// maxBody bounds a request's body.
const maxBody = 16 << 20

// Authenticate says who makes a request, or a fault.Denied.
type Authenticate func(r *http.Request) (service.Caller, error)

// Server is the HTTP face.
type Server struct {
	ops          map[string]service.Op
	document     []byte
	authenticate Authenticate
	events       func(ctx context.Context) (<-chan service.Event, func())
	mux          *http.ServeMux
}

// New makes the face of the given operations.
func New(version string, ops []service.Op, who Authenticate, events func(ctx context.Context) (<-chan service.Event, func())) (*Server, error) {
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
		err = readBody(r, request)
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
	response := reflect.New(op.Response).Interface()
	if err := caller.Call(r.Context(), op.Name, request, response); err != nil {
		WriteProblem(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	writeJSON(w, response)
}

func writeJSON(w io.Writer, v any) {
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

func clip(s string) string {
	if len(s) > 80 {
		s = s[:80]
	}
	return strings.ToValidUTF8(s, "?")
}

func readBody(r *http.Request, into any) error {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		if kind, _, err := mime.ParseMediaType(ct); err != nil || kind != "application/json" {
			return fault.New(fault.Invalid, "api.media", "send application/json")
		}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "api.body", "the request's body did not arrive whole")
	}
	if len(body) > maxBody {
		return fault.New(fault.Invalid, "api.body", "the request's body has more than %d bytes", maxBody)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return jsonFault(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "api.body", "something follows the JSON object; send one object")
	}
	return nil
}

// jsonFault says where a body is wrong without repeating what was submitted.
func jsonFault(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fault.New(fault.Invalid, "api.body", "not JSON at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fault.New(fault.Invalid, "api.body", "expected %s, got a JSON %s", kind.Type, kind.Value).At(kind.Field)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return fault.New(fault.Invalid, "api.unknown-field", "unknown field %s", clip(strings.TrimPrefix(err.Error(), "json: unknown field ")))
	}
	return fault.New(fault.Invalid, "api.body", "the JSON does not fit the request; see /api/openapi.json")
}

func readQuery(q url.Values, op service.Op, into any) error {
	fields := map[string]service.Field{}
	for _, f := range service.Fields(op.Request) {
		fields[f.Name] = f
	}
	for name, texts := range q {
		f, ok := fields[name]
		if !ok {
			return fault.New(fault.Invalid, "api.unknown-field", "unknown parameter %q", clip(name))
		}
		if err := f.Set(into, texts); err != nil {
			return err
		}
	}
	return nil
}

// Problem is an error on the wire (RFC 9457).
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	Place  string `json:"place,omitempty"`
}

// StatusOf is the one place where kinds of faults become HTTP status codes.
func StatusOf(k fault.Kind) int {
	switch k {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Denied:
		return http.StatusForbidden
	case fault.Absent:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Transient:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// WriteProblem answers with an error.
func WriteProblem(w http.ResponseWriter, err error) {
	p := Problem{Type: "about:blank", Code: fault.CodeOf(err), Detail: "something went wrong inside; the log says more"}
	kind := fault.KindOf(err)
	var f *fault.Fault
	if errors.As(err, &f) {
		p.Detail, p.Place = f.Text, f.Place
		if kind != fault.Broken && f.Err != nil && kind == fault.Invalid {
			p.Detail = f.Text + ": " + f.Err.Error()
		}
		p.Type = "urn:thalamus:fault:" + f.Code
	}
	p.Status = StatusOf(kind)
	if p.Code == "access.unauthenticated" {
		p.Status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Bearer realm="thalamus"`)
	}
	p.Title = http.StatusText(p.Status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	writeJSON(w, p)
}
