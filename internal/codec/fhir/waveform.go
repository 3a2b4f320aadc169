package fhir

import (
	"slices"
	"strconv"
	"time"

	"thalamus/internal/model"
)

// waveform writes waveform i as an Observation with SampledData (FHIR R4
// §2.24.0.12): value = origin + sample × factor, period in milliseconds, "E"
// for a missing or invalid sample.
func (b *builder) waveform(i int) {
	f := &b.spoken.m.Waveforms[i]
	b.patient()
	g, by, hasBy := b.measuredBy(f.Device, f.SubID, f.Code, f.Received, f.UnitUCUM, "measurement", f.DeviceTime)
	code := f.Received.Code
	if code == "" {
		code = f.Received.Text
	}
	id := b.h.fieldIdentity('w', b.spoken.id, f.Field, f.SubID, code, f.DeviceTime.Original)
	if g.is && b.keepsSamples(f, &g) {
		g.profile = "PhdRtsaObservation"
	}
	if !b.start(id, nil, &g, nil, f.Simulated, f.Status) {
		return
	}
	w := &b.w
	w.open("code", '{')
	b.meaning(f.Code, f.Received, model.Coding{})
	w.close('}')
	b.about()
	b.span(f)
	b.issued()
	if len(f.Samples) == 0 || f.PeriodNS <= 0 {
		b.absent("unknown")
	} else {
		b.samples(f)
	}
	if hasBy {
		b.reference("device", by)
	}
	b.requestByID(id, "Observation", b.o.Replace)
	b.said = append(b.said, id)
}

// keepsSamples says whether samples keep the guide's profile: it has no sample
// that is missing.
func (b *builder) keepsSamples(f *model.Waveform, g *guided) bool {
	o := model.Observation{DeviceTime: f.DeviceTime}
	return len(f.Samples) > 0 && f.PeriodNS > 0 && f.UnitUCUM != "" && !slices.Contains(f.Samples, model.Gap) &&
		b.keeps(g, &o, f.Code, f.Received)
}

// span writes effectivePeriod from the first to the last sample.
func (b *builder) span(f *model.Waveform) {
	t := b.timeOf(f.DeviceTime)
	if t.UTC.IsZero() || !sane(t.UTC) {
		return
	}
	w := &b.w
	if n := int64(len(f.Samples)); n > 1 && f.PeriodNS > 0 && f.PeriodNS < int64(24*time.Hour)/n && dateLength(t) == 0 {
		w.open("effectivePeriod", '{')
		if t.Corrected() {
			w.clock(&t)
		}
		w.instant("start", t.UTC)
		w.instant("end", t.UTC.Add(time.Duration((n-1)*f.PeriodNS)))
		w.close('}')
		return
	}
	w.dateTime("effectiveDateTime", t)
}

func (b *builder) samples(f *model.Waveform) {
	w := &b.w
	w.open("valueSampledData", '{')
	w.open("origin", '{')
	w.decimal("value", f.Origin)
	b.inUnit(f.UnitUCUM, f.UnitSent)
	w.close('}')
	w.name("period")
	w.b = appendMilliseconds(w.b, f.PeriodNS)
	if f.Scale != (model.Decimal{Coef: 1}) || b.spoken.m != nil && personal(b.spoken.m) {
		w.decimal("factor", f.Scale)
	}
	if f.Low != nil {
		w.decimal("lowerLimit", *f.Low)
	}
	if f.High != nil {
		w.decimal("upperLimit", *f.High)
	}
	w.whole("dimensions", 1)
	w.name("data")
	w.b = append(w.b, '"')
	for k, s := range f.Samples {
		if k > 0 {
			w.b = append(w.b, ' ')
		}
		if s == model.Gap {
			w.b = append(w.b, 'E')
			continue
		}
		w.b = strconv.AppendInt(w.b, int64(s), 10)
	}
	w.b = append(w.b, '"', '}')
}

// appendMilliseconds writes nanoseconds as exact milliseconds: 4, 7.8125.
func appendMilliseconds(b []byte, ns int64) []byte {
	b = strconv.AppendInt(b, ns/1e6, 10)
	rest := ns % 1e6
	if rest == 0 {
		return b
	}
	b = append(b, '.')
	for unit := int64(1e5); rest > 0; unit /= 10 {
		b = append(b, byte('0'+rest/unit))
		rest %= unit
	}
	return b
}
