package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// maxBody bounds a request's body.
const maxBody = 16 << 20

func readBody(w http.ResponseWriter, r *http.Request, into any) error {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		if kind, _, err := mime.ParseMediaType(ct); err != nil || kind != "application/json" {
			return fault.New(fault.Invalid, "api.media", "send application/json")
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fault.New(fault.Invalid, "api.oversize", "the request's body has more than %d bytes; send less at once", maxBody)
	}
	if err != nil {
		return fault.New(fault.Invalid, "api.body", "the request's body did not arrive whole; send it again")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	return readJSON(body, into)
}

// readJSON reads one object strictly. What is wrong is told by its place and
// what was expected; what was submitted is not repeated.
func readJSON(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	d.UseNumber() // settings keep whole numbers whole
	if err := d.Decode(into); err != nil {
		return jsonFault(err, body, reflect.TypeOf(into).Elem())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "api.body", "something follows the JSON object; send one object")
	}
	return nil
}

func jsonFault(err error, body []byte, request reflect.Type) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		line := 1 + bytes.Count(body[:min(int(syntax.Offset), len(body))], []byte("\n"))
		return fault.New(fault.Invalid, "api.body", "not JSON; the error is at line %d, byte %d", line, syntax.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(fault.Invalid, "api.body", "the JSON ends too early; a bracket or quote is not closed")
	case errors.As(err, &kind):
		got, _, _ := strings.Cut(kind.Value, " ") // "number 4711" would repeat what was sent
		return fault.New(fault.Invalid, "api.body", "expected %s, got %s", jsonKind(kind.Type), got).At(kind.Field)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		return fault.New(fault.Invalid, "api.unknown-field", "unknown field; known here: %s", knownFields(request)).At(clip(name))
	}
	// Texts that a type reads itself (times, references): each field alone
	// says which one it is.
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) == nil {
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			one, _ := json.Marshal(map[string]json.RawMessage{name: fields[name]})
			if json.Unmarshal(one, reflect.New(request).Interface()) == nil {
				continue
			}
			for _, f := range service.Fields(request) {
				if f.Name == name {
					return fault.New(fault.Invalid, "api.body", "expected %s", f.Form()).At(name)
				}
			}
		}
	}
	return fault.New(fault.Invalid, "api.body", "the JSON does not fit the request; see /api/openapi.json")
}

func knownFields(request reflect.Type) string {
	var names []string
	for _, f := range service.Fields(request) {
		names = append(names, f.Name)
	}
	if names == nil {
		return "none"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// jsonKind says in JSON's words what a Go type is read from.
func jsonKind(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[model.Duration]():
		return `a duration such as "30s" or "5m"`
	case t.Kind() == reflect.String:
		return "a text"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uintptr:
		return "a whole number in range"
	case t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64:
		return "a number"
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
		return "a list"
	}
	return "an object"
}

func clip(s string) string {
	if len(s) > 80 {
		s = s[:80]
	}
	return strings.ToValidUTF8(s, "?")
}

func readQuery(q url.Values, op service.Op, into any) error {
	fields := map[string]service.Field{}
	for _, f := range service.Fields(op.Request) {
		fields[f.Name] = f
	}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		f, ok := fields[name]
		switch {
		case !ok:
			return fault.New(fault.Invalid, "api.unknown-field", "unknown parameter; known here: %s", knownFields(op.Request)).At(clip(name))
		case f.Private || f.Secret:
			return fault.New(fault.Invalid, "api.private", "this may be a patient's name or a secret and does not belong in an address, which others keep; send it in the body of a POST").At(name)
		}
		if err := f.Set(into, q[name]); err != nil {
			return err
		}
	}
	return nil
}

// ifMatch takes the version that must be in force from If-Match
// (RFC 9110 §13.1.1), when the request has one.
func ifMatch(r *http.Request, request any) error {
	tag := strings.TrimSpace(r.Header.Get("If-Match"))
	if tag == "" || tag == "*" {
		return nil
	}
	v := versionIn(request)
	n, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64)
	if !v.IsValid() || err != nil || n < 1 || tag != fmt.Sprintf("%q", strings.Trim(tag, `"`)) {
		return fault.New(fault.Invalid, "api.if-match", `expected one ETag of ours, such as "3", and an operation that takes a version`).At("If-Match")
	}
	if v.Int() != 0 && v.Int() != n {
		return fault.New(fault.Invalid, "api.if-match", "the header and the body's version differ; give one").At("If-Match")
	}
	v.SetInt(n)
	return nil
}

// versionIn gives the field Version of a request or response.
func versionIn(p any) reflect.Value {
	v := reflect.ValueOf(p).Elem()
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	if f := v.FieldByName("Version"); f.IsValid() && f.Kind() == reflect.Int64 {
		return f
	}
	return reflect.Value{}
}
