package deliver

import (
	"container/heap"
	"math"
	"time"

	"thalamus/internal/model"
)

// parcel is one message owed, on its way through a runner.
type parcel struct {
	ref    model.MessageRef
	replay uint64
	ord    int64          // its row in the store's queue; 0: only in memory, the cursor stays behind it
	slot   uint64         // its place in the ledger + 1; 0: none
	msg    *model.Message // nil: read again when it is sent
	weight int            // estimated bytes of msg, counted in the runner's window

	attempts     int
	failures     int
	owed         time.Time
	firstTried   time.Time
	failingSince time.Time
	nextTry      time.Time
	told         bool // the receiver itself asked to wait until nextTry
	code, reason string
}

// identity of a delivery within a destination.
type identity struct {
	ref    model.MessageRef
	replay uint64
}

// laneState says what a lane waits for.
type laneState uint8

const (
	idle    laneState = iota // nothing in memory to send
	ready                    // in the runner's ready list
	sending                  // one call is under way
	waiting                  // for its back-off to pass
	held                     // for somebody to decide about a dead letter
)

// lane is the messages of one key in their order: those in memory, then those
// that lie only in the store. Within the ones in memory, parked parcels (with
// an ord) stand before the others, so that the order is the same after a
// crash: parked ones first, then what the record gives again.
type lane struct {
	key      string
	state    laneState
	parcels  []*parcel
	flying   int      // how many of them are in the call under way
	spilled  int      // rows in the store behind those in memory
	loading  bool     // some of these are being read
	loadedTo int64    // ord of the last row that was in memory
	parkedIn uint64   // the newest batch that holds rows of it
	loads    int      // counts the rewinds: what was being read before one is old
	rewound  bool     // back to the store as soon as the call under way ends
	singles  int      // after a batch failed: how many are tried one by one
	holder   identity // the dead letter that holds it, when it is held
	stuck    bool     // it is in the runner's list of those
	nextTry  time.Time
	index    int // in the heap of waiting lanes
}

func newLane(key string) *lane { return &lane{key: key, loadedTo: math.MinInt64} }

// empty says whether the lane can be forgotten.
func (l *lane) empty() bool {
	return len(l.parcels) == 0 && l.spilled == 0 && (l.state == idle)
}

// waitingLanes is a heap by nextTry.
type waitingLanes []*lane

func (w waitingLanes) Len() int           { return len(w) }
func (w waitingLanes) Less(i, j int) bool { return w[i].nextTry.Before(w[j].nextTry) }
func (w waitingLanes) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i, j
}
func (w *waitingLanes) Push(x any) {
	l := x.(*lane)
	l.index = len(*w)
	*w = append(*w, l)
}
func (w *waitingLanes) Pop() any {
	old := *w
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*w = old[:len(old)-1]
	return l
}

var _ heap.Interface = (*waitingLanes)(nil)

// queue is a list that gives from its front and takes at both ends.
type queue[T any] struct {
	ring []T
	head int
	n    int
}

func (q *queue[T]) len() int { return q.n }

func (q *queue[T]) grow() {
	if q.n < len(q.ring) {
		return
	}
	ring := make([]T, max(16, 2*len(q.ring)))
	for i := range q.n {
		ring[i] = q.ring[(q.head+i)%len(q.ring)]
	}
	q.ring, q.head = ring, 0
}

func (q *queue[T]) push(x T) {
	q.grow()
	q.ring[(q.head+q.n)%len(q.ring)] = x
	q.n++
}

func (q *queue[T]) pushFront(x T) {
	q.grow()
	q.head = (q.head - 1 + len(q.ring)) % len(q.ring)
	q.ring[q.head] = x
	q.n++
}

func (q *queue[T]) at(i int) *T { return &q.ring[(q.head+i)%len(q.ring)] }

func (q *queue[T]) pop() T {
	var zero T
	x := q.ring[q.head]
	q.ring[q.head] = zero
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	if q.n == 0 && len(q.ring) > 4096 {
		*q = queue[T]{}
	}
	return x
}

// ledger remembers which of the messages read are settled or parked, so that
// the cursor is only ever moved over a part without a hole.
type ledger struct {
	slots queue[slot]
	first uint64           // number of the slot at the front
	done  model.MessageRef // the last one taken from the front
	open  int              // slots that are not done
}

type slot struct {
	ref  model.MessageRef
	owed time.Time
	key  string
	done bool
}

// add gives the number of the new slot, from 1.
func (g *ledger) add(ref model.MessageRef, owed time.Time, key string) uint64 {
	g.slots.push(slot{ref: ref, owed: owed, key: key})
	g.open++
	return g.first + uint64(g.slots.len())
}

func (g *ledger) settle(number uint64) {
	if number <= g.first {
		return
	}
	if s := g.slots.at(int(number - g.first - 1)); !s.done {
		s.done = true
		g.open--
	}
}

// advance gives how far the cursor may go when everything read is up to read.
func (g *ledger) advance(read model.MessageRef) model.MessageRef {
	for g.slots.len() > 0 && g.slots.at(0).done {
		g.done = g.slots.pop().ref
		g.first++
	}
	if g.slots.len() == 0 {
		g.done = read
	}
	return g.done
}

// oldest gives since when the oldest open one is owed.
func (g *ledger) oldest() time.Time {
	for i := range g.slots.len() {
		if s := g.slots.at(i); !s.done {
			return s.owed
		}
	}
	return time.Time{}
}

// weigh estimates the memory that a message takes, in bytes.
func weigh(m *model.Message) int {
	n := 1024 + 900*len(m.Observations) + 400*len(m.Devices) + 600*len(m.Alerts) + 250*len(m.Issues) + 200*len(m.Routed)
	for i := range m.Observations {
		n += len(m.Observations[i].Value.Text)
	}
	for i := range m.Waveforms {
		n += 400 + 4*len(m.Waveforms[i].Samples)
	}
	return n
}
