package edf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/model"
	"thalamus/internal/waveform"
	"thalamus/internal/waveform/waveformtest"
)

// file makes an EDF+ file by hand: one signal of two samples a second and one
// of annotations.
func file(kind, patient, recording string, starts ...int) []byte {
	pad := func(s string, n int) string { return fmt.Sprintf("%-*s", n, s)[:n] }
	head := pad("0", 8) + pad(patient, 80) + pad(recording, 80) + "21.11.2610.15.00" + pad("768", 8) + pad(kind, 44) + pad(fmt.Sprint(len(starts)), 8) + pad("1", 8) + pad("2", 4)
	head += pad("ECG II", 16) + pad("EDF Annotations", 16) + pad("gel electrode", 80) + pad("", 80) + pad("uV", 8) + pad("", 8)
	head += pad("-1000", 8) + pad("-1", 8) + pad("1000", 8) + pad("1", 8) + pad("-2000", 8) + pad("-32768", 8) + pad("2000", 8) + pad("32767", 8)
	head += pad("", 160) + pad("2", 8) + pad("16", 8) + pad("", 64)
	b := []byte(head)
	for i, at := range starts {
		b = append(b, byte(i+1), 0, byte(2*i), 0)
		note := fmt.Sprintf("+%d\x14\x14\x00", at)
		if i == 0 {
			note += fmt.Sprintf("+%d\x14Lights off\x14\x00", at)
		}
		b = append(b, note+strings.Repeat("\x00", 32-len(note))...)
	}
	return b
}

// R10: a recording becomes waveforms, its gap between them; who and what it is
// of comes from the identifications.
func TestDecode(t *testing.T) {
	e := model.Entry{Seq: 7, Frame: model.Frame{Channel: "drop", Topic: "x.edf", Bytes: file("EDF+D", "4711 F 02-MAR-1951 Haagse_Harry", "Startdate 21-NOV-2026 X X Holter_7", 0, 1, 5)}}
	m := Codec{}.Decode(e, codec.Context{})[0]
	if len(m.Issues) > 0 {
		t.Fatal(m.Issues)
	}
	if m.Patient.Identifiers[0].Value != "4711" || m.Patient.Family != "Haagse Harry" || m.Patient.Sex != "F" || m.Devices[0].Model != "Holter 7" || m.Topic != "x.edf" || m.Type != "EDF+D" {
		t.Errorf("%+v %+v", m.Patient, m.Devices)
	}
	if len(m.Waveforms) != 2 || fmt.Sprint(m.Waveforms[0].Samples, m.Waveforms[1].Samples) != "[1 0 2 2] [3 4]" {
		t.Fatalf("%+v", m.Waveforms)
	}
	w := m.Waveforms[1]
	if w.DeviceTime.Original != "2026-11-21T10:15:05" || w.PeriodNS != 5e8 || w.Scale.String() != "0.5" || w.Origin.Float64() != 0 || w.UnitSent.Code != "uV" || w.Received.Code != "ECG II" {
		t.Errorf("%+v", w)
	}
	if !slices.Equal(m.Notes, []string{"0 s: Lights off"}) {
		t.Errorf("%q", m.Notes)
	}
	// What EDF says of nobody, the name of the file may.
	e.Bytes, e.Properties = file("EDF+C", "X X X X", "Startdate 21-NOV-2026 X X X", 0), "patient: 12\nserial: S1\n"
	if m = (Codec{}.Decode(e, codec.Context{})[0]); m.Patient.Identifiers[0].Value != "12" || m.Devices[0].Serial != "S1" || m.Waveforms[0].Device != 0 {
		t.Errorf("%+v %+v", m.Patient, m.Devices)
	}
	e.Bytes = e.Bytes[:300]
	if m = (Codec{}.Decode(e, codec.Context{})[0]); len(m.Issues) != 1 || m.Issues[0].Code != "edf.header" {
		t.Errorf("%+v", m.Issues)
	}
	e.Bytes, e.Redacted = nil, true
	if m = (Codec{}.Decode(e, codec.Context{})[0]); m.Issues[0].Code != "decode.redacted" {
		t.Errorf("%+v", m.Issues)
	}
}

// What we write comes back as it was recorded.
func TestDecodeWhatWeWrite(t *testing.T) {
	feeds := waveformtest.Ward(3, waveformtest.Signals(), 20*time.Second)
	all, files := written(t, feeds, waveform.About{Zone: time.UTC})
	for _, r := range all {
		m := Codec{}.Decode(model.Entry{Frame: model.Frame{Bytes: files[r.Name+".edf"].Bytes()}}, codec.Context{})[0]
		if len(m.Waveforms) < len(r.Signals) || len(m.Issues) > 0 {
			t.Errorf("%s: %d waveforms of %d signals, %v", r.Name, len(m.Waveforms), len(r.Signals), m.Issues)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(file("EDF+D", "4711 F 02-MAR-1951 Haagse_Harry", "Startdate 21-NOV-2026 X X Holter_7", 0, 1, 5))
	f.Add(file("", "", "", 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := Codec{}.Decode(model.Entry{Frame: model.Frame{Bytes: b}}, codec.Context{})
		if len(m) != 1 || len(m[0].Waveforms) == 0 && len(m[0].Issues) == 0 && len(m[0].Notes) == 0 && m[0].DeviceTime.Original == "" {
			t.Errorf("%+v", m)
		}
	})
}
