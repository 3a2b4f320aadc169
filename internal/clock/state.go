package clock

import (
	"encoding/json"
	"time"
)

// Sample is what one message shows of a device's clock.
type Sample struct {
	Said    int64 // the newest time the device gave, Unix ns
	Arrived int64 // when the message arrived, Unix ns
	Grain   int64 // how precise Said is, ns
}

// Limits of the estimate.
const (
	binWidth  = 30 * time.Minute
	mostBins  = 24
	oldestBin = 14 * 24 * time.Hour

	// farAhead and longAgo bound what a clock can say at all: nobody measures
	// tomorrow, and no device sends what is ten years old.
	farAhead = 24 * time.Hour
	longAgo  = 10 * 365 * 24 * time.Hour
	// far is an offset that says that the clock is wrong, not late.
	far = 24 * time.Hour

	// leastJump is the least change that counts as a jump.
	leastJump = 5 * time.Second
	// A clock that was set back is known by so many messages in so long, that
	// all agree: fewer, where the device's time really went back.
	backSamples, backSpan = 3, 30 * time.Second
	lateSamples, lateSpan = 20, 30 * time.Minute
	// steady is how much must agree before a step forward is a jump and not
	// the end of a delay.
	steadySamples, steadySpan = 3, time.Minute
	// sayAgain is how long after going back was said it is said again.
	sayAgain = time.Minute

	// leastDriftSpan is how long a clock must be heard before its drift is
	// known; mostDrift is more than any clock that runs at all (500 ppm).
	leastDriftSpan = 2 * time.Hour
	mostDrift      = 500_000 // ppb
)

// Bin holds the least delay of half an hour.
type Bin struct {
	At    int64 // arrival, Unix s
	Delay int64 // arrival minus what the device said, µs
}

// Bins are the bins of a clock, oldest first. They are a value, so that a
// State can be compared and copied; their text is a list.
type Bins struct {
	n int
	b [mostBins]Bin
}

// List gives the bins, oldest first.
func (b *Bins) List() []Bin { return b.b[:b.n] }

// MarshalJSON writes [[arrival, delay], …].
func (b Bins) MarshalJSON() ([]byte, error) {
	pairs := make([][2]int64, b.n)
	for i, one := range b.b[:b.n] {
		pairs[i] = [2]int64{one.At, one.Delay}
	}
	return json.Marshal(pairs)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (b *Bins) UnmarshalJSON(text []byte) error {
	var pairs [][2]int64
	if err := json.Unmarshal(text, &pairs); err != nil {
		return err
	}
	*b = Bins{n: min(len(pairs), mostBins)}
	for i := range b.n {
		b.b[i] = Bin{pairs[i][0], pairs[i][1]}
	}
	return nil
}

// put adds a bin, or lowers the last one; bins that are too old or too many
// go. It reports whether anything changed.
func (b *Bins) put(at, delay int64) bool {
	width := int64(binWidth / time.Second)
	if last := &b.b[b.n-1]; at/width <= last.At/width {
		if at/width < last.At/width || delay >= last.Delay {
			return false // our own clock went back, or nothing new
		}
		*last = Bin{at, delay}
		return true
	}
	first := 0
	for first < b.n && (b.n-first >= mostBins || at-b.b[first].At > int64(oldestBin/time.Second)) {
		first++
	}
	n := copy(b.b[:], b.b[first:b.n])
	clear(b.b[n:])
	b.b[n] = Bin{at, delay}
	b.n = n + 1
	return true
}

func oneBin(at, delay int64) Bins {
	b := Bins{n: 1}
	b.b[0] = Bin{at, delay}
	return b
}

// State is all that is kept of one device's clock. The zero State is of a
// clock that was never heard. It is a value: Next gives a new one.
type State struct {
	Since   int64  `json:"since,omitempty"`   // arrival of the first sample after the last jump, Unix ns
	Samples uint64 `json:"samples,omitempty"` // since then
	Said    int64  `json:"said,omitempty"`    // the newest time the device said since then, Unix ns
	Heard   int64  `json:"heard,omitempty"`   // arrival of the last sample, Unix ns
	Grain   int64  `json:"grain,omitempty"`   // of the last sample, ns
	Unset   bool   `json:"unset,omitempty"`   // the clock says what cannot be
	Bins    Bins   `json:"bins,omitzero"`
	Line    Line   `json:"line,omitzero"` // below all bins

	Steady      uint32 `json:"steady,omitempty"`      // samples that agreed with the line
	SteadySince int64  `json:"steadySince,omitempty"` // arrival of the first of them, Unix ns
	Suspect     Run    `json:"suspect,omitzero"`
	SaidBack    int64  `json:"saidBack,omitempty"` // arrival when going back was said last, Unix ns

	Jumps  uint64 `json:"jumps,omitempty"`
	Jumped int64  `json:"jumped,omitempty"` // arrival at the last jump, Unix ns
	JumpBy int64  `json:"jumpBy,omitempty"` // by how much, µs; positive: forward
}

// Line is the delay that is always there: Delay at the time At, changing by
// Slope.
type Line struct {
	At     int64 `json:"t"`           // Unix s
	Delay  int64 `json:"d"`           // µs
	Slope  int64 `json:"s,omitempty"` // µs in 1000 s, that is ppb
	Known  bool  `json:"k,omitempty"` // Slope was found, not assumed
	Jitter int64 `json:"j,omitempty"` // mean distance of the bins above the line, µs
}

// at gives the line's delay at a time of arrival, µs.
func (l Line) at(arrived int64) int64 {
	return l.Delay + (arrived/1e9-l.At)*l.Slope/1000
}

// Run is a run of samples that came too late for the line, all by about the
// same: messages that waited, or a clock that was set back.
type Run struct {
	Samples uint32 `json:"n"`
	Since   int64  `json:"since"` // arrival of the first, Unix ns
	Delay   int64  `json:"d"`     // least delay, µs
	At      int64  `json:"t"`     // its arrival, Unix s
	Said    int64  `json:"said"`  // the newest time said, Unix ns
	Back    bool   `json:"back"`  // the device's time went back when it began
}

// Verdict is what a sample showed.
type Verdict uint8

const (
	Fine   Verdict = iota
	Began          // the first sample of this clock
	Late           // the message waited on the way, or the clock was set back: not known yet
	Back           // as Late, and the device's time is before what it said already
	Jumped         // the clock was set: State.JumpBy says by how much
	Unset          // the clock says what cannot be: 1970, 2036
)

// Next gives the state after one more sample.
func (s State) Next(x Sample) (State, Verdict) {
	delay := floorDiv(x.Arrived-x.Said, 1000)
	unset := x.Said > x.Arrived+int64(farAhead) || x.Said < x.Arrived-int64(longAgo)
	if s.Samples == 0 || x.Arrived-s.Heard > int64(oldestBin) {
		s = s.begin(x, delay, unset)
		if unset {
			return s, Unset
		}
		return s, Began
	}
	off := delay - s.Line.at(x.Arrived)
	// What a clock may drift unheard (100 ppm) is no jump.
	jump := (int64(leastJump) + 2*x.Grain + max(0, x.Arrived-s.Heard)/10_000) / 1000
	switch {
	case unset != s.Unset, s.Unset && (off > jump || off < -jump):
		if s = s.jumped(x, delay, off, unset); unset {
			return s, Unset
		}
		return s, Jumped
	case off < -jump:
		return s.sooner(x, delay, off)
	case off > jump:
		return s.later(x, delay, jump)
	}
	s = s.agree(x, delay)
	if s.Unset {
		return s, Unset
	}
	return s, Fine
}

// begin starts over with a sample.
func (s State) begin(x Sample, delay int64, unset bool) State {
	return State{
		Since: x.Arrived, Samples: 1, Said: x.Said, Heard: x.Arrived, Grain: x.Grain, Unset: unset,
		Bins: oneBin(x.Arrived/1e9, delay), Line: Line{At: x.Arrived / 1e9, Delay: delay},
		Steady: 1, SteadySince: x.Arrived,
		SaidBack: s.SaidBack, Jumps: s.Jumps, Jumped: s.Jumped, JumpBy: s.JumpBy,
	}
}

func (s State) jumped(x Sample, delay, off int64, unset bool) State {
	s = s.begin(x, delay, unset)
	s.Jumps, s.Jumped, s.JumpBy = s.Jumps+1, x.Arrived, -off
	return s
}

// sooner: less delay than was ever possible. The clock was set forward, or
// what we knew were only messages that waited.
func (s State) sooner(x Sample, delay, off int64) (State, Verdict) {
	if s.Steady >= steadySamples && s.Heard-s.SteadySince >= int64(steadySpan) {
		return s.jumped(x, delay, off, false), Jumped
	}
	was := s
	s = s.begin(x, delay, false)
	s.Since, s.Samples = was.Since, was.Samples+1
	return s, Fine
}

// later: more delay than there is always.
func (s State) later(x Sample, delay, jump int64) (State, Verdict) {
	r := s.Suspect
	back := x.Said < s.Said-x.Grain-int64(time.Second)
	if apart := delay - r.Delay; r.Samples == 0 || apart > jump || apart < -jump {
		r = Run{Since: x.Arrived, Delay: delay, At: x.Arrived / 1e9, Said: x.Said, Back: back}
	}
	r.Samples++
	if delay < r.Delay {
		r.Delay, r.At = delay, x.Arrived/1e9
	}
	r.Said = max(r.Said, x.Said)
	span := x.Arrived - r.Since
	known := r.Back && r.Samples >= backSamples && span >= int64(backSpan) ||
		r.Samples >= lateSamples && span >= int64(lateSpan)
	if known {
		by := r.Delay - s.Line.at(x.Arrived)
		s = s.begin(x, delay, false)
		s.Since, s.Samples, s.Said = r.Since, uint64(r.Samples), r.Said
		s.Bins = oneBin(r.At, r.Delay)
		s.Line = Line{At: r.At, Delay: r.Delay}
		s.Steady, s.SteadySince = r.Samples, r.Since
		s.Jumps, s.Jumped, s.JumpBy = s.Jumps+1, x.Arrived, -by
		return s, Jumped
	}
	s.Suspect = r
	s.Samples++
	s.Heard, s.Grain = x.Arrived, x.Grain
	if !back {
		s.Said = max(s.Said, x.Said)
		return s, Late
	}
	if x.Arrived-s.SaidBack < int64(sayAgain) && x.Arrived >= s.SaidBack {
		return s, Late
	}
	s.SaidBack = x.Arrived
	return s, Back
}

// agree: the sample is as the line says, a little more or less.
func (s State) agree(x Sample, delay int64) State {
	s.Samples++
	s.Said, s.Heard, s.Grain = max(s.Said, x.Said), x.Arrived, x.Grain
	s.Steady = min(s.Steady+1, 1<<30)
	s.Suspect = Run{}
	if s.Bins.put(x.Arrived/1e9, delay) {
		s.Line = lineBelow(s.Bins.List())
	}
	return s
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
