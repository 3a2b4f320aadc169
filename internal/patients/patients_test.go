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
	db        *registerdb.DB
	folder    string
	authority string // of the site
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
	if r.Patients, err = patients.Open(context.Background(), r.db, patients.Options{Authority: r.authority}); err != nil {
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
	r.authority = "HOSP"
	r.reopen(t)
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
	on("dev-b", "3", "11:00")
	ids := []model.DeviceID{"dev-b", "dev-none", "dev-a", "dev-b"}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for clock, want := range map[string]int{"07:00": 0, "10:30": 1, "11:30": 2} {
		all, err := r.OnAll(t.Context(), ids, day(clock))
		if err != nil || len(all) != want {
			t.Errorf("at %s: %v %v", clock, all, err)
		}
		for _, id := range ids {
			one, ok, err := r.On(t.Context(), id, day(clock))
			if many, found := all[id]; err != nil || ok != found || many != one {
				t.Errorf("%s at %s: %+v alone, %+v among many; %v", id, clock, one, many, err)
			}
		}
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
