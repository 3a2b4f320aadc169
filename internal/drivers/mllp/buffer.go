package mllp

import "sync"

// A connection at rest holds one small buffer. While more than that arrives
// at once it borrows one from the pool; only a frame longer than that has
// memory of its own, taken from the driver's budget and given back with it.
const (
	smallBuffer = 4 << 10
	poolBuffer  = 64 << 10
)

var pool = sync.Pool{New: func() any {
	b := make([]byte, poolBuffer)
	return &b
}}

// buffer is the bytes received and not yet consumed: mem[start:end].
type buffer struct {
	mem        []byte
	start, end int

	own      []byte
	borrowed *[]byte
	taken    int64 // from the budget
}

func (b *buffer) rest() []byte { return b.mem[b.start:b.end] }

// free gives the room for a read.
func (b *buffer) free() []byte { return b.mem[b.end:] }

// settle makes room at the end, and gives memory back when nothing is left
// and the last read, of n bytes, would have fitted the small buffer. No slice
// of the buffer may be in use.
func (b *buffer) settle(d *Driver, n int) {
	if b.start < b.end {
		if b.start > 0 {
			copy(b.mem, b.rest())
			b.end -= b.start
			b.start = 0
		}
		return
	}
	b.start, b.end = 0, 0
	if b.taken > 0 || b.borrowed != nil && n < smallBuffer {
		b.release(d)
	}
}

// grow enlarges a full buffer up to limit; false when the budget is spent.
func (b *buffer) grow(d *Driver, limit int) bool {
	if b.mem == nil {
		b.own = make([]byte, smallBuffer)
		b.mem = b.own
		return true
	}
	if len(b.mem) < poolBuffer && limit >= poolBuffer {
		b.borrowed = pool.Get().(*[]byte)
		b.replace(*b.borrowed)
		return true
	}
	size := min(4*len(b.mem), limit)
	want := int64(size) - b.taken
	if size > poolBuffer {
		if d.budget.Add(-want) < 0 {
			d.budget.Add(want)
			return false
		}
		b.taken += want
	}
	b.replace(make([]byte, size))
	return true
}

func (b *buffer) replace(mem []byte) {
	b.end = copy(mem, b.rest())
	b.start = 0
	if b.borrowed != nil && &mem[0] != &(*b.borrowed)[0] {
		pool.Put(b.borrowed)
		b.borrowed = nil
	}
	b.mem = mem
}

// release goes back to the small buffer, dropping what is left.
func (b *buffer) release(d *Driver) {
	b.start, b.end = 0, 0
	if b.borrowed != nil {
		pool.Put(b.borrowed)
		b.borrowed = nil
	}
	d.budget.Add(b.taken)
	b.taken = 0
	b.mem = b.own
}
