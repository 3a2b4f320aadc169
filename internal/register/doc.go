// Package register knows the devices: which unit a message speaks of, where
// it is, which software it runs, when it was last heard, and whether anybody
// has adopted it (R11, R29). It also gives the governed sets (channels,
// routes, destinations, site) their rules and versions (R56).
//
// It promises: one physical unit has one DeviceID, made from its strongest
// identifier and therefore the same after a crash or on another machine; a new
// unit is durable before its id is used; what is merely observed (last seen,
// counters) is kept in memory and written once a second, so that a message of
// a known unit costs no SQL and a crash loses at most that second.
// Observation (what messages said), assertion (what people said) and decision
// (adopted or not) are kept apart.
//
// What it keeps lies in register.db, through the Store it declares.
package register
