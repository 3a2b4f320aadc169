package recorddb

import (
	"context"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/model"
	"thalamus/internal/store/sqlite/recorddb/pack"
)

// mostRepeats is how many repeats of a message are named.
const mostRepeats = 100

// repeatTable is missing in files that were begun before repeats were linked.
const repeatTable = "CREATE TABLE IF NOT EXISTS repeat(first INTEGER NOT NULL, ordinal INTEGER NOT NULL, PRIMARY KEY(first, ordinal)) WITHOUT ROWID"

// putRepeat links a message to those it repeats.
func (c *conn) putRepeat(m *model.Message, at ordinal) error {
	if m.Duplicate == (model.MessageRef{}) && m.Repeated() == 0 {
		return nil
	}
	if err := c.exec(repeatTable); err != nil {
		return err
	}
	for _, first := range m.Firsts() {
		if err := c.exec("INSERT INTO repeat VALUES(?,?) ON CONFLICT DO NOTHING", int64(keyOf(first)), int64(at)); err != nil {
			return err
		}
	}
	return nil
}

// forgetRepeats forgets the links of messages that are not in the record.
func (c *conn) forgetRepeats(messages ordinal) error {
	if err := c.exec(repeatTable); err != nil {
		return err
	}
	return c.exec("DELETE FROM repeat WHERE ordinal>?", int64(messages))
}

// Repeats gives the messages that say again, wholly or in part, what a message
// said, oldest first.
func (d *DB) Repeats(ctx context.Context, ref model.MessageRef) ([]model.MessageRef, error) {
	k := keyOf(ref)
	d.mu.RLock()
	files := d.filesAfter(k - 1)
	d.mu.RUnlock()
	var refs []model.MessageRef
	for _, f := range files {
		err := d.read(ctx, f.f, func(r *reading) error {
			there := false
			err := r.rows("SELECT 1 FROM sqlite_master WHERE name='repeat'", func(*sqlite3.Stmt) (bool, error) { there = true; return false, nil })
			if err != nil || !there {
				return err
			}
			var at []ordinal
			err = r.rows("SELECT ordinal FROM repeat WHERE first=? ORDER BY ordinal LIMIT ?", func(s *sqlite3.Stmt) (bool, error) {
				at = append(at, ordinal(s.ColumnInt64(0)))
				return true, nil
			}, int64(k), mostRepeats-len(refs))
			if err != nil {
				return err
			}
			p := page{r: r}
			for _, n := range at {
				one, err := p.ref(n)
				if err != nil {
					return err
				}
				refs = append(refs, one)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(refs) >= mostRepeats {
			break
		}
	}
	return refs, nil
}

// Tail calls each with the last n messages of the record, the oldest first. A
// message is valid until each returns.
func (d *DB) Tail(ctx context.Context, n int, each func(m *model.Message)) error {
	d.mu.RLock()
	files := d.filesAfter(0)
	d.mu.RUnlock()
	left, begin := ordinal(n), len(files)
	for begin > 0 && left > 0 {
		begin--
		left -= files[begin].messages
	}
	m := new(model.Message)
	for _, f := range files[begin:] {
		skip := max(0, -left)
		left = 0
		err := d.read(ctx, f.f, func(r *reading) error {
			at, ok, err := r.holding(skip + 1)
			if err != nil || !ok {
				return err
			}
			return r.blocks(at.id, func(id ordinal, b *pack.Block) (bool, error) {
				for i := range b.Len() {
					if id+ordinal(i) <= skip {
						continue
					}
					if err := b.Read(i, m); err != nil {
						return false, err
					}
					each(m)
				}
				return true, nil
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
