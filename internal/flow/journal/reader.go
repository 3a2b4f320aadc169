package journal

import (
	"crypto/cipher"
	"fmt"

	"thalamus/internal/model"
)

const (
	batchMost  = 256      // entries of a batch when nobody says
	batchBytes = 1 << 20  // bytes read at once, unless one entry is larger
	firstRead  = 16 << 10 // of a walk to one entry
)

type reader struct {
	sh   *shelf
	head func() model.Seq
	next model.Seq
	seg  *segment // where next is, with the file acquired; nil: find it
	at   int64    // of the record that follows in seg
}

func (sh *shelf) reader(from model.Seq, head func() model.Seq) Reader {
	return &reader{sh: sh, head: head, next: max(from, 1)}
}

func (r *reader) Position() model.Seq { return r.next }

func (r *reader) Close() error {
	r.leave()
	return nil
}

func (r *reader) leave() {
	if r.seg != nil {
		r.seg.release()
		r.seg = nil
	}
}

// read gives one entry.
func (sh *shelf) read(seq, head model.Seq) (model.Entry, error) {
	if seq == 0 || seq > head {
		return model.Entry{}, absentFault(seq, head)
	}
	r := reader{sh: sh, head: func() model.Seq { return head }, next: seq}
	defer r.leave()
	batch, err := r.Next(1)
	if err != nil {
		return model.Entry{}, err
	}
	if len(batch) == 0 {
		return model.Entry{}, absentFault(seq, head)
	}
	return batch[0], nil
}

// Next gives the entries that follow.
func (r *reader) Next(most int) ([]model.Entry, error) {
	if most <= 0 {
		most = batchMost
	}
	for {
		head := r.head()
		if r.next > head {
			return nil, nil
		}
		if err := r.enter(head); err != nil {
			return nil, err
		}
		batch, err := r.walk(most, head)
		if err != nil || len(batch) > 0 {
			return batch, err
		}
		r.leave() // the segment is used up
	}
}

// enter finds the segment of r.next.
func (r *reader) enter(head model.Seq) error {
	if r.seg != nil {
		if model.Seq(r.seg.next.Load()) > r.next {
			return nil
		}
		r.leave()
	}
	list := r.sh.list()
	i := holding(list, r.next)
	if i < 0 || model.Seq(list[i].next.Load()) <= r.next {
		last := head
		if i+1 < len(list) {
			last = list[i+1].first - 1
		}
		d := &Damage{First: r.next, Last: last, Fault: droppedFault(r.next, last)}
		r.next = last + 1
		return d
	}
	s := list[i]
	if s.rot {
		return r.damaged(s, 0, s.size.Load(), model.Seq(s.next.Load())-1, "both copies of a segment's header are unreadable")
	}
	if _, err := s.acquire(); err != nil {
		return r.enterDropped(err)
	}
	if err := r.sh.load(s); err != nil {
		s.release()
		return err
	}
	r.seg, r.at = s, s.placeOf(r.next)
	return nil
}

// enterDropped is for a segment that was dropped while it was looked for.
func (r *reader) enterDropped(err error) error {
	if holding(r.sh.list(), r.next) < 0 {
		return nil
	}
	return err
}

// damaged tells of entries from r.next to last and goes behind them.
func (r *reader) damaged(s *segment, at, length int64, last model.Seq, why string) error {
	d := &Damage{First: r.next, Last: max(last, r.next), Segment: s.id, Offset: at, Length: length}
	d.Fault = rotFault(why).At(fmt.Sprintf("segment %d, byte %d, entries %d to %d", s.id, at, d.First, d.Last))
	r.next = d.Last + 1
	return d
}

// walk reads on in the segment, at most to head.
func (r *reader) walk(most int, head model.Seq) ([]model.Entry, error) {
	s := r.seg
	aead, err := s.cipherOf(r.sh.keys)
	if err != nil {
		return nil, err
	}
	end := s.end.Load()
	chunk := batchBytes
	if most == 1 {
		chunk = firstRead
	}
	w := &walker{file: recentFile{r.sh.recent, s, s.file}, seed: s.seed, at: r.at, limit: end, chunk: chunk}
	var batch []model.Entry
	again := false
	for len(batch) < most && w.at < end && r.next <= head {
		if len(batch) > 0 && !w.holds() {
			break // what was given out aliases the buffer: a new one next time
		}
		at := w.at
		rec, body, headOK, bodyOK := w.step()
		if w.err != nil {
			return nil, openFault(w.err, s.path)
		}
		if headOK && rec.kind != kindFrame {
			r.at = w.at
			continue
		}
		if headOK && rec.seq < r.next {
			r.at = w.at
			continue
		}
		if headOK && bodyOK && rec.seq == r.next {
			e, err := s.entry(&rec, body, aead)
			if err != nil {
				if len(batch) > 0 {
					return batch, nil
				}
				r.at = w.at
				return nil, r.damaged(s, at, rec.size(), rec.seq, err.Error())
			}
			batch = append(batch, e)
			r.at = w.at
			r.next++
			continue
		}
		if len(batch) > 0 {
			return batch, nil
		}
		if !again {
			// A redaction may be under way just here: look once more when it is over.
			again = true
			r.sh.altering.RLock()
			r.sh.altering.RUnlock()
			w.at, w.buf = at, nil
			continue
		}
		if err := r.spoiled(w, at, &rec, headOK, bodyOK); err != nil {
			return nil, err
		}
	}
	return batch, nil
}

// spoiled steps over what cannot be read and tells of it; nil when no entry
// was lost there.
func (r *reader) spoiled(w *walker, at int64, rec *record, headOK, bodyOK bool) error {
	s := r.seg
	if headOK && !bodyOK && rec.seq == r.next {
		r.at = w.at
		return r.damaged(s, at, rec.size(), rec.seq, "a record's body does not match its CRC")
	}
	if headOK { // entries are missing in front of this record
		r.at = at
		return r.damaged(s, at, 0, rec.seq-1, "records are missing")
	}
	w.at = at
	_, found := w.resync()
	if w.err != nil {
		return openFault(w.err, s.path)
	}
	r.at = w.at
	if !found {
		return r.damaged(s, at, w.limit-at, model.Seq(s.next.Load())-1, "a record's head is unreadable")
	}
	var next record
	next.decode(w.window(w.at, recordHead), s.seed, w.at)
	if next.seq <= r.next {
		return nil // only an origin was lost: nothing that has a number
	}
	return r.damaged(s, at, w.at-at, next.seq-1, "a record's head is unreadable")
}

// holds says whether the next record is wholly in the buffer already.
func (w *walker) holds() bool {
	from := w.at - w.bufAt
	if from < 0 || from+recordHead > int64(len(w.buf)) {
		return false
	}
	var r record
	if !r.decode(w.buf[from:], w.seed, w.at) {
		return true // let step say what is wrong
	}
	return from+r.size() <= int64(len(w.buf))
}

// entry makes an entry of a good record.
func (s *segment) entry(r *record, body []byte, aead cipher.AEAD) (model.Entry, error) {
	e := model.Entry{Seq: r.seq, Hash: r.link, Redacted: r.flags&flagRedacted != 0}
	o, ok := s.originBy(r.origin)
	if !ok {
		return e, fmt.Errorf("its origin is unreadable")
	}
	e.Channel, e.Codec, e.Peer, e.Identity = model.ChannelID(o.channel), o.codec, o.peer, o.identity
	e.Arrived = timeOf(r.arrived)
	switch {
	case e.Redacted:
	case s.destroyed.Load():
		e.Redacted = true
	case s.head.flags&segEncrypted != 0:
		if r.length < 12+16 {
			return e, fmt.Errorf("its body is too short to be encrypted")
		}
		text, err := aead.Open(nil, body[:12], body[12:r.length], nil)
		if err != nil {
			return e, fmt.Errorf("its body does not decrypt")
		}
		e.Bytes = text
	default:
		if r.length < saltSize {
			return e, fmt.Errorf("its body is too short")
		}
		e.Bytes = body[saltSize:r.length:r.length]
	}
	if o.said && !e.Redacted && !cutSaid(&e) {
		return e, fmt.Errorf("what its link said in front of the payload is cut short")
	}
	return e, nil
}
