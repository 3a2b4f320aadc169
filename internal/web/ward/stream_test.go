package ward

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/web/ui"
)

func newStreamer(only string) *streamer {
	return &streamer{only: only, waves: map[string]int{}, text: func(v model.Value) string { return ui.Shown(context.Background(), v) }, muted: func(s string) string { return s },
		named: func(c model.Code, r model.Coding) string { return ui.Named(context.Background(), c, r) }, alert: func(a *model.Alert) string { return alertText(context.Background(), a) }}
}

func decimal(t testing.TB, s string) model.Decimal {
	t.Helper()
	d, err := model.ParseDecimal(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var arrived = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func monitorMessage(t testing.TB) *model.Message {
	stamp := func(offset time.Duration) model.Timestamp {
		return model.Timestamp{UTC: arrived.Add(-time.Hour + offset)} // its clock is an hour behind
	}
	return &model.Message{
		Ref: model.MessageRef{Seq: 7}, Arrived: arrived, Recorded: arrived, DeviceTime: stamp(0),
		Patient: &model.Patient{ID: "pat-1"},
		Devices: []model.Device{{ID: "dev-1", Parent: -1}},
		Observations: []model.Observation{
			{Code: model.Code{RefID: "MDC_ECG_HEART_RATE"}, Value: model.Value{Kind: model.ValueNumber, Number: decimal(t, "78")}, DeviceTime: stamp(0)},
			{Code: model.Code{RefID: "MDC_PRESS_BLD_NONINV_SYS"}, Value: model.Value{Kind: model.ValueNumber, Number: decimal(t, "120")}, DeviceTime: stamp(-10 * time.Minute)},
			{Code: model.Code{RefID: "MDC_TEMP"}, Absent: "not-performed"},
		},
		Waveforms: []model.Waveform{
			{Code: model.Code{RefID: "MDC_PULS_OXIM_PLETH"}, PeriodNS: 8e6, Scale: decimal(t, "1"), Samples: []int32{1, 2}},
			{Code: model.Code{RefID: "MDC_ECG_ELEC_POTL_II", Name: "ECG lead II"}, PeriodNS: 8e6, Origin: decimal(t, "-1"), Scale: decimal(t, "0.25"), Samples: []int32{4, model.Gap, 5}},
		},
		Alerts: []model.Alert{{ID: "a1", Phase: "start", State: "active", Text: "Apnoea", Priority: "high"}},
	}
}

func TestNewsOfAMonitor(t *testing.T) {
	all := newStreamer("").news(monitorMessage(t))
	if len(all) != 1 || all[0].Bed != "ppat-1" {
		t.Fatalf("news of one bed expected: %+v", all)
	}
	n := all[0]
	if len(n.Values) != 3 || n.Values[0].Text != "78" || n.Values[2].Text != "–" {
		t.Errorf("values %+v", n.Values)
	}
	if at := n.Values[0].At; at != arrived.UnixMilli() {
		t.Errorf("a clock that is behind makes a value %d ms old", arrived.UnixMilli()-at)
	}
	if age := arrived.UnixMilli() - n.Values[1].At; age != (10 * time.Minute).Milliseconds() {
		t.Errorf("a pressure taken ten minutes before is %d ms old", age)
	}
	if n.Wave == nil || n.Wave.Key != "MDC_ECG_ELEC_POTL_II" || n.Wave.Period != 8 {
		t.Fatalf("the ECG is shown before the pleth: %+v", n.Wave)
	}
	text, err := json.Marshal(n)
	if err != nil || !strings.Contains(string(text), `"samples":[0,null,0.25]`) {
		t.Errorf("samples in %s, %v", text, err)
	}
	if len(n.Alarms) != 1 || !n.Alarms[0].On || n.Alarms[0].Priority != "high" || n.Alarms[0].Ref != "7.0" {
		t.Errorf("alarms %+v", n.Alarms)
	}
}

// Once a bed shows its ECG, a message that brings another wave alone does not
// make the trace jump to and fro.
func TestOneWaveformABed(t *testing.T) {
	s := newStreamer("")
	s.news(monitorMessage(t))
	m := monitorMessage(t)
	m.Waveforms = m.Waveforms[:1]
	if n := s.news(m)[0]; n.Wave != nil {
		t.Errorf("shows %s although it shows the ECG", n.Wave.Key)
	}
}

func TestNewsKeepsToOneBed(t *testing.T) {
	if all := newStreamer("ppat-2").news(monitorMessage(t)); len(all) != 0 {
		t.Errorf("tells of another bed: %+v", all)
	}
}

func TestNewsOfDevicesWithoutAPatient(t *testing.T) {
	m := monitorMessage(t)
	m.Patient = nil
	m.Devices = []model.Device{{ID: "dev-1", Parent: -1}, {Parent: 0}, {ID: "dev-2", Parent: -1}}
	m.Observations[0].Device, m.Observations[1].Device, m.Observations[2].Device = 1, 2, -1
	m.Waveforms, m.Alerts = nil, nil
	all := newStreamer("").news(m)
	if len(all) != 2 || all[0].Bed != "ddev-1" || len(all[0].Values) != 2 || all[1].Bed != "ddev-2" {
		t.Errorf("%d beds: %+v", len(all), all)
	}
}

func TestMovementsMakeThePageReadAgain(t *testing.T) {
	m := &model.Message{Arrived: arrived, Patient: &model.Patient{ID: "pat-1"}, Event: &model.PatientEvent{Action: "transfer"}}
	if all := newStreamer("").news(m); len(all) != 1 || !all[0].Again {
		t.Errorf("%+v", all)
	}
	m.Duplicate = model.MessageRef{Seq: 3}
	if all := newStreamer("").news(m); len(all) != 0 {
		t.Errorf("a repeat is news: %+v", all)
	}
}

func BenchmarkNews(b *testing.B) {
	s := newStreamer("")
	m := monitorMessage(b)
	m.Waveforms[1].Samples = make([]int32, 250)
	b.ReportAllocs()
	for b.Loop() {
		for _, n := range s.news(m) {
			if _, err := json.Marshal(n); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func TestStreamsAreBounded(t *testing.T) {
	s := newStreams(3, 2)
	for i, c := range []struct {
		who  model.ActorID
		n    int
		want bool
	}{{"a", 1, true}, {"a", 1, true}, {"a", 1, false}, {"b", 1, true}, {"c", 1, false}, {"a", -1, true}, {"c", 1, true}} {
		if got := s.add(c.who, c.n); got != c.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
}
