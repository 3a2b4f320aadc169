package fhir

import (
	"io"
	"iter"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/waveform"
)

// Sampled is the form of joined waveforms in FHIR: Observations with
// SampledData, one a line (NDJSON), that begin anew where samples do not lie
// in step with those before, or after a gap.
func Sampled() waveform.Format {
	return waveform.Format{
		Name: "fhir", Doc: "FHIR R4 Observations with SampledData, NDJSON",
		Layout: waveform.Layout{Frame: oneRate, Fill: sampledFill},
		Write:  writeSampled,
	}
}

// sampledFill is the longest gap told by "E" within one Observation, in ns.
const sampledFill = 10 * time.Second

func oneRate(periods []int64) (int64, []int, bool) {
	per := make([]int, len(periods))
	for i, p := range periods {
		if p != periods[0] {
			return 0, nil, false
		}
		per[i] = 1
	}
	return periods[0], per, true
}

func writeSampled(dst waveform.Folder, r *waveform.Recording, a waveform.About, blocks iter.Seq2[*waveform.Block, error]) error {
	f, err := dst.Create(r.Name + ".ndjson")
	if err != nil {
		return err
	}
	w := sampling{out: f, r: r, about: a, next: make([]int, len(r.Signals))}
	for b, err := range blocks {
		if err == nil {
			err = w.block(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type sampling struct {
	b     builder
	out   io.Writer
	r     *waveform.Recording
	about waveform.About
	next  []int // part of each signal that is not wholly written yet
}

// block writes what a block holds: of each signal the parts in step with each
// other as one Observation.
func (w *sampling) block(b *waveform.Block) error {
	for i := range w.r.Signals {
		s := &w.r.Signals[i]
		until := b.First + int64(b.Frames)
		for w.next[i] < len(s.Parts) {
			p := &s.Parts[w.next[i]]
			if p.Span != b.Span || p.At >= until {
				break
			}
			from := max(p.At, b.First)
			start := p.Start.Add(time.Duration((from - p.At) * s.PeriodNS))
			end := min(p.At+p.Count, until)
			for p.At+p.Count <= until {
				if w.next[i]++; w.next[i] == len(s.Parts) {
					break
				}
				q := &s.Parts[w.next[i]]
				inStep := q.Span == p.Span && q.Start.Equal(p.Start.Add(time.Duration((q.At-p.At)*s.PeriodNS)))
				if !inStep || q.At >= until {
					break
				}
				p, end = q, min(q.At+q.Count, until)
			}
			if err := w.observation(s, start, b.Samples[i][from-b.First:end-b.First]); err != nil {
				return err
			}
			if p.At+p.Count > until {
				break
			}
		}
	}
	return nil
}

// observation writes one Observation as a line (FHIR R4 §2.24.0.12).
func (w *sampling) observation(s *waveform.Signal, start time.Time, samples []int32) error {
	b, o := &w.b, &w.b.w
	b.h.start('s')
	b.h.add(string(s.Series.Device))
	b.h.add(s.Series.Name())
	b.h.add(s.Series.UnitUCUM)
	b.h.add(s.Series.Derived)
	b.h.number(uint64(s.Series.Channel))
	b.h.number(uint64(start.UnixNano()))
	id := b.h.sum()
	o.b = append(o.b[:0], `{"resourceType":"Observation","id":"`...)
	o.b = append(id.appendUUID(o.b), '"')
	b.meta("", s.Series.Simulated)
	o.word("status", "final")
	o.open("code", '{')
	b.meaning(s.Series.Code, s.Series.Received, model.Coding{})
	o.close('}')
	w.whose("subject", "Patient", string(s.Series.Patient), w.about.Who)
	o.open("effectivePeriod", '{')
	o.text("start", start.UTC().Format(time.RFC3339Nano))
	o.text("end", start.Add(time.Duration(int64(len(samples)-1)*s.PeriodNS)).UTC().Format(time.RFC3339Nano))
	o.close('}')
	f := model.Waveform{UnitUCUM: s.Series.UnitUCUM, PeriodNS: s.PeriodNS, Origin: s.Origin, Scale: s.Scale, Samples: samples}
	b.samples(&f)
	if d := s.Series.Derived; d != "" {
		o.open("method", '{')
		o.text("text", d)
		o.close('}')
	}
	w.whose("device", "Device", string(s.Series.Device), nil)
	o.b = append(o.b, "}\n"...)
	_, err := w.out.Write(o.b)
	return err
}

// whose writes a logical reference by our own id.
func (w *sampling) whose(name, kind, id string, who *waveform.Who) {
	if id == "" {
		return
	}
	o := &w.b.w
	o.open(name, '{')
	o.word("type", kind)
	o.open("identifier", '{')
	o.text("value", id)
	o.close('}')
	if who != nil && who.Name != "" {
		o.text("display", who.Name)
	}
	o.close('}')
}
