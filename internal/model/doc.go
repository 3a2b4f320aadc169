// Package model holds the nouns of Thalamus: frames, entries, messages,
// observations, waveforms, alerts, devices, patients, routes and deliveries.
// It holds types only, with the few pure functions that belong to them; it
// imports nothing else of the module and touches no clock, disk or network.
//
// Three times are kept apart and never called just "time" (R16):
// DeviceTime is what the device or sender said, Arrived is when our socket
// had the bytes, Recorded is when the record's transaction was made.
package model
