package correct_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/store/sqlite/registerdb"
)

// Each case: values of device d in bed A at minutes 10 and 30, then what
// became known; want is whose they are then.
func TestRules(t *testing.T) {
	for name, c := range map[string]struct {
		named  string // the value at 30 names this patient
		before func(w *world)
		late   func(w *world)
		want   [2]string
		told   int // messages destinations were told of
	}{
		"late admission (A01)": {
			late: func(w *world) { w.arrive(adt("admit", "1", "A", minute(5), minute(60))) },
			want: [2]string{"1", "1"}, told: 2,
		},
		"late admission between the values": {
			late: func(w *world) { w.arrive(adt("admit", "1", "A", minute(20), minute(60))) },
			want: [2]string{"", "1"}, told: 1,
		},
		"late transfer (A02)": {
			before: func(w *world) { w.arrive(adt("admit", "1", "A", minute(0), minute(0))) },
			late: func(w *world) {
				w.arrive(adt("transfer", "1", "B", minute(20), minute(60)))
				w.arrive(adt("admit", "2", "A", minute(25), minute(61)))
			},
			want: [2]string{"1", "2"}, told: 1,
		},
		"late discharge (A03)": {
			before: func(w *world) { w.arrive(adt("admit", "1", "A", minute(0), minute(0))) },
			late:   func(w *world) { w.arrive(adt("discharge", "1", "", minute(20), minute(60))) },
			want:   [2]string{"1", ""}, told: 1,
		},
		"cancelled admission (A11)": {
			before: func(w *world) {
				w.arrive(adt("admit", "1", "A", minute(0), minute(0)))
				w.arrive(adt("admit", "2", "A", minute(5), minute(5)))
			},
			late: func(w *world) {
				w.arrive(said(adt("cancel-admit", "2", "A", minute(5), minute(60)), minute(60)))
			},
			want: [2]string{"1", "1"}, told: 2,
		},
		"cancelled transfer (A12)": {
			before: func(w *world) {
				w.arrive(adt("admit", "1", "A", minute(0), minute(0)))
				w.arrive(adt("transfer", "1", "B", minute(20), minute(20)))
			},
			late: func(w *world) { w.arrive(said(adt("cancel-transfer", "1", "A", minute(20), minute(60)), minute(60))) },
			want: [2]string{"1", "1"}, told: 1,
		},
		"cancelled transfer (A12), another in the bed since": {
			before: func(w *world) {
				w.arrive(adt("admit", "1", "B", minute(0), minute(0)))
				w.arrive(adt("transfer", "1", "A", minute(5), minute(5)))
				w.arrive(adt("admit", "2", "A", minute(20), minute(20)))
			},
			late: func(w *world) { w.arrive(said(adt("cancel-transfer", "1", "B", minute(5), minute(60)), minute(60))) },
			want: [2]string{"", "2"}, told: 1,
		},
		"cancelled discharge (A13)": {
			before: func(w *world) {
				w.arrive(adt("admit", "1", "A", minute(0), minute(0)))
				w.arrive(adt("discharge", "1", "A", minute(20), minute(20)))
			},
			late: func(w *world) { w.arrive(said(adt("cancel-discharge", "1", "A", minute(20), minute(60)), minute(60))) },
			want: [2]string{"1", "1"}, told: 1,
		},
		"cancelled discharge (A13) into another bed": {
			before: func(w *world) {
				w.arrive(adt("admit", "1", "A", minute(0), minute(0)))
				w.arrive(adt("discharge", "1", "A", minute(40), minute(40)))
			},
			late: func(w *world) { w.arrive(said(adt("cancel-discharge", "1", "B", minute(40), minute(60)), minute(60))) },
			want: [2]string{"1", "1"},
		},
		"update (A08) moves nobody": {
			before: func(w *world) { w.arrive(adt("admit", "1", "A", minute(0), minute(0))) },
			late:   func(w *world) { w.arrive(adt("update", "1", "B", minute(5), minute(60))) },
			want:   [2]string{"1", "1"},
		},
		"merge (A40) makes one person, tells nothing of values": {
			before: func(w *world) { w.arrive(adt("admit", "1", "A", minute(0), minute(0))) },
			late: func(w *world) {
				m := adt("merge", "9", "", minute(20), minute(60))
				m.Event.Merged, m.Visit = []model.Identifier{mr("1")}, nil
				w.arrive(m)
			},
			want: [2]string{"9", "9"},
		},
		"scan since": {
			late: func(w *world) { w.connect("d", "1", patients.Scan, minute(20), time.Time{}, minute(60)) },
			want: [2]string{"", "1"}, told: 1,
		},
		"attached by hand": {
			late: func(w *world) { w.connect("d", "1", patients.Hand, minute(5), minute(20), minute(60)) },
			want: [2]string{"1", ""}, told: 1,
		},
		"a scan counts before the bed": {
			before: func(w *world) { w.arrive(adt("admit", "1", "A", minute(0), minute(0))) },
			late:   func(w *world) { w.connect("d", "2", patients.Scan, minute(20), time.Time{}, minute(60)) },
			want:   [2]string{"1", "2"}, told: 1,
		},
		"what was said last counts": {
			before: func(w *world) { w.connect("d", "1", patients.Scan, minute(0), time.Time{}, minute(0)) },
			late:   func(w *world) { w.connect("d", "2", patients.Hand, minute(25), minute(35), minute(60)) },
			want:   [2]string{"1", "2"}, told: 1,
		},
		"a scan that was wrong never was": {
			before: func(w *world) { w.connect("d", "1", patients.Scan, minute(0), time.Time{}, minute(0)) },
			late: func(w *world) {
				w.act(func(tx registerdb.Tx) error {
					_, err := w.patients.End(w.t.Context(), tx, 1, minute(0), minute(60), "usr-a", "wrong bed")
					return err
				})
			},
			want: [2]string{"", ""}, told: 2,
		},
		"the message names another": {
			named: "7",
			late: func(w *world) {
				w.arrive(adt("admit", "1", "A", minute(5), minute(60)))
				w.connect("d", "2", patients.Scan, minute(20), time.Time{}, minute(61))
				w.connect("d", "3", patients.Hand, minute(5), minute(59), minute(62))
			},
			want: [2]string{"3", "7"}, told: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if c.before != nil {
				c.before(w)
			}
			first := w.arrive(value("d", "A", minute(10)))
			second := value("d", "A", minute(30))
			if c.named != "" {
				second = of(c.named, second)
			}
			at := w.arrive(second)
			w.settle()
			clear(w.told)
			c.late(w)
			w.settle()
			if got := [2]string{w.number(first), w.number(at)}; got != c.want {
				t.Errorf("the values are of %q, want %q", got, c.want)
			}
			told := 0
			for _, messages := range w.told {
				told += len(messages)
			}
			if c.told != told {
				t.Errorf("destinations were told of %d messages, want %d", told, c.told)
			}
			// Nothing is overwritten: the record holds what it held.
			if m := w.record[first.Seq-1]; m.Amended != nil {
				t.Error("what was recorded was changed")
			}
			// And nothing is left to do, also after a restart.
			n := len(w.order)
			w.start()
			w.settle()
			if len(w.order) != n {
				t.Error("the same was told again")
			}
		})
	}
}

// A contradiction gives an issue, and mixes nothing.
func TestContradiction(t *testing.T) {
	w := newWorld(t)
	w.connect("d", "1", patients.Scan, minute(0), time.Time{}, minute(0))
	ref := w.arrive(of("2", value("d", "A", minute(10))))
	m := w.record[ref.Seq-1]
	if w.number(ref) != "2" || len(m.Issues) != 1 || m.Issues[0].Code != "patients.scan-differs" {
		t.Errorf("patient %q, issues %+v", w.number(ref), m.Issues)
	}
	both := value("d", "A", minute(11))
	both.Devices = append(both.Devices, model.Device{ID: "e", Parent: -1})
	w.connect("e", "3", patients.Scan, minute(0), time.Time{}, minute(0))
	ref = w.arrive(both)
	if m := w.record[ref.Seq-1]; w.number(ref) != "" || len(m.Issues) != 1 || m.Issues[0].Code != "patients.scan-unsure" {
		t.Errorf("values of two patients' devices in one message are of %q, issues %+v", w.number(ref), m.Issues)
	}
}

// Whatever the order in which values and what is known of them come, in the
// end the same values are the same patients', and none is another's than the
// one it names.
func TestOrderDoesNotMatter(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 7))
		devices, beds := []string{"d", "e"}, []string{"A", "B"}
		var values []model.Message
		for n := range 24 {
			m := value(devices[n%2], beds[n%2], minute(10+5*n))
			if r.IntN(4) == 0 { // its link was gone for a while
				m.Arrived = m.Arrived.Add(time.Duration(r.IntN(40)) * time.Minute)
			}
			if r.IntN(6) == 0 {
				m = of(fmt.Sprint(1+r.IntN(3)), m)
			}
			values = append(values, m)
		}
		var facts []func(w *world)
		var events []model.Message
		// Who comes to one bed at one moment is decided by ids, which each world
		// makes its own.
		for _, n := range r.Perm(120)[:6] {
			number, bed := fmt.Sprint(1+r.IntN(3)), beds[r.IntN(2)]
			events = append(events, adt([]string{"admit", "transfer", "discharge", "cancel-admit", "cancel-transfer"}[r.IntN(5)], number, bed, minute(n), minute(0)))
		}
		for n := range r.IntN(3) {
			device, number, from := devices[r.IntN(2)], fmt.Sprint(1+r.IntN(3)), r.IntN(120)
			until := time.Time{}
			if r.IntN(2) == 0 {
				until = minute(from + 1 + r.IntN(30))
			}
			facts = append(facts, func(w *world) { w.connect(device, number, patients.Scan, minute(from), until, minute(200+n)) })
		}
		run := func(mix func(n int) []int) []string {
			w := newWorld(t)
			refs := make([]model.MessageRef, len(values))
			v, f := 0, 0
			for _, kind := range mix(len(values) + len(events) + len(facts)) {
				switch {
				case kind < len(values):
					refs[v] = w.arrive(values[v])
					v++
				case kind < len(values)+len(events):
					m := events[kind-len(values)]
					m.Arrived = minute(200)
					w.arrive(m)
				default:
					facts[f](w)
					f++
				}
				if r.IntN(4) == 0 {
					w.settle()
				}
			}
			w.settle()
			var got []string
			for i, ref := range refs {
				got = append(got, w.number(ref))
				if p := values[i].Patient; p != nil && got[i] != p.Identifiers[0].Value {
					t.Fatalf("seed %d: value %d names %s and is of %q", seed, i, p.Identifiers[0].Value, got[i])
				}
			}
			return got
		}
		first := run(func(n int) []int { // all is known before any value comes
			var list []int
			for i := n - 1; i >= 0; i-- {
				list = append(list, i)
			}
			return list
		})
		for range 2 {
			if got := run(r.Perm); !slices.Equal(got, first) {
				t.Fatalf("seed %d: known before %q, known in another order %q", seed, first, got)
			}
		}
	}
}

// A crash anywhere tells nobody twice and forgets nothing.
func TestCrash(t *testing.T) {
	for n := 1; n <= 3; n++ {
		w := newWorld(t)
		var refs []model.MessageRef
		for i := range 600 { // three corrections
			refs = append(refs, w.arrive(value("d", "A", minute(10).Add(time.Duration(i)*time.Second))))
		}
		w.arrive(adt("admit", "1", "A", minute(5), minute(60)))
		w.failAt = n
		if err := w.fix.All(t.Context()); err == nil {
			t.Fatal("the power should have gone")
		}
		w.start()
		w.settle()
		told := map[model.MessageRef]int{}
		for _, id := range w.order {
			for _, m := range w.told[id] {
				told[m.Ref]++
				if m.Amended == nil || m.Amended.Version != 1 || m.Amended.Was != nil || m.Patient == nil {
					t.Fatalf("%+v", m.Amended)
				}
			}
		}
		for _, ref := range refs {
			if told[ref] != 1 || w.number(ref) != "1" {
				t.Fatalf("crash %d: message %v told %d times, is of %q", n, ref, told[ref], w.number(ref))
			}
		}
		if !slices.IsSorted(w.order) {
			t.Error("corrections were told out of order", w.order)
		}
	}
}

// The work follows from the span, not from what lies beside it.
func TestOnlyTheSpan(t *testing.T) {
	w := newWorld(t)
	w.arrive(adt("admit", "1", "A", minute(0), minute(0)))
	for i := range 10 {
		w.arrive(value("d", "A", minute(i*10+1)))
	}
	w.arrive(adt("admit", "2", "A", minute(95), minute(95)))
	w.settle()
	w.arrive(adt("discharge", "1", "", minute(85), minute(100)))
	list, err := w.db.Reviews(t.Context(), 10)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if r := list[0]; !r.From.Equal(minute(85)) || !r.Until.Equal(minute(95)) {
		t.Errorf("from %v until %v", r.From, r.Until)
	}
}
