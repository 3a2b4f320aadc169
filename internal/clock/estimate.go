package clock

import "time"

// Estimate is what is known of a clock.
type Estimate struct {
	// OffsetNS is how far the clock is ahead of ours, in ns; negative: behind,
	// or the messages always take that long.
	OffsetNS int64 `json:"offsetNs"`
	// UncertaintyNS is how far the offset may be off, in ns, but for a delay
	// that is always there.
	UncertaintyNS int64     `json:"uncertaintyNs"`
	DriftPPB      int64     `json:"driftPpb,omitempty"` // gained in 10⁹ s; 0 also while unknown
	DriftKnown    bool      `json:"driftKnown,omitempty"`
	Since         time.Time `json:"since"` // arrival since when it runs without a jump
	Heard         time.Time `json:"heard"` // arrival of the last message that showed it
	Samples       uint64    `json:"samples"`
	Unset         bool      `json:"unset,omitempty"` // it says what cannot be, such as 1970
	// Zone says that the offset is a whole number of quarters of an hour: the
	// zone is probably wrong, not the clock.
	Zone     bool      `json:"looksLikeZone,omitempty"`
	Jumps    uint64    `json:"jumps,omitempty"`
	Jumped   time.Time `json:"jumped,omitzero"`
	JumpedNS int64     `json:"jumpedNs,omitempty"` // the last jump; positive: forward
}

// Estimate gives what is known of the clock at the last sample; ok is false
// for a clock that was never heard.
func (s State) Estimate() (e Estimate, ok bool) {
	if s.Samples == 0 {
		return Estimate{}, false
	}
	offset, uncertainty := s.Offset()
	e = Estimate{
		OffsetNS: offset, UncertaintyNS: uncertainty, DriftPPB: -s.Line.Slope, DriftKnown: s.Line.Known,
		Since: utc(s.Since), Heard: utc(s.Heard), Samples: s.Samples, Unset: s.Unset,
		Zone:  !s.Unset && looksLikeZone(time.Duration(offset)),
		Jumps: s.Jumps, JumpedNS: s.JumpBy * 1000,
	}
	if s.Jumped != 0 {
		e.Jumped = utc(s.Jumped)
	}
	return e, true
}

// Offset gives how far the clock is ahead at the last sample, and how far that
// may be off, both in ns.
func (s State) Offset() (offset, uncertainty int64) {
	offset = -s.Line.at(s.Heard) * 1000
	uncertainty = s.Grain + s.Line.Jitter*1000
	// A drift that is not known counts with what a good clock may have (50 ppm).
	if !s.Line.Known {
		uncertainty += max(0, s.Heard-s.Line.At*1e9) / 20_000
	}
	// While nobody knows whether messages wait or the clock was set back, it
	// may be as far off as they are late.
	if s.Suspect.Samples > 0 {
		uncertainty += max(0, s.Suspect.Delay*1000+offset)
	}
	return offset, uncertainty
}

// Far says that the clock is more than a day off, and that it is not a delay.
func (s State) Far() bool {
	offset, _ := s.Offset()
	return !s.Unset && s.Steady >= steadySamples && (offset > int64(far) || offset < -int64(far))
}

func looksLikeZone(offset time.Duration) bool {
	const quarter, slack = 15 * time.Minute, 90 * time.Second
	rest := (offset%quarter + quarter) % quarter
	if offset > 14*time.Hour || offset < -14*time.Hour || offset < quarter-slack && offset > slack-quarter {
		return false
	}
	return rest < slack || rest > quarter-slack
}

func utc(ns int64) time.Time { return time.Unix(0, ns).UTC() }
