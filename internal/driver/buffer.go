package driver

import (
	"io"
	"sync"
	"sync/atomic"
)

// PoolBuffer is what a connection on which much arrives reads at once, in bytes.
const PoolBuffer = 64 << 10

var pool = sync.Pool{New: func() any {
	b := make([]byte, PoolBuffer)
	return &b
}}

// Budget is the memory that all connections of a driver share for what does not
// fit their small buffers.
type Budget struct {
	all  int64
	left atomic.Int64
}

// Set gives a budget its bytes, before the first buffer.
func (b *Budget) Set(bytes int64) {
	b.all = bytes
	b.left.Store(bytes)
}

// Left is how many bytes nobody holds.
func (b *Budget) Left() int64 { return b.left.Load() }

func (b *Budget) take(n int64) bool {
	if b.left.Add(-n) < 0 {
		b.left.Add(n)
		return false
	}
	return true
}

func (b *Budget) give(n int64) { b.left.Add(n) }

// scarce says that nobody should keep memory for what may come next.
func (b *Budget) scarce() bool { return b.left.Load() < b.all/4*3 }

// Buffer is the bytes that a connection received and has not consumed. At rest
// it holds one small buffer. While more than that arrives at once it borrows
// one from the pool, so that many messages are read, offered and answered
// together; only a message longer than that has memory of its own. Both come
// from the budget. A Buffer belongs to one goroutine.
type Buffer struct {
	small  int
	budget *Budget

	mem        []byte // received: mem[start:end]
	start, end int

	own      []byte
	borrowed *[]byte
	taken    int64 // from the budget
}

// NewBuffer gives a buffer that is small bytes long at rest.
func NewBuffer(small int, budget *Budget) Buffer {
	own := make([]byte, small)
	return Buffer{small: small, budget: budget, own: own, mem: own}
}

// Rest gives what is not consumed yet.
func (b *Buffer) Rest() []byte { return b.mem[b.start:b.end] }

// Consume counts n bytes of Rest as done with.
func (b *Buffer) Consume(n int) { b.start += n }

// Fill reads once into the room at the end.
func (b *Buffer) Fill(r io.Reader) (int, error) {
	n, err := r.Read(b.mem[b.end:])
	b.end += n
	return n, err
}

// Full says that there is no room to read into.
func (b *Buffer) Full() bool { return b.end == len(b.mem) }

// Settle comes after a read of n bytes, when no slice of the buffer is in use
// any more. It makes room at the end, gives memory back when nothing is left
// and the read would have fitted the small buffer, or when many others hold
// some, and says whether more room is needed or would help: a sender that fills
// the small buffer has more to say.
func (b *Buffer) Settle(n int) (more bool) {
	filled := n > 0 && b.Full() && b.taken == 0
	if b.start < b.end {
		if b.start > 0 {
			copy(b.mem, b.Rest())
			b.end -= b.start
			b.start = 0
		}
		return filled && !b.budget.scarce() || b.Full()
	}
	b.start, b.end = 0, 0
	if len(b.mem) > b.small && (n < b.small || b.taken > PoolBuffer || b.budget.scarce()) {
		b.Release()
	}
	return filled && !b.budget.scarce()
}

// Grow enlarges the buffer up to limit bytes; false when the budget is spent. A
// message that fits a buffer of the pool finds room in any case.
func (b *Buffer) Grow(limit int) bool {
	if len(b.mem) < PoolBuffer && limit >= PoolBuffer && b.budget.take(PoolBuffer-b.taken) {
		b.taken = PoolBuffer
		b.borrowed = pool.Get().(*[]byte)
		b.replace(*b.borrowed)
		return true
	}
	size := min(4*len(b.mem), limit)
	if size > PoolBuffer {
		if !b.budget.take(int64(size) - b.taken) {
			return false
		}
		b.taken = int64(size)
	}
	b.replace(make([]byte, size))
	return true
}

func (b *Buffer) replace(mem []byte) {
	b.end = copy(mem, b.Rest())
	b.start = 0
	if b.borrowed != nil && &mem[0] != &(*b.borrowed)[0] {
		pool.Put(b.borrowed)
		b.borrowed = nil
	}
	b.mem = mem
}

// Release goes back to the small buffer, dropping what is left.
func (b *Buffer) Release() {
	b.start, b.end = 0, 0
	if b.borrowed != nil {
		pool.Put(b.borrowed)
		b.borrowed = nil
	}
	if b.taken > 0 {
		b.budget.give(b.taken)
		b.taken = 0
	}
	b.mem = b.own
}
