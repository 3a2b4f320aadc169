package intellivue

import (
	"strings"
	"testing"

	"thalamus/internal/model"
)

// R6: numbers have their code, unit, time, device and patient, though only their
// values stand in the message.
func TestNumerics(t *testing.T) {
	l := &linked{}
	m := l.read(t, created())
	if m.Type != "mds-create" || len(m.Issues) > 0 || m.DeviceTime.Original != "2026-11-21T10:15:00.000" {
		t.Fatalf("%s %v %v", m.Type, m.Issues, m.DeviceTime)
	}
	d := m.Devices[0]
	if d.Manufacturer != "Philips" || d.Model != "866062" || d.Identifiers[0] != (model.Identifier{Value: "0009FBFFFF88C1BD", System: euiOID, Type: "EUI-64"}) || d.Place.Bed != "Bett 7" {
		t.Errorf("%+v", d)
	}
	m = l.read(t, patientReply(2, "4711", "Muster", "Erika"))
	if p := m.Patient; p == nil || p.Identifiers[0].Value != "4711" || p.Family != "Muster" || p.Given[0] != "Erika" || p.Sex != "female" || p.BirthDate != "1951-03-04" {
		t.Errorf("%+v", m.Patient)
	}
	if len(m.Observations) != 1 || m.Observations[0].Value.Number.String() != "68.0" || m.Observations[0].Received.Code != "68063" || m.Observations[0].UnitSent.Text != "MDC_DIM_KILO_G" {
		t.Errorf("weight: %+v", m.Observations)
	}
	if m = l.read(t, patientReply(2, "4711", "Muster", "Erika")); len(m.Observations) != 0 {
		t.Error("the same weight was told again")
	}
	l.read(t, result(polled(6, 0, 2, heartRate(0x00000048, 0))))
	// Now the value alone.
	m = l.read(t, result(polled(6, 0x0803, 3, object(257, ava(0x0950, 0x4182, 0x0002, 0x0AA0, uint32(0x0000004B))))))
	if m.Type != "poll-numeric" || len(m.Issues) > 0 || len(m.Observations) != 1 || m.Patient == nil || m.Devices[0].Model != "866062" || m.Visit == nil || m.Visit.Place.Bed != "Bett 7" {
		t.Fatalf("%+v", m)
	}
	o := m.Observations[0]
	if o.Received.Text != "MDC_ECG_HEART_RATE" || o.Value.Number.String() != "75" || o.UnitSent.Text != "MDC_DIM_BEAT_PER_MIN" || o.DeviceTime.Original != "2026-11-21T10:15:03.000" ||
		o.Alternate != (model.Coding{Code: "0x00024182", Text: "HR", System: "NLS"}) || o.SubID != "0.257" || len(o.Flags) != 1 || o.Flags[0] != "in-alarm" {
		t.Errorf("%+v", o)
	}
	// The patient left: nobody's values any more.
	l.read(t, patientReply(8, "4711", "Muster", "Erika"))
	if m = l.read(t, result(polled(6, 0x0803, 4, object(257, ava(0x0950, 0x4182, 0, 0x0AA0, uint32(0x4B)))))); m.Patient != nil {
		t.Errorf("%+v after discharge", m.Patient)
	}
}

func TestStates(t *testing.T) {
	for _, c := range []struct {
		name      string
		value     uint32
		state     int
		absent    string
		value10   string
		simulated bool
		status    model.Status
	}{
		{"good", 0xFF0002F8, 0, "", "76.0", false, model.StatusFinal},
		{"invalid", 72, 0x8000, "error", "", false, model.StatusFinal},
		{"unavailable", 0x007FFFFF, 0x2000, "not-a-number", "", false, model.StatusFinal},
		{"unavailable with a number", 72, 0x2000, "unknown", "", false, model.StatusFinal},
		{"calibrating", 72, 0x1000, "error", "", false, model.StatusFinal},
		{"test", 72, 0x0800, "", "72", true, model.StatusFinal},
		{"demonstration", 72, 0x0400, "", "72", true, model.StatusFinal},
		{"early", 72, 0x0040, "", "72", false, model.StatusPreliminary},
		{"not at this resolution", 0x00800000, 0, "error", "", false, model.StatusFinal},
		{"infinity", 0x007FFFFE, 0, "positive-infinity", "", false, model.StatusFinal},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := (&linked{}).read(t, result(polled(6, 0, 0, heartRate(c.value, c.state))))
			if len(m.Observations) != 1 {
				t.Fatalf("%+v", m)
			}
			o := m.Observations[0]
			got := ""
			if o.Value.Kind == model.ValueNumber {
				got = o.Value.Number.String()
			}
			if o.Absent != c.absent || got != c.value10 || o.Simulated != c.simulated || o.Status != c.status {
				t.Errorf("%+v", o)
			}
		})
	}
}

// A compound value is three observations; a private code keeps its name.
func TestCompoundAndPrivate(t *testing.T) {
	nu := func(code int, value uint32) []byte { return bytesOf(code, 0, 0x0F20, value) }
	m := (&linked{}).read(t, result(polled(6, 0, 0,
		object(1, ava(0x094B, counted(nu(0x4A05, 120), nu(0x4A06, 80), nu(0x4A07, 93))), ava(0x0990, []byte{0x20, 0x26, 0x11, 0x21, 0x10, 0x10, 0x30, 0})),
		object(2, ava(0x0950, 0xF0E5, 0, 0x0AA0, uint32(71))),
	)))
	if len(m.Observations) != 4 || len(m.Issues) > 0 {
		t.Fatalf("%+v", m)
	}
	for i, want := range []string{"MDC_PRESS_BLD_NONINV_SYS", "MDC_PRESS_BLD_NONINV_DIA", "MDC_PRESS_BLD_NONINV_MEAN"} {
		o := m.Observations[i]
		if o.Received.Text != want || o.DeviceTime.Original != "2026-11-21T10:10:30" || o.Parent != "0.1" {
			t.Errorf("%+v, want %s", o, want)
		}
	}
	if o := m.Observations[3]; o.Received != (model.Coding{Code: "0002-f0e5", Text: "NOM_PRESS_BLD_NONINV_PULS_RATE", System: SystemPrivate}) {
		t.Errorf("%+v", o.Received)
	}
}

func TestEnumerations(t *testing.T) {
	m := (&linked{}).read(t, result(polled(5, 0, 0,
		object(1, ava(0x099E, 0xD007, 0, 1, sized(0x4012))),
		object(2, ava(0x099E, 0xD006, 0, 4, sized(0x4280, uint32(3), 0x0AA0))),
		object(3, ava(0x099E, 0xD006, 0, 7, sized(0xDEAD))),
	)))
	if len(m.Observations) != 3 || len(m.Issues) != 1 || m.Issues[0].Code != "intellivue.length" {
		t.Fatalf("%+v", m)
	}
	if o := m.Observations[0]; o.Value.Kind != model.ValueCoded || o.Value.Coding.Code != "147474" {
		t.Errorf("%+v", o)
	}
	if o := m.Observations[2]; o.Value.Number.String() != "3" || o.Parent != "0.2" {
		t.Errorf("%+v", o)
	}
}

// wave is an ECG of 500 Hz: 14 significant bits of 16, invalid samples marked by
// the highest bit, 0 … 16383 for −40.96 … 40.955 mV.
func wave(described bool, samples ...any) []byte {
	value := ava(0x096E, 0x0102, 0, sized(samples...))
	if !described {
		return object(300, value)
	}
	return object(300, ava(0x0924, uint32(0x00020102)), ava(0x096D, 128, byte(16), byte(14), 0x3000), ava(0x098D, uint32(16)),
		ava(0x096F, uint32(0xFEFFF000), uint32(0xFD009FFB), 0, 16383), ava(0x0996, 0x10B2), ava(0x0A16, counted(bytesOf(1, 0x8000), bytesOf(2, 0x4000))), value)
}

// R13: waves are exact, and can be read though their description came before.
func TestWaves(t *testing.T) {
	l := &linked{}
	l.read(t, created())
	for _, described := range []bool{true, false} {
		m := l.read(t, result(polled(9, 0, 1, wave(described, 8192, 8392, 0x4000|8192, 0x8000|5))))
		if len(m.Issues) > 0 || len(m.Waveforms) != 1 {
			t.Fatalf("%+v", m)
		}
		w := m.Waveforms[0]
		if w.PeriodNS != 2_000_000 || w.Origin.String() != "-40.96" || w.Scale.String() != "0.005" || w.Received.Text != "MDC_ECG_ELEC_POTL_II" || w.UnitSent.Text != "MDC_DIM_MILLI_VOLT" ||
			w.DeviceTime.Original != "2026-11-21T10:15:01.000" || w.Low.String() != "-40.96" || w.High.String() != "40.955" {
			t.Errorf("%+v", w)
		}
		if len(w.Samples) != 4 || w.Samples[0] != 8192 || w.Samples[1] != 8392 || w.Samples[2] != 8192 || w.Samples[3] != model.Gap {
			t.Errorf("%v", w.Samples)
		}
	}
	m := (&linked{}).read(t, result(polled(9, 0, 1, wave(false, 8192))))
	if len(m.Waveforms) != 0 || len(m.Issues) != 1 || m.Issues[0].Code != "intellivue.no-description" {
		t.Errorf("%+v", m)
	}
}

func alarmEntry(source, code, kind, state int, text string) []byte {
	return bytesOf(source, code, kind, state, 6, 0, 257, 516, sized(1, uint32(9), 1, 0x4000, utf16be(text)))
}

func alarmReply(seconds int, entries ...[]byte) []byte {
	return result(polled(0x36, 0x0801, seconds, object(9, ava(0x0902, counted(entries...)), ava(0x0904, counted()))))
}

// R21: alarms begin, change and end, though the monitor only says which are
// active.
func TestAlarms(t *testing.T) {
	l := &linked{}
	l.read(t, created())
	high := func(state int) []byte { return alarmEntry(0x4182, 40, 0x0200, state, "** HR 130 > 120") }
	type alert struct{ phase, state, muted, priority, kind, text string }
	for i, step := range []struct {
		name    string
		message []byte
		want    []alert
	}{
		{"there already", alarmReply(1, high(0)), []alert{{"continue", "active", "enabled", "medium", "physiological", "HR 130 > 120"}}},
		{"as before", alarmReply(2, high(0)), nil},
		{"silenced", alarmReply(3, high(0x1000)), []alert{{"update", "active", "alert-acknowledged", "medium", "physiological", "HR 130 > 120"}}},
		{"one more", alarmReply(4, high(0x1000), alarmEntry(0x4BB8, 62, 0x0400, 0x0008, "*** SpO2")), []alert{{"start", "active", "enabled", "high", "physiological", "SpO2"}}},
		{"latched", alarmReply(5, alarmEntry(0x4182, 40, 0x0200, 0x2000, "** HR 130 > 120"), alarmEntry(0x4BB8, 62, 0x0400, 0, "*** SpO2")),
			[]alert{{"update", "latched", "enabled", "medium", "physiological", "HR 130 > 120"}}},
		{"both over", alarmReply(6), []alert{{"end", "inactive", "enabled", "medium", "physiological", "HR 130 > 120"}, {"end", "inactive", "enabled", "high", "physiological", "SpO2"}}},
		{"quiet", alarmReply(7), nil},
	} {
		m := l.read(t, step.message)
		if len(m.Issues) > 0 || len(m.Alerts) != len(step.want) {
			t.Fatalf("%s: %+v", step.name, m)
		}
		for k, want := range step.want {
			a := m.Alerts[k]
			if got := (alert{a.Phase, a.State, a.Muted, a.Priority, a.Kind, a.Text}); got != want {
				t.Errorf("%d %s: %+v, want %+v", i, step.name, got, want)
			}
			if a.ID == "" || a.Source.RefID == "" || !strings.HasPrefix(a.Received.Text, "MDC_EVT_") {
				t.Errorf("%s: %+v", step.name, a)
			}
		}
		if i == 2 { // an association later it is still the same alarm
			l.memory.Forget()
		}
	}
}

// The last bit of an alarm's code tells where its source is from.
func TestAlarmOfAnObject(t *testing.T) {
	m := (&linked{}).read(t, result(polled(0x36, 0, 1, object(9, ava(0x0904, counted(bytesOf(0x0029, 0x00C3, 0x0001, 0, 6, 0, 257, 513, sized(1, uint32(9), 1, 0))))))))
	if len(m.Alerts) != 1 || m.Alerts[0].Kind != "technical" || m.Alerts[0].Priority != "low" || m.Alerts[0].Source.MDC != 1<<16|0x29 {
		t.Errorf("%+v", m)
	}
}

// The clock was set between the create event and a reply: the reply's own time
// is right.
func TestClockSet(t *testing.T) {
	a := anchorOf([]Attribute{{AttrTimeAbs, []byte{0x20, 0x26, 0x11, 0x21, 0x10, 0x15, 0, 0}}, {AttrTimeRel, []byte{0, 0, 0, 0}}})
	if got := a.timeOf(8000*10+4000, []byte{0x20, 0x26, 0x11, 0x21, 0x10, 0x15, 0x10, 0}); got.Original != "2026-11-21T10:15:10.500" {
		t.Error(got)
	}
	if got := a.timeOf(8000*10, []byte{0x20, 0x26, 0x11, 0x21, 0x11, 0x15, 0x10, 0}); got.Original != "2026-11-21T11:15:10" {
		t.Error(got)
	}
	// The counter runs over after six days.
	a.relative = 1<<32 - 8000
	if got := a.at(8000); got.Format("15:04:05") != "10:15:02" {
		t.Error(got)
	}
}
