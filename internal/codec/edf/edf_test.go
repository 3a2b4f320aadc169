package edf

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/waveform"
	"thalamus/internal/waveform/waveformtest"
)

func written(t testing.TB, feeds []waveform.Feed, a waveform.About) ([]*waveform.Recording, waveformtest.Files) {
	t.Helper()
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
		if err := Write(files, r, a, r.Blocks(waveformtest.Feeds(feeds))); err != nil {
			t.Fatal(err)
		}
	}
	return all, files
}

// R22: what is written is read again: every sample, its value exactly, its
// time, the gaps.
func TestWriteAndRead(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for seed := range uint64(12) {
		feeds := waveformtest.Ward(seed, waveformtest.Signals(), time.Duration(2+seed*37)*time.Second)
		all, files := written(t, feeds, waveform.About{Zone: berlin})
		for _, r := range all {
			f, err := Read(files[r.Name+".edf"].Bytes())
			if err != nil {
				t.Fatal(err)
			}
			kinds[f.Kind]++
			if f.Kind == "EDF+C" != (len(r.Spans) == 1) {
				t.Errorf("%s is %s and has %d spans", r.Name, f.Kind, len(r.Spans))
			}
			if f.Start.Format(time.DateTime) != r.Start().In(berlin).Format(time.DateTime) {
				t.Errorf("%s begins at %v", r.Name, f.Start)
			}
			zero, record := r.Start().Truncate(time.Second), 0
			for b, err := range r.Blocks(waveformtest.Feeds(feeds)) {
				if err != nil {
					t.Fatal(err)
				}
				for n := range b.Frames {
					want := r.Spans[b.Span].Start.Add(time.Duration((b.First + int64(n)) * r.FrameNS)).Sub(zero)
					if f.Times[record] != int64(want) {
						t.Fatalf("%s: data record %d is at %d, want %d", r.Name, record, f.Times[record], want)
					}
					for i := range r.Signals {
						s, from := &r.Signals[i], &f.Signals[i]
						for x, v := range b.Samples[i][n*r.Per[i] : (n+1)*r.Per[i]] {
							w := from.Samples[record*r.Per[i]+x]
							if (v == model.Gap) != (w == model.Gap) {
								t.Fatalf("%s %s: sample %d of data record %d is %d, was %d", r.Name, from.Label, x, record, w, v)
							}
							if v == model.Gap {
								continue
							}
							c, _ := scaleOf(s)
							if int64(w) != int64(v)+c.shift {
								t.Fatalf("%s %s: sample %d of data record %d is %d, was %d", r.Name, from.Label, x, record, w, v)
							}
							if x%97 > 0 {
								continue // the rest follows: one scale for all
							}
							want := rational(s.Scale)
							want.Add(want.Mul(want, big.NewRat(int64(v), 1)), rational(s.Origin))
							got := new(big.Rat).Mul(from.Step, big.NewRat(int64(w), 1))
							if got.Add(got, from.Zero).Cmp(want) != 0 {
								t.Fatalf("%s %s: sample %d of data record %d is %s, was %s", r.Name, from.Label, x, record, got, want)
							}
						}
					}
					record++
				}
			}
			if record != len(f.Times) {
				t.Errorf("%s has %d data records, want %d", r.Name, len(f.Times), record)
			}
		}
	}
	if kinds["EDF+C"] == 0 || kinds["EDF+D"] == 0 {
		t.Errorf("the wards gave %v", kinds)
	}
}

func TestHeader(t *testing.T) {
	feeds := waveformtest.Ward(1, waveformtest.Signals()[:2], 3*time.Second)
	_, files := written(t, feeds, waveform.About{})
	for name, b := range files {
		head := string(b.Bytes()[:256])
		if strings.Contains(name, "pat-1") || !strings.HasPrefix(head[8:], "X X X X ") || !strings.HasPrefix(head[88:], "Startdate 29-MAR-2026 X X dev-abcdefghijklm ") || head[168:184] != "29.03.2600.59.58" {
			t.Errorf("%s: %q", name, head)
		}
	}
	_, files = written(t, feeds, waveform.About{Who: &waveform.Who{Code: "MRN 1", Sex: "female", BirthDate: "1951-08-02", Name: "Haagse Härry"}})
	for _, b := range files {
		if got := strings.TrimSpace(string(b.Bytes()[8:88])); got != "MRN_1 F 02-AUG-1951 Haagse_H_rry" {
			t.Errorf("%q", got)
		}
	}
}

func TestScale(t *testing.T) {
	for _, c := range []struct {
		origin, scale string
		low, high     int32
		ok            bool
	}{
		{"0", "0.00244", -2048, 2047, true},
		{"0", "0.00244", -32767, 32767, false}, // 79.95148 has eight characters, -79.95148 nine
		{"-40", "0.1", 0, 4095, true},
		{"0", "1", -32768, 32766, true},
		{"0", "1", -32768, 32767, false},
		{"0", "-0.5", 40000, 60000, true},
		{"0.0000000001", "1", 0, 5, false},
		{"0", "1E20", 0, 5, false},
		{"12.345678", "0.000001", 0, 500, true},
	} {
		o, _ := model.ParseDecimal(c.origin)
		d, _ := model.ParseDecimal(c.scale)
		s := &waveform.Signal{Origin: o, Scale: d, Min: c.low, Max: c.high}
		got, err := scaleOf(s)
		if (err == nil) != c.ok {
			t.Errorf("%s + n × %s from %d to %d: %+v %v", c.origin, c.scale, c.low, c.high, got, err)
		}
	}
}

func TestLabel(t *testing.T) {
	var signals []waveform.Signal
	for _, name := range []string{"MDC_ECG_ELEC_POTL_II", "MDC_ECG_ELEC_POTL_II", "MDC_PULS_OXIM_PLETH", "MDC_PRESS_BLD_ART_ABP_AND_MORE", "MDC_PRESS_BLD_ART_ABP_AND_LESS", "", "EDF Annotations"} {
		signals = append(signals, waveform.Signal{Series: waveform.Series{Code: model.Code{RefID: name}}})
	}
	want := []string{"ECG II", "ECG II 2", "PULS_OXIM_PLETH", "PRESS_BLD_ART_AB", "PRESS_BLD_ART_ 2", "signal", "signal 2"}
	for i := range signals {
		if got := label(signals, i); got != want[i] {
			t.Errorf("%q, want %q", got, want[i])
		}
	}
}

func FuzzRead(f *testing.F) {
	slow := waveformtest.Signal{RefID: "MDC_AWAY_CO2", Unit: "mm[Hg]", PeriodNS: 2e8, Scale: model.Decimal{Coef: 1}, High: 40}
	for seed := range uint64(4) {
		_, files := written(f, waveformtest.Ward(seed, []waveformtest.Signal{slow}, 20*time.Second), waveform.About{})
		for _, b := range files {
			f.Add(b.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Read(b)
		if err != nil {
			return
		}
		for _, s := range got.Signals {
			if 2*len(s.Samples) > len(b) {
				t.Errorf("%d samples from %d bytes", len(s.Samples), len(b))
			}
		}
	})
}
