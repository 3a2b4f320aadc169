// Package fhirapi is the register as FHIR R4 (4.0.1): Device, DeviceDefinition,
// DeviceMetric and Location at /fhir, to be read and searched (R4, R29). It is
// a thin caller of service: who may see what and what is audited is decided
// there. It writes JSON only, changes nothing, and every answer is bounded.
//
// Parameters that are not known are refused and never ignored, because a filter
// that is left out gives too much (FHIR R4 §3.1.1.6.1, handling=strict); who
// sends Prefer: handling=lenient has them ignored and is told so.
package fhirapi
