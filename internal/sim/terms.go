package sim

import (
	"strconv"

	"thalamus/internal/mdc"
)

// Terms gives for a reference identifier how a device writes it: code, refid
// and coding system, "147842^MDC_ECG_HEART_RATE^MDC".
type Terms map[string]string

// NewTerms takes all terms of the table.
func NewTerms() Terms {
	t := Terms{}
	for _, term := range mdc.Terms() {
		t[term.RefID] = strconv.FormatUint(uint64(term.Code), 10) + "^" + term.RefID + "^MDC"
	}
	return t
}
