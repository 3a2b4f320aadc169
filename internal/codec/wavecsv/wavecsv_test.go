package wavecsv

import (
	"encoding/csv"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/waveform"
	"thalamus/internal/waveform/waveformtest"
)

// Every sample has its cell, in its unit, and gaps have no rows.
func TestWrite(t *testing.T) {
	feeds := waveformtest.Ward(3, waveformtest.Signals(), 2*time.Minute)
	tracks, err := waveform.Survey(waveformtest.Feeds(feeds), 1e6)
	if err != nil {
		t.Fatal(err)
	}
	all, left := waveform.Plan(tracks, Format().Layout)
	if len(left) > 0 {
		t.Fatal(left[0].Why)
	}
	files := waveformtest.Files{}
	for _, r := range all {
		if err := Write(files, r, waveform.About{}, r.Blocks(waveformtest.Feeds(feeds))); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(files[r.Name+".csv"]).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		want, err := waveformtest.Samples(r, feeds)
		if err != nil {
			t.Fatal(err)
		}
		at := make([]int, len(r.Signals))
		for _, row := range rows[1:] {
			when, err := time.Parse(time.RFC3339Nano, row[0])
			if err != nil {
				t.Fatal(err)
			}
			for i, text := range row[1:] {
				if text == "" {
					continue
				}
				s := &r.Signals[i]
				v, _ := waveform.Value(s.Origin, s.Scale, want[i][at[i]].Steps)
				if text != v.String() || !when.Equal(want[i][at[i]].At) {
					t.Fatalf("%s at %s: %s, want %s at %s", s.Series.Name(), when, text, v, want[i][at[i]].At)
				}
				at[i]++
			}
		}
		for i := range at {
			if at[i] != len(want[i]) {
				t.Errorf("%s: %d samples, want %d", r.Signals[i].Series.Name(), at[i], len(want[i]))
			}
		}
	}
}

func TestHolds(t *testing.T) {
	for _, c := range []struct {
		origin, scale model.Decimal
		ok            bool
	}{
		{model.Decimal{}, model.Decimal{Coef: 244, Exp: -5}, true},
		{model.Decimal{Coef: -40}, model.Decimal{Coef: 1, Exp: -1}, true},
		{model.Decimal{Coef: 1, Exp: 60}, model.Decimal{Coef: 1, Exp: -60}, false},
		{model.Decimal{}, model.Decimal{Coef: 1 << 40}, false},
	} {
		if err := holds(&waveform.Signal{Origin: c.origin, Scale: c.scale, Min: -5, Max: 5}); (err == nil) != c.ok {
			t.Errorf("%s + n × %s: %v", c.origin, c.scale, err)
		}
	}
}
