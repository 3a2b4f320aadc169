package driver

import (
	"bytes"
	"io"
	"testing"
)

// TestBuffer: a buffer is small at rest, grows with what comes, takes from the
// budget only what goes beyond the pool's, and gives it back.
func TestBuffer(t *testing.T) {
	const budget = 1 << 20
	var left Budget
	left.Set(budget)
	b := NewBuffer(16, &left)
	message := bytes.Repeat([]byte("abcdefgh"), PoolBuffer/4)
	in := bytes.NewReader(message)
	for in.Len() > 0 {
		n, err := b.Fill(in)
		if err != nil {
			t.Fatal(err)
		}
		if b.Settle(n) && !b.Grow(3*PoolBuffer) {
			t.Fatal("no memory, though the budget has some")
		}
	}
	if !bytes.Equal(b.Rest(), message) {
		t.Fatal("what came is not what is held")
	}
	if took := budget - left.Left(); took != 3*PoolBuffer {
		t.Errorf("%d bytes were taken from the budget, want %d", took, 3*PoolBuffer)
	}
	b.Consume(len(message))
	if b.Settle(1) || left.Left() != budget || len(b.mem) != 16 {
		t.Errorf("at rest it holds %d bytes and the budget has %d", len(b.mem), left.Left())
	}

	left.Set(PoolBuffer)
	in.Reset(message)
	grown := true
	for grown && in.Len() > 0 {
		n, _ := b.Fill(in)
		if b.Settle(n) {
			grown = b.Grow(3 * PoolBuffer)
		}
	}
	if grown || left.Left() != 0 {
		t.Errorf("it grew beyond a budget of one pool buffer; %d bytes left", left.Left())
	}
	b.Release()
	if len(b.Rest()) != 0 || len(b.mem) != 16 || left.Left() != PoolBuffer {
		t.Error("a buffer that was released still holds something")
	}
}

// TestBufferHelpsWhoSendsMuch: small messages that fill the small buffer are
// read many at once from then on, until the sender calms down.
func TestBufferHelpsWhoSendsMuch(t *testing.T) {
	var plenty Budget
	plenty.Set(1 << 20)
	b := NewBuffer(16, &plenty)
	in := io.LimitReader(zeros{}, 16)
	n, _ := b.Fill(in)
	b.Consume(10)
	if !b.Settle(n) || !b.Grow(PoolBuffer) || len(b.mem) != PoolBuffer || len(b.Rest()) != 6 {
		t.Fatalf("a full small buffer of small messages stays at %d bytes", len(b.mem))
	}
	for _, c := range []struct{ came, holds int }{{400, PoolBuffer}, {3, 16}} {
		n, _ := b.Fill(io.LimitReader(zeros{}, int64(c.came)))
		b.Consume(len(b.Rest()))
		if b.Settle(n); len(b.mem) != c.holds {
			t.Errorf("after a read of %d bytes it holds %d, want %d", c.came, len(b.mem), c.holds)
		}
	}
	b.Release()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestBufferKeepsNothingWhenScarce: of many connections with steady messages,
// only some keep a large buffer between them, and none holds more than its own
// when memory is spent.
func TestBufferKeepsNothingWhenScarce(t *testing.T) {
	var all Budget
	all.Set(8 * PoolBuffer)
	many := make([]Buffer, 40)
	for i := range many {
		many[i] = NewBuffer(16, &all)
	}
	for range 5 {
		for i := range many {
			b := &many[i]
			for left := 400; left > 0; {
				n, err := b.Fill(io.LimitReader(zeros{}, int64(left)))
				if err != nil {
					t.Fatal(err)
				}
				left -= n
				if left == 0 { // the message is whole
					b.Consume(len(b.Rest()))
				}
				if b.Settle(n) && !b.Grow(PoolBuffer) {
					t.Fatal("a message that fits a buffer of the pool found no room")
				}
			}
		}
	}
	large := 0
	for i := range many {
		if len(many[i].mem) > 16 {
			large++
		}
	}
	if large == 0 || large > 3 {
		t.Errorf("%d of %d idle connections keep a large buffer", large, len(many))
	}
	for i := range many {
		many[i].Release()
	}
	if all.Left() != 8*PoolBuffer {
		t.Errorf("%d bytes of the budget are lost", 8*PoolBuffer-all.Left())
	}
}
