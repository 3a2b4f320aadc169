// Package fhir writes messages as FHIR R4 (4.0.1) transaction bundles and
// reads FHIR JSON into a tree that keeps what it does not know.
//
// Bundles promise that sending them again has no second effect: every
// resource carries an identity that follows from what the sender said, and is
// created only if the server has none with that identity (FHIR R4
// §3.1.0.8.1, conditional create; §3.1.0.11, transaction). R4, R13, R25.
//
// Reader reads the other way: Observations, alone or in Bundles, with their
// Patients and Devices, become messages (R3, R13).
//
// The tree promises: members keep their order, numbers keep their text,
// unknown members stay, and reading is bounded in depth and size.
//
// The package is pure: no clock, disk, network or log.
package fhir
