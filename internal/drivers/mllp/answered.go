package mllp

import (
	"hash/maphash"
	"sync"
	"time"

	"thalamus/internal/model"
)

// receipt is what an answer is made from beside the message itself: the same
// receipt gives the same answer.
type receipt struct {
	seq model.Seq
	at  time.Time
}

// answered remembers the receipts of the last messages accepted, so that one
// sent again, in flight or after a reconnect, gets the first answer. A message
// is known by all its bytes, so the same control id with other content is
// another message. The repeat itself is kept in the journal like any frame;
// that it is a duplicate is found by record (R18).
type answered struct {
	seed  maphash.Seed
	mu    sync.Mutex
	index map[uint64]uint32
	ring  []memory
	next  uint32
}

type memory struct {
	key uint64
	receipt
}

// remembered is how many messages are remembered: 3 MB when full.
const remembered = 1 << 16

func (a *answered) init() {
	a.seed = maphash.MakeSeed()
	a.index = map[uint64]uint32{}
}

// first gives the receipt of the first message with these bytes, which is
// mine when there was none.
func (a *answered) first(content []byte, mine receipt) receipt {
	key := maphash.Bytes(a.seed, content)
	a.mu.Lock()
	defer a.mu.Unlock()
	if i, ok := a.index[key]; ok {
		return a.ring[i].receipt
	}
	if len(a.ring) < remembered {
		a.ring = append(a.ring, memory{})
		a.next = uint32(len(a.ring) - 1)
	} else {
		a.next = (a.next + 1) % remembered
		delete(a.index, a.ring[a.next].key)
	}
	a.ring[a.next] = memory{key, mine}
	a.index[key] = a.next
	return mine
}
