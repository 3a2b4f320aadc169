// Package intellivue reads and writes the messages by which Philips IntelliVue
// patient monitors give away what they measure: the Data Export interface over
// the network (UDP) or the serial MIB interface. The messages descend from ISO/IEEE
// 11073 (VITAL, INTERBED): an object model of medical device system, numerics,
// waves, enumerations, alert monitor and patient, asked for by polls.
//
// What is known of it here comes from public descriptions alone: the outline of
// the "IntelliVue Patient Monitor Data Export Interface Programming Guide" as open
// implementations quote it (OpenICE, VitalSignsCapture, headers that carry the
// guide's remarks). DEIPG in comments is that guide; the names of its structures
// stand beside the code. The codes of measurements and units are those of ISO/IEEE
// 11073-10101 below 0xF000 and the maker's own from there on.
//
// # What a frame is
//
// A monitor tells how a value is to be read (label, unit, scale, sample period)
// only once, who the patient is in another message, and that an alarm is over by
// no longer naming it. So that an entry of the journal can be read alone, and read
// again in ten years, a frame holds the original bytes first and then what they
// refer to (see Frame):
//
//	frame = message [known]
//	message = the message as it came, byte for byte; its length is in its header
//	known   = 0x5448 ("TH"), length of the rest (2 bytes), objects
//	object  = class, context, handle (2 bytes each), attribute list as in a poll
//	          result: count, length, then id, length, value of each
//
// The attributes are those that the monitor sent earlier in the same association,
// as they came. Of the alert monitor they are the alarms of the reply before.
// A frame of a message alone is one too: what needs nothing more is read.
//
// # Promises
//
// Memory is bounded by the input; nothing panics; counts and lengths that
// contradict each other are refused, not guessed at.
package intellivue
