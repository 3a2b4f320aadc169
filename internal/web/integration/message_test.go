package integration

import (
	"context"
	"strings"
	"testing"

	"thalamus/internal/model"
	"thalamus/internal/service"
)

// What is laid out reads as it was sent, absent fields and all.
func TestLayOut(t *testing.T) {
	segments := []service.Segment{
		{ID: "MSH", Fields: []service.SegmentField{{Path: "MSH-1", Text: "#"}, {Path: "MSH-2", Text: `^~\&`}, {Path: "MSH-3", Text: "MON"}, {Path: "MSH-7", Text: "2026"}}},
		{ID: "OBX", Fields: []service.SegmentField{{Path: "OBX[1]-1", Text: "1"}, {Path: "OBX[1]-5", Name: "Observation value", Text: "72"}}},
	}
	sign := separator(segments)
	var lines []string
	for _, s := range segments {
		line := s.ID
		for _, f := range layOut(s, sign) {
			line += f.sign + f.text
		}
		lines = append(lines, line)
	}
	if got := strings.Join(lines, "\n"); got != "MSH#^~\\&#MON####2026\nOBX#1####72" {
		t.Error(got)
	}
	if f := layOut(segments[1], sign)[1]; f.about != "OBX[1]-5 · Observation value" || f.of != "OBX[1]" {
		t.Errorf("%+v", f)
	}
	long := layOut(service.Segment{ID: "OBX", Fields: []service.SegmentField{{Path: "OBX[1]-5", Text: strings.Repeat("é", 5000)}}}, "|")[0]
	if n := len([]rune(long.text)); n != mostFieldText+1 {
		t.Errorf("%d characters", n)
	}
}

// A drawing keeps every peak, breaks at gaps and is bounded.
func TestDraw(t *testing.T) {
	w := model.Waveform{PeriodNS: 4_000_000, Scale: model.Decimal{Coef: 1, Exp: -3}, Samples: make([]int32, 10_000)}
	w.Samples[7777] = 1000
	d := draw(w)
	if d.high != 1 || d.low != 0 || d.perSecond != 250 || d.seconds != 40 {
		t.Errorf("%+v", d)
	}
	if len(d.path) > 20_000 || !strings.Contains(d.path, " 4.0") {
		t.Errorf("%d bytes, or the peak is gone", len(d.path))
	}
	d = draw(model.Waveform{Scale: model.Decimal{Coef: 1}, Samples: []int32{1, 2, model.Gap, 3, 4}})
	if strings.Count(d.path, "M") != 2 || d.gaps != 1 {
		t.Errorf("%+v", d)
	}
	for _, samples := range [][]int32{nil, {model.Gap, model.Gap}, {5}, {7, 7, 7}} {
		d := draw(model.Waveform{Scale: model.Decimal{Coef: 1}, Samples: samples})
		if strings.Contains(d.path, "NaN") || strings.Contains(d.path, "Inf") {
			t.Errorf("%v: %s", samples, d.path)
		}
		_ = d.said(context.Background(), model.Waveform{})
	}
}
