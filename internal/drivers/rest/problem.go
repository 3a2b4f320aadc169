package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"thalamus/internal/fault"
)

// problem is an error on the wire (RFC 9457), as the program's API writes it.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	Place  string `json:"place,omitempty"`
	Hint   string `json:"hint,omitempty"` // what to do, by the catalogue
	Rows   []row  `json:"rows,omitempty"` // of a batch of which nothing was taken
	Offset *int64 `json:"expected-offset,omitempty"`
}

// statuses are the statuses of faults that say more than their kind.
var statuses = map[string]int{
	"rest.denied":       http.StatusUnauthorized,
	"rest.media":        http.StatusUnsupportedMediaType,
	"rest.encoding":     http.StatusUnsupportedMediaType,
	"rest.method":       http.StatusMethodNotAllowed,
	"rest.oversize":     http.StatusRequestEntityTooLarge,
	"rest.rows":         http.StatusRequestEntityTooLarge,
	"rest.no-length":    http.StatusLengthRequired,
	"rest.key-reused":   http.StatusUnprocessableEntity,
	"rest.not-json":     http.StatusUnprocessableEntity,
	"rest.not-csv":      http.StatusUnprocessableEntity,
	"rest.not-hl7":      http.StatusUnprocessableEntity,
	"rest.nothing":      http.StatusUnprocessableEntity,
	"rest.slow":         http.StatusRequestTimeout,
	"rest.too-many":     http.StatusTooManyRequests,
	"rest.quota":        http.StatusTooManyRequests,
	"rest.upload-space": http.StatusInsufficientStorage,
	"rest.upload-gone":  http.StatusGone,
	"intake.oversize":   http.StatusRequestEntityTooLarge,
}

func statusOf(err error) int {
	if s, ok := statuses[fault.CodeOf(err)]; ok {
		return s
	}
	switch fault.KindOf(err) {
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

// refuse answers with an error.
func (d *Driver) refuse(w http.ResponseWriter, err error, rows ...row) {
	p := problem{Type: "urn:thalamus:fault:" + fault.CodeOf(err), Status: statusOf(err), Code: fault.CodeOf(err), Hint: fault.ToDo(fault.CodeOf(err)), Detail: "something went wrong inside; the log of the server says more", Rows: rows}
	var f *fault.Fault
	if errors.As(err, &f) {
		p.Detail, p.Place = f.Text, f.Place
	} else if d.host.Log != nil {
		d.host.Log.Error("a request failed", "error", err)
	}
	p.Title = http.StatusText(p.Status)
	h := w.Header()
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="thalamus", Basic realm="thalamus"`)
	case http.StatusUnsupportedMediaType:
		h.Set("Accept-Encoding", "gzip, zstd")
		h.Set("Accept-Post", d.acceptPost())
	case http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		h.Set("Retry-After", "2")
	case http.StatusRequestTimeout:
		h.Set("Connection", "close")
	}
	var late *tooMany
	if errors.As(err, &late) {
		h.Set("Retry-After", strconv.Itoa(max(1, int(late.wait/time.Second))))
	}
	var at *wrongOffset
	if errors.As(err, &at) {
		p.Type, p.Offset = "https://iana.org/assignments/http-problem-types#mismatching-upload-offset", &at.offset
		h.Set("Upload-Offset", strconv.FormatInt(at.offset, 10))
	}
	d.refused.Add(1)
	h.Set("Content-Type", "application/problem+json")
	d.write(w, p.Status, p)
}

// write answers with JSON; the content type may be set already. Where a
// connection has no deadlines, as in tests, it does without.
func (d *Driver) write(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // made of texts and numbers
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	h.Set("Content-Length", strconv.Itoa(len(b)+1))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// A peer that does not read its answer must not hold this for ever.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d.settings.Stall))
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}
