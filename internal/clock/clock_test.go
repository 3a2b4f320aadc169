package clock

import (
	"encoding/json"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)

// lot draws numbers that are the same in every run (Knuth's MMIX generator).
type lot uint64

func (l *lot) below(n int64) int64 {
	*l = *l*6364136223846793005 + 1442695040888963407
	return int64(uint64(*l)>>1) % n
}

// world simulates a device: its clock, how often it sends, and the way to us.
type world struct {
	l      lot
	every  time.Duration
	grain  time.Duration
	offset time.Duration // ahead of the truth at the start
	ppm    int64         // gained
	least  time.Duration // delay that is always there
	jitter time.Duration // and on top of it, at most
}

// clock is what the device's clock says at a true time.
func (w *world) clock(at time.Time) time.Time {
	gone := at.Sub(start)
	return at.Add(w.offset + gone/1000*time.Duration(w.ppm)/1000)
}

func (w *world) sample(at time.Time) Sample {
	said := w.clock(at).Truncate(w.grain)
	delay := w.least
	if w.jitter > 0 {
		delay += time.Duration(w.l.below(int64(w.jitter)))
	}
	return Sample{said.UnixNano(), at.Add(delay).UnixNano(), int64(w.grain)}
}

// run sends from one hour to another and gives the verdicts that came.
func (w *world) run(s State, from, until time.Duration) (State, map[Verdict]int) {
	seen := map[Verdict]int{}
	for at := start.Add(from); at.Before(start.Add(until)); at = at.Add(w.every + time.Duration(w.l.below(int64(w.every)/10+1))) {
		var v Verdict
		s, v = s.Next(w.sample(at))
		seen[v]++
	}
	return s, seen
}

func near(t *testing.T, what string, got, want, slack int64) {
	t.Helper()
	if got < want-slack || got > want+slack {
		t.Errorf("%s: %d, want %d ± %d", what, got, want, slack)
	}
}

// R16: offset and drift are found within the uncertainty that is told, with
// delays, seconds without fractions, and clocks that gain or lose.
func TestOffsetAndDrift(t *testing.T) {
	for _, c := range []struct {
		name  string
		w     world
		hours time.Duration
		drift int64 // ppm that may be missed
	}{
		{"exact", world{every: 10 * time.Second, grain: time.Millisecond}, 12, 1},
		{"ahead", world{every: 10 * time.Second, grain: time.Second, offset: 93 * time.Second, jitter: 2 * time.Second}, 12, 8},
		{"behind", world{every: time.Minute, grain: time.Second, offset: -17 * time.Minute, jitter: time.Second}, 12, 30},
		{"gaining", world{every: 5 * time.Second, grain: time.Second, ppm: 80, jitter: time.Second}, 12, 8},
		{"losing", world{every: 5 * time.Second, grain: time.Millisecond, ppm: -120, jitter: 3 * time.Second}, 12, 8},
		{"minutes", world{every: time.Minute, grain: time.Minute, offset: 5 * time.Minute}, 12, 100},
		{"an hour", world{every: 10 * time.Second, grain: time.Second, offset: 3 * time.Second, ppm: 50, jitter: time.Second}, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, seen := c.w.run(State{}, 0, c.hours*time.Hour)
			e, ok := s.Estimate()
			if !ok || seen[Fine]+1 != int(e.Samples) || seen[Began] != 1 {
				t.Fatalf("%+v %v", e, seen)
			}
			truth := c.w.clock(e.Heard).Sub(e.Heard)
			near(t, "offset", e.OffsetNS, int64(truth), e.UncertaintyNS)
			if e.UncertaintyNS > int64(c.w.grain+2*time.Second) {
				t.Errorf("uncertainty %s", time.Duration(e.UncertaintyNS))
			}
			if e.DriftKnown != (c.hours > 2) {
				t.Errorf("drift known: %v", e.DriftKnown)
			}
			if e.DriftKnown {
				near(t, "drift", e.DriftPPB, c.w.ppm*1000, c.drift*1000)
			}
		})
	}
}

// A day's delays of a minute, but for one message in fifty, do not count.
func TestMinimumDelay(t *testing.T) {
	w := world{every: 10 * time.Second, grain: time.Millisecond, offset: 40 * time.Second}
	var s State
	jumps := 0
	for i := range 8000 {
		x := w.sample(start.Add(time.Duration(i) * w.every))
		if i%50 != 0 {
			x.Arrived += w.l.below(int64(time.Minute))
		}
		var v Verdict
		if s, v = s.Next(x); v == Jumped || v == Back {
			jumps++
		}
	}
	e, _ := s.Estimate()
	near(t, "offset", e.OffsetNS, int64(40*time.Second), int64(100*time.Millisecond))
	if jumps > 0 {
		t.Errorf("%d jumps that were none", jumps)
	}
}

// What waits while the network is away comes in one batch afterwards: no jump,
// no other offset. Nor when it comes slowly.
func TestBatches(t *testing.T) {
	for _, pace := range []time.Duration{time.Millisecond, 2 * time.Second} {
		w := world{every: 10 * time.Second, grain: time.Second, offset: -8 * time.Second, jitter: time.Second}
		s, _ := w.run(State{}, 0, 3*time.Hour)
		away := start.Add(4 * time.Hour)
		at := away
		seen := map[Verdict]int{}
		for made := start.Add(3 * time.Hour); made.Before(at); made = made.Add(w.every) {
			x := w.sample(made)
			x.Arrived = at.UnixNano()
			at = at.Add(pace)
			var v Verdict
			s, v = s.Next(x)
			seen[v]++
		}
		s, after := w.run(s, at.Sub(start), 8*time.Hour)
		if seen[Jumped]+seen[Back]+after[Jumped]+after[Back] != 0 || seen[Late] == 0 {
			t.Errorf("pace %s: %v, then %v", pace, seen, after)
		}
		e, _ := s.Estimate()
		near(t, "offset", e.OffsetNS, int64(-8*time.Second), int64(2*time.Second))
		if e.Jumps != 0 || e.Since != time.Unix(0, s.Since).UTC() || e.Since.After(start.Add(time.Minute)) {
			t.Errorf("pace %s: %+v", pace, e)
		}
	}
}

// A device that is new to us brings what waited first: the delay that shrinks
// is no jump.
func TestFirstABatch(t *testing.T) {
	w := world{every: 10 * time.Second, grain: time.Second}
	var s State
	at := start.Add(time.Hour)
	for made := start; made.Before(at); made = made.Add(w.every) {
		x := w.sample(made)
		x.Arrived = at.UnixNano()
		at = at.Add(20 * time.Millisecond)
		var v Verdict
		if s, v = s.Next(x); v != Fine && v != Began {
			t.Fatalf("verdict %d at %s", v, made)
		}
	}
	s, seen := w.run(s, at.Sub(start), 3*time.Hour)
	if seen[Jumped]+seen[Back]+seen[Late] != 0 {
		t.Errorf("%v", seen)
	}
	e, _ := s.Estimate()
	near(t, "offset", e.OffsetNS, 0, int64(2*time.Second))
}

// R16: a clock that is set gives one jump, at once when forward, after a few
// messages when back; the new offset is found.
func TestJumps(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, 10 * time.Second, -10 * time.Second, -time.Hour, -26 * time.Hour, 365 * 24 * time.Hour, -3 * 365 * 24 * time.Hour} {
		w := world{every: 15 * time.Second, grain: time.Second, offset: 2 * time.Second, ppm: 20, jitter: time.Second}
		s, _ := w.run(State{}, 0, 5*time.Hour)
		w.offset += by
		s, seen := w.run(s, 5*time.Hour, 10*time.Hour)
		e, _ := s.Estimate()
		want := map[Verdict]int{Jumped: 1, Back: 1}
		switch {
		case by > farAhead:
			want = map[Verdict]int{Jumped: 0, Back: 0}
			if seen[Unset] == 0 || !e.Unset {
				t.Errorf("%s: %v", by, seen)
			}
		case by > 0:
			want[Back] = 0
		}
		if seen[Jumped] != want[Jumped] || seen[Back] != want[Back] {
			t.Errorf("%s: %v", by, seen)
		}
		if e.Jumps != 1 {
			t.Errorf("%s: %d jumps", by, e.Jumps)
		}
		near(t, "jump", e.JumpedNS, int64(by), int64(3*time.Second))
		near(t, by.String()+" offset", e.OffsetNS, int64(w.clock(e.Heard).Sub(e.Heard)), int64(2*time.Second))
		if by < 0 && s.Suspect.Samples > 0 {
			t.Errorf("%s: still in doubt", by)
		}
	}
}

// R16: a device in 1970 or 2036, and one that loses its time during a stay and
// is set right: each is known at once, and so is its end.
func TestUnset(t *testing.T) {
	for _, says := range []time.Time{time.Unix(0, 0), time.Date(2036, 2, 7, 6, 28, 16, 0, time.UTC), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		w := world{every: 10 * time.Second, grain: time.Second}
		s, _ := w.run(State{}, 0, 2*time.Hour)
		w.offset = says.Sub(start.Add(2 * time.Hour))
		s, seen := w.run(s, 2*time.Hour, 3*time.Hour)
		if len(seen) != 1 || !s.Unset {
			t.Errorf("%s: %v", says, seen)
		}
		offset, _ := s.Offset()
		near(t, "offset", offset, int64(w.offset), int64(2*time.Second))
		w.offset = 0
		s, seen = w.run(s, 3*time.Hour, 4*time.Hour)
		if seen[Jumped] != 1 || s.Unset || seen[Unset] != 0 {
			t.Errorf("%s, set right: %v", says, seen)
		}
	}
	// From the first message on.
	w := world{every: 10 * time.Second, grain: time.Second, offset: -56 * 365 * 24 * time.Hour}
	s, seen := w.run(State{}, 0, time.Hour)
	if seen[Unset] == 0 || len(seen) != 1 || s.Far() {
		t.Errorf("from the start: %v", seen)
	}
}

// A clock in the wrong year or zone is far off, and known as that.
func TestFarAndZone(t *testing.T) {
	w := world{every: 10 * time.Second, grain: time.Second, offset: -365 * 24 * time.Hour}
	s, _ := w.run(State{}, 0, time.Hour)
	if e, _ := s.Estimate(); !s.Far() || e.Zone {
		t.Errorf("%+v", e)
	}
	w.offset = 2*time.Hour + 20*time.Second
	s, _ = w.run(State{}, 0, time.Hour)
	if e, _ := s.Estimate(); s.Far() || !e.Zone {
		t.Errorf("%+v", e)
	}
}

// Old results among new ones are late, never a jump, and say so once a minute.
func TestOldAmongNew(t *testing.T) {
	w := world{every: 5 * time.Second, grain: time.Second}
	s, _ := w.run(State{}, 0, time.Hour)
	back := 0
	for i := range 600 {
		at := start.Add(time.Hour + time.Duration(i)*w.every)
		old := w.sample(at)
		old.Said -= int64(time.Duration(1+w.l.below(40)) * time.Hour)
		var v Verdict
		if s, v = s.Next(old); v == Back {
			back++
		} else if v != Late {
			t.Fatalf("verdict %d", v)
		}
		if s, v = s.Next(w.sample(at)); v != Fine {
			t.Fatalf("verdict %d of what is new", v)
		}
	}
	if back < 45 || back > 51 {
		t.Errorf("said %d times in 50 minutes", back)
	}
}

// The same samples give the same state, in one go or with the state written
// and read between any two.
func TestDeterministic(t *testing.T) {
	var samples []Sample
	w := world{l: 7, every: 20 * time.Second, grain: time.Second, ppm: 60, jitter: 40 * time.Second}
	for at := start; at.Before(start.Add(30 * time.Hour)); at = at.Add(w.every) {
		if w.l.below(700) == 0 {
			w.offset += time.Duration(w.l.below(int64(2*time.Hour))) - time.Hour
		}
		x := w.sample(at)
		if w.l.below(20) == 0 {
			x.Arrived += w.l.below(int64(time.Hour))
		}
		samples = append(samples, x)
	}
	var a, b State
	for i, x := range samples {
		var va, vb Verdict
		a, va = a.Next(x)
		if i%13 == 0 {
			text, err := json.Marshal(b)
			if err != nil {
				t.Fatal(err)
			}
			b = State{}
			if err := json.Unmarshal(text, &b); err != nil {
				t.Fatal(err)
			}
		}
		if b, vb = b.Next(x); a != b || va != vb {
			t.Fatalf("sample %d: %+v and %+v", i, a, b)
		}
	}
	if a.Jumps == 0 {
		t.Error("nothing happened")
	}
}

// FuzzNext: no sample panics, the state stays bounded, and its text is itself.
func FuzzNext(f *testing.F) {
	f.Add(int64(0), int64(10_000), int64(20_000), uint8(1))
	f.Add(int64(-1<<40), int64(1<<40), int64(7), uint8(3))
	f.Fuzz(func(t *testing.T, offset, step, jitter int64, grain uint8) {
		const most = int64(100 * 365 * 24 * time.Hour)
		at := start.UnixNano()
		l := lot(step)
		var s State
		for range 200 {
			said := at + offset%most
			if jitter != 0 {
				said += l.below(max(jitter, -jitter)%most + 1)
			}
			s, _ = s.Next(Sample{said, at, []int64{1e6, 1e9, 60e9}[grain%3]})
			at += max(step, -step) % int64(30*24*time.Hour)
			if len(s.Bins.List()) > mostBins || len(s.Bins.List()) == 0 {
				t.Fatal("bins")
			}
			s.Estimate()
			s.Far()
		}
		text, err := json.Marshal(s)
		var again State
		if err != nil || json.Unmarshal(text, &again) != nil || again != s {
			t.Fatalf("%s %v", text, err)
		}
	})
}

func BenchmarkNext(b *testing.B) {
	w := world{every: time.Second, grain: time.Second, jitter: 100 * time.Millisecond}
	s, _ := w.run(State{}, 0, 6*time.Hour)
	at := start.Add(6 * time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Second)
		s, _ = s.Next(w.sample(at))
	}
}
