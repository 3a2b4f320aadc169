package fhirapi

import (
	"net/http"

	"thalamus/internal/codec/fhir"
)

// serveMetadata says what there is, made from the list of what is served
// (FHIR R4 §3.1.0.8). Nobody needs to be known for it.
func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request) error {
	q := &request{pretty: r.URL.Query().Get("_pretty") == "true"}
	write(w, http.StatusOK, q.dress(s.statement(baseOf(r)).AppendJSON(nil)))
	return nil
}

// statement is the CapabilityStatement (FHIR R4 §6.2).
func (s *Server) statement(base string) *node {
	n := object()
	n.text("resourceType", "CapabilityStatement").text("id", "thalamus").text("name", "Thalamus").text("title", "The register of "+s.site()+" as FHIR")
	n.text("status", "active").instant("date", s.o.Started).text("kind", "instance").text("fhirVersion", "4.0.1")
	n.texts("format", []string{mediaType, "json"})
	n.put("software", object().text("name", "Thalamus").text("version", s.o.Version))
	n.put("implementation", object().text("description", "The register of "+s.site()).text("url", base))
	security := object()
	security.Set("cors", fhir.BoolOf(false))
	security.text("description", "An API token as bearer token, as /api takes it: Authorization: Bearer …; or the session of the console. Reading needs the permissions device.search, device.history, model.search, metric.list, location.list and accessory.list; the patient on a device needs association.get and each look is audited.")
	var served []*node
	for _, k := range kinds() {
		served = append(served, k.statement())
	}
	rest := object().text("mode", "server").text("documentation", "Reading and searching; nothing is changed here. Parameters that are not known are refused unless Prefer: handling=lenient is sent.").put("security", security)
	rest.list("resource", served...)
	n.list("rest", rest)
	return n
}

func (s *Server) site() string {
	if s.o.Site != "" {
		return s.o.Site
	}
	return "this house"
}

// results are the parameters that every search takes beside its filters, and
// that are no search parameters of R4.
const results = "Also _count (50, at most 1000), _summary (true, text, data, count, false), _elements, _total (none, accurate), _pretty and _format=json; pages by the link next."

func (k *kind) statement() *node {
	n := object().text("type", k.name).text("documentation", k.doc+" "+results)
	var verbs []*node
	for _, v := range []string{"read", "search-type"} {
		verbs = append(verbs, object().text("code", v))
	}
	if k.versions != nil {
		verbs = append(verbs, object().text("code", "vread"), object().text("code", "history-instance"))
	}
	n.list("interaction", verbs...)
	n.text("versioning", "versioned")
	n.Set("readHistory", fhir.BoolOf(k.versions != nil))
	n.Set("updateCreate", fhir.BoolOf(false))
	n.text("conditionalRead", "full-support")
	n.texts("searchInclude", k.includes)
	n.texts("searchRevInclude", k.revincludes)
	var params []*node
	for i := range k.filters {
		f := &k.filters[i]
		p := object().text("name", f.name)
		if !f.own {
			p.text("definition", definitionOf(k.name, f.name))
		}
		doc := f.doc
		if f.own {
			doc += " (a parameter of Thalamus)"
		}
		params = append(params, p.text("type", f.sort).text("documentation", doc))
	}
	n.list("searchParam", params...)
	return n
}

// definitionOf is the address of R4's own definition of a search parameter.
func definitionOf(kind, name string) string {
	switch name {
	case "_id":
		return "http://hl7.org/fhir/SearchParameter/Resource-id"
	case "_lastUpdated":
		return "http://hl7.org/fhir/SearchParameter/Resource-lastUpdated"
	}
	return "http://hl7.org/fhir/SearchParameter/" + kind + "-" + name
}
