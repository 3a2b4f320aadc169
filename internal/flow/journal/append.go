package journal

import (
	"context"
	"crypto/cipher"
	crand "crypto/rand"
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"math/rand/v2"
	"unsafe"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

const (
	groupMost = 4 << 20  // bytes after which a group takes no more appends
	queueMost = 64 << 20 // bytes waiting after which appends wait to wait
)

// group is appends that share one write and one sync.
type group struct {
	seg  *segment
	at   int64 // where it begins in the segment
	buf  []byte
	lead int       // bytes in front that belong to the group before: the rest of its page
	next model.Seq // state behind it
	link [32]byte

	entries    uint64
	appends    int64
	index      []place
	minArrived int64
	maxArrived int64
	done       chan struct{}
	err        error
}

const pageSize = 4096

// end is where the group ends in the segment.
func (g *group) end() int64 { return g.at + int64(len(g.buf)-g.lead) }

// encoder is where the next record goes. It runs ahead of the disk.
type encoder struct {
	seg     *segment
	next    model.Seq
	link    [32]byte
	at      int64
	placed  int64  // where the last place of the index is
	last    *group // the group before, for the rest of its page
	origins map[origin]known
}

type known struct {
	id   uint32
	hash [32]byte
}

// maker does what an append can do on its own, before it takes the lock.
type maker struct {
	hash   hash.Hash
	random *rand.ChaCha8
	made   []made
	cipher cipher.AEAD
	sealed []byte // encrypted bodies, one after the other
	said   []byte // what the links said beside the payloads, one after the other
	whole  []byte // a payload behind what was said of it, to be encrypted
}

// made is a frame ready to be put into a group.
type made struct {
	salt   [saltSize]byte
	body   []byte // the encrypted body; nil: salt, said and payload
	said   []byte // what the link said, in front of the payload
	length int
	hash   [32]byte
	crc    uint32
	origin origin
}

func newMaker() *maker {
	var seed [32]byte
	crand.Read(seed[:])
	return &maker{hash: sha256.New(), random: rand.NewChaCha8(seed)}
}

// make hashes (and encrypts) the frames and gives the bytes they need at most.
func (m *maker) make(frames []model.Frame, aead cipher.AEAD) (need int64) {
	m.made, m.sealed, m.said, m.cipher = m.made[:0], m.sealed[:0], m.said[:0], aead
	for i := range frames {
		f := &frames[i]
		d := made{origin: originOf(f)}
		m.random.Read(d.salt[:])
		if d.origin.said {
			from := len(m.said)
			m.said = appendSaid(m.said, f)
			d.said = m.said[from:len(m.said):len(m.said)]
		}
		if aead != nil {
			from := len(m.sealed)
			m.sealed = append(m.sealed, d.salt[:12]...)
			payload := f.Bytes
			if d.said != nil {
				m.whole = append(append(m.whole[:0], d.said...), f.Bytes...)
				payload = m.whole
			}
			m.sealed = aead.Seal(m.sealed, d.salt[:12], payload, nil)
			d.body = m.sealed[from:len(m.sealed):len(m.sealed)]
			d.length = len(d.body)
			d.hash = sha256.Sum256(d.body)
			d.crc = bodyCRC(d.body)
		} else {
			d.length = saltSize + len(d.said) + len(f.Bytes)
			m.hash.Reset()
			m.hash.Write(d.salt[:])
			m.hash.Write(d.said)
			m.hash.Write(f.Bytes)
			m.hash.Sum(d.hash[:0])
			d.crc = crc32.Update(crc32.Update(bodyCRC(d.salt[:]), castagnoli, d.said), castagnoli, f.Bytes)
		}
		m.made = append(m.made, d)
		need += recordHead + int64(area(d.length))
		need += recordHead + int64(area(8+len(d.origin.channel)+len(d.origin.codec)+len(d.origin.peer)+len(d.origin.identity)))
	}
	return need
}

// Append makes frames durable.
func (l *Log) Append(ctx context.Context, frames []model.Frame) (model.Seq, error) {
	if len(frames) == 0 {
		return 0, fault.New(fault.Invalid, "journal.empty", "no frame was given to keep")
	}
	if err := ctx.Err(); err != nil {
		return 0, waitingFault(err)
	}
	m := l.makers.Get().(*maker)
	need := m.make(frames, nil)
	if need > l.o.SegmentSize/2 {
		l.makers.Put(m)
		return 0, fault.New(fault.Invalid, "journal.oversize", "one append of %d bytes; at most %d fit (half a segment)", need, l.o.SegmentSize/2)
	}
	l.mu.Lock()
	g, first, err := l.join(ctx, m, frames, need)
	l.mu.Unlock()
	l.makers.Put(m)
	if err != nil {
		return 0, err
	}
	if ctx.Done() == nil {
		<-g.done
	} else {
		select {
		case <-g.done:
		case <-ctx.Done():
			return 0, waitingFault(ctx.Err())
		}
	}
	return first, g.err
}

// join puts the frames into a group that waits; l.mu is held, and given up
// while there is no segment or no room.
func (l *Log) join(ctx context.Context, m *maker, frames []model.Frame, need int64) (*group, model.Seq, error) {
	day := dayOf(unixNano(frames[0].Arrived))
	for {
		switch s := l.enc.seg; {
		case l.closed:
			return nil, 0, closedFault()
		case l.queued > queueMost:
			if err := l.awaitRoom(ctx); err != nil {
				return nil, 0, err
			}
		case s == nil || l.enc.at+need > l.o.SegmentSize || day > s.day && l.enc.next > s.first:
			if err := l.turn(day); err != nil {
				return nil, 0, err
			}
		case s.aead != m.cipher:
			aead := s.aead
			l.mu.Unlock()
			need = m.make(frames, aead)
			l.mu.Lock()
		default:
			g := l.lastGroup()
			first := l.enc.next
			for i := range frames {
				l.put(g, &frames[i], &m.made[i], i+1 < len(frames))
			}
			g.next, g.link = l.enc.next, l.enc.link
			g.entries += uint64(len(frames))
			g.appends++
			l.joined.Add(1)
			l.queued += need
			return g, first, nil
		}
	}
}

// lastGroup gives the group that takes the next append.
func (l *Log) lastGroup() *group {
	if n := len(l.queue); n > 0 {
		if g := l.queue[n-1]; g.seg == l.enc.seg && len(g.buf) < groupMost {
			return g
		}
	}
	var old group
	if n := len(l.free); n > 0 {
		old = *l.free[n-1]
		l.free = l.free[:n-1]
	}
	g := &group{seg: l.enc.seg, at: l.enc.at, index: old.index[:0], minArrived: noTime, maxArrived: noTime, done: make(chan struct{})}
	g.lead = int(g.at & (pageSize - 1))
	g.buf = grow(old.buf[:0], g.lead)
	if g.lead > 0 {
		last := l.enc.last.buf
		copy(g.buf, last[len(last)-g.lead:])
	}
	l.enc.last = g
	g.seg.pending++
	l.queue = append(l.queue, g)
	if len(l.queue) == 1 {
		l.work.Signal()
	}
	if s := g.seg; g.at == recordsFrom {
		r := record{kind: kindStart, seq: l.enc.next, at: l.enc.at, group: g.at, arrived: int64(s.day) * 86400e9, link: l.enc.link, length: 16}
		g.buf = appendRecord(g.buf, &r, l.id[:], s.seed)
		l.enc.at += r.size()
	}
	return g
}

// put adds one frame to a group.
func (l *Log) put(g *group, f *model.Frame, d *made, more bool) {
	e := &l.enc
	o, ok := e.origins[d.origin]
	if !ok {
		o = known{uint32(len(e.origins)), d.origin.hash()}
		e.origins[d.origin] = o
		g.seg.mu.Lock()
		g.seg.origins[o.id] = d.origin
		g.seg.mu.Unlock()
		body := d.origin.append(nil)
		r := record{kind: kindOrigin, length: uint32(len(body)), seq: e.next, at: e.at, group: g.at, origin: o.id, arrived: noTime, link: o.hash}
		g.buf = appendRecord(g.buf, &r, body, g.seg.seed)
		e.at += r.size()
	}
	arrived := unixNano(f.Arrived)
	e.link = chain(&e.link, &d.hash, &o.hash, e.next, arrived)
	r := record{
		bodyCRC: d.crc, kind: kindFrame, length: uint32(d.length), seq: e.next, at: e.at, group: g.at,
		origin: o.id, arrived: arrived, link: e.link,
	}
	if more {
		r.flags = flagMore
	}
	from := len(g.buf)
	g.buf = grow(g.buf, int(r.size()))
	b := g.buf[from:]
	r.encode(b, g.seg.seed)
	n := recordHead
	if d.body != nil {
		n += copy(b[n:], d.body)
	} else {
		n += copy(b[n:], d.salt[:])
		n += copy(b[n:], d.said)
		n += copy(b[n:], f.Bytes)
	}
	clear(b[n:])
	if e.at-e.placed >= placeEvery || e.next == g.seg.first {
		g.index = append(g.index, place{e.next, e.at})
		e.placed = e.at
	}
	g.minArrived, g.maxArrived = spread(g.minArrived, g.maxArrived, arrived)
	e.next++
	e.at += r.size()
}

// pages makes a buffer that begins at a page, as WriteSync wants it.
func pages(n int) []byte {
	b := make([]byte, n+pageSize)
	from := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (pageSize - 1)
	return b[from : from : from+n]
}

// grow makes b, a buffer of pages, longer by n bytes of any content.
func grow(b []byte, n int) []byte {
	if len(b)+n <= cap(b) {
		return b[:len(b)+n]
	}
	bigger := pages(max(2*cap(b), len(b)+n, 64<<10))[:len(b)+n]
	copy(bigger, b)
	return bigger
}

// awaitRoom waits, without l.mu, until a group has been written.
func (l *Log) awaitRoom(ctx context.Context) error {
	if l.room == nil {
		l.room = make(chan struct{})
	}
	room := l.room
	l.mu.Unlock()
	defer l.mu.Lock()
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return waitingFault(ctx.Err())
	}
}

func (l *Log) freeRoom() {
	if l.room != nil {
		close(l.room)
		l.room = nil
	}
}

// turn goes on to a new segment; l.mu is held, and given up while one is made.
func (l *Log) turn(day int32) error {
	if len(l.ready) == 0 {
		l.mu.Unlock()
		err := l.makeSegment(1)
		l.mu.Lock()
		if err != nil && !l.closed {
			l.fault = err
		}
		return err // look again: another append may have turned meanwhile
	}
	l.retire(l.enc.seg)
	s := l.ready[0]
	l.ready = l.ready[1:]
	l.tendSoon()
	s.take()
	s.first, s.prev, s.day = l.enc.next, l.enc.link, day
	s.next.Store(uint64(s.first))
	s.link = s.prev
	s.end.Store(recordsFrom)
	s.loaded = true
	s.closed = make(chan struct{})
	s.index, s.minArrived, s.maxArrived = nil, noTime, noTime
	s.origins = map[uint32]origin{}
	l.enc = encoder{seg: s, next: l.enc.next, link: l.enc.link, at: recordsFrom, origins: map[origin]known{}}
	return nil
}
