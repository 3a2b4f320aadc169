package recorddb

import (
	"context"
	"sort"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// owedWork bounds the messages one call of Owed looks at.
const owedWork = 4096

// Owed gives messages owed to dest, oldest first.
func (d *DB) Owed(ctx context.Context, dest model.DestinationID, after model.MessageRef, limit int) ([]*model.Message, model.MessageRef, error) {
	k := keyOf(after)
	var owed []*model.Message
	take := func(msgs []*model.Message) bool {
		for _, m := range msgs {
			if keyOf(m.Ref) <= k {
				continue
			}
			k = keyOf(m.Ref)
			if owes(m, dest) {
				if owed = append(owed, m); len(owed) >= limit {
					return false
				}
			}
		}
		return true
	}
	d.mu.RLock()
	msgs, held := d.recent.after(k)
	if held {
		take(msgs[:min(len(msgs), owedWork)])
		d.mu.RUnlock()
		return owed, k.ref(), nil
	}
	files := d.filesAfter(k)
	d.mu.RUnlock()
	for work := owedWork; work > 0 && len(files) > 0; files = files[1:] {
		full := false
		err := files[0].read(ctx, func(c *conn) error {
			return c.blocksAfter(k, func(msgs []*model.Message) bool {
				full = !take(msgs)
				work -= len(msgs)
				return !full && work > 0
			})
		})
		if err != nil {
			return nil, after, err
		}
		if full {
			break
		}
	}
	return owed, k.ref(), nil
}

func owes(m *model.Message, dest model.DestinationID) bool {
	for i := range m.Routed {
		if m.Routed[i].Destination == dest && m.Routed[i].Refused == "" {
			return true
		}
	}
	return false
}

// filesAfter gives the files that hold messages later than k. DB.mu is held.
func (d *DB) filesAfter(k key) []*file {
	i := sort.Search(len(d.files), func(i int) bool { return d.files[i].last > k })
	return append([]*file(nil), d.files[i:]...)
}

// blocksAfter calls each with the blocks that reach beyond k, oldest first.
func (c *conn) blocksAfter(k key, each func(msgs []*model.Message) bool) error {
	return c.rows("SELECT body FROM block WHERE id >= coalesce((SELECT id FROM block WHERE ref<=? ORDER BY ref DESC LIMIT 1), 0) ORDER BY id", func(s *sqlite3.Stmt) (bool, error) {
		msgs, err := decodeBlock(s.ColumnRawBlob(0))
		return err == nil && each(msgs), err
	}, int64(k))
}

// at gives the message with an ordinal.
func (c *conn) at(n ordinal) (*model.Message, error) {
	var m *model.Message
	err := c.rows("SELECT id, body FROM block WHERE id<=? ORDER BY id DESC LIMIT 1", func(s *sqlite3.Stmt) (bool, error) {
		msgs, err := decodeBlock(s.ColumnRawBlob(1))
		if i := int64(n) - s.ColumnInt64(0); err == nil && i < int64(len(msgs)) {
			m = msgs[i]
		}
		return false, err
	}, int64(n))
	if err == nil && m == nil {
		err = fault.New(fault.Broken, "record.damaged", "the file has no message with ordinal %d", n)
	}
	return m, err
}

// Message gives one message.
func (d *DB) Message(ctx context.Context, ref model.MessageRef) (*model.Message, error) {
	k := keyOf(ref)
	d.mu.RLock()
	m := d.recent.find(k)
	files := d.filesAfter(k - 1)
	d.mu.RUnlock()
	if m != nil {
		return m, nil
	}
	if len(files) > 0 {
		err := files[0].read(ctx, func(c *conn) error {
			return c.rows("SELECT body FROM block WHERE ref<=? ORDER BY ref DESC LIMIT 1", func(s *sqlite3.Stmt) (bool, error) {
				msgs, err := decodeBlock(s.ColumnRawBlob(0))
				for _, one := range msgs {
					if one.Ref == ref {
						m = one
					}
				}
				return false, err
			}, int64(k))
		})
		if err != nil {
			return nil, err
		}
	}
	if m == nil {
		return nil, fault.New(fault.Absent, "record.absent", "the record has no message %d.%d", ref.Seq, ref.Part)
	}
	return m, nil
}
