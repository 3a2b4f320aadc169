package cloud

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/sim"
)

// answer answers one request.
func (w *Ward) answer(out http.ResponseWriter, r *http.Request) {
	if time.Now().UnixNano() < w.gone.Load() {
		cut(out, 0)
		return
	}
	if w.Token != "" && subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+w.Token)) != 1 {
		out.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(out, "show a token", http.StatusUnauthorized)
		return
	}
	if r.URL.Path != paths[w.Form] || r.Method != http.MethodGet {
		http.NotFound(out, r)
		return
	}
	if n := w.busy.Load(); n > 0 {
		w.busy.Add(-1)
		status := http.StatusServiceUnavailable
		if n%2 == 0 {
			status = http.StatusTooManyRequests
		}
		out.Header().Set("Retry-After", "1")
		http.Error(out, "wait a second", status)
		return
	}
	p, err := w.page(r)
	if err != 0 {
		http.Error(out, http.StatusText(err), err)
		return
	}
	all, wrong := w.shelf.of(p)
	body := w.body(r, p, all)
	head := out.Header()
	head.Set("Content-Type", map[string]string{FHIR: "application/fhir+json; charset=utf-8", JSON: "application/json", Lines: "application/x-ndjson"}[w.Form])
	if w.Form != FHIR {
		head.Set("ETag", `"`+w.shelf.cursor(p.from)+"/"+w.shelf.cursor(p.end)+`"`)
		if p.from == p.end && r.Header.Get("If-None-Match") == head.Get("ETag") {
			out.WriteHeader(http.StatusNotModified)
			return
		}
		if p.token != "" {
			head.Set("Link", "<"+w.following(r, p)+`>; rel="next"`)
		}
	}
	switch {
	case w.Form == Lines:
		head.Set("X-Next-Cursor", w.shelf.cursor(p.to))
	case w.Form == JSON && len(all) == 0:
		out.WriteHeader(http.StatusNoContent)
		return
	}
	rest := w.spoil(out, r, wrong, body)
	if rest == nil {
		return
	}
	if _, err := out.Write(rest); err != nil {
		return
	}
	if before := w.shelf.went(all); before > 0 {
		w.Note(func(t *sim.Told) { t.Resent += before })
	}
}

// page is what is asked for, or the status that says why there is none.
func (w *Ward) page(r *http.Request) (span, int) {
	q := r.URL.Query()
	most := w.Page
	if n, err := strconv.Atoi(q.Get("_count")); err == nil && n > 0 {
		most = min(most, n)
	}
	var passed []*entry
	var p span
	if token := q.Get("page"); token != "" {
		found, before, ok := w.shelf.following(token, most)
		if !ok {
			return p, http.StatusGone
		}
		p, passed = found, before
	} else if w.Form == FHIR {
		asked := q.Get("_lastUpdated")
		var at time.Time
		if asked != "" {
			var err error
			if at, err = time.Parse(time.RFC3339, strings.TrimPrefix(asked, "ge")); err != nil {
				return p, http.StatusBadRequest
			}
		}
		p, passed = w.shelf.sinceTime(at, most)
	} else {
		p, passed = w.shelf.from(q.Get("after"), most)
	}
	w.passed(passed)
	return p, 0
}

// following is the address of the page that follows.
func (w *Ward) following(r *http.Request, p span) string {
	scheme, _, _ := strings.Cut(w.URL(), ":")
	return scheme + "://" + r.Host + r.URL.Path + "?page=" + p.token
}

// body is what a page holds.
func (w *Ward) body(r *http.Request, p span, all []*entry) []byte {
	b := bytes.NewBuffer([]byte{}) // an empty page is not none
	switch w.Form {
	case Lines:
		for _, e := range all {
			b.Write(e.body)
			b.WriteByte('\n')
		}
	case JSON:
		for _, e := range all {
			fmt.Fprintf(b, `{"meta":{"next":%q},%s`, w.shelf.cursor(p.to), e.body[1:])
		}
	default:
		now := time.Now().UTC()
		fmt.Fprintf(b, `{"resourceType":"Bundle","id":"%x","meta":{"lastUpdated":%q},"type":"searchset","total":%d,"link":[{"relation":"self","url":%q}`, now.UnixNano(), now.Format(instant), p.end-p.from, w.URL())
		if p.token != "" {
			fmt.Fprintf(b, `,{"relation":"next","url":%q}`, w.following(r, p))
		}
		b.WriteString("]")
		for i, e := range all {
			lead := ","
			if i == 0 {
				lead = `,"entry":[`
			}
			fmt.Fprintf(b, `%s{"fullUrl":"%s/%s-%d","resource":%s,"search":{"mode":"match"}}`, lead, w.URL(), w.Mark, p.from+i, filed(e, fmt.Sprintf("%s-%d", w.Mark, p.from+i)))
		}
		if len(all) > 0 {
			b.WriteString("]")
		}
		b.WriteString("}")
	}
	return b.Bytes()
}

// instant is FHIR's (R4 §2.24.0.1).
const instant = "2006-01-02T15:04:05.000Z07:00"

// filed is an Observation as the server keeps it: with its id and when it came.
func filed(e *entry, id string) []byte {
	var o map[string]any
	_ = json.Unmarshal(e.body, &o) // made by us
	meta, _ := o["meta"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	meta["versionId"], meta["lastUpdated"] = "1", e.filed.UTC().Format(instant)
	o["meta"], o["id"] = meta, id
	out, _ := json.Marshal(o) // read a moment ago
	return out
}
