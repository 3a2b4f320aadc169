package waveform

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"thalamus/internal/model"
)

func resampled(start time.Time, periodNS, to int64, chunk int, samples []int32) (Segment, []int32) {
	s := Segment{Start: start, PeriodNS: periodNS, Count: int64(len(samples)), Scale: model.Decimal{Coef: 1}}
	out, ok := Resampled(s, to)
	if !ok {
		return out, nil
	}
	r := newResampling(s, to)
	var made []int32
	for len(samples) > 0 {
		n := min(chunk, len(samples))
		made = r.take(samples[:n], made)
		samples = samples[n:]
	}
	return out, made
}

// R19: what is resampled lies on whole multiples of the period, between the
// samples there are, by the method that the files name.
func TestResample(t *testing.T) {
	const ms = int64(time.Millisecond)
	at := func(n int64) time.Time { return time.UnixMilli(n).UTC() }
	for name, c := range map[string]struct {
		start, period, to int64
		samples           []int32
		first             int64
		want              []int32
	}{
		"the same instants":      {20, 10, 10, []int32{1, 2, 3}, 20, []int32{1, 2, 3}},
		"the same rate, between": {25, 10, 10, []int32{1, 2, 5, 0}, 30, []int32{2, 4, 3}}, // halves away from zero
		"twice the rate":         {20, 10, 5, []int32{0, 10, -10}, 20, []int32{0, 5, 10, 0, -10}},
		"half the rate":          {20, 10, 20, []int32{1, 3, 5, 7, 9, 11}, 40, []int32{4, 8}},
		"a tenth of the rate":    {0, 10, 100, slices.Repeat([]int32{10, 20}, 15), 100, []int32{15, 15}},
		"negative":               {20, 10, 5, []int32{-1, -2}, 20, []int32{-1, -2, -2}},
		"too short":              {21, 10, 100, []int32{1, 2}, 0, nil},
		"one sample off":         {21, 10, 10, []int32{1}, 0, nil},
		"before 1970":            {-25, 10, 10, []int32{10, 20}, -20, []int32{15}},
	} {
		for chunk := 1; chunk < 4; chunk++ {
			s, got := resampled(at(c.start), c.period*ms, c.to*ms, chunk, c.samples)
			if !slices.Equal(got, c.want) || len(got) > 0 && (!s.Start.Equal(at(c.first)) || s.Count != int64(len(got)) || s.PeriodNS != c.to*ms) {
				t.Errorf("%s: %v from %s (%d), want %v from %s", name, got, s.Start, s.Count, c.want, at(c.first))
			}
		}
	}
}

// Whatever the rates, there are as many samples as were promised, and none is
// beyond those there were.
func TestResampleKeepsItsPromise(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		samples := make([]int32, 1+r.IntN(200))
		for i := range samples {
			samples[i] = r.Int32() * int32(1-2*r.IntN(2))
		}
		period, to := 1+r.Int64N(1e7), 1+r.Int64N(3e7)
		s, got := resampled(time.Unix(0, r.Int64N(1e18)), period, to, 1+r.IntN(50), samples)
		if s.Count > 1<<20 {
			continue
		}
		if int64(len(got)) != s.Count {
			t.Fatalf("%d samples every %d ns to %d ns: %d, promised %d", len(samples), period, to, len(got), s.Count)
		}
		if len(got) > 0 && (slices.Min(got) < slices.Min(samples) || slices.Max(got) > slices.Max(samples)) {
			t.Fatalf("beyond what was sent")
		}
	}
}
