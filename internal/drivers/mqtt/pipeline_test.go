package mqtt

import (
	"strings"
	"testing"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// TestPipelineSharesAnOffer: messages that a device sends ahead are offered
// together, so that they share a sync, and answered in order.
func TestPipelineSharesAnOffer(t *testing.T) {
	for _, version := range versions {
		r := newRig(t, nil).start()
		p, _ := r.enter(version, "c", true)
		release := r.intake.Hold()
		p.say(publish("ward/7", string(vitals(0)), 1, 1))
		drivertest.Until(t, "intake was asked", func() bool { _, o := r.intake.Count(); return o == 1 })
		for n := 1; n <= 200; n++ {
			p.say(publish("ward/7", string(vitals(n)), 1, uint16(n+1)))
		}
		release()
		for n := range 201 {
			if a := p.hear(mqttwire.PUBACK); a.ID != uint16(n+1) {
				t.Fatalf("answer %d is to %d", n, a.ID)
			}
		}
		if frames, offers := r.intake.Count(); frames != 201 || offers > 60 {
			t.Errorf("%d frames in %d offers", frames, offers)
		}
		r.stop()
	}
}

// A batch of QoS 2 that spoils in the middle, first by a message nobody can
// take, then by a full disk: what was taken before is held and answered, so that
// sent again it is no second entry (MQTT 5 §4.3.3, R18).
func TestSpoiltBatchIsNoSecondEntry(t *testing.T) {
	for _, version := range versions {
		r := newRig(t, nil).start()
		r.intake.Fail(func(frames []model.Frame) error {
			for _, f := range frames {
				switch {
				case string(f.Bytes) == "bad":
					return fault.New(fault.Invalid, "intake.oversize", "a frame is too long")
				case string(f.Bytes) == "late":
					return drivertest.Full(frames)
				}
			}
			return nil
		})
		said := []string{"first", "bad", "second", "late", "last"}
		p, _ := r.enter(version, "c", false)
		var batch []byte
		for i, text := range said {
			q := publish("ward/7", text, 2, uint16(i+1))
			batch = mqttwire.Append(batch, version, &q)
		}
		if _, err := p.Write(batch); err != nil {
			t.Fatal(err)
		}
		for _, id := range []uint16{1, 2, 3} {
			if a := p.hear(mqttwire.PUBREC); a.ID != id {
				t.Fatalf("answer to %d, want %d", a.ID, id)
			}
		}
		if version == mqttwire.V5 {
			p.hear(mqttwire.DISCONNECT)
		}
		p.gone()
		r.intake.Fail(func(frames []model.Frame) error {
			if string(frames[0].Bytes) == "bad" {
				return fault.New(fault.Invalid, "intake.oversize", "a frame is too long")
			}
			return nil
		})
		p, _ = r.enter(version, "c", false)
		for i, text := range said {
			q := publish("ward/7", text, 2, uint16(i+1))
			q.Dup = true
			p.say(q)
			p.hear(mqttwire.PUBREC)
		}
		var taken []string
		for _, f := range r.intake.Taken() {
			taken = append(taken, string(f.Bytes))
		}
		if got := strings.Join(taken, " "); got != "first second late last" {
			t.Errorf("version %d: entries %q", version, got)
		}
		r.stop()
	}
}
