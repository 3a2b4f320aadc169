package cli

import (
	"strconv"
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// trendLine is one step of a trend, or one value, as people read it.
type trendLine struct {
	Time      time.Time        `json:"time"`
	Code      model.Code       `json:"code"`
	Last      model.Decimal    `json:"last"`
	Mean      string           `json:"mean"`
	Min       string           `json:"min"`
	Max       string           `json:"max"`
	Unit      string           `json:"unit"`
	Count     string           `json:"count"` // a plain number: the unit is that of the values
	Simulated bool             `json:"simulated"`
	Patient   model.PatientID  `json:"patient"`
	Device    model.DeviceID   `json:"device"`
	Ref       model.MessageRef `json:"ref"`
}

// runLine is a run of samples as people read it: not the samples, which --json
// and waveform export give.
type runLine struct {
	Start     time.Time        `json:"start"`
	Code      model.Code       `json:"code"`
	Samples   int              `json:"samples"`
	Gaps      string           `json:"gaps"` // of the samples
	Period    int64            `json:"periodNs"`
	Scale     model.Decimal    `json:"scale"`
	Origin    model.Decimal    `json:"origin"`
	Unit      string           `json:"unit"`
	Simulated bool             `json:"simulated"`
	Patient   model.PatientID  `json:"patient"`
	Device    model.DeviceID   `json:"device"`
	Ref       model.MessageRef `json:"ref"`
}

// printSamples writes runs of samples, a line each.
func (c *program) printSamples(all []record.Samples) error {
	lines := make([]runLine, len(all))
	for i := range all {
		r := &all[i]
		w := r.Waveform
		if w == nil {
			w = new(model.Waveform)
		}
		gaps := 0
		for _, s := range w.Samples {
			if s == model.Gap {
				gaps++
			}
		}
		lines[i] = runLine{Start: r.Start, Code: w.Code, Samples: len(w.Samples), Period: w.PeriodNS, Scale: w.Scale, Origin: w.Origin, Unit: w.UnitUCUM,
			Simulated: r.Simulated, Patient: r.Patient, Device: r.Device, Ref: r.Ref}
		if gaps > 0 {
			lines[i].Gaps = strconv.Itoa(gaps)
		}
	}
	return printText(c.out, lines, c.width())
}

// printTrends writes numbers over time, a line each.
func (c *program) printTrends(all []record.Trend) error {
	lines := []trendLine{}
	for i := range all {
		t := &all[i]
		code := t.Code
		if code.Key() == "" {
			code.Name = t.Received.Text + " (" + t.Received.Code + ")"
		}
		for j := range t.Points {
			p := &t.Points[j]
			line := trendLine{Time: p.Time, Code: code, Last: p.Last, Unit: t.UnitUCUM, Simulated: t.Simulated, Patient: t.Patient, Device: t.Device, Ref: p.Ref}
			if t.Step > 0 {
				line.Mean, line.Min, line.Max, line.Count = strconv.FormatFloat(p.Mean, 'g', 6, 64), p.Min.String(), p.Max.String(), strconv.Itoa(p.Count)
			}
			lines = append(lines, line)
		}
	}
	return printText(c.out, lines, c.width())
}
