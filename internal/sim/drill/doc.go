// Package drill runs the catalogue of faults against a server: simulated devices
// whose messages go wrong in every way, a receiver that is down, slow or
// refuses, credentials that are revoked or expire, a full disk. For each it says
// what was lost, which is to be nothing, and what a person sees of it and when:
// codes of issues and notes, states of devices and receivers. It asks the server
// only what a person could ask it, through its operations, and counts loss by
// what the devices were told was acknowledged (R23, R58).
package drill
