package masimo

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func read(line, said string) model.Message {
	m := New().Decode(model.Entry{Frame: model.Frame{Bytes: []byte(line), Arrived: noon, Properties: said}}, codec.Context{})[0]
	normalise.Normalise(&m, normalise.Context{})
	return m
}

// The lines are those that public sources show.
const (
	radical = "03/17/16 19:19:36 SN=---------- SPO2=098% BPM=123 PI=00.55% SPCO=--% SPMET=--.-% SPHB=--.- SPOC=-- RESVD=--- DESAT=-- PIDELTA=+-- PVI=--- ALARM=000000 EXC=0000C00 EXC1=00000000"
	rad8    = "03/19/16 13:37:12 SN=0000093112 SPO2=---% BPM=---% DESAT=-- PIDELTA=+-- ALARM=0000 EXC=000001"
	trend   = "09/21/08 09:56:10 SpO2=000 PR=000 PI=00.00 EXC=828:Search,OffPat,SET"
)

func TestLines(t *testing.T) {
	m := read(radical, "")
	want := map[string]string{"SPO2": "MDC_PULS_OXIM_SAT_O2 98 %", "BPM": "MDC_PULS_OXIM_PULS_RATE 123 /min", "PI": "MDC_BLD_PERF_INDEX 0.55 %", "PVI": " absent", "SPMET": " absent"}
	for _, o := range m.Observations {
		got := o.Code.RefID + " " + o.Value.Number.String() + " " + o.UnitUCUM
		if o.Absent != "" {
			got = o.Code.RefID + " absent"
		}
		if w, ok := want[o.Field]; ok && w != got {
			t.Errorf("%s: %s, want %s", o.Field, got, w)
		}
		if o.Field == "SPO2" && (len(o.Flags) != 1 || o.Flags[0] != "questionable" || !o.DeviceTime.UTC.Equal(time.Date(2016, 3, 17, 19, 19, 36, 0, time.UTC))) {
			t.Errorf("%+v", o)
		}
	}
	if len(m.Observations) != 11 || len(m.Alerts) != 1 || m.Alerts[0].Text != "Low signal IQ" || m.Alerts[0].Phase != "continue" || len(m.Issues) != 0 || m.Devices[0].Serial != "" {
		t.Errorf("%d observations, %+v %+v %+v", len(m.Observations), m.Alerts, m.Issues, m.Devices)
	}
	m = read(rad8, "before: ALARM=0018 EXC=000800")
	if m.Devices[0].Serial != "0000093112" || m.Observations[0].Absent != "unknown" || len(m.Alerts) != 2 || m.Alerts[0].Phase != "start" || m.Alerts[0].Text != "No sensor" || m.Alerts[1].Phase != "end" || m.Alerts[1].Source.RefID != "MDC_PULS_OXIM_PULS_RATE" {
		t.Errorf("%+v", m)
	}
	for _, o := range read(trend, "").Observations[:3] {
		if o.Absent == "" {
			t.Errorf("the sensor is off: %+v", o)
		}
	}
	m = read(strings.Replace(radical, "ALARM=000000", "ALARM=000032", 1), Said(radical))
	if len(m.Alerts) != 2 || m.Alerts[0].Code.RefID != "MDC_EVT_LO" || m.Alerts[0].Muted != "audio-paused" || m.Alerts[0].Phase != "start" || m.Alerts[0].Value.Number.String() != "98" {
		t.Errorf("%+v", m.Alerts)
	}
	if m := read("GET / HTTP/1.1", ""); len(m.Issues) != 1 || m.Issues[0].Code != "masimo.line" {
		t.Errorf("%+v", m)
	}
}

// Said is the property of a frame after that line.
func Said(line string) string { return "before: " + Alarms([]byte(line)) }

// R23: whatever comes, reading ends, is bounded and the same again.
func FuzzMasimo(f *testing.F) {
	for _, line := range []string{radical, rad8, trend, "x SPO2=9 EXC=zz 99/99/99", " SPO2==="} {
		f.Add([]byte(line), Said(line))
	}
	f.Fuzz(func(t *testing.T, b []byte, said string) {
		e := model.Entry{Frame: model.Frame{Bytes: b, Arrived: noon, Properties: said}}
		first, second := New().Decode(e, codec.Context{})[0], New().Decode(e, codec.Context{})[0]
		if !reflect.DeepEqual(first, second) {
			t.Fatal("not deterministic")
		}
		if len(first.Observations) > len(fields)+1 || len(first.Alerts) > 64 {
			t.Fatalf("%d values", len(first.Observations))
		}
	})
}
