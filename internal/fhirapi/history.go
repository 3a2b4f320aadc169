package fhirapi

import (
	"net/http"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/fault"
)

// mostVersions bounds a history.
const mostVersions = 200

// serveHistory gives how a resource was believed to be, the newest first
// (FHIR R4 §3.1.0.11).
func (s *Server) serveHistory(w http.ResponseWriter, r *http.Request, k *kind, c *caller, id string) error {
	q, err := s.request(w, r, k, c)
	if err != nil {
		return err
	}
	if len(q.params) > 0 || q.cursor != "" {
		return fault.New(fault.Invalid, "fhirapi.parameter", "a history takes _count, _summary, _elements and _pretty")
	}
	versions, err := k.versions(r.Context(), c, id, min(q.count, mostVersions))
	if err != nil {
		return err
	}
	base := baseOf(r)
	bundle := object()
	bundle.text("resourceType", "Bundle").text("type", "history")
	bundle.Set("total", fhir.NumberOf(number(uint64(len(versions)))))
	bundle.list("link", link("self", base+"/"+k.name+"/"+id+"/_history", q.used, ""))
	var entries []*node
	for i, one := range versions {
		version := one.seal()
		q.shape(one)
		method, status := "PUT", "200"
		if i == len(versions)-1 && len(versions) < min(q.count, mostVersions) {
			method, status = "POST", "201"
		}
		address := k.name + "/" + id
		if method == "POST" {
			address = k.name
		}
		entries = append(entries, object().text("fullUrl", base+"/"+one.address()).put("resource", one.node).
			put("request", object().text("method", method).text("url", address)).
			put("response", object().text("status", status).text("etag", `W/"`+version+`"`).instant("lastModified", one.updated)))
	}
	if q.summary != "count" {
		bundle.list("entry", entries...)
	}
	write(w, http.StatusOK, q.dress(bundle.AppendJSON(nil)))
	return nil
}

// serveVersion gives one version (FHIR R4 §3.1.0.3).
func (s *Server) serveVersion(w http.ResponseWriter, r *http.Request, k *kind, c *caller, id, version string) error {
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
	if found[0].seal() == version {
		return s.answer(w, r, q, found[0])
	}
	versions, err := k.versions(r.Context(), c, id, mostVersions)
	if err != nil {
		return err
	}
	for _, one := range versions {
		if one.seal() == version {
			return s.answer(w, r, q, one)
		}
	}
	return fault.New(fault.Absent, "fhirapi.version", "this version is not kept; %s/%s/%s/_history lists those that are", Base, k.name, clip(id))
}
