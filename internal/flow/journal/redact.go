package journal

import (
	"crypto/sha256"
	"fmt"

	"thalamus/internal/model"
)

// Redact removes an entry's payload. What the record will look like is noted
// in the acts first, so that a crash in the middle is made good by Open.
func (l *Log) Redact(seq model.Seq, reason string) error {
	if seq == 0 || seq > l.Head() {
		return absentFault(seq, l.Head())
	}
	list := l.list()
	i := holding(list, seq)
	if i < 0 || model.Seq(list[i].next.Load()) <= seq {
		return droppedFault(seq, seq)
	}
	s := list[i]
	// Nothing is changed in a segment that is being written: the writer would
	// write the rest of a page again as it remembers it.
	l.finish(s)
	l.altering.Lock()
	defer l.altering.Unlock()
	if l.acts.holds()[s.id] != "" {
		return heldFault(s.id)
	}
	l.recent.forget(s)
	one, err := l.redaction(s, seq)
	if err != nil || one == nil {
		return err
	}
	one.Reason = reason
	if err := l.acts.note(*one); err != nil {
		return err
	}
	if err := l.applyRedaction(s.path, one); err != nil {
		return syncFault(err)
	}
	return l.acts.note(act{Act: "redacted", Segment: s.id, Seq: seq})
}

// redaction plans the redaction of an entry; nil when it is redacted already.
func (l *Log) redaction(s *segment, seq model.Seq) (*act, error) {
	if s.rot {
		return nil, rotFault("both copies of a segment's header are unreadable").At(fmt.Sprintf("segment %d", s.id))
	}
	f, err := s.acquire()
	if err != nil {
		return nil, err
	}
	defer s.release()
	if err := l.load(s); err != nil {
		return nil, err
	}
	w := &walker{file: f, seed: s.seed, at: s.placeOf(seq), limit: s.end.Load(), chunk: firstRead}
	for w.at < w.limit {
		at := w.at
		r, body, headOK, bodyOK := w.step()
		if w.err != nil {
			return nil, openFault(w.err, s.path)
		}
		if !headOK {
			if _, found := w.resync(); found {
				continue
			}
			break
		}
		if r.kind != kindFrame || r.seq != seq {
			continue
		}
		if r.flags&flagRedacted != 0 {
			return nil, nil
		}
		if !bodyOK {
			return nil, rotFault("a record's body does not match its CRC, so its hash cannot be kept").At(fmt.Sprintf("segment %d, byte %d, entry %d", s.id, at, seq))
		}
		hash := sha256.Sum256(body[:r.length])
		r.flags |= flagRedacted
		r.bodyCRC = bodyCRC(hash[:])
		head := make([]byte, recordHead)
		r.encode(head, s.seed)
		return &act{Act: "redact", Segment: s.id, Seq: seq, Place: at, Head: head, Hash: hash[:], Bytes: r.size() - recordHead}, nil
	}
	return nil, rotFault("an entry's record is unreadable").At(fmt.Sprintf("segment %d, entry %d", s.id, seq))
}

func (l *Log) applyRedaction(path string, one *act) error {
	f, err := l.files.Open(path, true)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, recordHead+one.Bytes)
	copy(b, one.Head)
	copy(b[recordHead:], one.Hash)
	if _, err := f.WriteAt(b, one.Place); err != nil {
		return err
	}
	return f.Sync()
}

// finishRedactions does again what a crash may have left half done.
func (l *Log) finishRedactions() error {
	type key struct {
		id  SegmentID
		seq model.Seq
	}
	begun := map[key]act{}
	for _, one := range l.acts.all {
		k := key{one.Segment, one.Seq}
		switch one.Act {
		case "redact":
			begun[k] = one
		case "redacted":
			delete(begun, k)
		}
	}
	for k, one := range begun {
		s := l.find(k.id)
		if s == nil || len(one.Head) != recordHead || len(one.Hash) != sha256.Size ||
			one.Bytes < bodyLeast || one.Bytes > maxBody || one.Place < recordsFrom || one.Place+recordHead+one.Bytes > s.size.Load() {
			continue
		}
		if err := l.applyRedaction(s.path, &one); err != nil {
			return openFault(err, s.path)
		}
		if err := l.acts.note(act{Act: "redacted", Segment: k.id, Seq: k.seq}); err != nil {
			return err
		}
	}
	return nil
}
