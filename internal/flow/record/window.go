package record

import (
	"hash/maphash"

	"thalamus/internal/model"
)

// window holds what the last messages said, so that the same measurement is
// recognised when it comes over another path (R18, decision 0089). It holds
// no text, only hashes and numbers, and what it gives depends on the messages
// before alone: not on batches, restarts or what is still in memory.
//
// A fact is found by its key in a table of chains. Facts and messages are
// numbered; those too old, or too many ago, are passed over.
type window struct {
	loaded   bool
	seed     maphash.Seed
	facts    []fact // a ring; number n lies at n % len
	heads    []int64
	learned  int64 // facts
	said     []saying
	messages int64
	clock    int64 // latest arrival, Unix ns
	owners   map[model.DestinationID]uint
	heard    map[uint64]uint32 // the path each device is heard over; several: more than one

	// Of the message in work.
	now  saying
	mine []part
}

// What a window reaches back over, whichever is least. All are part of what
// the same record means: a change of them is a change of decision 0089.
const (
	windowNS       = int64(3600e9) // by arrival
	windowMessages = 1 << 15
	windowFacts    = 1 << 19
	mostParts      = 1024 // of one message that are learned
	mostSteps      = 256  // along a chain, for one part
	mostOwners     = 64
	mostHeard      = 1 << 16
	several        = 0 // no path is 0
)

// saying is what is known of a message that facts come from.
type saying struct {
	ref     model.MessageRef
	patient uint64 // 0: nobody
	path    uint32
	arrived int64
	owed    uint64 // destinations, by their number in owners
}

// fact is one measurement, run of samples or event of an alert.
type fact struct {
	key     uint64
	prev    int64 // the fact before in the chain, +1
	message int64
	number  model.Decimal // the value, or in its digits a hash of one that is no number
	class   uint64        // of what else must agree: kind, unit, comparator, simulated
	second  int64         // when it was so by the device's clock, Unix
	nanos   int32
	term    uint32    // RefID; 0: not known
	seen    [3]uint32 // other paths that brought it
	rank    uint8     // see rankOf
	plain   bool      // number is one
	counts  bool      // another value of it would contradict
	rounded bool      // by a conversion of units
	once    bool      // the sender gave this measurement an id of its own
}

func newWindow() window {
	return window{
		seed: maphash.MakeSeed(), facts: make([]fact, 256), heads: make([]int64, 512),
		said: make([]saying, windowMessages), owners: map[model.DestinationID]uint{}, heard: map[uint64]uint32{},
	}
}

// holds says whether a fact still counts.
func (w *window) holds(n int64) bool {
	if n < 0 || n <= w.learned-windowFacts || n <= w.learned-int64(len(w.facts))-1 {
		return false
	}
	m := w.facts[n%int64(len(w.facts))].message
	return m > w.messages-windowMessages && w.clock-w.said[m%windowMessages].arrived <= windowNS
}

func (w *window) fact(n int64) *fact { return &w.facts[n%int64(len(w.facts))] }

func (w *window) source(f *fact) *saying { return &w.said[f.message%windowMessages] }

// chain calls each with the facts of a key, the latest first, until it returns
// false.
func (w *window) chain(key uint64, each func(n int64, f *fact) bool) {
	n := w.heads[key&uint64(len(w.heads)-1)] - 1
	for range mostSteps {
		if !w.holds(n) {
			return
		}
		f := w.fact(n)
		if f.key == key && !each(n, f) {
			return
		}
		n = f.prev - 1
	}
}

// learn adds a fact of the message in work.
func (w *window) learn(f fact) {
	if w.learned >= int64(len(w.facts)) && len(w.facts) < windowFacts && w.holds(w.learned-int64(len(w.facts))) {
		w.grow()
	}
	f.message = w.messages
	w.put(f)
}

func (w *window) put(f fact) {
	head := &w.heads[f.key&uint64(len(w.heads)-1)]
	f.prev = *head
	w.facts[w.learned%int64(len(w.facts))] = f
	w.learned++
	*head = w.learned
}

// grow doubles the room.
func (w *window) grow() {
	old, first, end := w.facts, w.learned-int64(len(w.facts)), w.learned
	w.facts, w.heads = make([]fact, 2*len(old)), make([]int64, 2*len(w.heads))
	w.learned = first
	for n := first; n < end; n++ {
		w.put(old[n%int64(len(old))])
	}
}

// end makes the message in work one that is known: what it brought first can
// be recognised from here on, and what it repeated was heard over its path.
func (w *window) end(m *model.Message) {
	w.now.patient = w.hash(string(PatientOf(m)))
	w.now.owed = w.owed(m)
	w.said[w.messages%windowMessages] = w.now
	for i := range w.mine {
		p := &w.mine[i]
		if *p.same == (model.MessageRef{}) {
			w.learn(p.fact)
			if p.id != 0 {
				again := p.fact
				again.key, again.once = p.id, true
				w.learn(again)
			}
		}
	}
	w.messages++
}

// owed gives the destinations that a message goes to.
func (w *window) owed(m *model.Message) (set uint64) {
	for i := range m.Routed {
		if m.Routed[i].Owed() {
			set |= w.owner(m.Routed[i].Destination)
		}
	}
	return set
}

// owner gives the bit of a destination, 0 for one too many: what went there is
// not known then, so that it gets all.
func (w *window) owner(id model.DestinationID) uint64 {
	n, ok := w.owners[id]
	if !ok {
		if len(w.owners) == mostOwners {
			return 0
		}
		n = uint(len(w.owners))
		w.owners[id] = n
	}
	return 1 << n
}

// heard says whether a path brought the fact already.
func (f *fact) heard(path uint32) bool {
	return f.seen[0] == path || f.seen[1] == path || f.seen[2] == path
}

func (f *fact) hear(path uint32) {
	for i := range f.seen {
		if f.seen[i] == 0 || f.seen[i] == path {
			f.seen[i] = path
			return
		}
	}
}

func (f *fact) unhear(path uint32) {
	for i := range f.seen {
		if f.seen[i] == path {
			f.seen[i] = 0
			return
		}
	}
}

// alone says whether a device was heard over the path of the message in work
// only: then nothing of it can have come over another, which spares nearly all
// devices the search.
func (w *window) alone(device uint64) bool {
	path, known := w.heard[device]
	switch {
	case !known && len(w.heard) < mostHeard:
		w.heard[device] = w.now.path
		return true
	case known && path == w.now.path:
		return true
	case known && path != several:
		w.heard[device] = several
	}
	return false
}

// hash gives the hash of a text, 0 for the empty one.
func (w *window) hash(s string) uint64 {
	if s == "" {
		return 0
	}
	return maphash.String(w.seed, s) | 1
}

// mix joins two hashes; which is which counts.
func mix(a, b uint64) uint64 {
	a = (a+0x632be59bd9b4e019)*0x9e3779b97f4a7c15 + b
	a = (a ^ a>>29) * 0xbf58476d1ce4e5b9
	return a ^ a>>32
}
