package fhirapi

import (
	"time"

	"thalamus/internal/codec/fhir"
	"thalamus/internal/model"
)

// Systems of codes and identifiers. Names of our own are urn:id:thalamus-…, as
// in what is delivered.
const (
	systemMDC          = "urn:iso:std:iso:11073:10101"
	systemLOINC        = "http://loinc.org"
	systemUCUM         = "http://unitsofmeasure.org"
	systemRefID        = "urn:id:MDC"
	systemGMDN         = "http://terminology.hl7.org/CodeSystem/GMDN"
	systemEMDN         = "urn:id:EMDN" // HL7 has given it no URI
	systemStatusReason = "http://terminology.hl7.org/CodeSystem/device-status-reason"
	systemPhysicalType = "http://terminology.hl7.org/CodeSystem/location-physical-type"
	systemSubsetted    = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
	systemDevice       = "urn:id:thalamus-device"
	systemModel        = "urn:id:thalamus-model"
	systemPatient      = "urn:id:thalamus-patient"
	systemMetric       = "urn:id:thalamus-metric"
	systemPlace        = "urn:id:thalamus-place"
	systemAccessory    = "urn:id:thalamus-accessory"
	systemState        = "urn:id:thalamus-state"
	systemFact         = "urn:id:thalamus-fact"
	systemFault        = "urn:id:thalamus-fault"
	ownPrefix          = "urn:id:thalamus-"
)

// node is an object under construction. What has no visible character is left
// out: FHIR knows no empty members (R4 §2.24.0.1).
type node struct{ fhir.Node }

func object() *node { return &node{fhir.ObjectOf()} }

func resourceOf(kind, id string) *node {
	n := object()
	n.text("resourceType", kind)
	n.text("id", id)
	return n
}

func (n *node) text(name, value string) *node {
	if value = fhir.Clean(value); value != "" {
		n.Set(name, fhir.TextOf(value))
	}
	return n
}

func (n *node) instant(name string, t time.Time) *node {
	if !t.IsZero() && t.Year() >= 1 && t.Year() <= 9999 {
		n.Set(name, fhir.TextOf(instantText(t)))
	}
	return n
}

func instantText(t time.Time) string {
	return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
}

func (n *node) put(name string, value *node) *node {
	if value != nil && value.Len() > 0 {
		n.Set(name, value.Node)
	}
	return n
}

func (n *node) list(name string, values ...*node) *node {
	all := fhir.ArrayOf()
	for _, v := range values {
		if v != nil && v.Len() > 0 {
			all.Append(v.Node)
		}
	}
	if all.Len() > 0 {
		n.Set(name, all)
	}
	return n
}

func (n *node) texts(name string, values []string) *node {
	all := fhir.ArrayOf()
	for _, v := range values {
		if v = fhir.Clean(v); v != "" {
			all.Append(fhir.TextOf(v))
		}
	}
	if all.Len() > 0 {
		n.Set(name, all)
	}
	return n
}

func coding(system, code, display string) *node {
	if fhir.Clean(code) == "" {
		return nil
	}
	return object().text("system", system).text("code", code).text("display", display)
}

// concept is a CodeableConcept.
func concept(text string, codings ...*node) *node {
	return object().list("coding", codings...).text("text", text)
}

func identifier(system, value, kind string) *node {
	if fhir.Clean(value) == "" {
		return nil
	}
	n := object()
	if kind != "" {
		n.put("type", concept(kind))
	}
	return n.text("system", system).text("value", value)
}

func reference(to, display string) *node {
	return object().text("reference", to).text("display", display)
}

// meaning is what a code means: MDC and LOINC, and the sender's own word.
func meaning(c model.Code, received model.Coding) *node {
	var codings []*node
	if c.MDC != 0 {
		codings = append(codings, coding(systemMDC, number(uint64(c.MDC)), c.RefID))
	} else if c.RefID != "" {
		codings = append(codings, coding(systemRefID, c.RefID, ""))
	}
	if c.LOINC != "" {
		codings = append(codings, coding(systemLOINC, c.LOINC, ""))
	}
	text := c.Name
	for _, other := range []string{received.Text, c.RefID, received.Code} {
		if text == "" {
			text = other
		}
	}
	if len(codings) == 0 && received.Code != "" {
		codings = append(codings, coding(fhir.SystemURI(received.System), received.Code, received.Text))
	}
	return concept(text, codings...)
}
