// Package clock estimates how far a device's clock is off, from when its
// messages arrived and what time they say (R16).
//
// A message cannot arrive before it was sent. So the least delay between the
// time a device says and the time of arrival, over some hours, shows how far
// its clock is off; whatever is above it was waiting on the way. The least
// delay of each half hour is kept, and the line below all of them that lies
// nearest to them gives offset and drift (after S. Moon, P. Skelly, D. Towsley,
// "Estimation and removal of clock skew from network delay measurements",
// INFOCOM 1999). What no one can see from here is a delay that is always
// there: it counts as the clock being behind.
//
// The package is pure and counts in whole numbers: the same samples in the
// same order give the same state on every machine. Whoever keeps a State
// keeps it with the place in the journal it was fed up to.
package clock
