package waveform_test

import (
	"iter"
	"testing"
	"time"

	"thalamus/internal/waveform"
	"thalamus/internal/waveform/waveformtest"
)

// BenchmarkJoin surveys and lays out an hour of two leads at 250 samples a
// second, one message a second, and gives its blocks.
func BenchmarkJoin(b *testing.B) {
	feeds := waveformtest.Ward(1, waveformtest.Signals()[:2], time.Hour)
	n := 0
	for _, f := range feeds {
		n += len(f.Run.Samples)
	}
	layout := waveform.Layout{Fill: time.Minute, Frame: func(p []int64) (int64, []int, bool) {
		per := make([]int, len(p))
		for i := range p {
			per[i] = 1
		}
		return p[0], per, true
	}}
	b.SetBytes(int64(4 * n))
	b.ReportAllocs()
	for b.Loop() {
		tracks, err := waveform.Survey(waveformtest.Feeds(feeds), 1e6)
		if err != nil {
			b.Fatal(err)
		}
		all, _ := waveform.Plan(tracks, layout)
		for _, r := range all {
			drain(b, r.Blocks(waveformtest.Feeds(feeds)))
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}

func drain(b *testing.B, blocks iter.Seq2[*waveform.Block, error]) {
	for _, err := range blocks {
		if err != nil {
			b.Fatal(err)
		}
	}
}
