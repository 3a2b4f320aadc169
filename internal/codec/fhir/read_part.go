package fhir

import "thalamus/internal/model"

// Part cuts what one message of an entry was read from out of its Bundle: the
// Observations of one patient, with the patient, and what belongs to no
// patient. An entry with one message gives its bytes as they are.
func (Reader) Part(e model.Entry, number int) []byte {
	root, err := Parse(e.Bytes, Limits{})
	if err != nil || root.Get("resourceType").Text() != "Bundle" {
		return e.Bytes
	}
	r := newReading(e)
	r.gather(root)
	subjects := map[string]int{} // in the order of the messages
	of := map[*Node]int{}        // resource → part; missing: nobody's
	for _, s := range r.all {
		if s.kind != "Observation" {
			continue
		}
		key := subjectKey(r.subject(s))
		if _, ok := subjects[key]; !ok {
			subjects[key] = len(subjects)
		}
		of[s.node] = subjects[key]
	}
	if len(subjects) < 2 || number >= len(subjects) {
		return e.Bytes
	}
	for _, s := range r.all {
		if s.kind == "Patient" {
			at, known := subjects[subjectKey(r.patientIn(s))]
			if !known {
				at = -1
			}
			of[s.node] = at
		}
	}
	var kept []Node
	entries := root.Get("entry")
	for i := range entries.Len() {
		resource := entries.At(i).Get("resource")
		kind := resource.Get("resourceType").Text()
		at, ok := of[resource]
		if ok && at == number || !ok && (kind == "Device" || kind == "DeviceMetric" || kind == "MessageHeader") {
			kept = append(kept, *entries.At(i))
		}
	}
	root.Set("entry", ArrayOf(kept...))
	return root.AppendJSON(nil)
}
