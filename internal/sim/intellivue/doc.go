// Package intellivue simulates a Philips IntelliVue patient monitor on its
// data export interface (UDP): it tells where it is, takes one association,
// says what it is, answers single and extended polls of numerics, waves,
// alerts, the patient and itself, and ends what nobody keeps alive (R58).
//
// It is written from the public "IntelliVue Data Export Interface Programming
// Guide" (rev. G.0, 4535 642 59271; cited as PIPG with the printed page) and
// from what others published of real monitors, by somebody who did not write
// the driver. No hardware was seen. The monitor is a pure state machine
// (Receive and Tick give what is to be sent); Ward gives it sockets.
package intellivue
