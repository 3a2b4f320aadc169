package intellivue

import (
	"bytes"
	"testing"
	"time"

	"thalamus/internal/sim"
)

// The frames of OpenICE's own test (mdpnp, TestFCSOutputStream).
func TestFramesAsPublished(t *testing.T) {
	for content, want := range map[string]string{"3A71": "C03A719B26C1", "3A91": "C03A91957DE1C1"} {
		if got := enclose(packet(t, content)); !bytes.Equal(got, packet(t, want)) {
			t.Errorf("%s: %X, want %s", content, got, want)
		}
	}
}

func TestSerialTakesAnAssociation(t *testing.T) {
	s := NewSerial(sim.Beds("ICU", 1)[0], nil)
	now := time.Now()
	s.Connected(now)
	var out []byte
	for _, b := range append([]byte("noise\xC0\x11"), framed(packet(t, request))...) {
		out = append(out, s.Receive(now, []byte{b})...)
	}
	frames := bytes.SplitAfter(out, []byte{frameEnd})
	if len(frames) != 3 { // accept, creation and nothing
		t.Fatalf("%d frames: %x", len(frames)-1, out)
	}
	read := NewSerial(sim.Beds("ICU", 1)[0], nil)
	for i, want := range []byte{sessionAccept, sessionExport} {
		read.held = nil
		for _, b := range frames[i][1 : len(frames[i])-1] {
			switch {
			case b == frameEscape:
				read.esc = true
			case read.esc:
				read.held, read.esc = append(read.held, b^frameFlip), false
			default:
				read.held = append(read.held, b)
			}
		}
		if m := unframed(read.held); m == nil || m[0] != want {
			t.Errorf("frame %d: %x", i, frames[i])
		}
	}
	wrong := framed(packet(t, createResult))
	wrong[10] ^= 1
	s.Receive(now, wrong)
	if s.created {
		t.Error("a frame with a wrong checksum was taken")
	}
	s.Receive(now, framed(packet(t, createResult)))
	if !s.created {
		t.Error("the creation is not confirmed")
	}
	if out := s.Receive(now, framed(packet(t, pollMDS))); len(out) == 0 || out[0] != frameBegin {
		t.Errorf("%x", out)
	}
}
