package journal

import (
	"encoding/binary"
	"io"

	"thalamus/internal/model"
)

// place says where an entry's record stands; a segment keeps one for every
// placeEvery bytes, so that any entry is found by a short walk.
type place struct {
	seq model.Seq
	at  int64
}

const placeEvery = 64 << 10

// walker goes through the records of a segment's file in big reads.
type walker struct {
	file  io.ReaderAt
	seed  uint32
	at    int64 // of the next record
	limit int64 // nothing is read from here on
	chunk int

	buf   []byte
	bufAt int64
	err   error // a read that failed: not the same as bad bytes
}

// window gives n bytes at the given place, fewer at the limit.
func (w *walker) window(at int64, n int) []byte {
	if at+int64(n) > w.limit {
		n = int(max(0, w.limit-at))
	}
	if at >= w.bufAt && at+int64(n) <= w.bufAt+int64(len(w.buf)) {
		return w.buf[at-w.bufAt:][:n]
	}
	want := int(min(int64(max(n, w.chunk)), w.limit-at))
	if cap(w.buf) < want {
		w.buf = make([]byte, want)
	}
	w.buf, w.bufAt = w.buf[:want], at
	got, err := w.file.ReadAt(w.buf, at)
	if got < want {
		w.buf = w.buf[:got]
		if err != io.EOF {
			w.err = err
		}
	}
	return w.buf[:min(n, got)]
}

// step reads the record at w.at. headOK false: there is none, w.at stays.
// Otherwise w.at is behind it; bodyOK says whether its body is as written
// (body is nil when not). The body is valid until the next call.
func (w *walker) step() (r record, body []byte, headOK, bodyOK bool) {
	head := w.window(w.at, recordHead)
	if !r.decode(head, w.seed, w.at) || r.at+r.size() > w.limit {
		return r, nil, false, false
	}
	whole := w.window(w.at, int(r.size()))
	if int64(len(whole)) < r.size() {
		return r, nil, false, false
	}
	w.at += r.size()
	if body = whole[recordHead:]; !r.bodyOK(body) {
		return r, nil, true, false
	}
	return r, body, true, true
}

// resync looks for the next record head behind w.at and goes there. written
// is the end of the last byte passed that is not zero; found is false at the
// limit.
func (w *walker) resync() (written int64, found bool) {
	for at := w.at + 8; at < w.limit; {
		b := w.window(at, max(w.chunk, recordHead))
		if len(b) < 8 {
			break
		}
		i := 0
		for ; i+8 <= len(b); i += 8 {
			if binary.LittleEndian.Uint64(b[i:]) == 0 {
				continue
			}
			here := at + int64(i)
			written = here + 8
			if len(b)-i < recordHead {
				if here+recordHead <= w.limit && i > 0 {
					break // read on from here
				}
				continue
			}
			var r record
			if binary.LittleEndian.Uint32(b[i+24:]) == uint32(here/8) && r.decode(b[i:], w.seed, here) {
				w.at = here
				return written, true
			}
		}
		if i == 0 {
			break
		}
		at += int64(i)
	}
	w.at = w.limit
	return written, false
}

// span is a bad stretch of a segment and the entries it may have held.
type span struct {
	at, length  int64
	first, last model.Seq // last < first: no entry
	why         string
}

// state is how far a segment is understood.
type state struct {
	end        int64 // behind the last good record
	next       model.Seq
	link       [32]byte
	linkKnown  bool
	minArrived int64
	maxArrived int64
	rot        int // number of bad spans so far
	places     int // number of places so far
}

// scanned is what reading a whole segment gave.
type scanned struct {
	state
	started bool // it has a start record or an entry
	first   model.Seq
	prev    [32]byte
	day     int32
	sealed  bool
	bad     []span
	index   []place
	origins map[uint32]origin
	written int64 // end of the last byte that is not zero, or state.end
	cutFrom model.Seq
}

// scan reads the records of a segment. Groups were written one after the
// other, each after the one before was safe on the disk, and every record
// names the beginning of its group. So what is bad in front of the last group
// is rot, and is kept; what is bad in the last one was torn by a crash before
// it was acknowledged, and the segment ends in front of it.
//
// until, when not 0, is the first entry of the next segment: records from
// there on are void (a group that failed), and none before is torn.
func scan(file io.ReaderAt, h *header, size int64, until model.Seq) (s scanned, err error) {
	w := &walker{file: file, seed: h.seed(), at: recordsFrom, limit: min(size, maxSegment) &^ 7, chunk: 1 << 20}
	s.origins = map[uint32]origin{}
	run := state{end: recordsFrom, minArrived: noTime, maxArrived: noTime}
	whole := run // what holds if the group that is being read is torn
	group := int64(-1)
	var open *span // bad stretch that has not ended yet
	for w.at+recordHead <= w.limit && !s.sealed {
		at := w.at
		r, body, headOK, bodyOK := w.step()
		if w.err != nil {
			return s, w.err
		}
		if headOK && !plausible(&r, &run, s.started, until) {
			if until != 0 && r.seq >= until {
				break
			}
			headOK, w.at = false, at
		}
		if !headOK {
			if open == nil {
				open = &span{at: at, first: run.next, why: "a record's head is unreadable"}
			}
			written, found := w.resync()
			s.written = max(s.written, written)
			if w.err != nil {
				return s, w.err
			}
			if !found {
				break
			}
			continue
		}
		s.written = max(s.written, w.at)
		if !s.started {
			s.started, s.first, s.day, run.next = true, r.seq, dayOf(r.arrived), r.seq
			if r.kind == kindStart {
				s.prev, run.link, run.linkKnown = r.link, r.link, true
			}
			if open != nil {
				open.first = r.seq
			}
		}
		if r.group > group {
			group = r.group
			if open != nil && open.at < group {
				s.close(&run, open, at, r.seq)
				open = nil
			}
			whole = run
		}
		if open != nil {
			s.close(&run, open, at, r.seq)
			open = nil
		}
		if !bodyOK {
			bad := span{at: at, length: r.size(), first: r.seq, last: r.seq, why: "a record's body does not match its CRC"}
			if r.kind != kindFrame {
				bad.last--
			}
			s.bad = append(s.bad, bad)
			run.rot = len(s.bad)
		}
		s.take(&run, &r, body, at)
		run.end = w.at
		torn := run.rot > whole.rot && s.bad[whole.rot].at >= group
		if !torn && r.kind != kindOrigin && r.flags&flagMore == 0 {
			whole = run
		}
	}
	if until != 0 {
		if open != nil && s.written > open.at && run.next < until {
			s.close(&run, open, s.written, until)
		}
		whole = run
	}
	if !s.started {
		whole.end = recordsFrom
	}
	s.state = whole
	s.cutFrom = whole.next
	s.written = max(s.written, s.end)
	s.bad = s.bad[:whole.rot]
	s.index = s.index[:whole.places]
	return s, nil
}

// close ends a bad stretch at the given place; next is the entry there.
func (s *scanned) close(run *state, open *span, at int64, next model.Seq) {
	open.length, open.last = at-open.at, next-1
	s.bad = append(s.bad, *open)
	run.rot, run.linkKnown = len(s.bad), false
}

// plausible says whether a head whose CRC is right can stand here.
func plausible(r *record, run *state, started bool, until model.Seq) bool {
	if until != 0 && r.seq >= until && r.kind == kindFrame {
		return false
	}
	if !started {
		return true
	}
	return r.seq >= run.next
}

// take adds a record with a good head to what is known.
func (s *scanned) take(run *state, r *record, body []byte, at int64) {
	switch r.kind {
	case kindFrame:
		if n := len(s.index); n == 0 || at-s.index[n-1].at >= placeEvery {
			s.index = append(s.index, place{r.seq, at})
		}
		run.places = len(s.index)
		run.next, run.link, run.linkKnown = r.seq+1, r.link, true
		run.minArrived, run.maxArrived = spread(run.minArrived, run.maxArrived, r.arrived)
	case kindOrigin:
		if body != nil {
			if o, _, ok := decodeOrigin(body[:r.length]); ok {
				s.origins[r.origin] = o
			}
		}
	case kindSeal:
		s.sealed = body != nil
	}
}

// spread widens a time span; noTime is none.
func spread(least, most, t int64) (int64, int64) {
	if t == noTime {
		return least, most
	}
	if least == noTime || t < least {
		least = t
	}
	if most == noTime || t > most {
		most = t
	}
	return least, most
}
