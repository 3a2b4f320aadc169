package register_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/store/sqlite/registerdb"
)

var morning = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

type house struct {
	*register.Register
	db     *registerdb.DB
	folder string
	seq    model.Seq
	survey struct { // the last, see compareSurvey
		news    uint64
		now     time.Time
		counted string
	}
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{folder: t.TempDir()}
	h.reopen(t, register.Options{})
	t.Cleanup(func() { h.db.Close() })
	return h
}

// reopen starts again from what is on the disk, as after a crash.
func (h *house) reopen(t testing.TB, o register.Options) {
	t.Helper()
	if h.db != nil {
		h.db.Close()
	}
	var err error
	if h.db, err = registerdb.Open(context.Background(), h.folder, registerdb.Options{}); err != nil {
		t.Fatal(err)
	}
	if h.Register, err = register.Open(context.Background(), h.db, o); err != nil {
		t.Fatal(err)
	}
}

// message makes the next message of a channel with devices.
func (h *house) message(devices ...model.Device) *model.Message {
	h.seq++
	return &model.Message{
		Ref: model.MessageRef{Seq: h.seq}, Channel: "icu", Peer: "192.0.2.1:1", Arrived: morning.Add(time.Duration(h.seq) * time.Second),
		Sender: model.Party{Application: "GW"}, Observations: []model.Observation{{Device: 0}}, Devices: devices,
	}
}

func (h *house) sight(t testing.TB, m *model.Message) *model.Message {
	t.Helper()
	if err := h.Sight(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	return m
}

func ids(value, system, kind string) []model.Identifier {
	return []model.Identifier{{Value: value, System: system, Type: kind}}
}

func issues(m *model.Message) string {
	s := ""
	for _, i := range m.Issues {
		s += i.Code + " "
	}
	return s
}

func TestOnlyResultsBringTheSender(t *testing.T) {
	h := newHouse(t)
	adt := h.message()
	adt.Observations = nil
	if h.sight(t, adt); len(adt.Devices) != 0 {
		t.Error("an ADT feed is no device")
	}
	oru := h.sight(t, h.message())
	if len(oru.Devices) != 1 || oru.Devices[0].ID == "" {
		t.Fatal("results without a device belong to the sender")
	}
	id := oru.Devices[0].ID
	if h.sight(t, oru); len(oru.Devices) != 1 || oru.Devices[0].ID != id {
		t.Error("seen again, it is another")
	}
}

func TestNewDeviceIsDurableBeforeUse(t *testing.T) {
	h := newHouse(t)
	f := &failing{Store: h.db, fail: true}
	r, err := register.Open(t.Context(), f, register.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := h.message(model.Device{Parent: -1, Serial: "1"})
	for range 2 {
		if err := r.Sight(t.Context(), m); fault.KindOf(err) != fault.Transient {
			t.Fatal("an unsaved device was given out:", err)
		}
	}
	f.fail = false
	if err := r.Sight(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	h.reopen(t, register.Options{}) // without a flush: a crash
	d, err := h.Get(m.Devices[0].ID)
	if err != nil || d.Observed.Serial != "1" || d.Seen.Messages != 0 {
		t.Fatalf("%+v %v", d, err)
	}
	// The message is read again after the crash and counted then.
	if h.sight(t, m); mustGet(t, h, m.Devices[0].ID).Seen.Messages != 1 {
		t.Error("not counted")
	}
}

type failing struct {
	register.Store
	fail bool
}

func (f *failing) SaveDevices(ctx context.Context, d []register.Device, c []register.Change) error {
	if f.fail {
		return fault.New(fault.Transient, "register.write", "full")
	}
	return f.Store.SaveDevices(ctx, d, c)
}

func mustGet(t *testing.T, h *house, id model.DeviceID) register.Device {
	t.Helper()
	d, err := h.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestObservedFacts(t *testing.T) {
	h := newHouse(t)
	unit := func(release string, bed string) *model.Message {
		m := h.message(model.Device{Parent: -1, Manufacturer: "Acme", Model: "VM", Serial: "1", Release: release})
		m.Visit = &model.Visit{Place: model.Place{PointOfCare: "ICU", Bed: bed}}
		m.Alerts = []model.Alert{{Device: 0}}
		return m
	}
	first := h.sight(t, unit("2.1", "A"))
	id := first.Devices[0].ID
	h.sight(t, unit("2.1", "A"))
	h.sight(t, unit("2.2", "B"))
	h.sight(t, unit("", "B")) // says nothing of its release
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.reopen(t, register.Options{})
	h.sight(t, first) // read again: neither counted nor believed
	d := mustGet(t, h, id)
	if d.Observed.Release != "2.2" || d.Observed.Place.Bed != "B" || d.Seen.Messages != 4 || d.Seen.Observations != 4 || d.Seen.Alerts != 4 ||
		!d.Seen.LastSeen.Equal(morning.Add(4*time.Second)) || d.Seen.Channel != "icu" {
		t.Errorf("%+v", d)
	}
	changes, err := h.History(t.Context(), id, 10)
	if err != nil || len(changes) != 2 {
		t.Fatalf("%+v %v", changes, err)
	}
	for _, c := range changes {
		if c.By != "" || c.Fact == "release" && (c.Was != "2.1" || c.Now != "2.2") {
			t.Errorf("%+v", c)
		}
	}
}

// A message that names a device with each of its values, as a Bundle of
// Observations does, counts all of them; read again it counts nothing.
func TestNamedTwice(t *testing.T) {
	h := newHouse(t)
	one := model.Device{Parent: -1, Manufacturer: "Acme", Model: "VM", Serial: "1"}
	m := h.message(one)
	m.Devices = append(m.Devices, one)
	m.Observations = []model.Observation{{Device: 0}, {Device: 1}, {Device: 1}}
	m.Alerts = []model.Alert{{Device: 1}}
	h.sight(t, m)
	h.sight(t, m)
	if m.Devices[0].ID != m.Devices[1].ID {
		t.Fatalf("%+v", m.Devices)
	}
	if s := mustGet(t, h, m.Devices[0].ID).Seen; s.Messages != 1 || s.Observations != 3 || s.Alerts != 1 {
		t.Errorf("%+v", s)
	}
}

// R8, R29: what a device told of its battery last stands with it, and is no change of
// its history; a message that tells nothing of it leaves it.
func TestBattery(t *testing.T) {
	h := newHouse(t)
	var id model.DeviceID
	for _, level := range []string{"", "80 %", "79 %", ""} {
		id = h.sight(t, h.message(model.Device{Parent: -1, Serial: "1", Battery: level})).Devices[0].ID
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.reopen(t, register.Options{})
	b := mustGet(t, h, id).Seen.Battery
	if b == nil || b.Level != "79 %" || !b.At.Equal(morning.Add(3*time.Second)) {
		t.Errorf("%+v", b)
	}
	if changes, err := h.History(t.Context(), id, 10); err != nil || len(changes) != 0 {
		t.Errorf("%+v %v", changes, err)
	}
}

func TestFlappingCostsOneRowAFlush(t *testing.T) {
	h := newHouse(t)
	var id model.DeviceID
	for i := range 1000 {
		id = h.sight(t, h.message(model.Device{Parent: -1, Serial: "1", Release: fmt.Sprint(i)})).Devices[0].ID
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if changes, _ := h.History(t.Context(), id, 1000); len(changes) != 1 || changes[0].Was != "0" || changes[0].Now != "999" {
		t.Errorf("%d %+v", len(changes), changes)
	}
}

func TestAdoption(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	id := h.sight(t, h.message(model.Device{Parent: -1, Serial: "1"})).Devices[0].ID
	if h.Adopted(id) || h.Adopted("dev-nobody") {
		t.Error("adopted by nobody")
	}
	mark := register.Mark{By: "usr-mona", At: morning, Change: "c"}
	update := func(work func(tx registerdb.Tx) error) error { return h.db.Update(ctx, work) }
	err := update(func(tx registerdb.Tx) error {
		if _, err := h.Adopt(ctx, tx, id, register.AnyVersion, mark); err != nil {
			return err
		}
		return fault.New(fault.Conflict, "register.version", "no")
	})
	if err == nil || h.Adopted(id) {
		t.Fatal("adopted by a transaction that failed")
	}
	place := model.Place{PointOfCare: "ICU", Bed: "7"}
	err = update(func(tx registerdb.Tx) error {
		d, err := h.Adopt(ctx, tx, id, 0, mark)
		if err != nil {
			return err
		}
		_, err = h.Assert(ctx, tx, id, register.Asserted{Name: "Monitor 7", Place: place}, d.Version, mark)
		return err
	})
	if err != nil || !h.Adopted(id) {
		t.Fatal(err)
	}
	// What is observed meanwhile does not undo what was decided.
	m := h.sight(t, h.message(model.Device{Parent: -1, Serial: "1", Release: "9"}))
	if m.Devices[0].Place != place {
		t.Error("the asserted place is not given to messages without one")
	}
	if err := h.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	h.reopen(t, register.Options{})
	d := mustGet(t, h, id)
	if !d.Adopted() || d.Adoption.By != "usr-mona" || d.Version != 2 || d.Asserted.Name != "Monitor 7" || d.Observed.Release != "9" {
		t.Errorf("%+v", d)
	}
	if err := update(func(tx registerdb.Tx) error { _, err := h.Release(ctx, tx, id, 1, mark); return err }); fault.CodeOf(err) != "register.version" {
		t.Error(err)
	}
	if err := update(func(tx registerdb.Tx) error { _, err := h.Release(ctx, tx, id, 2, mark); return err }); err != nil || h.Adopted(id) {
		t.Error(err)
	}
	if err := update(func(tx registerdb.Tx) error { _, err := h.Adopt(ctx, tx, "dev-nobody", -1, mark); return err }); fault.KindOf(err) != fault.Absent {
		t.Error(err)
	}
}

// R56: what one installation exports, another applies, before it hears the
// device.
func TestTextOfDevices(t *testing.T) {
	a, b := newHouse(t), newHouse(t)
	ctx := t.Context()
	dev := model.Device{Parent: -1, Manufacturer: "Acme", Model: "VM", Serial: "1"}
	id := a.sight(t, a.message(dev)).Devices[0].ID
	mark := register.Mark{By: "usr-mona", At: morning}
	var d register.Device
	err := a.db.Update(ctx, func(tx registerdb.Tx) (err error) {
		if _, err = a.Adopt(ctx, tx, id, register.AnyVersion, mark); err != nil {
			return err
		}
		d, err = a.Assert(ctx, tx, id, register.Asserted{Name: "M", Place: model.Place{PointOfCare: "ICU", Room: "2", Bed: "7"}}, register.AnyVersion, mark)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text := d.Text()
	put := func() (register.Device, error) {
		var got register.Device
		err := b.db.Update(ctx, func(tx registerdb.Tx) (err error) {
			got, err = b.Put(ctx, tx, text, register.AnyVersion, mark)
			return err
		})
		return got, err
	}
	got, err := put()
	if err != nil || fmt.Sprint(got.Text()) != fmt.Sprint(text) || !b.Adopted(id) {
		t.Fatalf("%+v\n%+v %v", got.Text(), text, err)
	}
	if again, err := put(); err != nil || again.Version != got.Version {
		t.Error("applied twice makes a new version:", again.Version, err)
	}
	if m := b.sight(t, b.message(dev)); m.Devices[0].ID != id || m.Devices[0].Place.Bed != "7" {
		t.Errorf("%+v", m.Devices[0])
	}
	b.reopen(t, register.Options{})
	if !b.Adopted(id) {
		t.Error("not adopted after a start")
	}
}

func TestTooManyUnknown(t *testing.T) {
	h := newHouse(t)
	h.reopen(t, register.Options{MostUnknown: 5})
	seen := map[model.DeviceID]bool{}
	for i := range 50 {
		m := h.sight(t, h.message(model.Device{Parent: -1, Serial: fmt.Sprint("SN", i)}))
		seen[m.Devices[0].ID] = true
		if (issues(m) != "") != (i >= 5) {
			t.Fatalf("device %d: %q", i, issues(m))
		}
	}
	if len(seen) != 6 {
		t.Error(len(seen), "devices")
	}
	m := h.message(model.Device{Parent: -1, Serial: "SN1"})
	if h.sight(t, m); issues(m) != "" {
		t.Error("a known device is held as well")
	}
	m = h.message(model.Device{Parent: -1, Serial: "SN99"})
	m.Channel = "other"
	if h.sight(t, m); issues(m) != "" {
		t.Error("another channel is held as well")
	}
}

func TestListAndFind(t *testing.T) {
	h := newHouse(t)
	for i := range 30 {
		h.sight(t, h.message(model.Device{Parent: -1, Manufacturer: "Acme", Model: fmt.Sprint("VM-", i%3), Serial: fmt.Sprintf("SN%02d", i)}))
	}
	page, total := h.List(register.Query{Text: "vm-1", Limit: 4})
	if len(page) != 4 || total != 10 {
		t.Fatal(len(page), total)
	}
	next, _ := h.List(register.Query{Text: "VM-1", Limit: 100, After: page[3].ID})
	if len(next) != 6 {
		t.Error(len(next))
	}
	yes := true
	if page, total = h.List(register.Query{Adopted: &yes}); len(page) != 0 || total != 0 {
		t.Error(page)
	}
	if d, err := h.Find(model.Device{Manufacturer: "ACME", Model: "vm-2", Serial: "sn05"}, ""); err != nil || d.Observed.Serial != "SN05" {
		t.Error(d, err)
	}
	if _, err := h.Find(model.Device{Serial: "none such"}, ""); fault.KindOf(err) != fault.Absent {
		t.Error(err)
	}
}

// A search finds what has the text and nothing else, however short or long the
// text is, whatever its letters, and also after what is said changed (R29).
func TestSearchOfText(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	names := []string{"Ärztezimmer", "ICU pump", "pump", "モニター 7", "x", "SN-4711 spare", "a\xffb", "İstanbul", strings.Repeat("long ", 30)}
	var known []model.DeviceID
	say := func(id model.DeviceID, name string) {
		err := h.db.Update(ctx, func(tx registerdb.Tx) error {
			_, err := h.Assert(ctx, tx, id, register.Asserted{Name: name}, register.AnyVersion, register.Mark{By: "usr-mona", At: morning})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range names {
		id := h.sight(t, h.message(model.Device{Parent: -1, Manufacturer: "Acme", Serial: fmt.Sprint("SN", i)})).Devices[0].ID
		say(id, name)
		known = append(known, id)
	}
	check := func() {
		t.Helper()
		texts := []string{"", "p", "um", "pum", "PUMP", " pump ", "icu pump", "ター", "ärzte", "istanbul", "sn-4711", "xff", "no such device", "mp\n", "long long", "cmeacme", "acme"}
		for i := range names {
			texts = append(texts, names[i], names[i][len(names[i])/2:])
		}
		for _, text := range texts {
			want := 0
			for i, id := range known {
				all := strings.ToLower(string(id) + "\n" + names[i] + "\nacme \n" + fmt.Sprint("sn", i))
				if strings.Contains(all, strings.ToLower(strings.TrimSpace(text))) {
					want++
				}
			}
			walked, after := 0, model.DeviceID("")
			for page := h.Walk(register.Query{Text: text, Limit: 3}); len(page) > 0; page = h.Walk(register.Query{Text: text, Limit: 3, After: after}) {
				walked, after = walked+len(page), page[len(page)-1].ID
			}
			if _, total := h.List(register.Query{Text: text}); total != want || walked != want {
				t.Errorf("%q: %d found and %d in pages of three; %d are there", text, total, walked, want)
			}
		}
	}
	check()
	slices.Reverse(names)
	for i, id := range known {
		say(id, names[i])
	}
	check()
}

// Sights, flushes, adoptions and lists at once, for the race detector.
func TestAtOnce(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 200 {
				m := &model.Message{Ref: model.MessageRef{Seq: model.Seq(w*1000 + i + 1)}, Channel: "icu", Arrived: morning.Add(time.Duration(i) * time.Second),
					Devices: []model.Device{{Parent: -1, Serial: fmt.Sprint("S", i%20), Release: fmt.Sprint(i)}}}
				if err := h.Sight(ctx, m); err != nil {
					t.Error(err)
				}
				h.Adopted(m.Devices[0].ID)
				if i%50 == 0 {
					h.List(register.Query{})
					if err := h.Flush(ctx); err != nil {
						t.Error(err)
					}
					err := h.db.Update(ctx, func(tx registerdb.Tx) error {
						_, err := h.Adopt(ctx, tx, m.Devices[0].ID, register.AnyVersion, register.Mark{By: "x", At: morning})
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	if _, total := h.List(register.Query{}); total != 20 {
		t.Error(total)
	}
}

func BenchmarkSightKnown(b *testing.B) {
	h := newHouse(b)
	m := h.message(
		model.Device{Parent: -1, Identifiers: ids("0012210839000001", "1.2.840.10004.1.1.1.0.0.1.0.0.1.2680", "EUI-64"), Manufacturer: "Acme", Model: "VM-200", Serial: "SN1", Release: "2.1"},
		model.Device{Parent: 0}, model.Device{Parent: 1})
	m.Observations = make([]model.Observation, 20)
	m.Visit = &model.Visit{Place: model.Place{PointOfCare: "ICU", Bed: "1"}}
	h.sight(b, m)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		m.Ref.Seq++
		if err := h.Sight(ctx, m); err != nil {
			b.Fatal(err)
		}
	}
}
