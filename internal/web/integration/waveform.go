package integration

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// drawing is a waveform as one SVG path in a box of waveWidth × waveHeight.
type drawing struct {
	path      string
	low, high float64
	gaps      int
	seconds   float64
	perSecond float64
}

const (
	waveWidth  = 1000
	waveHeight = 100
	waveColumn = 600 // most columns that are drawn: each with its lowest and highest sample
)

// draw lays a waveform out. Samples beyond the columns are drawn as the lowest
// and highest of their column, so that no peak is lost; a gap breaks the line.
func draw(w model.Waveform) drawing {
	d := drawing{low: math.Inf(1), high: math.Inf(-1)}
	if w.PeriodNS > 0 {
		d.perSecond = 1e9 / float64(w.PeriodNS)
		d.seconds = float64(w.PeriodNS) * float64(len(w.Samples)) / 1e9
	}
	origin, scale := w.Origin.Float64(), w.Scale.Float64()
	value := func(s int32) float64 { return origin + float64(s)*scale }
	for _, s := range w.Samples {
		if s == model.Gap {
			d.gaps++
			continue
		}
		d.low, d.high = min(d.low, value(s)), max(d.high, value(s))
	}
	if d.gaps == len(w.Samples) {
		d.low, d.high = 0, 0
		return d
	}
	span := d.high - d.low
	if span == 0 {
		span = 1
	}
	var b strings.Builder
	pen := false
	point := func(i int, s int32) {
		if s == model.Gap {
			pen = false
			return
		}
		x := float64(i) * waveWidth / float64(max(len(w.Samples)-1, 1))
		y := 4 + (waveHeight-8)*(1-(value(s)-d.low)/span)
		b.WriteByte("ML"[btoi(pen)])
		b.Write(strconv.AppendFloat(nil, x, 'f', 1, 64))
		b.WriteByte(' ')
		b.Write(strconv.AppendFloat(nil, y, 'f', 1, 64))
		pen = true
	}
	column := max(1, (len(w.Samples)+waveColumn-1)/waveColumn)
	for i := 0; i < len(w.Samples); i += column {
		end := min(i+column, len(w.Samples))
		lowest, highest := i, i
		for j := i; j < end; j++ {
			s := w.Samples[j]
			if s == model.Gap {
				lowest, highest = j, j
				break
			}
			if s < w.Samples[lowest] {
				lowest = j
			}
			if s > w.Samples[highest] {
				highest = j
			}
		}
		first, second := min(lowest, highest), max(lowest, highest)
		point(first, w.Samples[first])
		if second != first {
			point(second, w.Samples[second])
		}
	}
	d.path = b.String()
	return d
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// said is the drawing in words, for who does not see it.
func (d drawing) said(ctx context.Context, w model.Waveform) string {
	text := ui.T(ctx, "%s: %s samples, %s a second, over %s.", ui.Named(ctx, w.Code, w.Received), ui.Num(ctx, len(w.Samples)),
		strconv.FormatFloat(d.perSecond, 'f', -1, 64), ui.Span(ctx, time.Duration(d.seconds*float64(time.Second))))
	if d.path == "" {
		return text + " " + ui.T(ctx, "Every sample is missing.")
	}
	text += " " + ui.T(ctx, "Lowest %s, highest %s %s.", number(d.low), number(d.high), w.UnitUCUM)
	if d.gaps > 0 {
		text += " " + ui.Plural(ctx, d.gaps, "%s sample is missing.", "%s samples are missing.")
	}
	return text
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', 4, 64) }

// waveforms gives those of a message as files: what its devices sent from the
// first sample of them to the last (R19, R22).
func waveforms(v *ui.Visit, w http.ResponseWriter) error {
	ref, err := refOf(v)
	if err != nil {
		return err
	}
	var page service.MessagePage
	if err := v.Call("message.get", service.Ref{Seq: ref.Seq, Part: ref.Part}, &page); err != nil {
		return err
	}
	ask := service.WaveformExportAsk{Form: v.Path("form")}
	if m := page.Message; m != nil {
		ask.WaveformAsk = spanOf(m)
	}
	return ui.Archive(v, w, ask)
}

// spanOf asks for the samples of a message's waveforms.
func spanOf(m *model.Message) (ask service.WaveformAsk) {
	if m.Patient != nil {
		ask.Patient = m.Patient.ID
	}
	for i := range m.Devices {
		if ask.Device == "" {
			ask.Device = m.Devices[i].ID
		}
	}
	for i := range m.Waveforms {
		w := &m.Waveforms[i]
		from := w.DeviceTime.UTC
		if from.IsZero() {
			from = m.DeviceTime.UTC
		}
		if from.IsZero() {
			from = m.Arrived
		}
		until := from.Add(time.Duration(w.PeriodNS) * time.Duration(len(w.Samples)))
		if ask.From.IsZero() || from.Before(ask.From) {
			ask.From = from
		}
		if until.After(ask.Until) {
			ask.Until = until
		}
	}
	return ask
}
