package bench

import (
	"bytes"
	"testing"
	"time"

	"thalamus/internal/sim"
)

// What the devices send has the number, the time it is sent and the time it
// was measured, each written whole.
func TestTemplate(t *testing.T) {
	terms := sim.NewTerms()
	now := time.Date(2026, 11, 21, 19, 8, 7, 654e6, time.UTC)
	measured := now.Add(-time.Hour)
	codes := map[string]bool{}
	for _, one := range templates(beds(1)[0], terms, 0, spread(terms)) {
		framed, control := one.appendTo(nil, 42, now)
		if one.measured(framed, measured); string(control) != "000000042" || bytes.ContainsRune(framed, 0) {
			t.Fatalf("%q", framed)
		}
		segments := bytes.Split(framed, []byte("\r"))
		if !bytes.Contains(segments[0], []byte("|20261121190807.654+0000|")) || bytes.Count(framed, []byte("20261121180807.654")) == 0 || bytes.Count(framed, []byte("20261121190807.654")) != 1 {
			t.Fatalf("%q", framed)
		}
		for _, s := range segments {
			if f := bytes.Split(s, []byte("|")); string(f[0]) == "OBX" && string(f[2]) == "NM" {
				codes[string(f[3])] = true
			}
		}
	}
	if len(codes) != usualValues {
		t.Errorf("%d codes, want %d", len(codes), usualValues)
	}
}
