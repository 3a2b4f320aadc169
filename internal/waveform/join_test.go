package waveform_test

import (
	"slices"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/waveform"
	"thalamus/internal/waveform/waveformtest"
)

const (
	ms = int64(time.Millisecond)
	no = int32(model.Gap)
)

func run(atMS int64, samples ...int32) waveform.Run {
	return waveform.Run{Start: time.UnixMilli(atMS), PeriodNS: 10 * ms, Scale: model.Decimal{Coef: 1}, Samples: samples}
}

func with(r waveform.Run, change func(*waveform.Run)) waveform.Run { change(&r); return r }

// R19: contiguous segments joined across messages, gaps kept.
func TestJoin(t *testing.T) {
	tenth := func(r *waveform.Run) { r.Scale = model.Decimal{Coef: 1, Exp: -1} }
	type seg struct {
		atMS      int64
		why       waveform.Cause
		samples   []int32
		repeats   int64
		conflicts int64
	}
	for name, c := range map[string]struct {
		runs []waveform.Run
		want []seg
	}{
		"one after the other": {[]waveform.Run{run(0, 1, 2), run(20, 3)}, []seg{{0, "first", []int32{1, 2, 3}, 0, 0}}},
		"times that tremble":  {[]waveform.Run{run(0, 1, 2), run(26, 3, 4), run(33, 5)}, []seg{{0, "first", []int32{1, 2, 3, 4, 5}, 0, 0}}},
		"a gap":               {[]waveform.Run{run(0, 1, 2), run(30, 3)}, []seg{{0, "first", []int32{1, 2}, 0, 0}, {30, "gap", []int32{3}, 0, 0}}},
		"missing samples":     {[]waveform.Run{run(0, no, 1, no, no), run(40, 2)}, []seg{{10, "missing", []int32{1}, 0, 0}, {40, "missing", []int32{2}, 0, 0}}},
		"all of it missing":   {[]waveform.Run{run(0, no, no)}, nil},
		"a repeat":            {[]waveform.Run{run(0, 1, 2), run(0, 1, 2), run(20, 3)}, []seg{{0, "first", []int32{1, 2, 3}, 2, 0}}},
		"a repeat and more":   {[]waveform.Run{run(0, 1, 2, 3), run(10, 2, 3, 4, 5), run(50, 6)}, []seg{{0, "first", []int32{1, 2, 3, 4, 5, 6}, 2, 0}}},
		"a repeat of less":    {[]waveform.Run{run(0, 1, 2, 3), run(10, 2), run(30, 4)}, []seg{{0, "first", []int32{1, 2, 3, 4}, 1, 0}}},
		"other samples":       {[]waveform.Run{run(0, 1, 2, 3), run(10, 9, 9, 4), run(40, 5)}, []seg{{0, "first", []int32{1, 2, 3}, 0, 2}, {30, "overlap", []int32{4, 5}, 0, 0}}},
		"other samples alone": {[]waveform.Run{run(0, 1, 2, 3), run(10, 9, 9), run(30, 4)}, []seg{{0, "first", []int32{1, 2, 3, 4}, 0, 2}}},
		"another rate": {[]waveform.Run{run(0, 1, 2), with(run(20, 3), func(r *waveform.Run) { r.PeriodNS = 20 * ms }), with(run(40, 4), func(r *waveform.Run) { r.PeriodNS = 20 * ms })},
			[]seg{{0, "first", []int32{1, 2}, 0, 0}, {20, "rate", []int32{3, 4}, 0, 0}}},
		"another scale": {[]waveform.Run{run(0, 1, 2), with(run(20, 3), func(r *waveform.Run) { r.Scale.Coef = 2 })},
			[]seg{{0, "first", []int32{1, 2}, 0, 0}, {20, "scale", []int32{3}, 0, 0}}},
		"another origin": {[]waveform.Run{run(0, 1, 2), with(run(20, 3), func(r *waveform.Run) { r.Origin.Coef = 2 })},
			[]seg{{0, "first", []int32{1, 2}, 0, 0}, {20, "scale", []int32{3}, 0, 0}}},
		"more digits, then fewer": {[]waveform.Run{run(0, 1, 2), with(run(20, 35), tenth), run(30, 4)},
			[]seg{{0, "first", []int32{10, 20, 35, 40}, 0, 0}}},
		"more digits than fit": {[]waveform.Run{run(0, 1, 2e9), with(run(20, 35), tenth)},
			[]seg{{0, "first", []int32{1, 2e9}, 0, 0}, {20, "scale", []int32{35}, 0, 0}}},
		"a repeat with other digits": {[]waveform.Run{run(0, 1, 2), with(run(10, 20, 31), tenth)}, []seg{{0, "first", []int32{10, 20, 31}, 1, 0}}},
		"a correction that moves": {[]waveform.Run{with(run(0, 1, 2), func(r *waveform.Run) { r.ClockOffsetNS, r.UncertaintyNS = 1000*ms, 50*ms }),
			with(run(5, 3), func(r *waveform.Run) { r.ClockOffsetNS = 1015 * ms })},
			[]seg{{0, "first", []int32{1, 2, 3}, 0, 0}}},
		"a clock that was set": {[]waveform.Run{run(0, 1, 2), with(run(20, 3), func(r *waveform.Run) { r.ClockOffsetNS = 3_600_000 * ms }),
			with(run(30, 4), func(r *waveform.Run) { r.ClockOffsetNS = 3_600_000 * ms })},
			[]seg{{0, "first", []int32{1, 2, 3, 4}, 0, 0}}},
		"times that drift": {[]waveform.Run{run(0, 1, 2), run(26, 3, 4), run(52, 5, 6)},
			[]seg{{0, "first", []int32{1, 2, 3, 4}, 0, 0}, {52, "clock", []int32{5, 6}, 0, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []seg
			moved := map[int][]int32{}
			var ended []waveform.Segment
			j := waveform.Joiner{Ended: func(s waveform.Segment) { ended = append(ended, s) }}
			var pieces []waveform.Piece
			j.Moved = func(p waveform.Piece) {
				if p.From != int64(len(moved[p.Segment])) {
					t.Errorf("piece at %d, %d samples came before", p.From, len(moved[p.Segment]))
				}
				moved[p.Segment] = append(moved[p.Segment], p.Samples...)
				p.Samples = slices.Clone(p.Samples)
				pieces = append(pieces, p)
			}
			for _, r := range c.runs {
				j.Add(r)
			}
			j.End()
			for i, s := range ended {
				one := seg{s.Start.UnixMilli(), s.Why, nil, s.Repeats, s.Conflicts}
				for _, p := range pieces {
					if p.Segment == i {
						for _, v := range p.Samples {
							for e := p.Scale.Exp; e > s.Scale.Exp; e-- {
								v *= 10
							}
							one.samples = append(one.samples, v)
						}
					}
				}
				if lo, hi := slices.Min(one.samples), slices.Max(one.samples); lo != s.Min || hi != s.Max || int64(len(one.samples)) != s.Count {
					t.Errorf("segment %d says %d samples from %d to %d, they are %v", i, s.Count, s.Min, s.Max, one.samples)
				}
				got = append(got, one)
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %+v, want %+v", got, c.want)
			}
			for i := range got {
				if g, w := got[i], c.want[i]; g.atMS != w.atMS || g.why != w.why || !slices.Equal(g.samples, w.samples) || g.repeats != w.repeats || g.conflicts != w.conflicts {
					t.Errorf("segment %d: got %+v, want %+v", i, g, w)
				}
			}
		})
	}
}

// A rate whose period is no whole number of nanoseconds is no drift.
func TestRoundedPeriodIsNoDrift(t *testing.T) {
	n := 0
	j := waveform.Joiner{Ended: func(waveform.Segment) { n++ }}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 24 * 3600 {
		j.Add(waveform.Run{Start: start.Add(time.Duration(i) * time.Second), PeriodNS: 3333333, Scale: model.Decimal{Coef: 1}, Samples: make([]int32, 300)})
	}
	if j.End(); n != 1 {
		t.Errorf("%d segments", n)
	}
}

// What is planned holds every sample once, at its time, whatever was lost.
func TestPlanKeepsEverySample(t *testing.T) {
	for seed := range uint64(20) {
		feeds := waveformtest.Ward(seed, waveformtest.Signals(), 10*time.Minute)
		tracks, err := waveform.Survey(waveformtest.Feeds(feeds), 1e6)
		if err != nil {
			t.Fatal(err)
		}
		recordings, left := waveform.Plan(tracks, waveform.Layout{Fill: time.Minute, Frame: func(p []int64) (int64, []int, bool) {
			per := make([]int, len(p))
			for i := range p {
				per[i] = 1
			}
			return p[0], per, slices.Max(p) == slices.Min(p)
		}})
		if len(left) != 0 || len(recordings) != 5 {
			t.Fatalf("%d recordings, %d left", len(recordings), len(left))
		}
		for _, r := range recordings {
			got, err := waveformtest.Samples(r, feeds)
			if err != nil {
				t.Fatal(err)
			}
			for i := range r.Signals {
				s := &r.Signals[i]
				var want []waveformtest.Sample
				last := time.Time{}
				for _, f := range feeds {
					if f.Series != s.Series || f.Run.Start.Equal(last) {
						continue
					}
					last = f.Run.Start
					for k, v := range f.Run.Samples {
						if v != no {
							want = append(want, waveformtest.Sample{At: f.Run.Start.Add(time.Duration(int64(k) * s.PeriodNS)), Steps: v})
						}
					}
				}
				if len(got[i]) != len(want) || s.Count != int64(len(want)) {
					t.Fatalf("seed %d, %s: %d samples, want %d", seed, s.Series.Name(), len(got[i]), len(want))
				}
				for k := range want {
					if d := got[i][k].At.Sub(want[k].At).Abs(); got[i][k].Steps != want[k].Steps || d > time.Duration(s.PeriodNS) {
						t.Fatalf("seed %d, %s: sample %d is %+v, want %+v", seed, s.Series.Name(), k, got[i][k], want[k])
					}
				}
			}
		}
	}
}
