package deliver_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

// ward is a world with a register: who is adopted, and the decisions that
// routing would have made.
type ward struct {
	*world
	mu      sync.Mutex
	adopted map[model.DeviceID]model.Seq // the head of the record at that moment
}

func newWard(t testing.TB, o deliver.Options, dests ...model.DestinationID) *ward {
	w := &ward{adopted: map[model.DeviceID]model.Seq{}}
	o.Adopted = w.knows
	w.world = newWorld(t, o, dests...)
	return w
}

func (w *ward) knows(id model.DeviceID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.adopted[id]
	return ok
}

// adopt is what the register does; Adopted, which tells of it, may get lost.
func (w *ward) adopt(id model.DeviceID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.adopted[id] = w.record.Head().Seq
}

// hear records a message of devices about a patient.
func (w *ward) hear(patient string, devices []model.DeviceID, dests ...model.DestinationID) model.Seq {
	return w.hearFor(model.RefusedQuarantine, patient, devices, dests...)
}

// hearFor is hear where what a device waits for is said.
func (w *ward) hearFor(waits, patient string, devices []model.DeviceID, dests ...model.DestinationID) model.Seq {
	refused := ""
	var all []model.Device
	for _, d := range devices {
		all = append(all, model.Device{ID: d, Parent: -1})
		if !w.knows(d) {
			refused = waits
		}
	}
	r := w.record
	r.mu.Lock()
	defer r.mu.Unlock()
	m := &model.Message{
		Ref: model.MessageRef{Seq: model.Seq(len(r.messages) + 1)}, Channel: "icu", Type: "ORU^R01", Arrived: time.Now(), Recorded: time.Now(),
		Patient: &model.Patient{ID: model.PatientID(patient)}, Devices: all,
	}
	for _, d := range dests {
		m.Routed = append(m.Routed, model.Decision{Route: "all", Destination: d, Refused: refused})
	}
	r.messages = append(r.messages, m)
	close(r.grown)
	r.grown = make(chan struct{})
	return m.Ref.Seq
}

func TestQuarantineWaitsAndIsReleasedInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWard(t, deliver.Options{LaneWindow: 4}, "ehr", "lake")
		defer func() { w.shut() }()
		w.adopt("known")
		for range 20 {
			w.hear("ann", []model.DeviceID{"new"}, "ehr", "lake")
			w.hear("ann", []model.DeviceID{"known"}, "ehr", "lake")
			w.hear("bob", []model.DeviceID{"known", "new", "other"}, "ehr")
		}
		pass(10 * time.Second)
		expect(t, "others go on", text(w.receivers["ehr"].seqs()[:3]), "[2 5 8]")
		s := w.stat("ehr")
		expect(t, "numbers", text([]int64{s.Delivered, s.Queued, s.Quarantined}), "[20 0 40]")
		expect(t, "cursor", s.Cursor.Seq, 60)
		found, _ := w.ByMessage(ctx, model.MessageRef{Seq: 3})
		expect(t, "of a message", text([]any{len(found), found[0].State, found[0].Reason}), "[1 quarantined waits until somebody adopts new other]")
		list, err := w.Quarantined(ctx)
		if err != nil || len(list) != 3 || list[0].Deliveries != 20 || text(list[1].Devices) != "[new other]" {
			t.Errorf("%+v %v", list, err)
		}
		// A replay does not go round it.
		w.replay(deliver.ReplayRequest{Entries: []model.Seq{1}, Destinations: []model.DestinationID{"ehr"}})
		pass(time.Second)
		expect(t, "not replayed", w.receivers["ehr"].count(), 20)
		w.reopen()
		settle()
		w.adopt("new")
		// Nobody told deliver yet: the next message of the patient finds out.
		later := w.hear("ann", []model.DeviceID{"new"}, "ehr", "lake")
		pass(time.Second)
		ann := w.receivers["ehr"].of("ann")
		expect(t, "released", len(ann), 41)
		expect(t, "the first", text(ann[20:23]), "[1 4 7]")
		expect(t, "the last", ann[40], later)
		expect(t, "bob waits for another", len(w.receivers["ehr"].of("bob")), 0)
		w.Adopted()
		pass(time.Second)
		expect(t, "at the other destination", len(w.receivers["lake"].of("ann")), 41)
		w.adopt("other")
		w.reopen() // what was not told is found at the start
		pass(time.Second)
		expect(t, "bob", len(w.receivers["ehr"].of("bob")), 20)
		s = w.stat("ehr")
		expect(t, "numbers", text([]int64{s.Delivered, s.Queued, s.Parked, s.Quarantined}), "[61 0 0 0]")
		w.replay(deliver.ReplayRequest{Entries: []model.Seq{1}, Destinations: []model.DestinationID{"ehr"}})
		pass(time.Second)
		expect(t, "replayed", w.receivers["ehr"].count(), 62)
	})
}

func TestQuarantineBesideABacklog(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWard(t, deliver.Options{LaneWindow: 2, WindowMessages: 16}, "ehr")
		defer w.shut()
		w.adopt("known")
		w.script("ehr", func(context.Context, int, []destination.Parcel) error { return transient() })
		for range 50 {
			w.hear("ann", []model.DeviceID{"known"}, "ehr")
			w.hear("ann", []model.DeviceID{"new"}, "ehr")
		}
		pass(time.Minute)
		w.adopt("new")
		w.Adopted()
		w.hear("ann", []model.DeviceID{"new"}, "ehr")
		pass(time.Minute)
		w.script("ehr", nil)
		pass(10 * time.Minute)
		all := w.receivers["ehr"].of("ann")
		expect(t, "all", len(all), 101)
		// Nothing had gone out: all of it goes in the order of arrival.
		expect(t, "in order", slices.IsSorted(all), true)
	})
}

func TestQuarantineRejected(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWard(t, deliver.Options{}, "ehr", "lake")
		defer func() { w.shut() }()
		w.hear("ann", []model.DeviceID{"sold"}, "ehr", "lake")
		w.hear("ann", []model.DeviceID{"new"}, "ehr")
		pass(time.Second)
		if _, err := w.Reject(ctx, "sold", ""); err == nil {
			t.Error("no reason was needed")
		}
		n, err := w.Reject(ctx, "sold", "belongs to the clinic next door")
		expect(t, "rejected", text([]any{n, err}), "[2 <nil>]")
		w.adopt("sold")
		w.Adopted()
		w.reopen()
		pass(time.Second)
		expect(t, "nothing goes out", w.receivers["ehr"].count()+w.receivers["lake"].count(), 0)
		s := w.stat("ehr")
		expect(t, "numbers", text([]int64{s.Discarded, s.Quarantined}), "[1 1]")
	})
}

// TestQuarantineWithCrashes adopts devices while destinations fail in every
// way and the process dies at random; each message has its effect, once its
// device is adopted and not before, and before what came after the adoption.
func TestQuarantineWithCrashes(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 8
	}
	for seed := range seeds {
		inBubble(t, func(t *testing.T) { quarantineWithCrashes(t, uint64(seed)) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func quarantineWithCrashes(t *testing.T, seed uint64) {
	random := rand.New(&locked{source: rand.NewPCG(seed, 11)})
	w := newWard(t, deliver.Options{
		Random: random.Float64, WindowMessages: 1 + random.IntN(60), LaneWindow: 1 + random.IntN(8),
		Spread: 20 + random.IntN(60), Pending: 10 + random.IntN(100),
	}, "ehr", "lake")
	devices := []model.DeviceID{"a", "b", "c", "d"}
	w.adopt("a")
	var store *mortal
	w.wrap = func(s deliver.Store) deliver.Store {
		store = &mortal{Store: s}
		store.left.Store(1 << 40)
		return store
	}
	w.shut()
	w.open()
	for _, v := range w.receivers {
		v.set(chaos(random, nil))
	}
	crash := func() {
		store.left.Store(int64(random.IntN(3)))
		pass(time.Duration(random.IntN(300)) * time.Millisecond)
		soon, cancel := context.WithTimeout(ctx, time.Millisecond)
		w.Close(soon)
		cancel()
		settle()
		w.store.Close()
		w.open()
	}
	keys, n := 1+random.IntN(4), 100+random.IntN(200)
	owed := map[model.DestinationID]int{}
	for i := range n {
		dests := []model.DestinationID{"ehr"}
		if random.IntN(3) > 0 {
			dests = append(dests, "lake")
		}
		from := []model.DeviceID{devices[random.IntN(len(devices))]}
		if random.IntN(4) == 0 {
			from = append(from, devices[random.IntN(len(devices))])
		}
		w.hear("p"+text(random.IntN(keys)), from, dests...)
		if !slices.Contains(from, "d") { // d is adopted at the end
			for _, d := range dests {
				owed[d]++
			}
		}
		if random.IntN(15) == 0 {
			pass(time.Duration(random.IntN(2000)) * time.Millisecond)
		}
		for k, at := range []int{n / 3, n * 2 / 3} {
			if i == at {
				w.adopt(devices[k+1])
				switch random.IntN(3) {
				case 0:
					crash() // before anybody was told
				case 1:
					w.Adopted()
				}
			}
		}
		if random.IntN(n/4) == 0 {
			crash()
		}
	}
	for _, v := range w.receivers {
		v.set(nil)
	}
	w.Adopted()
	pass(5 * time.Minute)
	for id, v := range w.receivers {
		effects := map[sent]bool{}
		for _, s := range v.takes {
			effects[s] = true
			if slices.ContainsFunc(w.record.messages[s.seq-1].Devices, func(d model.Device) bool { return d.ID == "d" }) {
				t.Errorf("%s: %d went out while its device was in quarantine", id, s.seq)
			}
		}
		expect(t, text(id)+": effects", len(effects), owed[id])
		w.orderKept(v)
	}
	w.adopt("d")
	w.Adopted()
	pass(5 * time.Minute)
	for id, v := range w.receivers {
		effects := map[sent]bool{}
		for _, s := range v.takes {
			effects[s] = true
		}
		all := 0
		for _, m := range w.record.messages {
			for _, d := range m.Routed {
				if d.Destination == id {
					all++
				}
			}
		}
		expect(t, text(id)+": all effects", len(effects), all)
		s := w.stat(id)
		expect(t, text(id)+": counters", text([]int64{s.Delivered, s.Dead, s.Queued, s.Parked, s.Quarantined}), text([]int{all, 0, 0, 0, 0}))
		if s.InMemory != 0 {
			t.Errorf("%s: %d messages left in memory", id, s.InMemory)
		}
		w.orderKept(v)
	}
	w.shut()
}

// orderKept looks at the first effect of each message of a key: what was never
// held goes in order, so does what waited for the same devices, and what
// waited goes before what came after its devices were adopted.
func (w *ward) orderKept(v *receiver) {
	w.t.Helper()
	for key, takes := range v.by {
		var first []*model.Message
		seen := map[model.Seq]bool{}
		for _, s := range takes {
			if !seen[s.seq] {
				seen[s.seq] = true
				first = append(first, w.record.messages[s.seq-1])
			}
		}
		for i, late := range first {
			for _, early := range first[:i] {
				if early.Ref.Seq < late.Ref.Seq {
					continue
				}
				// A later message went out first: only because this one waited.
				free := w.freeFrom(late)
				if free == 0 || early.Ref.Seq > free && free > 0 {
					w.t.Errorf("%s %s: %d went before %d, which was free from %d on", v.id, key, early.Ref.Seq, late.Ref.Seq, free)
				}
			}
		}
	}
}

// freeFrom gives the head of the record when the last device of a message was
// adopted; 0 for one that never waited.
func (w *ward) freeFrom(m *model.Message) model.Seq {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.Routed[0].Refused == "" {
		return 0
	}
	free := model.Seq(0)
	for _, d := range m.Devices {
		free = max(free, w.adopted[d.ID])
	}
	return free
}
