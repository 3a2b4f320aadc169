package fhir

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/waveform"
	"thalamus/internal/waveform/waveformtest"
)

// R19, R22: each sample stands once in the Observations, at its time, exactly,
// and both validators take every line.
func TestSampled(t *testing.T) {
	feeds := waveformtest.Ward(5, waveformtest.Signals(), 4*time.Minute)
	tracks, err := waveform.Survey(waveformtest.Feeds(feeds), 1e6)
	if err != nil {
		t.Fatal(err)
	}
	all, left := waveform.Plan(tracks, Sampled().Layout)
	if len(left) > 0 {
		t.Fatal(left[0].Why)
	}
	files := waveformtest.Files{}
	resources := map[string][]byte{}
	for _, r := range all {
		if err := Sampled().Write(files, r, waveform.About{}, r.Blocks(waveformtest.Feeds(feeds))); err != nil {
			t.Fatal(err)
		}
		got := map[string]map[time.Time]string{}
		for line := range bytes.Lines(files[r.Name+".ndjson"].Bytes()) {
			var o struct {
				ID   string `json:"id"`
				Code struct {
					Coding []struct{ Code, Display string } `json:"coding"`
				} `json:"code"`
				Period struct{ Start, End time.Time } `json:"effectivePeriod"`
				Data   struct {
					Origin struct{ Value json.Number } `json:"origin"`
					Factor json.Number                 `json:"factor"`
					Period json.Number                 `json:"period"`
					Data   string                      `json:"data"`
				} `json:"valueSampledData"`
			}
			if err := json.Unmarshal(line, &o); err != nil {
				t.Fatal(err)
			}
			if o.Data.Factor == "" {
				o.Data.Factor = "1"
			}
			resources[o.ID] = bytes.TrimSpace(line)
			name := o.Code.Coding[0].Code
			if got[name] == nil {
				got[name] = map[time.Time]string{}
			}
			data := strings.Fields(o.Data.Data)
			step, _ := new(big.Rat).SetString(o.Data.Period.String())
			factor, _ := new(big.Rat).SetString(o.Data.Factor.String())
			origin, _ := new(big.Rat).SetString(o.Data.Origin.Value.String())
			if data[0] == "E" || data[len(data)-1] == "E" {
				t.Errorf("%s begins or ends with a missing sample", o.ID)
			}
			for i, text := range data {
				if text == "E" {
					continue
				}
				v, _ := new(big.Rat).SetString(text)
				ns := new(big.Rat).Mul(step, big.NewRat(int64(i)*1e6, 1))
				at := o.Period.Start.Add(time.Duration(ns.Num().Int64()))
				if _, twice := got[name][at]; twice {
					t.Errorf("%s: two samples at %s", name, at)
				}
				got[name][at] = v.Add(v.Mul(v, factor), origin).RatString()
			}
		}
		for i := range r.Signals {
			s := &r.Signals[i]
			mine := got[s.Series.Code.RefID]
			if int64(len(mine)) != s.Count {
				t.Errorf("%s: %d samples, want %d", s.Series.Name(), len(mine), s.Count)
			}
			scale, _ := new(big.Rat).SetString(s.Scale.String())
			origin, _ := new(big.Rat).SetString(s.Origin.String())
			for _, f := range feeds {
				if f.Series != s.Series {
					continue
				}
				for k, v := range f.Run.Samples {
					at := f.Run.Start.Add(time.Duration(int64(k) * s.PeriodNS)).UTC()
					want := new(big.Rat).Mul(scale, big.NewRat(int64(v), 1))
					if has := mine[at]; v != model.Gap && has != want.Add(want, origin).RatString() {
						t.Fatalf("%s: at %s is %q, was %s", s.Series.Name(), at, has, want.RatString())
					}
				}
			}
		}
	}
	for _, v := range validate(t, resources) {
		if len(v.FHIR)+len(v.Medplum) > 0 {
			t.Errorf("%s: %v %v", v.Name, v.FHIR, v.Medplum)
		}
	}
}
