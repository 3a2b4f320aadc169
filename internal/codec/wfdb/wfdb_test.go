package wfdb

import (
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/waveform"
	"thalamus/internal/waveform/waveformtest"
)

// written writes what a ward sends and gives the recordings and their files.
func written(t *testing.T, feeds []waveform.Feed, a waveform.About) ([]*waveform.Recording, waveformtest.Files) {
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

func value(s *SignalLine, v int32) *big.Rat {
	step := rational(s.Scale())
	return step.Mul(step, big.NewRat(int64(v)-s.Baseline, 1))
}

// R22: what is written is read again: every sample, its value exactly, its
// place, the gaps, the scale and the time.
func TestWriteAndRead(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(12) {
		length := time.Duration(1+seed*37) * time.Second
		feeds := waveformtest.Ward(seed, waveformtest.Signals(), length)
		all, files := written(t, feeds, waveform.About{Zone: berlin})
		for _, r := range all {
			got, err := Read(func(name string) ([]byte, error) { return files.Read(r.Name + "/" + name) }, r.Name)
			if err != nil {
				t.Fatal(err)
			}
			if base := r.Start().In(berlin).Round(time.Millisecond); got.Header.Base.Format("2006-01-02T15:04:05.000") != base.Format("2006-01-02T15:04:05.000") {
				t.Errorf("%s begins at %v, want %v", r.Name, got.Header.Base, base)
			}
			if len(got.Spans) != len(r.Spans) || len(got.Signals) != len(r.Signals) {
				t.Fatalf("%s: %d spans of %d signals, want %d of %d", r.Name, len(got.Spans), len(got.Signals), len(r.Spans), len(r.Signals))
			}
			for b, err := range r.Blocks(waveformtest.Feeds(feeds)) {
				if err != nil {
					t.Fatal(err)
				}
				span := got.Spans[b.Span]
				if d := r.Spans[b.Span].Start.Sub(r.Start()) - time.Duration(span.At*r.FrameNS); d.Abs() > time.Duration(r.FrameNS) {
					t.Fatalf("%s: span %d begins %v off", r.Name, b.Span, d)
				}
				k := 0
				for i := range r.Signals {
					s := &r.Signals[i]
					if k == len(span.Header.Signals) || !strings.HasPrefix(s.Series.Name(), span.Header.Signals[k].Label) {
						for _, v := range b.Samples[i] {
							if v != model.Gap {
								t.Fatalf("%s: span %d has no signal %s", r.Name, b.Span, s.Series.Name())
							}
						}
						continue
					}
					line := &span.Header.Signals[k]
					for f, v := range b.Samples[i] {
						w := span.Samples[k][b.First+int64(f)]
						if (v == model.Gap) != (w == model.Gap) {
							t.Fatalf("%s: sample %d of span %d is %d, was %d", r.Name, f, b.Span, w, v)
						}
						if v == model.Gap {
							continue
						}
						c, _ := scaleOf(s)
						if int64(w) != int64(v)*c.times+c.shift {
							t.Fatalf("%s %s: sample %d of span %d is %d, was %d", r.Name, line.Label, f, b.Span, w, v)
						}
						if f%97 > 0 {
							continue // the rest follows: one gain for all
						}
						want := rational(s.Scale)
						want.Add(want.Mul(want, big.NewRat(int64(v), 1)), rational(s.Origin))
						if got := value(line, w); got.Cmp(want) != 0 {
							t.Fatalf("%s %s: sample %d of span %d is %s, was %s", r.Name, line.Label, f, b.Span, got, want)
						}
					}
					k++
				}
			}
		}
	}
}

func TestScale(t *testing.T) {
	for _, c := range []struct {
		origin, scale string
		low, high     int32
		want          string // format times shift baseline gain; empty: cannot be
	}{
		{"0", "0.00244", -2048, 2047, "16 1 0 0 409.83606557377"},
		{"-40", "0.1", 0, 4095, "16 1 0 400 10"},
		{"0", "1", 40000, 60000, "16 1 -50000 -50000 1"},
		{"0", "1", -32768, 0, "16 1 16384 16384 1"},
		{"0", "1", -40000, 40000, "32 1 7233 7233 1"},
		{"0", "-0.5", 40000, 60000, "16 -1 50000 50000 2"},
		{"0.05", "0.1", -10, 10, "16 2 0 -1 20"},
		{"0.000001", "7", 0, 1000000, ""},
		{"0", "1", -2147483647, 2147483647, ""},
	} {
		o, _ := model.ParseDecimal(c.origin)
		d, _ := model.ParseDecimal(c.scale)
		got, err := scaleOf(&waveform.Signal{Origin: o, Scale: d, Min: c.low, Max: c.high})
		text := ""
		if err == nil {
			line := SignalLine{Gain: got.gain}
			text = strings.Join([]string{itoa(got.format), itoa(int(got.times)), itoa(int(got.shift)), itoa(int(got.baseline)), gainText(got.gain)}, " ")
			if one := rational(line.Scale()); got.times == 1 && one.Cmp(rational(d)) != 0 {
				t.Errorf("%s: read as %s", c.scale, one)
			}
		}
		if text != c.want {
			t.Errorf("%s + n × %s from %d to %d: %q, want %q (%v)", c.origin, c.scale, c.low, c.high, text, c.want, err)
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("100 2 360 650000 0:0:0 0/0/0\n100.dat 212 200 11 1024 995 -22131 0 MLII\n100.dat 212 200 11 1024 1011 20052 0 V5\n# 69 M\n"))
	f.Add([]byte("r/3 1 250 100 12:00:00.5 1/2/2026\nr_layout 0\n~ 50\nr_0001 50\n"))
	f.Add([]byte("r 1 250 2\nr.dat 16 409.8(-3)/mV 16 0 5 12 0 ECG\n"))
	dat := []byte{5, 0, 7, 0}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		for i := range h.Signals {
			h.Signals[i].Scale()
		}
		files := map[string][]byte{h.Record + ".hea": b}
		_, _ = Read(func(name string) ([]byte, error) {
			if strings.HasSuffix(name, ".hea") {
				return files[name], nil
			}
			return dat, nil
		}, h.Record)
	})
}

func itoa(n int) string { return strconv.Itoa(n) }

func gainText(g float64) string { return strconv.FormatFloat(g, 'g', 14, 64) }
