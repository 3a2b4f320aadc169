package state

import (
	"time"

	"thalamus/internal/alert"
	"thalamus/internal/model"
)

// Heard is how a device was heard, and how its link is. What is not known is
// zero.
type Heard struct {
	First, Last time.Time // it was heard
	Messages    uint64
	Down        bool           // its link has ended
	Polite      bool           // and it took its leave
	Contact     *model.Contact // tells more of that, for the reason
}

// Speaks says whether the device speaks, by its link and by its own rhythm: by
// when it was first and last heard and how often.
func (s *Standing) Speaks(d *Heard, now time.Time) State {
	beat, kind, grade := Voice(d, s.Expected(), now)
	if kind == Unheard {
		return State{Kind: kind, Grade: grade}
	}
	h := alert.Hear(d.First, d.Last, d.Messages, now)
	one := State{Kind: kind, Grade: grade, Since: d.Last, Why: Why{Last: d.Last, Beat: model.Duration(beat)}}
	switch kind {
	case Silent:
		one.Why.Bound, one.Since = h.Silent, d.Last.Add(time.Duration(h.Silent))
	case Late:
		one.Why.Bound, one.Since = h.Late, d.Last.Add(time.Duration(h.Late))
	}
	if c := d.Contact; c != nil {
		one.Why.Losses = c.Losses
		if c.Down {
			one.Why.How, one.Why.Topic, one.Why.Code = c.How, c.Topic, c.Code
			if kind == Offline {
				one.Since = c.Since
			} else {
				one.Why.On = c.Since
			}
		}
	}
	return one
}

// OfVoice says whether a state goes by when a device was heard, so that time
// alone changes it.
func OfVoice(k Kind) bool {
	switch k {
	case Online, Late, Silent, Offline, Unheard, Gone:
		return true
	}
	return false
}

// Expected says whether a device's stage of life lets one expect it to speak.
func (s *Standing) Expected() bool { return s.Life == "" || s.Life == "in-use" || s.Life == "lent" }

// Voice says whether a device speaks, and how long it is between two of its
// messages; 0: that is not known. expected says that one expects it to speak.
//
// A device whose link has ended is offline. When it took its leave, nobody need
// worry until it is late by its own rhythm; one that was lost is worth a look,
// and more than that once it is silent.
func Voice(d *Heard, expected bool, now time.Time) (beat time.Duration, k Kind, g Grade) {
	if d.Last.IsZero() {
		return 0, Unheard, Info
	}
	h := alert.Hear(d.First, d.Last, d.Messages, now)
	beat = time.Duration(h.Beat)
	switch {
	case d.Down && !d.Polite && expected && h.IsSilent:
		return beat, Offline, Bad
	case d.Down && !d.Polite && expected:
		return beat, Offline, Warn
	case d.Down && (!expected || !h.IsLate && !h.IsSilent):
		return beat, Offline, Info
	case h.IsSilent && expected:
		return beat, Silent, Bad
	case h.IsSilent:
		return beat, Silent, Info // nobody expects a stored device to speak
	case h.IsLate:
		return beat, Late, Warn
	}
	return beat, Online, Good
}
