// Package waveformtest makes recordings for the tests of formats, and says
// what a format must give back (R19).
package waveformtest

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/waveform"
)

// Files keeps what a format writes.
type Files map[string]*bytes.Buffer

// Create implements waveform.Folder.
func (f Files) Create(name string) (io.Writer, error) {
	if f[name] != nil {
		return nil, fmt.Errorf("%s is written twice", name)
	}
	f[name] = new(bytes.Buffer)
	return f[name], nil
}

// Read gives the bytes of a file.
func (f Files) Read(name string) ([]byte, error) {
	b := f[name]
	if b == nil {
		return nil, fmt.Errorf("no file %s", name)
	}
	return b.Bytes(), nil
}

// Feeds gives runs one after the other.
func Feeds(all []waveform.Feed) iter.Seq2[waveform.Feed, error] {
	return func(yield func(waveform.Feed, error) bool) {
		for _, f := range all {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// Signal says what a made signal is like.
type Signal struct {
	RefID    string
	Unit     string
	PeriodNS int64
	Origin   model.Decimal
	Scale    model.Decimal
	Low      int32
	High     int32
}

// Signals are what monitors send, and what is awkward.
func Signals() []Signal {
	return []Signal{
		{"MDC_ECG_ELEC_POTL_II", "mV", 4e6, model.Decimal{}, model.Decimal{Coef: 244, Exp: -5}, -2048, 2047},
		{"MDC_ECG_ELEC_POTL_V5", "mV", 4e6, model.Decimal{}, model.Decimal{Coef: 244, Exp: -5}, -2048, 2047},
		{"MDC_PRESS_BLD_ART", "mm[Hg]", 8e6, model.Decimal{Coef: -40}, model.Decimal{Coef: 1, Exp: -1}, 0, 4095},
		{"MDC_PULS_OXIM_PLETH", "1", 16e6, model.Decimal{}, model.Decimal{Coef: 1}, 0, 255},
		{"MDC_IMPED_TTHOR", "Ohm", 3333333, model.Decimal{Coef: 5, Exp: -1}, model.Decimal{Coef: 1, Exp: -2}, -30000, 30000},
		{"MDC_AWAY_CO2", "mm[Hg]", 3906250, model.Decimal{}, model.Decimal{Coef: -5, Exp: -2}, 40000, 60000},
	}
}

// Ward makes what a device sends of signals over a time, in messages of a
// second: some are lost, some come twice, some samples are missing.
func Ward(seed uint64, signals []Signal, length time.Duration) []waveform.Feed {
	r := rand.New(rand.NewPCG(seed, 7))
	start := time.Date(2026, 3, 29, 0, 59, 58, 123_456_789, time.UTC)
	var all []waveform.Feed
	next := make([]int64, len(signals)) // samples since the start
	for at := time.Second; at <= length; at += time.Second {
		lost := r.IntN(10) == 0
		if r.IntN(40) == 0 { // off for minutes
			at += time.Duration(r.IntN(300)) * time.Second
			lost = true
		}
		again := r.IntN(12) == 0
		for i, s := range signals {
			until := int64(at) / s.PeriodNS
			n := until - next[i]
			run := waveform.Run{
				Ref: model.MessageRef{Seq: model.Seq(at / time.Second)}, Start: start.Add(time.Duration(next[i] * s.PeriodNS)),
				PeriodNS: s.PeriodNS, Origin: s.Origin, Scale: s.Scale, Samples: make([]int32, n),
			}
			for k := range run.Samples {
				run.Samples[k] = s.Low + r.Int32N(s.High-s.Low+1)
			}
			if r.IntN(8) == 0 && n > 4 {
				from := r.Int64N(n - 2)
				for k := from; k < min(n, from+1+r.Int64N(n)); k++ {
					run.Samples[k] = model.Gap
				}
			}
			next[i] = until
			if lost || r.IntN(25) == 0 {
				continue
			}
			f := waveform.Feed{Series: waveform.Series{
				Patient: "pat-1", Device: "dev-abcdefghijklm", Code: model.Code{RefID: s.RefID}, UnitUCUM: s.Unit,
			}, Run: run}
			all = append(all, f)
			if again {
				f.Run.Samples = slices.Clone(run.Samples)
				all = append(all, f)
			}
		}
	}
	return all
}

// Sample is one sample and when it was taken, by its place.
type Sample struct {
	At    time.Time
	Steps int32
}

// Samples gives what lies in a recording, of each signal, from its blocks.
func Samples(r *waveform.Recording, feeds []waveform.Feed) ([][]Sample, error) {
	out := make([][]Sample, len(r.Signals))
	for b, err := range r.Blocks(Feeds(feeds)) {
		if err != nil {
			return nil, err
		}
		for i, list := range b.Samples {
			per := int64(r.Per[i])
			for k, s := range list {
				if s == model.Gap {
					continue
				}
				at := b.First*per + int64(k)
				out[i] = append(out[i], Sample{r.Spans[b.Span].Start.Add(time.Duration(at/per*r.FrameNS + at%per*r.FrameNS/per)), s})
			}
		}
	}
	return out, nil
}
