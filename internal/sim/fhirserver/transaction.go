package fhirserver

import (
	"fmt"
	"net/http"
	"strings"

	"thalamus/internal/codec/fhir"
)

// refusal is why a transaction was not done.
type refusal struct {
	status                 int
	code, text, expression string
}

// step is one entry of a transaction, resolved.
type step struct {
	kind, id string
	node     *fhir.Node // nil: exists and stays
	existing *resource
	update   bool
	body     []byte
	keys     []string
}

// process does a transaction wholly or not at all (FHIR R4 §3.1.0.11.2):
// conditions are looked up, references to entries replaced, then all stored.
func (s *Server) process(bundle *fhir.Node) ([]byte, *refusal) {
	if bundle.Get("resourceType").Text() != "Bundle" || bundle.Get("type").Text() != "transaction" {
		return nil, &refusal{http.StatusBadRequest, "invalid", "not a Bundle of type transaction", "Bundle.type"}
	}
	entries := bundle.Get("entry")
	if s.o.MaxEntries > 0 && entries.Len() > s.o.MaxEntries {
		return nil, &refusal{http.StatusBadRequest, "too-costly", fmt.Sprintf("a transaction of %d entries; at most %d", entries.Len(), s.o.MaxEntries), "Bundle.entry"}
	}
	k := &s.kept
	k.mu.Lock()
	defer k.mu.Unlock()
	steps := make([]step, entries.Len())
	places := make(map[string]string, len(steps))
	written := make(map[string]bool, len(steps))
	before := k.next
	for i := range steps {
		refused := k.resolve(entries.At(i), &steps[i])
		if refused == nil {
			full := entries.At(i).Get("fullUrl").Text()
			ref := steps[i].kind + "/" + steps[i].id
			switch {
			case full != "" && places[full] != "":
				refused = &refusal{http.StatusBadRequest, "invalid", "a fullUrl stands twice", ""}
			case written[ref] && steps[i].node != nil:
				refused = &refusal{http.StatusBadRequest, "invalid", "two entries are the same resource", ""}
			}
			places[full], written[ref] = ref, true
		}
		if refused != nil {
			k.next = before
			if refused.expression == "" {
				refused.expression = fmt.Sprintf("Bundle.entry[%d]", i)
			}
			return nil, refused
		}
	}
	for i := range steps {
		st := &steps[i]
		if st.node == nil {
			continue
		}
		if bad := rewrite(st.node, places); bad {
			k.next = before
			return nil, &refusal{http.StatusUnprocessableEntity, "processing", "a reference to an entry that is not there", fmt.Sprintf("Bundle.entry[%d].resource", i)}
		}
		st.node.Set("id", fhir.TextOf(st.id))
		st.keys = keysOf(st.kind, st.node)
		st.body = st.node.AppendJSON(nil)
	}
	answer := append(make([]byte, 0, 160*len(steps)+64), `{"resourceType":"Bundle","type":"transaction-response","entry":[`...)
	for i := range steps {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = k.commit(&steps[i], answer)
	}
	return append(answer, "]}"...), nil
}

// resolve finds out which resource an entry means.
func (k *store) resolve(entry *fhir.Node, st *step) *refusal {
	node := entry.Get("resource")
	kind := node.Get("resourceType").Text()
	method, target := entry.Get("request", "method").Text(), entry.Get("request", "url").Text()
	if kind == "" || !strings.HasPrefix(target, kind) {
		return &refusal{status: http.StatusBadRequest, code: "invalid", text: "resource type and request.url do not agree"}
	}
	st.kind = kind
	rest := target[len(kind):]
	var found []*resource
	why := ""
	switch {
	case method == "POST" && rest == "":
		condition := entry.Get("request", "ifNoneExist").Text()
		if condition == "" {
			st.id, st.node = k.newID(), node
			return nil
		}
		found, why = k.find(kind, condition)
	case method == "PUT" && strings.HasPrefix(rest, "?"):
		found, why = k.find(kind, rest[1:])
		st.update = true
	case method == "PUT" && strings.HasPrefix(rest, "/") && len(rest) > 1:
		st.id, st.node, st.update = rest[1:], node, true
		if node.Get("id").Text() != st.id {
			return &refusal{status: http.StatusBadRequest, code: "invalid", text: "resource.id is not that of request.url"}
		}
		st.existing = k.byRef[kind+"/"+st.id]
		return nil
	default:
		return &refusal{status: http.StatusBadRequest, code: "not-supported", text: "only POST and PUT are supported in a transaction"}
	}
	switch {
	case why != "":
		return &refusal{status: http.StatusBadRequest, code: "not-supported", text: "not supported: " + why}
	case len(found) > 1:
		return &refusal{status: http.StatusPreconditionFailed, code: "multiple-matches", text: "the condition finds several resources"}
	case len(found) == 1:
		st.existing, st.id = found[0], found[0].id
		if st.update {
			st.node = node
		}
		return nil
	}
	st.id, st.node = k.newID(), node
	return nil
}

// commit stores an entry and adds its answer.
func (k *store) commit(st *step, answer []byte) []byte {
	status, version := "200 OK", 1
	switch {
	case st.node == nil:
		k.counts.Unchanged++
		version = st.existing.version
	case st.existing != nil && string(st.existing.body) == string(st.body):
		k.counts.Unchanged++ // an update that changes nothing makes no new version
		version = st.existing.version
	default:
		if st.existing == nil {
			status = "201 Created"
			k.counts.Created++
		} else {
			k.counts.Updated++
		}
		version = k.put(st.kind, st.id, st.body, st.keys)
		if st.kind == "Provenance" {
			k.hear(st)
		}
	}
	return fmt.Appendf(answer, `{"response":{"status":"%s","location":"%s/%s/_history/%d","etag":"W/\"%d\""}}`, status, st.kind, st.id, version, version)
}

// rewrite replaces references to entries by what they became. It says true
// when one leads nowhere.
func rewrite(n *fhir.Node, places map[string]string) (bad bool) {
	for i := range n.Len() {
		e := n.At(i)
		if e.Sort() == fhir.Text && n.Name(i) == "reference" && strings.HasPrefix(e.Text(), "urn:uuid:") {
			to, ok := places[e.Text()]
			if !ok {
				return true
			}
			*e = fhir.TextOf(to)
			continue
		}
		if rewrite(e, places) {
			return true
		}
	}
	return false
}
