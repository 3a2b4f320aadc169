package fhirapi

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// resource is one that is answered with.
type resource struct {
	kind, id string
	updated  time.Time // zero where the register does not know
	node     *node
	refs     map[string][]string // what it refers to, "Location/loc-1", by search parameter
}

func (r *resource) refer(param, to string) {
	if r.refs == nil {
		r.refs = map[string][]string{}
	}
	r.refs[param] = append(r.refs[param], to)
}

// address is "Device/dev-abc".
func (r *resource) address() string { return r.kind + "/" + r.id }

// seal gives the resource its version: a hash of what it says, so that what
// says the same has the same version, however often it is made.
func (r *resource) seal() (version string) {
	sum := sha256.Sum256(r.node.AppendJSON(nil))
	version = hex.EncodeToString(sum[:8])
	meta := object().text("versionId", version).instant("lastUpdated", r.updated)
	sealed := object()
	for i := range r.node.Len() {
		sealed.Set(r.node.Name(i), *r.node.At(i))
		if r.node.Name(i) == "id" {
			sealed.Set("meta", meta.Node)
		}
	}
	r.node = sealed
	return version
}

// version of a sealed resource.
func (r *resource) version() string { return r.node.Get("meta", "versionId").Text() }

// needed are the elements that a resource must have whatever was asked for.
var needed = map[string][]string{
	"DeviceMetric": {"type", "category"},
}

// inSummary are the elements that R4 marks as part of a summary (Σ).
var inSummary = map[string][]string{
	"Device":           {"udiCarrier", "status", "safety"},
	"DeviceDefinition": {"parentDevice", "safety"},
	"DeviceMetric":     {"identifier", "type", "unit", "source", "parent", "operationalStatus", "category", "measurementPeriod", "calibration"},
	"Location":         {"identifier", "status", "name", "description", "mode", "type", "physicalType", "managingOrganization"},
}

// pick leaves the elements that were asked for, and says that it is a part
// (FHIR R4 §3.1.1.5.9).
func (r *resource) pick(elements []string) {
	keep := map[string]bool{"resourceType": true, "id": true, "meta": true}
	for _, e := range append(needed[r.kind], elements...) {
		keep[e] = true
	}
	part := object()
	for i := range r.node.Len() {
		name, value := r.node.Name(i), r.node.At(i)
		if !keep[name] {
			continue
		}
		if name == "meta" {
			meta := node{value.Clone()}
			meta.list("tag", coding(systemSubsetted, "SUBSETTED", ""))
			value = &meta.Node
		}
		part.Set(name, *value)
	}
	r.node = part
}

func (r *resource) json() []byte { return r.node.AppendJSON(nil) }

func number(n uint64) string { return strconv.FormatUint(n, 10) }
