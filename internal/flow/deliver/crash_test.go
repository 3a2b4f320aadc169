package deliver_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

// mortal is a store whose writer dies: after a number of commits nothing is
// written any more, as if the process had been killed while destinations still
// took what was on its way.
type mortal struct {
	deliver.Store
	left atomic.Int64
}

var errDead = errors.New("dead")

func (m *mortal) Commit(ctx context.Context, b *deliver.Batch) error {
	if m.left.Add(-1) < 0 {
		return errDead
	}
	return m.Store.Commit(ctx, b)
}

// chaos fails calls at random in every way there is.
func chaos(random *rand.Rand, poison map[model.Seq]bool) func(context.Context, int, []destination.Parcel) error {
	return func(ctx context.Context, _ int, parcels []destination.Parcel) error {
		// The loop hands out calls from one goroutine, but they run side by
		// side; a sleep of a random length mixes them.
		time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, p := range parcels {
			if poison[p.Message.Ref.Seq] {
				return permanent()
			}
		}
		switch random.IntN(12) {
		case 0:
			return transient()
		case 1:
			return lostAnswer{transient()}
		case 2:
			if random.IntN(5) == 0 {
				return down()
			}
		case 3:
			if random.IntN(5) == 0 {
				return lostAnswer{down()}
			}
		case 4:
			if random.IntN(20) == 0 {
				<-ctx.Done()
				return ctx.Err()
			}
		}
		return nil
	}
}

// TestOrderAndNoLoss drives two destinations through random failures, crashes
// and restarts, and looks that every message had its effect, in the order of
// its key, or is a dead letter; and that the counters agree.
func TestOrderAndNoLoss(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		inBubble(t, func(t *testing.T) { lifeWithCrashes(t, uint64(seed)) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func lifeWithCrashes(t *testing.T, seed uint64) {
	random := rand.New(&locked{source: rand.NewPCG(seed, 7)})
	w := newWorld(t, deliver.Options{
		Random: random.Float64, WindowMessages: 1 + random.IntN(60), LaneWindow: 1 + random.IntN(8),
		Spread: 20 + random.IntN(60), Pending: 10 + random.IntN(100),
	}, "ehr", "lake")
	keys, n := 1+random.IntN(8), 100+random.IntN(300)
	poison := map[model.Seq]bool{}
	for range random.IntN(6) {
		poison[model.Seq(1+random.IntN(n))] = true
	}
	for _, v := range w.receivers {
		v.set(chaos(random, poison))
	}
	owed := map[model.DestinationID]int{}
	crashes, replays := random.IntN(6), uint64(0)
	var store *mortal
	w.wrap = func(s deliver.Store) deliver.Store {
		store = &mortal{Store: s}
		store.left.Store(1 << 40)
		return store
	}
	w.shut()
	w.open()
	for range n {
		dests := []model.DestinationID{"ehr"}
		if random.IntN(3) > 0 {
			dests = append(dests, "lake")
		}
		for _, d := range dests {
			owed[d]++
		}
		w.record.add("p"+text(random.IntN(keys)), dests...)
		if random.IntN(40) == 0 {
			var q deliver.ReplayRequest
			for range 1 + random.IntN(5) {
				seq := model.Seq(1 + random.IntN(len(w.record.messages)))
				if !slices.Contains(q.Entries, seq) {
					q.Entries = append(q.Entries, seq)
					for _, one := range w.record.messages[seq-1].Routed {
						owed[one.Destination]++
					}
				}
			}
			replays = w.replay(q)
		}
		if random.IntN(20) == 0 {
			pass(time.Duration(random.IntN(3000)) * time.Millisecond)
		}
		if crashes > 0 && random.IntN(n/5) == 0 {
			crashes--
			store.left.Store(int64(random.IntN(3)))
			pass(time.Duration(random.IntN(500)) * time.Millisecond)
			soon, cancel := context.WithTimeout(ctx, time.Millisecond)
			w.Close(soon)
			cancel()
			settle()
			w.store.Close()
			w.open()
		}
	}
	for _, v := range w.receivers {
		v.set(func(ctx context.Context, _ int, p []destination.Parcel) error {
			return failing(permanent, keysOf(poison)...)(ctx, 0, p)
		})
	}
	pass(5 * time.Minute)
	for id, v := range w.receivers {
		for replay := range replays + 1 {
			inOrder(t, v, replay)
		}
		effects := map[sent]int{}
		for _, s := range v.takes {
			effects[s]++
		}
		letters, err := w.DeadLetters(ctx, deliver.DeadFilter{Destination: id, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range letters {
			if n := effects[sent{l.Ref.Seq, l.Replay}]; !poison[l.Ref.Seq] || n > 0 {
				t.Errorf("%s: %d is dead and had %d effects", id, l.Ref.Seq, n)
			}
		}
		expect(t, text(id)+": effects and dead letters", len(effects)+len(letters), owed[id])
		s := w.stat(id)
		expect(t, text(id)+": counters", text([]int64{s.Delivered, s.Dead, s.Queued, s.Parked}), text([]int{len(effects), len(letters), 0, 0}))
		stored, _ := w.store.Counters(ctx, id)
		expect(t, text(id)+": stored counters", text([]int64{stored.Delivered, stored.Dead, stored.Parked}), text([]int{len(effects), len(letters), 0}))
		if s.InMemory != 0 {
			t.Errorf("%s: %d messages left in memory", id, s.InMemory)
		}
	}
	w.shut()
}

func keysOf(m map[model.Seq]bool) (all []model.Seq) {
	for k := range m {
		all = append(all, k)
	}
	return all
}
