package journal

import (
	"cmp"
	"errors"
	"runtime"
	"slices"
	"syscall"
	"time"

	"thalamus/internal/model"
)

// write is the one goroutine that writes groups: one write and one sync each.
// While it waits for the disk the next group fills.
func (l *Log) write() {
	defer l.done.Done()
	l.mu.Lock()
	defer l.mu.Unlock()
	var pace pace
	for {
		for len(l.queue) == 0 {
			if l.closed {
				return
			}
			l.work.Wait()
		}
		l.gather(&pace)
		g := l.queue[0]
		copy(l.queue, l.queue[1:])
		l.queue = l.queue[:len(l.queue)-1]
		pages := g.padded()
		l.joined.Store(0)
		l.mu.Unlock()
		begun := time.Now()
		err, touched := l.commit(g, pages)
		pace.appends, pace.took = g.appends, time.Since(begun)
		l.mu.Lock()
		l.queued -= min(l.queued, int64(len(g.buf)))
		l.settle(g, err, touched)
		if len(l.queue) == 0 {
			l.queued = 0
		}
		l.freeRoom()
	}
}

// pace is what the writer knows of the last group.
type pace struct {
	appends int64 // that shared it
	took    time.Duration
	missed  int // times in a row that waiting for them was in vain
	skip    int // groups to go without trying
}

// gather waits a moment for those whose append has just been settled, when
// they are few and the disk is slow beside them: producers that append again
// at once then all share the next group, instead of splitting into halves that
// take turns. Where they do not come back it soon stops trying. l.mu is held.
func (l *Log) gather(p *pace) {
	const perAppend = 4 * time.Microsecond
	if p.skip > 0 {
		p.skip--
		return
	}
	if len(l.queue) != 1 || l.closed || l.joined.Load() >= p.appends || time.Duration(p.appends)*perAppend > p.took {
		return
	}
	l.mu.Unlock()
	until := time.Now().Add(p.took / 4)
	for l.joined.Load() < p.appends && time.Now().Before(until) {
		runtime.Gosched()
	}
	l.mu.Lock()
	if l.joined.Load() >= p.appends {
		p.missed = 0
	} else if p.missed++; p.missed >= 4 {
		p.missed, p.skip = 0, 256
	}
}

// commit brings a group to the disk. touched says that bytes may have got
// there although it failed.
func (l *Log) commit(g *group, pages []byte) (err error, touched bool) {
	free, err := l.files.Free(l.dir)
	if err != nil {
		return syncFault(err), false
	}
	if free < l.o.Floor {
		return fullFault(errFloor, free, l.o.Floor), false
	}
	l.syncs.Add(1)
	if err := g.seg.file.WriteSync(pages, g.at-int64(g.lead)); err != nil {
		return l.diskFault(err, free), true
	}
	return nil, true
}

// padded gives the group's bytes with zeros up to the end of a page.
func (g *group) padded() []byte {
	from := len(g.buf)
	b := grow(g.buf, -from&(pageSize-1))
	clear(b[from:])
	g.buf = b[:from]
	return b
}

var errFloor = errors.New("the reserve is reached")

func (l *Log) diskFault(err error, free int64) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fullFault(err, free, l.o.Floor)
	}
	return syncFault(err)
}

// settle publishes a group that is durable, or undoes one that failed with
// all that were built upon it. l.mu is held.
func (l *Log) settle(g *group, err error, touched bool) {
	if err != nil {
		l.undo(g, err, touched)
		return
	}
	s := g.seg
	s.mu.Lock()
	s.index = append(s.index, g.index...)
	s.link = g.link
	s.minArrived, s.maxArrived = spread(s.minArrived, s.maxArrived, g.minArrived)
	s.minArrived, s.maxArrived = spread(s.minArrived, s.maxArrived, g.maxArrived)
	s.mu.Unlock()
	if g.at == recordsFrom {
		l.add(s)
	}
	old := l.recent.add(g)
	s.end.Store(g.end())
	s.next.Store(uint64(g.next))
	l.head.Store(uint64(g.next) - 1)
	l.fault = nil
	l.appends.Add(g.entries)
	l.groups.Add(1)
	l.written.Add(uint64(len(g.buf) - g.lead))
	s.pending--
	l.sealWhenDone(s)
	close(g.done)
	l.announce()
	for _, g := range old {
		if cap(g.buf) <= 2*groupMost && len(l.free) < 4 {
			l.free = append(l.free, g)
		}
	}
}

// undo fails a group and everything that waits. What was numbered after it
// has no place any more. After a failed write or sync the segment is not
// written again: the kernel may have dropped the pages and say yes to the next
// sync (the trap known as fsyncgate). The next append starts a new segment,
// whose first number voids whatever of the failed group may be on the disk.
func (l *Log) undo(g *group, err error, touched bool) {
	l.fault = err
	failed := append([]*group{g}, l.queue...)
	clear(l.queue)
	l.queue = l.queue[:0]
	s := g.seg
	for _, f := range failed {
		f.err = err
		f.seg.pending--
		if f.seg != s && f.seg.pending == 0 {
			l.unuse(f.seg)
		}
		close(f.done)
	}
	s.mu.Lock()
	link := s.link
	s.mu.Unlock()
	l.enc.next, l.enc.link = model.Seq(s.next.Load()), link
	if cur := l.enc.seg; cur != nil && cur != s {
		l.unuse(cur)
	}
	l.enc.seg = nil
	if !touched && s.next.Load() == uint64(s.first) {
		l.unuse(s)
		return
	}
	l.retire(s)
}

// unuse puts a segment that was never written back among the prepared ones.
func (l *Log) unuse(s *segment) {
	if slices.Contains(l.ready, s) {
		return
	}
	s.turned, s.loaded = false, false
	s.index, s.origins = nil, nil
	l.ready = append(l.ready, s)
	slices.SortFunc(l.ready, func(a, b *segment) int { return cmp.Compare(a.id, b.id) })
}

// retire ends the use of a segment for writing.
func (l *Log) retire(s *segment) {
	if s == nil || s.turned {
		return
	}
	s.turned = true
	l.sealWhenDone(s)
}

// sealWhenDone hands a segment on when its last group is settled.
func (l *Log) sealWhenDone(s *segment) {
	if s.turned && s.pending == 0 {
		l.seals = append(l.seals, s)
		l.tendSoon()
	}
}

// seal writes the last record of a segment and gives back what it does not
// need of the disk.
func (l *Log) seal(s *segment) error {
	f, err := l.files.Open(s.path, true)
	if err != nil {
		return err
	}
	defer f.Close()
	at := s.end.Load()
	b := s.sealRecord(at)
	if err := f.Truncate(at); err != nil {
		return err
	}
	if _, err := f.WriteAt(b, at); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	s.size.Store(at + int64(len(b)))
	s.sealed.Store(true)
	return nil
}
