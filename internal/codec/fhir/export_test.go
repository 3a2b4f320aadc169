package fhir

import "testing"

// Helpers of this package's tests for those outside of it.
var (
	Root     = root
	Validate = validate
)

// Whole checks what every bundle must keep.
func Whole(t testing.TB, bundle []byte) {
	t.Helper()
	whole(t, parsed(t, bundle))
}
