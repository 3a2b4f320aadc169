package recorddb

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"thalamus/internal/flow/record"
	"thalamus/internal/grid"
)

// stretch is chunks of one series that are read together, because they overlap.
type stretch struct {
	head   *record.Series
	chunks []piece
}

// parts gives what there is to be read, in the order in which it is handed on.
func (n *numbers) stretches() []stretch {
	var list []stretch
	for _, one := range n.sorted() {
		head := &record.Series{
			Subject: record.Subject{Patient: one.patient, Device: one.device},
			Code:    one.meaning, Received: one.sent, UnitUCUM: one.unit, Simulated: one.simulated,
		}
		slices.SortStableFunc(one.chunks, func(a, b piece) int { return cmp.Compare(a.start, b.start) })
		for rest := one.chunks; len(rest) > 0; {
			k, end := 1, rest[0].end
			for k < len(rest) && rest[k].start <= end {
				end = max(end, rest[k].end)
				k++
			}
			list = append(list, stretch{head, rest[:k]})
			rest = rest[k:]
		}
	}
	return list
}

// room is memory that one part after the other is read into.
type room struct {
	values []grid.Value
	points []point
	err    error
}

func (n *numbers) read(p *stretch, in *room) {
	in.values, in.points, in.err = n.values(in.values[:0], in.points, p.chunks)
}

// Many values are read by two goroutines ahead of whoever takes them: as many
// as processors of a small machine, and few enough that a large question leaves
// room for devices.
const (
	many    = 100_000 // values
	readers = 2
)

// hand reads the parts and hands them on, in order.
func (n *numbers) hand(ctx context.Context, each record.EachNumbers) error {
	parts := n.stretches()
	give := func(p *stretch, in *room) error {
		if in.err != nil {
			return in.err
		}
		if err := ctx.Err(); err != nil || len(in.values) == 0 {
			return err
		}
		return each(p.head, in.values)
	}
	if n.count < many || len(parts) < 2 {
		var in room
		for i := range parts {
			n.read(&parts[i], &in)
			if err := give(&parts[i], &in); err != nil {
				return err
			}
		}
		return nil
	}
	free := make(chan *room, readers+1)
	for range cap(free) {
		free <- new(room)
	}
	done := make([]chan *room, len(parts))
	for i := range done {
		done[i] = make(chan *room, 1)
	}
	quit := make(chan struct{})
	var next atomic.Int64
	var work sync.WaitGroup
	for range readers {
		work.Go(func() {
			for {
				// Room first, then a part: the earliest part that is not read
				// always has some.
				select {
				case <-quit:
					return
				case in := <-free:
					i := int(next.Add(1)) - 1
					if i >= len(parts) {
						return
					}
					n.read(&parts[i], in)
					done[i] <- in
				}
			}
		})
	}
	defer work.Wait()
	defer close(quit)
	for i := range parts {
		in := <-done[i]
		if err := give(&parts[i], in); err != nil {
			return err
		}
		free <- in
	}
	return nil
}
