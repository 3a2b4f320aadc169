package service

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/waveform"
)

// WaveformAsk says which waveforms to join (R19).
type WaveformAsk struct {
	Patient  model.PatientID `json:"patient,omitempty" doc:"patient id"`
	Device   model.DeviceID  `json:"device,omitempty" doc:"device id"`
	Codes    []string        `json:"codes,omitempty" doc:"RefIDs, MDC numbers or LOINC; all unless told"`
	From     time.Time       `json:"from,omitzero" doc:"of the first sample, e.g. -24h; one hour ago unless told"`
	Until    time.Time       `json:"until,omitzero" doc:"before this; now unless told"`
	Resample int             `json:"resample,omitempty" doc:"samples a second to resample to; samples stay as they were sent unless told"`
	Segments bool            `json:"segments,omitempty" doc:"list every segment, with why it begins"`
}

// WaveformTrack is what is recorded of one signal.
type WaveformTrack struct {
	waveform.Series
	Rate      model.Decimal      `json:"rate"` // samples a second of the first segment
	Start     time.Time          `json:"start"`
	End       time.Time          `json:"end"`
	Samples   int64              `json:"samples"` // none of them missing
	Pieces    int                `json:"pieces"`  // segments without a hole
	Repeats   int64              `json:"repeats,omitempty"`
	Conflicts int64              `json:"conflicts,omitempty"`
	Unusable  int64              `json:"unusable,omitempty"` // runs without a rate or samples
	Segments  []waveform.Segment `json:"segments,omitempty"`
}

// WaveformExportAsk says what to write as files (R22).
type WaveformExportAsk struct {
	WaveformAsk
	Form     string `json:"form" doc:"wfdb, edf (EDF+), fhir (SampledData) or csv"`
	Zone     string `json:"zone,omitempty" doc:"IANA zone of the local times that files give; UTC unless told"`
	Identify bool   `json:"identify,omitempty" doc:"write the patient's name, number, sex and birth date into the files; without it they say nothing of the person"`
}

// WaveformExport is what an export holds: its files and what they leave out.
type WaveformExport struct {
	Form       string              `json:"form"`
	From       time.Time           `json:"from"`
	Until      time.Time           `json:"until"`
	Recordings []WaveformRecording `json:"recordings"`
	// Left are signals that the format cannot hold exactly, and why.
	Left []WaveformLeft `json:"left"`

	plan *waveformPlan
}

// WaveformRecording is one file, or the files of one record.
type WaveformRecording struct {
	Name    string           `json:"name"` // files begin with it
	Device  model.DeviceID   `json:"device,omitempty"`
	Patient model.PatientID  `json:"patient,omitempty"`
	Start   time.Time        `json:"start"`
	End     time.Time        `json:"end"`
	Spans   int              `json:"spans"` // parts with gaps between them
	Signals []WaveformSignal `json:"signals"`
}

// WaveformSignal is one signal of a recording.
type WaveformSignal struct {
	Name     string        `json:"name"`
	UnitUCUM string        `json:"unit,omitempty"`
	Rate     model.Decimal `json:"rate"`
	Origin   model.Decimal `json:"origin"`
	Scale    model.Decimal `json:"scale"`
	Samples  int64         `json:"samples"`
	Pieces   int           `json:"pieces"`
	Derived  string        `json:"derived,omitempty"`
}

// WaveformLeft is a signal that was left out.
type WaveformLeft struct {
	Name    string `json:"name"`
	Samples int64  `json:"samples"`
	Why     string `json:"why"`
}

func waveformOps() []Op {
	return []Op{
		ofPatients(define(Reads, "waveform.list", "List what is recorded of waveforms, joined across messages: each signal with its rate, gaps and repeats.", "--device dev-abc --from -1h", listWaveforms)),
		ofPatients(define(Reads, "waveform.export", "Describe waveforms as files: WFDB, EDF+, FHIR SampledData or CSV; the bytes are at /api/v1/waveform/archive.", "--form wfdb --patient pat-abc --from -1h", exportWaveforms)),
	}
}

// mostSegments bounds the pieces of one answer.
const mostSegments = 100_000

// samples checks an ask and says what to read.
func (c *call) samples(ctx context.Context, r *WaveformAsk) (samplesOf, error) {
	q := samplesOf{patient: r.Patient, device: r.Device, codes: r.Codes, from: r.From, until: r.Until, head: c.s.Record.Head()}
	if q.until.IsZero() {
		q.until = c.s.now()
	}
	if q.from.IsZero() {
		q.from = q.until.Add(-time.Hour)
	}
	switch {
	case q.patient == "" && q.device == "":
		return q, fault.New(fault.Invalid, "service.argument", "say whose: a patient or a device").At("patient")
	case !q.from.Before(q.until) || q.from.Year() < 1900 || q.until.Year() > 2200:
		return q, fault.New(fault.Invalid, "service.argument", "expected a time that begins before it ends").At("from")
	case r.Resample < 0 || r.Resample > 1_000_000:
		return q, fault.New(fault.Invalid, "service.argument", "expected from 1 to 1000000 samples a second").At("resample")
	}
	if q.patient == "" {
		return q, nil
	}
	c.look(q.patient)
	var err error
	q.ids, err = c.s.Patients.Same(ctx, q.patient)
	return q, err
}

// survey joins what is recorded, and notes whose it is.
func (c *call) survey(ctx context.Context, q samplesOf) ([]waveform.Track, error) {
	tracks, err := waveform.Survey(c.s.runs(ctx, q), mostSegments)
	for i := range tracks {
		c.look(tracks[i].Series.Patient)
	}
	slices.SortStableFunc(tracks, func(a, b waveform.Track) int {
		return cmp.Or(cmp.Compare(a.Series.Device, b.Series.Device), cmp.Compare(a.Series.Name(), b.Series.Name()), cmp.Compare(a.Series.Channel, b.Series.Channel))
	})
	return tracks, err
}

func listWaveforms(ctx context.Context, c *call, r WaveformAsk) ([]WaveformTrack, error) {
	q, err := c.samples(ctx, &r)
	if err != nil {
		return nil, err
	}
	if r.Resample != 0 {
		return nil, fault.New(fault.Invalid, "service.argument", "only an export resamples; the list says what was sent").At("resample")
	}
	tracks, err := c.survey(ctx, q)
	if err != nil {
		return nil, err
	}
	var rows []WaveformTrack
	for _, t := range tracks {
		row := WaveformTrack{Series: t.Series, Pieces: len(t.Segments), Unusable: t.Unusable, Conflicts: t.Unmatched}
		for i := range t.Segments {
			s := &t.Segments[i]
			if i == 0 {
				row.Start, row.Rate = s.Start, waveform.PerSecond(s.PeriodNS)
			}
			row.End = s.End()
			row.Samples += s.Count
			row.Repeats += s.Repeats
			row.Conflicts += s.Conflicts
		}
		if r.Segments {
			row.Segments = t.Segments
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// waveformPlan is an export that is ready to be written.
type waveformPlan struct {
	of     samplesOf
	format waveform.Format
	about  waveform.About
	all    []*waveform.Recording
}

func exportWaveforms(ctx context.Context, c *call, r WaveformExportAsk) (WaveformExport, error) {
	var out WaveformExport
	p := &waveformPlan{}
	i := slices.IndexFunc(c.s.Waveforms, func(f waveform.Format) bool { return f.Name == r.Form })
	if i < 0 {
		return out, fault.New(fault.Invalid, "service.argument", "there is no form %q; expected wfdb, edf, fhir or csv", r.Form).At("form")
	}
	p.format = c.s.Waveforms[i]
	var err error
	if p.about.Zone, err = time.LoadLocation(r.Zone); err != nil || r.Zone == "Local" {
		return out, fault.New(fault.Invalid, "service.argument", "unknown time zone %q; use an IANA name such as Europe/Berlin", r.Zone).At("zone")
	}
	if p.of, err = c.samples(ctx, &r.WaveformAsk); err != nil {
		return out, err
	}
	if r.Identify {
		if p.about.Who, err = c.who(ctx, r.Patient); err != nil {
			return out, err
		}
	}
	tracks, err := c.survey(ctx, p.of)
	if err != nil {
		return out, err
	}
	layout := p.format.Layout
	if r.Resample > 0 {
		layout.PeriodNS = (1e9 + int64(r.Resample)/2) / int64(r.Resample)
	}
	var left []waveform.Left
	p.all, left = waveform.Plan(tracks, layout)
	out = WaveformExport{Form: r.Form, From: p.of.from, Until: p.of.until, plan: p}
	for _, one := range p.all {
		out.Recordings = append(out.Recordings, recordingOf(one))
	}
	for _, l := range left {
		out.Left = append(out.Left, WaveformLeft{Name: l.Series.Name(), Samples: l.Count, Why: fmt.Sprint(l.Why)})
	}
	return out, nil
}

func recordingOf(r *waveform.Recording) WaveformRecording {
	row := WaveformRecording{Name: r.Name, Device: r.Device, Patient: r.Patient, Start: r.Start(), End: r.End(), Spans: len(r.Spans)}
	for i := range r.Signals {
		s := &r.Signals[i]
		row.Signals = append(row.Signals, WaveformSignal{
			Name: s.Series.Name(), UnitUCUM: s.Series.UnitUCUM, Rate: waveform.PerSecond(s.PeriodNS), Origin: s.Origin, Scale: s.Scale,
			Samples: s.Count, Pieces: len(s.Parts), Derived: s.Series.Derived,
		})
	}
	return row
}

// who is the person as files name them.
func (c *call) who(ctx context.Context, id model.PatientID) (*waveform.Who, error) {
	if id == "" {
		return nil, fault.New(fault.Invalid, "service.argument", "only files of one patient can name the person: give the patient").At("identify")
	}
	p, err := c.s.Patients.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	w := &waveform.Who{Sex: p.Sex, BirthDate: p.BirthDate, Name: p.DisplayName()}
	if len(p.Identifiers) > 0 {
		w.Code = p.Identifiers[0].Value
	}
	return w, nil
}
