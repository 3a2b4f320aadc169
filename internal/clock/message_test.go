package clock

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"thalamus/internal/model"
)

func stamp(at time.Time, precision string) model.Timestamp {
	return model.Timestamp{UTC: at, Original: at.Format(time.RFC3339Nano), Precision: precision}
}

// aMessage of a monitor whose newest time is the end of a curve.
func aMessage() *model.Message {
	return &model.Message{
		Codec: "hl7v2", Arrived: start, DeviceTime: stamp(start.Add(30*time.Second), "second"),
		Devices: []model.Device{{ID: "a", Level: "mds", Parent: -1}, {ID: "a", Level: "vmd"}},
		Orders:  []model.Order{{Start: stamp(start, "second")}},
		Observations: []model.Observation{
			{Field: "OBX[1]", DeviceTime: stamp(start.Add(20*time.Second), "second"), Device: 1},
			{Field: "OBX[2]", DeviceTime: stamp(start.Add(10*time.Second), "second"), DeviceTimeEnd: start.Add(25 * time.Second), Device: -1},
		},
		Waveforms: []model.Waveform{{Field: "OBX[3]", DeviceTime: stamp(start.Add(30*time.Second), "fraction"), PeriodNS: int64(time.Second) / 100, Samples: make([]int32, 250), Device: 0}},
		Alerts:    []model.Alert{{Field: "OBX[4]", DeviceTime: stamp(start.Add(5*time.Second), "second"), Device: 7}},
		Issues:    []model.Issue{{Code: "hl7v2.other"}},
	}
}

func readings(m *model.Message) []Reading {
	var all []Reading
	for r := range Readings(m) {
		all = append(all, r)
	}
	return all
}

func TestReadings(t *testing.T) {
	sees := func(name string, want *Sample, header bool, change func(m *model.Message)) {
		t.Helper()
		m := aMessage()
		change(m)
		all := readings(m)
		switch {
		case want == nil && len(all) == 0:
		case want == nil || len(all) != 1 || all[0].Sample != *want || all[0].Header != header:
			t.Errorf("%s: %+v, want %+v", name, all, want)
		}
	}
	at := func(after time.Duration, grain time.Duration) *Sample {
		return &Sample{start.Add(after).UnixNano(), start.UnixNano(), int64(grain)}
	}
	sees("the end of the curve", at(32500*time.Millisecond, time.Millisecond), false, func(*model.Message) {})
	sees("a span", at(25*time.Second, time.Second), false, func(m *model.Message) { m.Waveforms = nil })
	sees("the alert alone", at(5*time.Second, time.Second), false, func(m *model.Message) { m.Waveforms, m.Observations = nil, nil })
	sees("the message alone", at(30*time.Second, time.Second), true, func(m *model.Message) { m.Waveforms, m.Observations, m.Alerts = nil, nil, nil })
	sees("a curve whose time is that of arrival", at(25*time.Second, time.Second), false, func(m *model.Message) { m.Waveforms[0].DeviceTime.Original = "" })
	sees("nothing but times of arrival", nil, false, func(m *model.Message) {
		m.Observations, m.Alerts, m.DeviceTime = nil, nil, model.Timestamp{}
		m.Waveforms[0].DeviceTime = model.Timestamp{UTC: start, Precision: "fraction"}
	})
	sees("a laboratory", at(30*time.Second, time.Second), true, func(m *model.Message) { m.Devices = []model.Device{{ID: "a"}} })
	sees("a laboratory of two", nil, false, func(m *model.Message) { m.Devices = []model.Device{{ID: "a"}, {ID: "b"}} })
	sees("another codec", at(32500*time.Millisecond, time.Millisecond), false, func(m *model.Message) { m.Codec, m.Devices = "json", []model.Device{{ID: "a"}} })
	sees("no arrival", nil, false, func(m *model.Message) { m.Arrived = time.Time{} })
	sees("no device", nil, false, func(m *model.Message) { m.Devices = nil })
	sees("a repeat", nil, false, func(m *model.Message) { m.Duplicate.Seq = 3 })
	sees("what shows nothing", nil, false, func(m *model.Message) {
		m.Waveforms, m.Alerts, m.Observations = nil, nil, m.Observations[:1]
		m.Observations[0].DeviceTime.Ambiguous = true
		m.DeviceTime.Precision = "day"
	})
	m := aMessage()
	m.Devices[1].ID = "b"
	if all := readings(m); len(all) != 2 || all[1].Device != "b" || all[1].Sample != *at(20*time.Second, time.Second) {
		t.Errorf("two devices: %+v", all)
	}
}

// R16: correcting and restoring gives the message as it was; a message read
// again is corrected as the first time.
func TestCorrectAndBack(t *testing.T) {
	m, want := aMessage(), aMessage()
	r := readings(m)[0]
	r.Correct(m, int64(40*time.Second), int64(time.Second))
	if m.DeviceTime.UTC != start.Add(-10*time.Second) || m.Orders[0].Start.UTC != start.Add(-40*time.Second) ||
		m.Observations[1].DeviceTimeEnd != start.Add(-15*time.Second) || m.Waveforms[0].DeviceTime.ClockOffsetNS != int64(40*time.Second) || m.Alerts[0].DeviceTime.UncertaintyNS != int64(time.Second) {
		t.Fatalf("%+v", m)
	}
	once, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	r.Correct(m, int64(40*time.Second), int64(time.Second)) // what is corrected stays
	again := aMessage()
	m.Issues = append(m.Issues, model.Issue{Code: "clock.jumped"})
	Keep(again, m)
	m.Issues = m.Issues[:1]
	if len(again.Issues) != 2 {
		t.Errorf("%+v", again.Issues)
	}
	Forget(again)
	for _, x := range []*model.Message{m, again} {
		if text, _ := json.Marshal(x); string(text) != string(once) {
			t.Errorf("\n got %s\nwant %s", text, once)
		}
		if one := readings(x)[0]; one.Sample != r.Sample {
			t.Errorf("a corrected message shows %+v, want %+v", one.Sample, r.Sample)
		}
		Restore(x)
		if !reflect.DeepEqual(x, want) {
			t.Errorf("\n got %+v\nwant %+v", x, want)
		}
	}
}

// The message's own time stays where it is of another clock.
func TestHeaderOfAnotherClock(t *testing.T) {
	m := aMessage()
	m.DeviceTime = stamp(start.Add(-time.Hour), "second")
	r := readings(m)[0]
	r.Correct(m, int64(time.Minute), int64(time.Second))
	if m.DeviceTime.UTC != start.Add(-time.Hour) || m.Observations[0].DeviceTime.ClockOffsetNS == 0 {
		t.Errorf("%+v", m.DeviceTime)
	}
}

func BenchmarkReadings(b *testing.B) {
	m := aMessage()
	for len(m.Observations) < 40 {
		m.Observations = append(m.Observations, m.Observations[0])
	}
	b.ReportAllocs()
	for b.Loop() {
		for r := range Readings(m) {
			_ = r
		}
	}
}

// Times of arrival are of our clock: they show nothing of the device's, and its
// offset is not taken off them (DRI's and MEDIBUS's curves).
func TestTimesOfArrivalAreNotTheDevices(t *testing.T) {
	m := aMessage()
	ours := model.Timestamp{UTC: start, Precision: "fraction"}
	m.Waveforms[0].DeviceTime = ours
	for r := range Readings(m) {
		r.Correct(m, int64(time.Hour), int64(time.Second))
	}
	if got := m.Waveforms[0].DeviceTime; got != ours {
		t.Errorf("the curve's time became %+v", got)
	}
	if got := m.Observations[0].DeviceTime; got.ClockOffsetNS != int64(time.Hour) {
		t.Errorf("the value's time was not corrected: %+v", got)
	}
}
