package fhir

import (
	"context"
	"net/http"
	"strings"
	"sync"

	codec "thalamus/internal/codec/fhir"
	"thalamus/internal/destination"
	"thalamus/internal/fault"
)

// capability is what the server says it can do, asked once.
type capability struct {
	mu   sync.Mutex
	done bool
	form codec.ProvenanceForm
	keep bool // it updates no Device
}

// check reads /metadata before the first delivery. A server that has none is
// taken at its word when it answers; one that says it takes no transactions,
// or speaks another FHIR version, stops the destination with what to do.
func (c *capability) check(ctx context.Context, v *server) (codec.ProvenanceForm, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return c.form, nil
	}
	form := codec.ProvenanceForm(v.s.Provenance)
	if v.s.AskFirst || v.s.Provenance == "auto" {
		statement, err := v.metadata(ctx)
		if err != nil {
			return "", err
		}
		if v.s.AskFirst {
			if err := able(statement); err != nil {
				return "", err
			}
		}
		if v.s.Provenance == "auto" {
			form = formFor(statement)
		}
		c.keep = !updatesDevices(statement)
	}
	c.form, c.done = form, true
	return form, nil
}

// keepsDevices says whether the server told that it updates no Device.
func (c *capability) keepsDevices() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keep
}

// updatesDevices is false where the server lists what it does with a Device and
// update is not among it. One that lists nothing is tried.
func updatesDevices(statement *codec.Node) bool {
	resources := statement.Get("rest", "resource")
	for i := range resources.Len() {
		r := resources.At(i)
		interactions := r.Get("interaction")
		if r.Get("type").Text() != "Device" || interactions.Len() == 0 {
			continue
		}
		for k := range interactions.Len() {
			if interactions.At(k).Get("code").Text() == "update" {
				return true
			}
		}
		return false
	}
	return true
}

// metadata gives the CapabilityStatement, nil when the server shows none.
func (v *server) metadata(ctx context.Context) (*codec.Node, error) {
	r, err := v.request(ctx, http.MethodGet, "/metadata", nil)
	if err != nil {
		return nil, err
	}
	status, header, text, err := v.do(r)
	if err != nil {
		return nil, call{}.unreachable(ctx, err)
	}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusTooManyRequests || status >= 500 && status != http.StatusNotImplemented:
		err := call{}.refused(status, header, text)
		if !destination.IsDown(err) {
			err = destination.Down{Err: err}
		}
		return nil, err
	case status != http.StatusOK:
		return nil, nil
	}
	n, err := codec.Parse(text, codec.Limits{Bytes: mostAnswer})
	if err != nil || n.Get("resourceType").Text() != "CapabilityStatement" {
		return nil, nil
	}
	return n, nil
}

func able(statement *codec.Node) error {
	if statement == nil {
		return nil
	}
	if version := statement.Get("fhirVersion").Text(); version != "" && !strings.HasPrefix(version, "4.0") {
		return destination.Down{Err: fault.New(fault.Transient, "fhir.version", "the server speaks FHIR %s and not R4 (4.0.1); what is owed waits. Set base_url to its R4 endpoint", version)}
	}
	interactions := statement.Get("rest", "interaction")
	if interactions.Len() == 0 {
		return nil // says nothing, so it may
	}
	for i := range interactions.Len() {
		if interactions.At(i).Get("code").Text() == "transaction" {
			return nil
		}
	}
	return destination.Down{Err: fault.New(fault.Transient, "fhir.no-transactions", "the server's /metadata lists no transaction interaction; what is owed waits. Use a server that takes transactions, or set check: false if its /metadata is wrong")}
}

// formFor chooses how Provenance is sent: with our own id where the server
// creates resources by update, else by tag.
func formFor(statement *codec.Node) codec.ProvenanceForm {
	resources := statement.Get("rest", "resource")
	for i := range resources.Len() {
		r := resources.At(i)
		if r.Get("type").Text() == "Provenance" && r.Get("updateCreate").Text() == "true" {
			return codec.ProvenancePut
		}
	}
	return codec.ProvenanceTag
}
