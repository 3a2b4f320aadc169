// Package medibus reads and writes MEDIBUS and MEDIBUS.X, the serial protocol of
// Dräger ventilators and anaesthesia machines (R6): commands and responses with
// their checksums, measured values of two pages, alarms, alarm limits, settings,
// text messages, date and time, identification, and the stream of real-time bytes
// between them.
//
// What is known of the protocol comes from two open programs that speak it,
// OpenICE (mdpnp/mdpnp, package medibus) and VSCaptureDrgVent; the codes are in
// codes.tsv. Nothing was tried on a device.
//
// # What a frame is
//
// A frame is one command or response as it came, from SOH or ESC to CR, or the
// real-time bytes of a span. What its reading needs beside is in the frame's
// properties (decision 0173), a line each; each value is an earlier response as it
// came, in hexadecimal:
//
//	id: …      the device's identification (52H)
//	text: …    its last text messages (2AH): simulation and test
//	low: …     lower alarm limits of the same page (25H, 2CH)
//	high: …    upper ones (26H, 2DH)
//	before: …  the alarms (27H, 2EH) of the same page before these
//	config: …  the real-time configuration (53H)
//	order: …   the command that asked for real-time data (54H)
//
// All may be missing; a frame alone is read as far as it goes.
package medibus
