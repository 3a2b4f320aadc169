// Package openmhealth reads and writes data points of Open mHealth and IEEE
// 1752.1: JSON documents of a header, which names a schema, and a body.
//
// A document is held against its schema as strictly as a JSON Schema validator
// would; one that breaks it gives no values, only issues that name the place.
// What is valid and measures something the table of metrics knows becomes
// observations; what nobody knows is kept as it came, and an issue says so.
// Encode writes the observations of any message as data points (R3, R13 to
// R16).
//
//	schemas.txt  what each schema and version demands, in a notation of our own
//	shape.go     reads the notation and holds documents against it
//	measure.go   which member of which schema is which metric
//
// The package is pure: no clock, disk, network or log. Reading is bounded in
// depth, and in memory by the size of the document.
package openmhealth
