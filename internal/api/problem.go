package api

import (
	"errors"
	"net/http"

	"thalamus/internal/fault"
)

// Problem is an error on the wire (RFC 9457).
type Problem struct {
	Type   string `json:"type" doc:"urn:thalamus:fault: and the code" example:"urn:thalamus:fault:register.absent"`
	Title  string `json:"title" doc:"what the status means" example:"Not Found"`
	Status int    `json:"status" doc:"HTTP status" example:"404"`
	Detail string `json:"detail" doc:"what happened, and what to do next" example:"there is no channel \"icu\"; list them to see their ids"`
	Code   string `json:"code" doc:"where the fault list tells more" example:"register.absent"`
	Place  string `json:"place,omitempty" doc:"field of the request, or file and line" example:"value.settings.listen"`
}

// statuses are the statuses of faults of the HTTP face itself and of guessing,
// which say more than their kind.
var statuses = map[string]int{
	"api.method":             http.StatusMethodNotAllowed,
	"api.media":              http.StatusUnsupportedMediaType,
	"api.oversize":           http.StatusRequestEntityTooLarge,
	"api.if-match":           http.StatusPreconditionFailed,
	"access.unauthenticated": http.StatusUnauthorized,
	"access.token":           http.StatusUnauthorized,
	"access.token-expired":   http.StatusUnauthorized,
	"access.not-signed-in":   http.StatusUnauthorized,
	"access.slow-down":       http.StatusTooManyRequests,
}

// kinds gives the status of each kind of fault, and back.
var kinds = []struct {
	kind   fault.Kind
	status int
}{
	{fault.Invalid, http.StatusBadRequest},
	{fault.Denied, http.StatusForbidden},
	{fault.Absent, http.StatusNotFound},
	{fault.Conflict, http.StatusConflict},
	{fault.Transient, http.StatusServiceUnavailable},
	{fault.Broken, http.StatusInternalServerError},
	{fault.Denied, http.StatusUnauthorized},
	{fault.Denied, http.StatusTooManyRequests},
	{fault.Conflict, http.StatusPreconditionFailed},
	{fault.Invalid, http.StatusMethodNotAllowed},
	{fault.Invalid, http.StatusUnsupportedMediaType},
	{fault.Invalid, http.StatusRequestEntityTooLarge},
}

// StatusOf is the one place where faults become HTTP status codes.
func StatusOf(kind fault.Kind, code string) int {
	if status, ok := statuses[code]; ok {
		return status
	}
	for _, k := range kinds {
		if k.kind == kind {
			return k.status
		}
	}
	return http.StatusInternalServerError
}

func kindOf(status int) fault.Kind {
	for _, k := range kinds {
		if k.status == status {
			return k.kind
		}
	}
	return fault.Broken
}

// problemOf writes an error for the wire.
func problemOf(err error) Problem {
	p := Problem{Type: "about:blank", Code: fault.CodeOf(err), Detail: "something went wrong inside; the log says more"}
	kind := fault.KindOf(err)
	var f *fault.Fault
	if errors.As(err, &f) {
		p.Detail, p.Place = f.Text, f.Place
		if kind == fault.Invalid && f.Err != nil {
			p.Detail = f.Text + ": " + f.Err.Error()
		}
		p.Type = "urn:thalamus:fault:" + f.Code
	}
	p.Status = StatusOf(kind, p.Code)
	p.Title = http.StatusText(p.Status)
	return p
}

// WriteProblem answers with an error.
func WriteProblem(w http.ResponseWriter, err error) {
	p := problemOf(err)
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="thalamus"`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	writeJSON(w, p)
}
