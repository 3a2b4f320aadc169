package journal

import (
	"context"
	"crypto/sha256"
	"fmt"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

const badMost = 1000

// Verify reads everything and checks every CRC and the whole chain.
func (l *Log) Verify(ctx context.Context, progress func(Progress)) (Report, error) {
	return l.verify(ctx, l.Head(), progress)
}

// check is a verification under way.
type check struct {
	ctx      context.Context
	head     model.Seq
	tell     func(Progress)
	report   Report
	progress Progress
	next     model.Seq // entry expected now
	link     [32]byte  // chain value before it
	known    bool      // link can be relied on
}

func (sh *shelf) verify(ctx context.Context, head model.Seq, tell func(Progress)) (Report, error) {
	list := sh.list()
	c := &check{ctx: ctx, head: head, tell: tell, next: 1, known: true}
	c.progress.Segments = len(list)
	for _, s := range list {
		c.progress.Bytes += s.size.Load()
	}
	c.report.First = sh.tail(head)
	for _, s := range list {
		if err := c.segment(sh, s); err != nil {
			return c.report, err
		}
		c.progress.SegmentsDone++
		if tell != nil {
			tell(c.progress)
		}
	}
	c.report.Last, c.report.HeadHash = c.next-1, c.link
	return c.report, nil
}

func (c *check) bad(s *segment, at, length int64, first, last model.Seq, f *fault.Fault) {
	if len(c.report.Bad) == badMost {
		c.report.BadMore++
		return
	}
	f = f.At(fmt.Sprintf("segment %d, byte %d", s.id, at))
	c.report.Bad = append(c.report.Bad, &Damage{First: first, Last: last, Segment: s.id, Offset: at, Length: length, Fault: f})
}

func (c *check) segment(sh *shelf, s *segment) error {
	if s.first > c.next {
		c.report.Gaps = append(c.report.Gaps, Gap{c.next, s.first - 1})
		c.next, c.known = s.first, false
	}
	if s.rot {
		c.bad(s, 0, s.size.Load(), s.first, model.Seq(s.next.Load())-1, rotFault("both copies of the segment's header are unreadable"))
		c.next, c.known = model.Seq(s.next.Load()), false
		return nil
	}
	f, err := s.acquire()
	if err != nil {
		return nil // dropped meanwhile: a gap, not damage
	}
	defer s.release()
	if err := sh.load(s); err != nil {
		return err
	}
	var copies [headerBlock + headerCopy]byte
	f.ReadAt(copies[:], 0)
	var h header
	for _, at := range []int64{0, headerBlock} {
		if !h.decode(copies[at:]) {
			c.bad(s, at, headerCopy, s.first, s.first-1, rotFault("one of the two copies of the segment's header is unreadable"))
		}
	}
	if c.known && s.prev != c.link && s.prev != [32]byte{} {
		c.bad(s, recordsFrom, 0, s.first, s.first-1, chainFault(s.first))
	}
	if !c.known {
		c.link, c.known = s.prev, true
	}
	last := min(model.Seq(s.next.Load()), c.head+1)
	w := &walker{file: f, seed: s.seed, at: recordsFrom, limit: s.end.Load(), chunk: 1 << 20}
	for w.at < w.limit && c.next < last {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if err := c.record(s, w); err != nil {
			return err
		}
	}
	if c.next < last {
		c.bad(s, w.at, 0, c.next, last-1, rotFault("records are missing"))
		c.next, c.known = last, false
	}
	return nil
}

func (c *check) record(s *segment, w *walker) error {
	at := w.at
	r, body, headOK, bodyOK := w.step()
	if w.err != nil {
		return openFault(w.err, s.path)
	}
	if !headOK {
		w.at = at
		w.resync()
		var next record
		var last model.Seq
		if next.decode(w.window(w.at, recordHead), s.seed, w.at) {
			last = next.seq - 1
		} else {
			last = model.Seq(s.next.Load()) - 1
		}
		c.bad(s, at, w.at-at, c.next, last, rotFault("a record's head is unreadable"))
		c.next, c.known = max(c.next, last+1), c.known && last < c.next
		return nil
	}
	c.report.Bytes += r.size()
	c.progress.BytesDone += r.size()
	if r.kind != kindFrame {
		if !bodyOK {
			c.bad(s, at, r.size(), c.next, c.next-1, rotFault("a record's body does not match its CRC"))
		}
		return nil
	}
	c.progress.Entries++
	if c.tell != nil && c.progress.Entries%8192 == 0 {
		c.tell(c.progress)
	}
	if r.seq != c.next {
		c.bad(s, at, 0, c.next, r.seq-1, rotFault("records are missing"))
		c.known = false
	}
	c.next = r.seq + 1
	switch o, ok := s.originBy(r.origin); {
	case !bodyOK:
		c.bad(s, at, r.size(), r.seq, r.seq, rotFault("a record's body does not match its CRC"))
	case !ok:
		c.bad(s, at, r.size(), r.seq, r.seq, rotFault("the record of the entry's origin is unreadable"))
	default:
		hash := [32]byte(body[:32])
		if r.flags&flagRedacted == 0 {
			hash = sha256.Sum256(body[:r.length])
		} else {
			c.report.Redacted++
		}
		origin := o.hash()
		if c.known && chain(&c.link, &hash, &origin, r.seq, r.arrived) != r.link {
			c.bad(s, at, r.size(), r.seq, r.seq, chainFault(r.seq))
		} else {
			c.report.Entries++
		}
	}
	c.link, c.known = r.link, true
	return nil
}

func chainFault(seq model.Seq) *fault.Fault {
	return fault.New(fault.Broken, "journal.chain", "the hash of entry %d does not follow from the entry before it: something was altered; compare with a backup", seq)
}
