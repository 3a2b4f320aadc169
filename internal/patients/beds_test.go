package patients_test

import (
	"testing"
	"time"

	"thalamus/internal/model"
)

// Each step is an event; each look asks who is in a bed at a time.
func TestBeds(t *testing.T) {
	type look struct{ bed, at, number string }
	in := func(n, bed, at string) *model.Message { return adt("admit", n, bed, at) }
	out := func(n, at string) *model.Message { return adt("discharge", n, "", at) }
	to := func(n, bed, at string) *model.Message { return adt("transfer", n, bed, at) }
	for name, c := range map[string]struct {
		events []*model.Message
		looks  []look
	}{
		"admit": {
			[]*model.Message{in("1", "A", "08:00")},
			[]look{{"A", "07:59", ""}, {"A", "08:00", "1"}, {"A", "20:00", "1"}, {"B", "20:00", ""}},
		},
		"register counts as admit": {
			[]*model.Message{adt("register", "1", "A", "08:00")},
			[]look{{"A", "09:00", "1"}},
		},
		"pre-admission takes no bed": {
			[]*model.Message{adt("pre-admit", "1", "A", "08:00")},
			[]look{{"A", "09:00", ""}},
		},
		"update takes no bed": {
			[]*model.Message{adt("update", "1", "A", "08:00")},
			[]look{{"A", "09:00", ""}},
		},
		"discharge": {
			[]*model.Message{in("1", "A", "08:00"), out("1", "10:00")},
			[]look{{"A", "09:59", "1"}, {"A", "10:00", ""}},
		},
		"transfer": {
			[]*model.Message{in("1", "A", "08:00"), to("1", "B", "10:00")},
			[]look{{"A", "09:00", "1"}, {"A", "10:00", ""}, {"B", "09:00", ""}, {"B", "10:00", "1"}},
		},
		"two patients change beds": {
			[]*model.Message{in("1", "A", "08:00"), in("2", "B", "08:00"), to("1", "B", "10:00"), to("2", "A", "10:01")},
			[]look{{"A", "09:00", "1"}, {"B", "09:00", "2"}, {"B", "11:00", "1"}, {"A", "11:00", "2"}},
		},
		"who comes ends an untold stay": {
			[]*model.Message{in("1", "A", "08:00"), in("2", "A", "10:00")},
			[]look{{"A", "09:00", "1"}, {"A", "10:00", "2"}},
		},
		"and leaving does not bring the former back": {
			[]*model.Message{in("1", "A", "08:00"), in("2", "A", "10:00"), out("2", "11:00")},
			[]look{{"A", "12:00", ""}},
		},
		"cancelled admission brings the former back": {
			[]*model.Message{in("1", "A", "08:00"), in("2", "A", "10:00"), said(adt("cancel-admit", "2", "A", "10:00"), "10:30")},
			[]look{{"A", "09:00", "1"}, {"A", "11:00", "1"}},
		},
		"cancelled admission by the time it was cancelled": {
			[]*model.Message{in("1", "A", "08:00"), adt("cancel-admit", "1", "A", "08:30")},
			[]look{{"A", "09:00", ""}},
		},
		"cancelled admission after a cancelled transfer and discharge": {
			[]*model.Message{in("1", "A", "08:00"), to("1", "B", "09:00"), said(adt("cancel-transfer", "1", "A", "09:00"), "09:10"), out("1", "10:00"), said(adt("cancel-discharge", "1", "A", "10:00"), "10:10"), said(adt("cancel-admit", "1", "A", "08:00"), "11:00")},
			[]look{{"A", "08:30", ""}, {"A", "09:30", ""}, {"A", "10:30", ""}, {"A", "12:00", ""}, {"B", "09:05", ""}},
		},
		"cancelled admission after a transfer": {
			[]*model.Message{in("1", "A", "08:00"), to("1", "B", "09:00"), said(adt("cancel-admit", "1", "B", "08:00"), "11:00")},
			[]look{{"A", "08:30", ""}, {"B", "12:00", ""}},
		},
		"a cancelled admission leaves the stay of the next": {
			[]*model.Message{in("1", "A", "08:00"), said(in("1", "B", "10:00"), "10:00"), to("1", "C", "10:30"), said(adt("cancel-admit", "1", "A", "08:00"), "11:00")},
			[]look{{"A", "08:30", ""}, {"B", "10:10", "1"}, {"C", "12:00", "1"}},
		},
		"admitted again after cancelling": {
			[]*model.Message{in("1", "A", "08:00"), said(adt("cancel-admit", "1", "A", "08:00"), "08:10"), said(in("1", "A", "08:00"), "08:20")},
			[]look{{"A", "09:00", "1"}},
		},
		"cancelled transfer": {
			[]*model.Message{in("1", "A", "08:00"), to("1", "B", "10:00"), said(adt("cancel-transfer", "1", "A", "10:00"), "10:20")},
			[]look{{"A", "11:00", "1"}, {"B", "11:00", ""}},
		},
		"cancelled transfer of a patient never heard of": {
			[]*model.Message{said(adt("cancel-transfer", "1", "A", "10:00"), "10:20")},
			[]look{{"A", "10:10", ""}, {"A", "11:00", "1"}},
		},
		"second of two transfers cancelled": {
			[]*model.Message{in("1", "A", "08:00"), to("1", "B", "10:00"), to("1", "C", "11:00"), adt("cancel-transfer", "1", "B", "11:30")},
			[]look{{"B", "12:00", "1"}, {"C", "12:00", ""}, {"A", "12:00", ""}},
		},
		"cancelled discharge": {
			[]*model.Message{in("1", "A", "08:00"), out("1", "10:00"), said(adt("cancel-discharge", "1", "A", "10:00"), "10:20")},
			[]look{{"A", "10:10", "1"}, {"A", "11:00", "1"}},
		},
		"cancelled discharge into another bed": {
			[]*model.Message{in("1", "A", "08:00"), out("1", "10:00"), in("2", "A", "10:05"), said(adt("cancel-discharge", "1", "B", "10:00"), "10:20")},
			[]look{{"A", "11:00", "2"}, {"B", "11:00", "1"}},
		},
		"late transfer": {
			[]*model.Message{in("1", "A", "08:00"), to("1", "C", "12:00"), said(to("1", "B", "10:00"), "12:30")},
			[]look{{"A", "09:00", "1"}, {"A", "10:30", ""}, {"B", "10:30", "1"}, {"B", "12:10", ""}, {"C", "12:40", "1"}},
		},
		"late admission after discharge": {
			[]*model.Message{out("1", "10:00"), said(in("1", "A", "08:00"), "11:00")},
			[]look{{"A", "09:00", "1"}, {"A", "12:00", ""}},
		},
		"replay of the old disturbs nothing": {
			[]*model.Message{in("1", "A", "08:00"), to("1", "B", "09:00"), in("2", "A", "09:30"), in("1", "A", "08:00"), to("1", "B", "09:00")},
			[]look{{"A", "10:00", "2"}, {"B", "10:00", "1"}},
		},
		"appointment beside a stay": {
			[]*model.Message{in("1", "A", "08:00"), func() *model.Message {
				m := adt("register", "1", "", "09:00")
				m.Visit.Number.Value, m.Visit.Class = "OTHER", "O"
				return m
			}()},
			[]look{{"A", "10:00", "1"}},
		},
		"end of another visit": {
			[]*model.Message{in("1", "A", "08:00"), func() *model.Message {
				m := out("1", "09:00")
				m.Visit.Number.Value = "OTHER"
				return m
			}()},
			[]look{{"A", "10:00", "1"}},
		},
		"next visit elsewhere without a discharge": {
			[]*model.Message{in("1", "A", "08:00"), func() *model.Message {
				m := in("1", "B", "09:00")
				m.Visit.Number.Value = "OTHER"
				return m
			}()},
			[]look{{"A", "10:00", ""}, {"B", "10:00", "1"}},
		},
		"merge while in bed": {
			[]*model.Message{in("1", "A", "08:00"), merge("2", "1", "09:00")},
			[]look{{"A", "08:30", "2"}, {"A", "10:00", "2"}},
		},
		"discharge under the surviving number": {
			[]*model.Message{in("1", "A", "08:00"), merge("2", "1", "09:00"), func() *model.Message {
				m := out("2", "10:00")
				m.Visit.Number.Value = "V1"
				return m
			}()},
			[]look{{"A", "09:30", "2"}, {"A", "10:30", ""}},
		},
		"merge chain": {
			[]*model.Message{in("1", "A", "08:00"), merge("2", "1", "09:00"), merge("3", "2", "10:00")},
			[]look{{"A", "11:00", "3"}},
		},
		"merge there and back": {
			[]*model.Message{in("1", "A", "08:00"), merge("2", "1", "09:00"), merge("1", "2", "10:00")},
			[]look{{"A", "11:00", "1"}, {"A", "11:00", "2"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			for _, e := range c.events {
				r.resolve(t, e)
			}
			for again := range 2 {
				for _, l := range c.looks {
					got, err := r.At(t.Context(), place(l.bed), day(l.at))
					var want model.PatientID
					if l.number != "" {
						want = r.id(t, l.number)
					}
					if err != nil || got != want {
						t.Errorf("bed %s at %s (start %d): %q, want %q (%s) %v", l.bed, l.at, again, got, want, l.number, err)
					}
				}
				r.reopen(t)
			}
		})
	}
}

// The order in which events come makes no difference to who is where.
func TestBedsInAnyOrder(t *testing.T) {
	events := func() []*model.Message {
		return []*model.Message{
			adt("admit", "1", "A", "08:00"), adt("transfer", "1", "B", "09:00"),
			adt("admit", "2", "A", "09:30"), adt("cancel-transfer", "1", "A", "09:40"),
			adt("transfer", "2", "B", "10:00"), adt("discharge", "1", "", "11:00"),
		}
	}
	want := map[string]string{"08:30 A": "1", "09:35 A": "2", "09:50 A": "2", "10:30 A": "", "10:30 B": "2"}
	n := len(events())
	for turn := range n {
		r := newRoom(t)
		for i := range n {
			m := events()[(i*5+turn)%n]
			m.Arrived = day("12:00") // all came late
			r.resolve(t, m)
		}
		for look, number := range want {
			at, bed := look[:5], look[6:]
			got, err := r.At(t.Context(), place(bed), day(at))
			var id model.PatientID
			if number != "" {
				id = r.id(t, number)
			}
			if err != nil || got != id {
				t.Errorf("turn %d, %s: %q, want %q (%s) %v", turn, look, got, id, number, err)
			}
		}
	}
}

func TestByBed(t *testing.T) {
	r := newRoom(t)
	r.resolve(t, adt("admit", "1", "A", "08:00"))
	r.resolve(t, adt("transfer", "1", "B", "10:00"))
	r.resolve(t, adt("admit", "2", "A", "10:00"))
	two := r.id(t, "2")
	for name, c := range map[string]struct {
		m      *model.Message
		number string
		issue  string
	}{
		"place of the message":      {&model.Message{Arrived: day("10:30"), Visit: &model.Visit{Place: place("A")}}, "2", ""},
		"place of the device":       {&model.Message{Arrived: day("10:30"), Devices: []model.Device{{Parent: -1, Place: place("B")}}}, "1", ""},
		"spelled otherwise":         {&model.Message{Arrived: day("10:30"), Visit: &model.Visit{Place: model.Place{PointOfCare: " icu", Room: "2", Bed: "b", Facility: "HOSP"}}}, "1", ""},
		"ward only":                 {&model.Message{Arrived: day("10:30"), Visit: &model.Visit{Place: model.Place{PointOfCare: "ICU"}}}, "", ""},
		"empty bed":                 {&model.Message{Arrived: day("10:30"), Visit: &model.Visit{Place: place("Z")}}, "", ""},
		"devices in two beds":       {&model.Message{Arrived: day("10:30"), Devices: []model.Device{{Parent: -1, Place: place("A")}, {Parent: -1, Place: place("B")}}}, "", ""},
		"clock ahead":               {&model.Message{Arrived: day("10:30"), DeviceTime: model.Timestamp{UTC: day("20:00")}, Visit: &model.Visit{Place: place("A")}}, "2", ""},
		"a minute before the move":  {&model.Message{Arrived: day("10:01"), DeviceTime: model.Timestamp{UTC: day("09:59")}, Visit: &model.Visit{Place: place("A")}}, "1", ""},
		"an hour before the move":   {&model.Message{Arrived: day("10:30"), DeviceTime: model.Timestamp{UTC: day("09:30")}, Visit: &model.Visit{Place: place("A")}}, "", "patients.bed-unsure "},
		"an hour old, same patient": {&model.Message{Arrived: day("12:30"), DeviceTime: model.Timestamp{UTC: day("11:30")}, Visit: &model.Visit{Place: place("A")}}, "2", ""},
		"named otherwise":           {&model.Message{Arrived: day("10:30"), Patient: &model.Patient{Family: "Else"}, Visit: &model.Visit{Place: place("A")}}, "", "patients.bed-differs "},
		"named the same":            {&model.Message{Arrived: day("10:30"), Patient: &model.Patient{Family: "FAMILY2"}, Visit: &model.Visit{Place: place("A")}}, "2", ""},
		"number of somebody else":   {&model.Message{Arrived: day("10:30"), Patient: &model.Patient{Identifiers: mr("1")}, Visit: &model.Visit{Place: place("A")}}, "1", "patients.bed-differs "},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // a fault after it lets it be resolved again
				r.resolve(t, c.m)
				var got, want model.PatientID
				if c.m.Patient != nil {
					got = c.m.Patient.ID
				}
				if c.number != "" {
					want = r.id(t, c.number)
				}
				if got != want || issues(c.m) != c.issue {
					t.Errorf("%q, want %q; issues %q, want %q", got, want, issues(c.m), c.issue)
				}
			}
		})
	}
	m := r.resolve(t, &model.Message{Arrived: day("10:30"), Visit: &model.Visit{Place: place("A")}})
	if !m.Patient.FromADT || m.Patient.Family != "Family2" || len(m.Patient.Identifiers) != 1 || m.Visit.Class != "I" || m.Patient.ID != two {
		t.Errorf("%+v %+v", m.Patient, m.Visit)
	}
}

// R20: a time of whole seconds or minutes in which the bed changed hands tells
// of neither patient; one in which it got its first patient tells of that one.
func TestChangeWithinOneSecond(t *testing.T) {
	r := newRoom(t)
	at := func(m *model.Message, after time.Duration) *model.Message {
		m.DeviceTime.UTC = m.DeviceTime.UTC.Add(after)
		m.Event.Occurred.UTC = m.DeviceTime.UTC
		m.Arrived = m.Arrived.Add(after)
		return m
	}
	r.resolve(t, at(adt("admit", "1", "A", "10:00"), 500*time.Millisecond))
	r.resolve(t, adt("transfer", "1", "B", "11:00"))
	r.resolve(t, at(adt("admit", "2", "A", "11:00"), 500*time.Millisecond))
	r.resolve(t, at(adt("transfer", "2", "B", "12:00"), 30500*time.Millisecond))
	r.resolve(t, at(adt("admit", "3", "A", "12:00"), 30500*time.Millisecond))
	for name, c := range map[string]struct {
		told      time.Time
		precision string
		after     time.Duration
		number    string
		issue     string
	}{
		"the first patient, after":     {day("10:00"), "second", 700 * time.Millisecond, "1", ""},
		"the first patient, before":    {day("10:00"), "second", 300 * time.Millisecond, "", ""},
		"exact times say who":          {day("10:00"), "fraction", 700 * time.Millisecond, "", ""},
		"a new patient, same second":   {day("12:00").Add(30 * time.Second), "second", 700 * time.Millisecond, "", "patients.bed-unsure "},
		"a new patient, same minute":   {day("12:00"), "minute", 40 * time.Second, "", "patients.bed-unsure "},
		"before the change, by minute": {day("12:00"), "minute", 20 * time.Second, "2", ""},
		"exact, before the change":     {day("12:00").Add(30 * time.Second), "fraction", 700 * time.Millisecond, "2", ""},
		"the second after":             {day("12:00").Add(31 * time.Second), "second", 700 * time.Millisecond, "3", ""},
	} {
		m := r.resolve(t, &model.Message{DeviceTime: model.Timestamp{UTC: c.told, Precision: c.precision}, Arrived: c.told.Add(c.after), Visit: &model.Visit{Place: place("A")}})
		var got, want model.PatientID
		if m.Patient != nil {
			got = m.Patient.ID
		}
		if c.number != "" {
			want = r.id(t, c.number)
		}
		if got != want || issues(m) != c.issue {
			t.Errorf("%s: %q, want %q; issues %q, want %q", name, got, want, issues(m), c.issue)
		}
	}
}

func TestTwoFacilitiesWithOneBed(t *testing.T) {
	r := newRoom(t)
	for n, f := range map[string]string{"1": "NORTH", "2": "SOUTH"} {
		m := adt("admit", n, "A", "08:00")
		m.Visit.Place.Facility = f
		r.resolve(t, m)
	}
	at := place("A")
	if m := r.resolve(t, &model.Message{Arrived: day("09:00"), Visit: &model.Visit{Place: at}}); m.Patient != nil || issues(m) != "patients.bed-unsure " {
		t.Errorf("%+v %s", m.Patient, issues(m))
	}
	at.Facility = "SOUTH"
	if m := r.resolve(t, &model.Message{Arrived: day("09:00"), Visit: &model.Visit{Place: at}}); m.Patient == nil || m.Patient.ID != r.id(t, "2") {
		t.Errorf("%+v %s", m.Patient, issues(m))
	}
}
