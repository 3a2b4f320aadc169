package service_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/codec/edf"
	"thalamus/internal/codec/wfdb"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// R19, R22: what devices send as waveforms in one message a second comes out as
// what was sampled: joined, with its gap, repeats left out, and the same in
// every form.
func TestWaveformsAsFiles(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Minute)
	send := func(second, first int) {
		t.Helper()
		samples := make([]string, 100)
		for i := range samples {
			samples[i] = fmt.Sprintf("%.2f", float64((first+i)%200)/100)
		}
		if first == 200 {
			samples[7] = "" // missing
		}
		stamp := at.Add(time.Duration(second)*time.Second).Format("20060102150405.000") + "+0000"
		h.Send("ORU^R01^ORU_R01", "PID|1||MRN-885523^^^HOSP^MR||Vrombaut^Ottokar||19610412|M\rOBR|1||||||"+stamp+"\r"+
			"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||MON-11^^MON-11^EUI-64\r"+
			"OBX|2|NA|131330^MDC_ECG_ELEC_POTL_II^MDC|1.1.1.1|"+strings.Join(samples, "^")+"|266418^MDC_DIM_MILLI_VOLT^MDC|||||F\r"+
			"OBX|3|NM|67981^MDC_ATTR_SAMP_RATE^MDC|1.1.1.1.1|100|264608^MDC_DIM_PER_SEC^MDC|||||F")
	}
	for second := range 4 {
		send(second, second*100)
	}
	send(3, 300) // again
	send(9, 0)
	who := device(h, "MON-11")
	ask := service.WaveformAsk{Device: who, From: at.Add(-time.Minute)}

	var tracks []service.WaveformTrack
	h.Until("all is recorded", func() bool {
		h.Call("waveform.list", ask, &tracks)
		return len(tracks) == 1 && tracks[0].Samples == 499
	})
	if one := tracks[0]; one.Pieces != 3 || one.Code.RefID != "MDC_ECG_ELEC_POTL_II" || one.UnitUCUM != "mV" || one.Rate != (model.Decimal{Coef: 1, Exp: 2}) || !one.Start.Equal(at) || !one.End.Equal(at.Add(10*time.Second)) {
		t.Errorf("listed %+v", one)
	}

	for form, check := range map[string]func(t *testing.T, e service.WaveformExport, files map[string][]byte){
		"wfdb": func(t *testing.T, e service.WaveformExport, files map[string][]byte) {
			name := e.Recordings[0].Name
			r, err := wfdb.Read(func(file string) ([]byte, error) { return files[name+"/"+file], nil }, name)
			if err != nil {
				t.Fatal(err)
			}
			got := r.Spans[0].Samples[0]
			if len(got) != 1000 || got[0] != 0 || got[199] != 199 || got[206] != 6 || got[207] != model.Gap || got[400] != model.Gap || got[999] != 99 {
				t.Errorf("%d samples", len(got))
			}
			if s := r.Signals[0].Scale(); s != (model.Decimal{Coef: 1, Exp: -2}) {
				t.Errorf("scale %s", s)
			}
		},
		"edf": func(t *testing.T, e service.WaveformExport, files map[string][]byte) {
			f, err := edf.Read(files[e.Recordings[0].Name+".edf"])
			if err != nil {
				t.Fatal(err)
			}
			if s := f.Signals[0]; f.Kind != "EDF+D" && f.Kind != "EDF+C" || s.Label != "ECG II" || s.Dimension != "mV" || s.Step.Cmp(big.NewRat(1, 100)) != 0 || s.Samples[199] != 199 || s.Samples[207] != model.Gap || strings.Contains(f.Patient, "Vrombaut") {
				t.Errorf("%s %q %q %s %s", f.Kind, f.Patient, s.Label, s.Dimension, s.Step)
			}
		},
		"fhir": func(t *testing.T, e service.WaveformExport, files map[string][]byte) {
			lines := strings.Split(strings.TrimSpace(string(files[e.Recordings[0].Name+".ndjson"])), "\n")
			var o struct {
				Data struct {
					Factor json.Number `json:"factor"`
					Period json.Number `json:"period"`
					Data   string      `json:"data"`
				} `json:"valueSampledData"`
			}
			if err := json.Unmarshal([]byte(lines[0]), &o); err != nil {
				t.Fatal(err)
			}
			data := strings.Fields(o.Data.Data)
			if len(lines) != 1 || o.Data.Factor != "0.01" || o.Data.Period != "10" || len(data) != 1000 || data[207] != "E" || data[500] != "E" || data[199] != "199" {
				t.Errorf("%d lines, factor %s, %d samples", len(lines), o.Data.Factor, len(data))
			}
		},
		"csv": func(t *testing.T, e service.WaveformExport, files map[string][]byte) {
			lines := strings.Split(strings.TrimSpace(string(files[e.Recordings[0].Name+".csv"])), "\r\n")
			if len(lines) != 500 || lines[0] != `time,"MDC_ECG_ELEC_POTL_II [mV]"` || lines[200] != at.Add(1990*time.Millisecond).Format("2006-01-02T15:04:05.000000000Z")+",1.99" {
				t.Errorf("%d lines: %s, %s", len(lines), lines[0], lines[min(200, len(lines)-1)])
			}
		},
	} {
		t.Run(form, func(t *testing.T) {
			var b bytes.Buffer
			e, write, err := h.Door().OpenWaveforms(t.Context(), service.WaveformExportAsk{WaveformAsk: ask, Form: form})
			if err == nil {
				err = write(&b)
			}
			if err != nil {
				t.Fatal(err)
			}
			z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{}
			for _, f := range z.File {
				in, err := f.Open()
				if err != nil {
					t.Fatal(err)
				}
				files[f.Name], err = io.ReadAll(in)
				if err != nil {
					t.Fatal(err)
				}
				for _, secret := range []string{"Vrombaut", "885523"} {
					if bytes.Contains(files[f.Name], []byte(secret)) || strings.Contains(f.Name, secret) {
						t.Errorf("%s names the person", f.Name)
					}
				}
			}
			if len(e.Recordings) != 1 || files[service.ManifestName] == nil {
				t.Fatalf("%+v", e)
			}
			check(t, e, files)
		})
	}

	// Every look is audited, and for each patient in it.
	looks := h.Audited("waveform.export")
	if len(looks) != 4 || len(looks[0].All()) == 0 {
		t.Errorf("%d looks audited: %+v", len(looks), looks)
	}
	// On request: the person in the files, and other rates.
	var b bytes.Buffer
	_, write, err := h.Door().OpenWaveforms(t.Context(), service.WaveformExportAsk{
		WaveformAsk: service.WaveformAsk{Patient: looks[0].Patient, From: ask.From, Resample: 25}, Form: "edf", Identify: true, Zone: "Europe/Berlin",
	})
	if err == nil {
		err = write(&b)
	}
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	in, err := z.File[1].Open()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	f, err := edf.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	if f.Patient != "MRN-885523 M 12-APR-1961 Vrombaut,_Ottokar" || f.Signals[0].Per != 25 {
		t.Errorf("%q, %d samples in a data record", f.Patient, f.Signals[0].Per)
	}
	derived := false
	for _, n := range f.Notes {
		derived = derived || strings.HasPrefix(n.Text, "derived: resampled by mean over the period")
	}
	if !derived {
		t.Errorf("nothing says that the samples are derived: %+v", f.Notes)
	}
	for _, bad := range []service.WaveformExportAsk{
		{Form: "wfdb"}, {Form: "mp3", WaveformAsk: ask}, {Form: "edf", WaveformAsk: ask, Zone: "Mars"}, {Form: "edf", WaveformAsk: ask, Identify: true},
	} {
		if _, _, err := h.Door().OpenWaveforms(t.Context(), bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
