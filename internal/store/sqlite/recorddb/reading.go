package recorddb

import (
	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/store/sqlite/recorddb/pack"
)

// place is where a block lies.
type place struct {
	id    ordinal
	count int64
	ref   key
	clock int64
}

// holding gives the block that holds an ordinal; ok is false when the file does
// not reach that far.
func (c *conn) holding(n ordinal) (p place, ok bool, err error) {
	err = c.rows("SELECT id, count, ref, clock FROM block WHERE id<=? ORDER BY id DESC LIMIT 1", func(s *sqlite3.Stmt) (bool, error) {
		p = place{ordinal(s.ColumnInt64(0)), s.ColumnInt64(1), key(s.ColumnInt64(2)), s.ColumnInt64(3)}
		ok = n < p.id+ordinal(p.count)
		return false, nil
	}, int64(n))
	return p, ok, err
}

// lastBlock gives the last block of which upTo holds. upTo must hold for a run
// of blocks from the first one on, as "ref <= k" and "clock < t" do. guess is
// where to look first. ok is false when it holds for none.
func (r *reading) lastBlock(guess ordinal, upTo func(p place) bool) (found place, ok bool, err error) {
	lo, hi := ordinal(1), r.messages
	n := min(max(guess, lo), hi)
	for lo <= hi {
		p, there, err := r.holding(n)
		if err != nil {
			return found, false, err
		}
		if !there {
			return found, false, fault.New(fault.Broken, "record.damaged", "a block of messages is missing; set the file aside and read the journal again")
		}
		if upTo(p) {
			found, ok = p, true
			lo = p.id + ordinal(p.count)
		} else {
			hi = p.id - 1
		}
		n = lo + (hi-lo)/2
	}
	return found, ok, nil
}

// blockOf gives the block in which a message is, or would be: the last one that
// begins with it or earlier.
func (r *reading) blockOf(k key) (place, bool, error) {
	// Mostly an entry holds one message, so ordinals and numbers go in step.
	guess := r.messages - ordinal(int64(r.last>>partBits)-int64(k>>partBits))
	return r.lastBlock(guess, func(p place) bool { return p.ref <= k })
}

// body reads a block.
func (r *reading) body(id ordinal) (b *pack.Block, err error) {
	err = r.rows("SELECT body FROM block WHERE id=?", func(s *sqlite3.Stmt) (bool, error) {
		b, err = r.press.Open(s.ColumnRawBlob(0), r.dict)
		return false, err
	}, int64(id))
	if err == nil && b == nil {
		err = fault.New(fault.Broken, "record.damaged", "block %d is missing; set the file aside and read the journal again", id)
	}
	return b, err
}

// blocks calls each with the blocks from the one that begins at id on.
func (r *reading) blocks(id ordinal, each func(id ordinal, b *pack.Block) (bool, error)) error {
	return r.rows("SELECT id, body FROM block WHERE id>=? ORDER BY id", func(s *sqlite3.Stmt) (bool, error) {
		b, err := r.press.Open(s.ColumnRawBlob(1), r.dict)
		if err != nil {
			return false, err
		}
		return each(ordinal(s.ColumnInt64(0)), b)
	}, int64(id))
}

// page keeps the block read last, for reading messages near each other.
type page struct {
	r  *reading
	at place
	b  *pack.Block
}

// block gives the block that holds an ordinal and the index in it.
func (p *page) block(n ordinal) (*pack.Block, int, error) {
	if p.b == nil || n < p.at.id || n >= p.at.id+ordinal(p.at.count) {
		at, ok, err := p.r.holding(n)
		if err == nil && !ok {
			err = fault.New(fault.Broken, "record.damaged", "message %d of the file is missing; set the file aside and read the journal again", n)
		}
		if err != nil {
			return nil, 0, err
		}
		if p.b, err = p.r.body(at.id); err != nil {
			return nil, 0, err
		}
		p.at = at
	}
	i := int(n - p.at.id)
	if i >= p.b.Len() {
		return nil, 0, fault.New(fault.Broken, "record.damaged", "block %d is shorter than it says; set the file aside and read the journal again", p.at.id)
	}
	return p.b, i, nil
}

// ref gives the reference of the message with an ordinal.
func (p *page) ref(n ordinal) (model.MessageRef, error) {
	b, i, err := p.block(n)
	if err != nil {
		return model.MessageRef{}, err
	}
	return b.Ref(i), nil
}

// message reads the message with an ordinal into m.
func (p *page) message(n ordinal, m *model.Message) error {
	b, i, err := p.block(n)
	if err != nil {
		return err
	}
	return b.Read(i, m)
}
