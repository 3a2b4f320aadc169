package fhirapi

import (
	"errors"
	"net/http"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/fault"
)

// issueTypes are the codes of OperationOutcome.issue.code (FHIR R4 §3.1.0.1.5,
// value set issue-type) for the faults that say more than their kind.
var issueTypes = map[string]string{
	"fhirapi.method":         "not-supported",
	"fhirapi.format":         "not-supported",
	"fhirapi.parameter":      "not-supported",
	"fhirapi.type":           "not-supported",
	"fhirapi.value":          "value",
	"fhirapi.large":          "too-long",
	"fhirapi.version":        "not-found",
	"access.unauthenticated": "login",
	"access.token":           "login",
	"access.token-expired":   "expired",
	"access.slow-down":       "throttled",
	"register.wish":          "too-costly",
}

func issueType(kind fault.Kind, code string) string {
	if t, ok := issueTypes[code]; ok {
		return t
	}
	switch kind {
	case fault.Invalid:
		return "invalid"
	case fault.Denied:
		return "forbidden"
	case fault.Absent:
		return "not-found"
	case fault.Conflict:
		return "conflict"
	case fault.Transient:
		return "transient"
	}
	return "exception"
}

// statuses are the HTTP statuses of this room's own faults.
var statuses = map[string]int{
	"fhirapi.method": http.StatusMethodNotAllowed,
	"fhirapi.format": http.StatusNotAcceptable,
	"fhirapi.large":  http.StatusRequestEntityTooLarge,
	"fhirapi.media":  http.StatusUnsupportedMediaType,
	"fhirapi.type":   http.StatusNotFound,
}

// outcome is an OperationOutcome of one issue.
func outcome(severity, kind, code, text, place string) *node {
	issue := object().text("severity", severity).text("code", kind)
	if code != "" {
		issue.put("details", concept("", coding(systemFault, code, "")))
	}
	issue.text("diagnostics", text)
	if place != "" {
		issue.texts("expression", []string{place})
	}
	n := object()
	n.Set("resourceType", fhir.TextOf("OperationOutcome"))
	return n.list("issue", issue)
}

// refuse answers with an error.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	kind, code, text, place := fault.KindOf(err), fault.CodeOf(err), "something went wrong inside; the log says more", ""
	var f *fault.Fault
	if errors.As(err, &f) {
		text, place = f.Text, f.Place
	} else {
		code = ""
	}
	status, ok := statuses[code]
	if !ok {
		status = s.status(kind, code)
	}
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="thalamus"`)
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", "GET, HEAD")
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	}
	write(w, status, outcome("error", issueType(kind, code), code, text, place).AppendJSON(nil))
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", mediaType+"; charset=utf-8; fhirVersion=4.0")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the connection is gone: nobody is left to tell
}
