package encode_test

import (
	"fmt"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/hl7v2/clinical"
	"thalamus/internal/codec/hl7v2/encode"
	"thalamus/internal/model"
)

// TestReadBack: what is written is read by our own decoder as it was meant.
func TestReadBack(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 15, 0, 0, time.UTC)
	stamp := model.Timestamp{UTC: at, Original: "20261121101500+0100"}
	percent := model.Coding{Code: "262688", Text: "MDC_DIM_PERCENT", System: "MDC"}
	spo2 := model.Code{MDC: 150456, RefID: "MDC_PULS_OXIM_SAT_O2"}
	device := model.Device{Identifiers: []model.Identifier{{Value: "0080C7FFFE000001", Type: "EUI-64"}}, Parent: -1}
	patient := &model.Patient{Identifiers: []model.Identifier{{Value: "4711", System: "HOSP", Type: "MR"}}, Family: "Müller", Given: []string{"Eva"}, BirthDate: "1961-05-07", Sex: "female"}
	m := &model.Message{
		ControlID: "A1", DeviceTime: stamp, Arrived: at, Patient: patient, Devices: []model.Device{device},
		Observations: []model.Observation{{SubID: "1.1.1.1", Received: model.Coding{Code: "O2"}, Code: spo2, UnitUCUM: "%", UnitSent: percent,
			Value: model.Value{Kind: model.ValueNumber, Number: model.Decimal{Coef: 980, Exp: -1}}, Status: model.StatusFinal, DeviceTime: stamp}},
		Waveforms: []model.Waveform{{SubID: "1.1.2.1", Code: model.Code{MDC: 131329, RefID: "MDC_ECG_LEAD_I"}, UnitUCUM: "mV", PeriodNS: 4_000_000,
			Scale: model.Decimal{Coef: 1, Exp: -2}, Samples: []int32{10, 20, -5, 7}, Status: model.StatusFinal, DeviceTime: stamp}},
	}
	got := read(t, m)
	if len(got.Observations) != 1 || len(got.Waveforms) != 1 {
		t.Fatalf("%d observations, %d waveforms; issues %v", len(got.Observations), len(got.Waveforms), got.Issues)
	}
	o := got.Observations[0]
	if o.Received.Text != spo2.RefID || o.Value.Number.String() != "98.0" || o.UnitSent.Code != "%" || o.DeviceTime.Original != "20261121091500+0000" || o.Status != model.StatusFinal {
		t.Errorf("observation %+v", o)
	}
	w := got.Waveforms[0]
	if w.PeriodNS != 4_000_000 || len(w.Samples) != 4 || w.Scale.Float64()*float64(w.Samples[1])+w.Origin.Float64() != 0.2 {
		t.Errorf("waveform %+v", w)
	}
	p := got.Patient
	if p == nil || p.Family != patient.Family || p.BirthDate != patient.BirthDate || p.Sex != patient.Sex || p.Identifiers[0] != patient.Identifiers[0] {
		t.Errorf("patient %+v", p)
	}
	if len(got.Devices) == 0 || got.Devices[0].Identifiers[0].Value != "0080C7FFFE000001" {
		t.Errorf("devices %+v", got.Devices)
	}

	alert := &model.Message{ControlID: "A2", DeviceTime: stamp, Arrived: at, Devices: []model.Device{device}, Alerts: []model.Alert{{
		ID: "alarm-7", Code: model.Code{MDC: 196674, RefID: "MDC_EVT_LO"}, Phase: "start", State: "active", Priority: "high", Kind: "physiological",
		Source: spo2, DeviceTime: stamp,
	}}}
	got = read(t, alert)
	if len(got.Alerts) != 1 {
		t.Fatalf("alerts %+v; issues %v", got.Alerts, got.Issues)
	}
	a := got.Alerts[0]
	if a.ID != "alarm-7" || a.Phase != "start" || a.State != "active" || a.Priority != "high" || a.Kind != "physiological" {
		t.Errorf("alert %+v", a)
	}
}

// What is written of an alert's reports is read as the same alert: the same id
// through its life, phase, states, priority and kind (PCD-04).
func TestAlertLifeRoundTrip(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 15, 0, 0, time.UTC)
	first := model.MessageRef{Seq: 7}
	spo2 := model.Code{MDC: 150456, RefID: "MDC_PULS_OXIM_SAT_O2", LOINC: "2708-6", Name: "SpO2"}
	for i, a := range []model.Alert{
		{Phase: "start", State: "active", Muted: "enabled", Priority: "medium", Kind: "physiological", Text: "SpO2 low"},
		{Phase: "escalate", State: "active", Muted: "enabled", Priority: "high", Kind: "physiological", Text: "SpO2 low"},
		{Phase: "update", State: "latched", Muted: "audio-paused alert-acknowledged", Priority: "low", Kind: "technical"},
		{Phase: "end", State: "inactive", Priority: "none", Kind: "advisory"},
		{Phase: "tpoint", Priority: "medium"},
	} {
		stamp := model.Timestamp{UTC: at.Add(time.Duration(i) * time.Minute), Original: "x", Precision: "second", Zone: model.ZoneMessage}
		a.ID, a.Code, a.Received, a.Source = "alarm-7", model.Code{MDC: 196670, RefID: "MDC_EVT_LO"}, model.Coding{Code: "196670", Text: "MDC_EVT_LO", System: "MDC"}, spo2
		a.DeviceTime, a.Life.First, a.Simulated = stamp, first, i == 2
		m := &model.Message{Ref: model.MessageRef{Seq: first.Seq + model.Seq(i)}, ControlID: fmt.Sprint("A", i), DeviceTime: stamp, Arrived: at, Alerts: []model.Alert{a}}
		got := read(t, m)
		if len(got.Alerts) != 1 {
			t.Fatalf("%d alerts; issues %v", len(got.Alerts), got.Issues)
		}
		b := got.Alerts[0]
		if b.ID != "alarm-7" || b.Phase != a.Phase || b.State != a.State || b.Muted != a.Muted || b.Priority != a.Priority || b.Kind != a.Kind ||
			b.Text != a.Text || b.Source.RefID != spo2.RefID || b.Received.Code != "196670" || b.Simulated != a.Simulated || b.Follows != (i > 0) {
			t.Errorf("report %d comes back as %+v", i, b)
		}
		if len(got.Observations) != 0 || len(got.Issues) != 0 {
			t.Errorf("report %d: %d observations, issues %v", i, len(got.Observations), got.Issues)
		}
	}
}

func read(t *testing.T, m *model.Message) model.Message {
	t.Helper()
	raw, err := encode.Message(m, encode.Options{ControlID: "X"})
	if err != nil {
		t.Fatal(err)
	}
	all := clinical.New().Decode(model.Entry{Frame: model.Frame{Codec: "hl7v2", Bytes: raw}}, codec.Context{})
	if len(all) != 1 {
		t.Fatalf("%d messages", len(all))
	}
	for _, i := range all[0].Issues {
		if i.Severity == model.Error {
			t.Errorf("issue %+v", i)
		}
	}
	return all[0]
}
