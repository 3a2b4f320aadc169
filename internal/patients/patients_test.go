package patients_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/store/sqlite/registerdb"
)

func day(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2026-11-21 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func mr(value string) []model.Identifier {
	return []model.Identifier{{Value: value, System: "HOSP", Type: "MR"}}
}

func place(bed string) model.Place {
	if bed == "" {
		return model.Place{}
	}
	return model.Place{PointOfCare: "ICU", Room: "2", Bed: bed}
}

// adt makes an event that happened and was said at a time.
func adt(action, number, bed, at string) *model.Message {
	m := &model.Message{
		Type: "ADT", Arrived: day(at).Add(time.Second),
		DeviceTime: model.Timestamp{UTC: day(at)},
		Event:      &model.PatientEvent{Action: action, Occurred: model.Timestamp{UTC: day(at)}},
		Patient:    &model.Patient{Identifiers: mr(number), Family: "Family" + number},
		Visit:      &model.Visit{Class: "I", Place: place(bed), Number: model.Identifier{Value: "V" + number}},
	}
	return m
}

// said makes another time at which the event was told, and came.
func said(m *model.Message, at string) *model.Message {
	m.DeviceTime.UTC = day(at)
	m.Arrived = day(at).Add(time.Second)
	return m
}

func merge(into, from, at string) *model.Message {
	m := adt("merge", into, "", at)
	m.Visit = nil
	m.Event.Merged = mr(from)
	return m
}

type room struct {
	*patients.Patients
	db     *registerdb.DB
	folder string
}

func newRoom(t testing.TB) *room {
	t.Helper()
	r := &room{folder: t.TempDir()}
	r.reopen(t)
	t.Cleanup(func() { r.db.Close() })
	return r
}

// reopen starts again from what is on the disk, as after a crash.
func (r *room) reopen(t testing.TB) {
	t.Helper()
	if r.db != nil {
		r.db.Close()
	}
	var err error
	if r.db, err = registerdb.Open(context.Background(), r.folder, registerdb.Options{}); err != nil {
		t.Fatal(err)
	}
	if r.Patients, err = patients.Open(context.Background(), r.db, patients.Options{}); err != nil {
		t.Fatal(err)
	}
}

func (r *room) resolve(t testing.TB, m *model.Message) *model.Message {
	t.Helper()
	if err := r.Resolve(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// id is the id of the patient with a number.
func (r *room) id(t testing.TB, number string) model.PatientID {
	t.Helper()
	m := r.resolve(t, &model.Message{Type: "ORU^R01", Arrived: day("23:59"), Patient: &model.Patient{Identifiers: mr(number)}})
	return m.Patient.ID
}

func issues(m *model.Message) string {
	s := ""
	for _, i := range m.Issues {
		s += i.Code + " "
	}
	return s
}

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

func TestIdentity(t *testing.T) {
	ident := func(v, s, ty string) model.Identifier { return model.Identifier{Value: v, System: s, Type: ty} }
	// Each message in turn; equal letters mean equal patients.
	for name, c := range map[string][]struct {
		ids    []model.Identifier
		who    string
		issues string
	}{
		"one number": {{mr("1"), "a", ""}, {mr("1"), "a", ""}, {mr("2"), "b", ""}},
		"spelling":   {{mr("ab 1"), "a", ""}, {mr(" AB  1 "), "a", ""}},
		"MR, PI and none of one authority are one": {
			{mr("1"), "a", ""}, {[]model.Identifier{ident("1", "HOSP", "PI")}, "a", ""}, {[]model.Identifier{ident("1", "hosp", "")}, "a", ""}},
		"authorities are apart":  {{mr("1"), "a", ""}, {[]model.Identifier{ident("1", "ELSE", "MR")}, "b", ""}, {[]model.Identifier{ident("1", "", "MR")}, "c", ""}},
		"any known number wins":  {{mr("1"), "a", ""}, {append(mr("1"), ident("77", "HOSP", "AN")), "a", ""}, {[]model.Identifier{ident("77", "HOSP", "AN")}, "a", ""}},
		"weaker first":           {{[]model.Identifier{ident("77", "HOSP", "AN")}, "a", ""}, {append(mr("1"), ident("77", "HOSP", "AN")), "a", ""}, {mr("1"), "a", ""}},
		"two numbers, two known": {{mr("1"), "a", ""}, {[]model.Identifier{ident("9", "GOV", "NI")}, "b", ""}, {append(mr("1"), ident("9", "GOV", "NI")), "a", "patients.identifier-conflict "}, {[]model.Identifier{ident("9", "GOV", "NI")}, "b", ""}},
		"account number used for another person": {
			{append(mr("1"), ident("77", "HOSP", "AN")), "a", ""},
			{append(mr("2"), ident("77", "HOSP", "AN")), "b", "patients.identifier-conflict "},
			{mr("2"), "b", ""}, {mr("1"), "a", ""}},
		"sender gives old and new number": {{mr("1"), "a", ""}, {append(mr("2"), mr("1")...), "a", ""}, {mr("2"), "a", ""}},
		"placeholders name nobody":        {{mr("0000"), "", ""}, {mr("UNKNOWN"), "", ""}, {[]model.Identifier{ident("", "", "")}, "", ""}},
		"placeholder beside a number":     {{append(mr("unknown"), mr("5")...), "a", ""}, {mr("5"), "a", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			got := map[string]model.PatientID{}
			for round := range 2 {
				for i, step := range c {
					m := r.resolve(t, &model.Message{Arrived: day("08:00"), Patient: &model.Patient{Identifiers: step.ids}})
					id := m.Patient.ID
					if (id == "") != (step.who == "") {
						t.Fatalf("step %d: %q", i, id)
					}
					if known, ok := got[step.who]; ok && known != id {
						t.Errorf("round %d, step %d: %s, want %s", round, i, id, known)
					}
					for letter, known := range got {
						if letter != step.who && known == id && id != "" {
							t.Errorf("round %d, step %d: %s is both %s and %s", round, i, id, letter, step.who)
						}
					}
					got[step.who] = id
					if round == 0 && issues(m) != step.issues {
						t.Errorf("step %d: issues %q, want %q", i, issues(m), step.issues)
					}
				}
				r.reopen(t)
			}
		})
	}
}

func TestAuthorityOfTheSite(t *testing.T) {
	r := newRoom(t)
	r.SetAuthority("HOSP")
	bare := r.resolve(t, &model.Message{Arrived: day("08:00"), Patient: &model.Patient{Identifiers: []model.Identifier{{Value: "1"}}}})
	if bare.Patient.ID != r.id(t, "1") {
		t.Error("a bare number is not the site's")
	}
}

// R20: two devices with the same new patient make one patient.
func TestSameNewPatientAtOnce(t *testing.T) {
	r := newRoom(t)
	const devices, newcomers = 8, 25
	ids := make([][newcomers]model.PatientID, devices)
	var all sync.WaitGroup
	for d := range devices {
		all.Go(func() {
			for n := range newcomers {
				m := &model.Message{Arrived: day("08:00"), Patient: &model.Patient{Identifiers: mr(fmt.Sprint(100 + n))}}
				if err := r.Resolve(context.Background(), m); err != nil {
					t.Error(err)
				}
				ids[d][n] = m.Patient.ID
			}
		})
	}
	all.Wait()
	for n := range newcomers {
		for d := range devices {
			if ids[d][n] != ids[0][n] || ids[d][n] == "" {
				t.Fatalf("newcomer %d: %s and %s", n, ids[d][n], ids[0][n])
			}
		}
	}
	r.reopen(t)
	found, err := r.Find(t.Context(), "1", 1000)
	if err != nil || len(found) != newcomers {
		t.Fatal(len(found), err)
	}
}

func TestNamesByTime(t *testing.T) {
	r := newRoom(t)
	name := func(family, at string) *model.Message {
		m := adt("update", "1", "", at)
		m.Patient.Family = family
		return m
	}
	r.resolve(t, &model.Message{Arrived: day("07:00"), Patient: &model.Patient{Identifiers: mr("1"), Family: "FromDevice"}})
	id := r.id(t, "1")
	for _, step := range []struct{ family, at, want string }{
		{"Old", "08:00", "Old"}, {"New", "10:00", "New"}, {"Old", "08:00", "New"}, {"Between", "09:00", "New"},
	} {
		r.resolve(t, name(step.family, step.at))
		if p, err := r.Get(t.Context(), id); err != nil || p.Family != step.want {
			t.Errorf("after %s: %q, want %q %v", step.family, p.Family, step.want, err)
		}
	}
	m := r.resolve(t, &model.Message{Arrived: day("11:00"), Patient: &model.Patient{Identifiers: mr("1"), Family: "Else", BirthDate: "1990"}})
	if issues(m) != "" {
		t.Error("no birth date is known:", issues(m))
	}
	born := name("New", "12:00")
	born.Patient.BirthDate = "1950-03-04"
	r.resolve(t, born)
	m.Issues = nil
	if r.resolve(t, m); issues(m) != "patients.demographics-differ " {
		t.Error(issues(m))
	}
}

func TestEventsThatMustNotCount(t *testing.T) {
	r := newRoom(t)
	test := adt("admit", "1", "A", "08:00")
	test.Test = true
	nobody := adt("admit", "0", "A", "08:00")
	future := adt("admit", "2", "B", "20:00")
	future.Arrived = day("08:00")
	for _, c := range []struct {
		m    *model.Message
		want string
	}{{test, "patients.test-event "}, {nobody, "patients.no-identifier "}, {future, "patients.future-event "}} {
		if r.resolve(t, c.m); issues(c.m) != c.want {
			t.Errorf("%q, want %q", issues(c.m), c.want)
		}
	}
	if got, _ := r.At(t.Context(), place("A"), day("09:00")); got != "" {
		t.Error("a test event took a bed:", got)
	}
	if got, _ := r.At(t.Context(), place("B"), day("09:00")); got != r.id(t, "2") {
		t.Error("an event dated ahead counts from its arrival:", got)
	}
}

func TestMergeKeepsHistory(t *testing.T) {
	r := newRoom(t)
	r.resolve(t, adt("admit", "1", "A", "08:00"))
	old := r.id(t, "1")
	r.resolve(t, merge("2", "1", "09:00"))
	now := r.id(t, "2")
	if r.id(t, "1") != now || old == now {
		t.Fatal("the old number does not lead to the surviving record")
	}
	r.reopen(t)
	if same, err := r.Same(t.Context(), old); err != nil || len(same) != 2 || same[0] != now || same[1] != old {
		t.Error(same, err)
	}
	if p, err := r.Get(t.Context(), old); err != nil || p.ID != now || p.Place != place("A") {
		t.Errorf("%+v %v", p, err)
	}
	if found, err := r.Find(t.Context(), "family", 0); err != nil || len(found) != 1 {
		t.Error(found, err)
	}
	list, err := r.Associations(t.Context(), patients.Query{Patients: []model.PatientID{now, old}})
	if err != nil || len(list) != 1 || list[0].Patient != now || !list[0].From.Equal(day("08:00")) {
		t.Error(list, err)
	}
	// A merge of a number nobody had makes it the person's.
	r.resolve(t, merge("2", "99", "10:00"))
	if r.id(t, "99") != now {
		t.Error("a merged number that was new leads elsewhere")
	}
}

func TestDeviceAssociations(t *testing.T) {
	r := newRoom(t)
	on := func(dev, number, at string) {
		r.resolve(t, &model.Message{
			Arrived: day(at), Patient: &model.Patient{Identifiers: mr(number)},
			Devices: []model.Device{{ID: model.DeviceID(dev), Serial: "1", Parent: -1}},
		})
	}
	on("dev-a", "1", "08:00")
	on("dev-a", "1", "09:00")
	on("dev-a", "2", "10:00")
	on("dev-a", "1", "08:30") // read again
	r.reopen(t)
	on("dev-a", "2", "11:00")
	list, err := r.Associations(t.Context(), patients.Query{Device: "dev-a"})
	if err != nil || len(list) != 2 || list[0].Patient != r.id(t, "2") || !list[0].Until.IsZero() || !list[1].Until.Equal(day("10:00")) {
		t.Fatalf("%+v %v", list, err)
	}
	// A central station tells of many patients in turn: it belongs to none.
	for i := range 200 {
		on("dev-central", fmt.Sprint(i%10+1), "08:00")
	}
	if list, err = r.Associations(t.Context(), patients.Query{Device: "dev-central", Limit: 1000}); err != nil || len(list) > 10 {
		t.Error(len(list), err)
	}
}

func TestFind(t *testing.T) {
	r := newRoom(t)
	for i, who := range [][2]string{{"Almeida", "Rosa"}, {"Alm", "Jon"}, {"Berg", "Rosa Maria"}} {
		m := adt("admit", fmt.Sprint(4710+i), string(rune('A'+i)), "08:00")
		m.Patient.Family, m.Patient.Given = who[0], []string{who[1]}
		r.resolve(t, m)
	}
	for text, want := range map[string]int{"alm": 2, "almeida, r": 1, "ROSA": 2, "471": 3, "4711": 1, "x": 0, "": 0, "  ": 0, "%": 0, ",": 3} {
		found, err := r.Find(t.Context(), text, 10)
		if err != nil || len(found) != want {
			t.Errorf("%q: %d, want %d %v", text, len(found), want, err)
		}
	}
	if found, _ := r.Find(t.Context(), "al", 1); len(found) != 1 || found[0].Place != place("B") || found[0].DisplayName() != "Alm, Jon" {
		t.Errorf("%+v", found)
	}
	if _, err := r.Get(t.Context(), "pat-nobody"); fault.KindOf(err) != fault.Absent {
		t.Error(err)
	}
}

// What was asked of a full store is kept and written later; nothing is lost
// and nothing is done twice.
func TestStoreFault(t *testing.T) {
	r := newRoom(t)
	s := &failing{Store: r.db}
	p, err := patients.Open(t.Context(), s, patients.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.fail = true
	m := adt("admit", "1", "A", "08:00")
	if err := p.Resolve(t.Context(), m); fault.KindOf(err) != fault.Transient {
		t.Fatal(err)
	}
	if err := p.Resolve(t.Context(), m); fault.KindOf(err) != fault.Transient {
		t.Fatal("an unsaved patient was given out:", err)
	}
	s.fail = false
	if err := p.Resolve(t.Context(), m); err != nil || issues(m) != "" {
		t.Fatal(err, issues(m))
	}
	r.reopen(t)
	if got, err := r.At(t.Context(), place("A"), day("09:00")); err != nil || got != m.Patient.ID || got == "" {
		t.Fatal(got, err)
	}
}

type failing struct {
	patients.Store
	fail bool
}

func (f *failing) SavePatients(ctx context.Context, b patients.Batch) error {
	if f.fail {
		return fault.New(fault.Transient, "register.write", "full")
	}
	return f.Store.SavePatients(ctx, b)
}

// What was dropped from memory is asked of the store again.
func TestSmallMemory(t *testing.T) {
	r := newRoom(t)
	p, err := patients.Open(t.Context(), r.db, patients.Options{Remembered: 2})
	if err != nil {
		t.Fatal(err)
	}
	r.Patients = p
	ids := map[string]model.PatientID{}
	for n := range 30 {
		number := fmt.Sprint(n + 1)
		ids[number] = r.resolve(t, adt("admit", number, number, "08:00")).Patient.ID
	}
	for number, id := range ids {
		r.resolve(t, adt("transfer", number, number+"x", "09:00"))
		if r.id(t, number) != id {
			t.Errorf("%s changed its id", number)
		}
		if got, _ := r.At(t.Context(), place(number), day("10:00")); got != "" {
			t.Errorf("%s is still in the old bed", number)
		}
		if got, _ := r.At(t.Context(), place(number+"x"), day("10:00")); got != id {
			t.Errorf("%s is not in the new bed", number)
		}
	}
}

func BenchmarkResolveKnown(b *testing.B) {
	r := newRoom(b)
	r.resolve(b, adt("admit", "1", "A", "08:00"))
	m := &model.Message{
		Arrived: day("09:00"), Patient: &model.Patient{Identifiers: mr("1"), Family: "Family1"}, Visit: &model.Visit{Place: place("A")},
		Devices: []model.Device{{ID: "dev-a", Serial: "1", Parent: -1}},
	}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Resolve(ctx, m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResolveByBed(b *testing.B) {
	r := newRoom(b)
	r.resolve(b, adt("admit", "1", "A", "08:00"))
	m := &model.Message{Arrived: day("09:00"), Visit: &model.Visit{Place: place("A")}}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		m.Patient = nil
		if err := r.Resolve(ctx, m); err != nil || m.Patient == nil {
			b.Fatal(err)
		}
	}
}
