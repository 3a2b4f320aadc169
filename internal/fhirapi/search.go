package fhirapi

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/fault"
)

// dress indents where that was asked for.
func (q *request) dress(body []byte) []byte {
	if !q.pretty {
		return body
	}
	var b bytes.Buffer
	if json.Indent(&b, body, "", "  ") != nil {
		return body
	}
	return b.Bytes()
}

func (s *Server) serveSearch(w http.ResponseWriter, r *http.Request, k *kind, c *caller) error {
	q, err := s.request(w, r, k, c)
	if err != nil {
		return err
	}
	if q.wantsCount0 {
		q.summary = "count" // FHIR R4 §3.1.1.5.3: _count=0 is _summary=count
	}
	found, err := k.search(r.Context(), c, q)
	if err != nil {
		return err
	}
	bundle := object()
	bundle.text("resourceType", "Bundle").text("type", "searchset")
	if found.total >= 0 {
		bundle.Set("total", fhir.NumberOf(number(uint64(found.total))))
	}
	base := baseOf(r)
	links := []*node{link("self", base+"/"+k.name, q.used, "")}
	if found.next != "" && q.summary != "count" {
		links = append(links, link("next", base+"/"+k.name, q.used, found.next))
	}
	bundle.list("link", links...)
	if q.summary == "count" {
		write(w, http.StatusOK, q.dress(bundle.AppendJSON(nil)))
		return nil
	}
	included, cut, err := s.include(r.Context(), c, q, found.rows)
	if err != nil {
		return err
	}
	var entries []*node
	for _, one := range found.rows {
		entries = append(entries, entry(base, one, "match", q))
	}
	for _, one := range included {
		entries = append(entries, entry(base, one, "include", q))
	}
	if cut {
		entries = append(entries, told("incomplete", "more than are shown would be included; ask for fewer at once"))
	}
	if len(q.left) > 0 {
		entries = append(entries, told("not-supported", "ignored: "+strings.Join(q.left, ", ")))
	}
	bundle.list("entry", entries...)
	write(w, http.StatusOK, q.dress(bundle.AppendJSON(nil)))
	return nil
}

// told is an entry that says something of the search itself.
func told(kind, text string) *node {
	return object().put("resource", outcome("warning", kind, "", text, "")).put("search", object().text("mode", "outcome"))
}

func entry(base string, one *resource, mode string, q *request) *node {
	one.seal()
	q.shape(one)
	return object().text("fullUrl", base+"/"+one.address()).put("resource", one.node).put("search", object().text("mode", mode))
}

// baseOf is where the caller reaches us.
func baseOf(r *http.Request) string { return "https://" + r.Host + Base }

// link gives a page's address. What may be a patient's number is in none.
func link(relation, at string, used url.Values, cursor string) *node {
	form := url.Values{}
	for name, values := range used {
		if name != "_cursor" && !strings.HasPrefix(name, "patient:") {
			form[name] = values
		}
	}
	if cursor != "" {
		form.Set("_cursor", cursor)
	} else if at := used.Get("_cursor"); at != "" {
		form.Set("_cursor", at)
	}
	if len(form) > 0 {
		at += "?" + form.Encode()
	}
	return object().text("relation", relation).text("url", at)
}

// include gives what the rows refer to, and what refers to them (FHIR R4
// §3.1.1.5.6); cut says that there is more than we give.
func (s *Server) include(ctx context.Context, c *caller, q *request, rows []*resource) (out []*resource, cut bool, err error) {
	have := map[string]bool{}
	for _, one := range rows {
		have[one.address()] = true
	}
	take := func(found []*resource) (fresh []*resource) {
		for _, one := range found {
			switch {
			case have[one.address()]:
			case len(out) >= mostIncluded:
				cut = true
			default:
				have[one.address()] = true
				out, fresh = append(out, one), append(fresh, one)
			}
		}
		return fresh
	}
	for _, p := range q.revinclude {
		source, _, _ := strings.Cut(p.values[0], ":")
		found, more, err := s.referring(ctx, c, source, rows)
		if err != nil {
			return nil, false, err
		}
		cut = cut || more
		take(found)
	}
	from := append([]*resource(nil), rows...)
	for depth := 0; len(from) > 0 && depth < 4; depth++ { // bed, room, ward, site
		var fresh []*resource
		for _, p := range q.include {
			if depth > 0 && p.modifier != "iterate" {
				continue
			}
			source, name, _ := strings.Cut(p.values[0], ":")
			wanted := map[string][]string{}
			for _, one := range append(from, out...) {
				if one.kind != source {
					continue
				}
				for _, to := range one.refs[name] {
					if kind, id, ok := strings.Cut(to, "/"); ok && !have[to] && !contains(wanted[kind], id) {
						wanted[kind] = append(wanted[kind], id)
					}
				}
			}
			for _, kind := range slices.Sorted(maps.Keys(wanted)) {
				found, err := s.kinds[kind].read(ctx, c, wanted[kind])
				if err != nil {
					return nil, false, err
				}
				fresh = append(fresh, take(found)...)
			}
		}
		from = fresh
	}
	return out, cut, nil
}

// referring gives the resources of a type that refer to some devices.
func (s *Server) referring(ctx context.Context, c *caller, source string, rows []*resource) (out []*resource, more bool, err error) {
	var ids []string
	for _, one := range rows {
		if one.kind == "Device" && !strings.HasPrefix(one.id, accessoryPrefix) {
			ids = append(ids, one.id)
		}
	}
	for _, id := range ids {
		if len(out) > mostIncluded {
			return out, true, nil
		}
		var found []*resource
		if source == "DeviceMetric" {
			found, err = metricsOf(ctx, c, []string{id})
		} else {
			found, err = accessoriesOf(ctx, c, id)
		}
		if err != nil {
			return nil, false, err
		}
		out = append(out, found...)
	}
	return out, false, nil
}

// idOf reads a reference to a type: "Device/x", "x", or the whole address here.
func idOf(value, kind, place string) (string, error) {
	if i := strings.LastIndex(value, "/"+kind+"/"); i >= 0 && strings.Contains(value[:i], "://") {
		value = value[i+1:]
	}
	id := strings.TrimPrefix(value, kind+"/")
	if id == "" || strings.Contains(id, "/") {
		return "", fault.New(fault.Invalid, "fhirapi.value", "expected a reference to a %s, as %s/abc", kind, kind).At(place)
	}
	return id, nil
}

// idsOf reads references.
func idsOf(p *param, kind string) ([]string, error) {
	out := make([]string, 0, len(p.values))
	for _, v := range p.values {
		id, err := idOf(v, kind, p.place())
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}
