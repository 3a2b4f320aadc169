package waveform_test

import (
	"testing"
	"time"

	"thalamus/internal/waveform"
	"thalamus/internal/waveform/waveformtest"
)

// Whatever runs come, joining them ends, counts every sample once, and keeps
// segments in order.
func FuzzJoin(f *testing.F) {
	f.Add([]byte{0, 5, 10, 5, 10, 9, 3, 200, 1, 0})
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Fuzz(func(t *testing.T, b []byte) {
		start, offered := time.Unix(1_700_000_000, 0), int64(0)
		var feeds []waveform.Feed
		for len(b) >= 5 && len(feeds) < 200 {
			step, n, clock, scale, seed := b[0], b[1]%40, b[2], b[3], b[4]
			b = b[5:]
			start = start.Add(time.Duration(step) * time.Millisecond)
			r := waveform.Run{Start: start, PeriodNS: int64(1+scale%3) * 10e6, ClockOffsetNS: int64(clock) * 5e6}
			r.Scale.Coef, r.Scale.Exp = 1, -int8(scale>>4%3)
			for k := range n {
				s := int32(int8(seed+k*7)) * 1000
				if (seed+k)%11 == 0 {
					s = no
				} else {
					offered++
				}
				r.Samples = append(r.Samples, s)
			}
			feeds = append(feeds, waveform.Feed{Run: r})
		}
		tracks, err := waveform.Survey(waveformtest.Feeds(feeds), 1e6)
		if err != nil {
			t.Fatal(err)
		}
		told := int64(0)
		for _, one := range tracks {
			for i := range one.Segments {
				s := &one.Segments[i]
				told += s.Count
				if s.Count <= 0 || s.Min > s.Max {
					t.Fatalf("%+v", s)
				}
			}
		}
		if told > offered {
			t.Fatalf("%d samples of %d", told, offered)
		}
		all, _ := waveform.Plan(tracks, waveform.Layout{Fill: time.Second, Frame: func(p []int64) (int64, []int, bool) {
			return p[0], []int{1}, len(p) == 1
		}})
		laid := int64(0)
		for _, r := range all {
			got, err := waveformtest.Samples(r, feeds)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				laid += int64(len(got[i]))
			}
		}
		if laid != told {
			t.Fatalf("%d samples laid out, %d joined", laid, told)
		}
	})
}
