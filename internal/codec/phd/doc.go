// Package phd reads and writes the messages of ISO/IEEE 11073-20601, the
// exchange protocol of personal health devices, in its medical device encoding
// rules (MDER): association, release, abort, and presentation APDUs with
// configurations, event reports, attributes, actions and stored segments (R7).
//
// # What a frame is
//
// A report of a device means nothing without the association it came over: its
// values stand in the order that the device's configuration gave. So that an
// entry of the journal can be read alone, and read again in ten years, a frame
// holds the original bytes first and then what they refer to (see Frame):
//
//	frame    = apdu *context [note]
//	apdu     = the APDU as it came, byte for byte; its length is in its header
//	context  = an earlier APDU of the same association, as it came: the
//	           association request, the configuration, the attributes of the
//	           device, of its stores and their segments
//	note     = choice 0x5448 ("TH"), length, lines "name: value" by the link
//
// A frame of one APDU alone is one too: what needs no context is read, of the
// rest an issue says what is missing.
//
// # Promises
//
// Memory is bounded by the input; nothing panics; counts and lengths that
// contradict each other are refused, not guessed at; what was parsed is written
// again byte for byte. Facts of the device specialisations (IEEE 11073-104xx)
// are only those that public sources show; see standard.go.
package phd
