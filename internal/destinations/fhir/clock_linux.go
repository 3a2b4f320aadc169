package fhir

import "golang.org/x/sys/unix"

// synchronised asks the kernel whether something keeps the clock right
// (adjtimex(2): TIME_ERROR, or STA_UNSYNC).
func synchronised() (yes, told bool) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return false, false
	}
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, true
}
