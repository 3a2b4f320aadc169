package fhir

import (
	"testing"
	"testing/synctest"

	codec "thalamus/internal/codec/fhir"
)

// Who waits for another's look at a Device goes on also when what is known was
// forgotten meanwhile, because there were too many.
func TestDeviceForgottenUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, one, two := &devices{limit: 1}, codec.Identity{1}, codec.Identity{2}
		k, ask := s.turn(t.Context(), one, [16]byte{1})
		if !ask {
			t.Fatal("a Device nobody knows is not asked for")
		}
		asked := false
		go func() { _, asked = s.turn(t.Context(), one, [16]byte{2}) }()
		synctest.Wait() // it waits for k
		s.turn(t.Context(), two, [16]byte{1})
		s.done(one, k.busy, k)
		synctest.Wait()
		if !asked {
			t.Error("who waited was not let go on")
		}
	})
}
