package recorddb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/store/sqlite/recorddb/pack"
)

// A block is closed at so many messages or bytes before compression.
const (
	blockMessages = 64
	blockBytes    = 256 << 10
)

// Commit makes a batch part of the record, wholly or not at all.
func (d *DB) Commit(ctx context.Context, b record.Batch) error {
	d.commit.Lock()
	defer d.commit.Unlock()
	if d.closed {
		return fault.New(fault.Transient, "record.closed", "the record is closed; Thalamus is stopping")
	}
	if err := d.check(b); err != nil {
		return err
	}
	if len(b.Messages) == 0 && b.Cursor == d.cursor {
		return nil
	}
	f, err := d.writable(b)
	if err != nil {
		return err
	}
	if err := d.write(f, b); err != nil {
		d.unready()
		return classify(err, f.path)
	}
	d.take(f, b)
	if d.sealDue(f) {
		// A seal that fails takes nothing away: it is tried again with the next
		// batch, or made again from the blocks.
		if err := d.sealNow(); err != nil {
			d.o.Report(err)
		}
	}
	return nil
}

// check refuses a batch that does not follow what the record holds.
func (d *DB) check(b record.Batch) error {
	last := d.head
	for _, m := range b.Messages {
		k := keyOf(m.Ref)
		if k <= last || m.Ref.Seq <= d.cursor || m.Ref.Seq > b.Cursor || m.Ref.Part < 0 || m.Ref.Part >= 1<<partBits {
			return fault.New(fault.Conflict, "record.order", "message %d.%d does not follow the record, which reaches to entry %d; read the journal from there", m.Ref.Seq, m.Ref.Part, d.cursor)
		}
		last = k
	}
	if b.Cursor < d.cursor {
		return fault.New(fault.Conflict, "record.order", "the batch ends at entry %d, the record reaches to %d; read the journal from there", b.Cursor, d.cursor)
	}
	return nil
}

// arrival gives the time of arrival in Unix ns, 0 for none.
func arrival(m *model.Message) int64 {
	if y := m.Arrived.Year(); y > 1700 && y < 2200 {
		return m.Arrived.UnixNano()
	}
	return 0
}

// tick moves the clock of an extent on with a message.
func (e *extent) tick(m *model.Message) {
	if at := arrival(m); at > e.clock {
		e.clock = at
	} else if at != 0 {
		e.skew = max(e.skew, e.clock-at)
	}
}

// setBack is how much earlier than the latest arrival a message may have come
// before that counts as a clock set back, which begins a new file: there, times
// of arrival rise again, which keeps searches by time quick.
const setBack = 10 * time.Minute

func dayOf(clock int64) string { return utc(clock).Format("20060102") }

// writable gives the file a batch goes to, with d.w open on it.
func (d *DB) writable(b record.Batch) (*file, error) {
	at, first := int64(0), int64(0)
	for _, m := range b.Messages {
		if one := arrival(m); one != 0 {
			at = max(at, one)
			if first == 0 || one < first {
				first = one
			}
		}
	}
	if n := len(d.files); n > 0 {
		f := d.files[n-1]
		if f.messages == 0 || at == 0 || dayOf(at) == dayOf(f.clock) && f.clock-at <= int64(setBack) {
			return f, d.ready(f)
		}
		// The next file begins when this one is complete.
		if err := d.ready(f); err != nil {
			return nil, err
		}
		if err := d.sealNow(); err != nil {
			return nil, err
		}
	}
	f, c, err := d.begin(at, first)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	if n := len(d.files); n > 0 {
		d.w.close()
		d.fresh.roll(d.files[n-1])
		defer d.warm.used(d.files[n-1])
	}
	d.files = append(d.files, f)
	d.mu.Unlock()
	d.w, d.builder = c, pack.NewBuilder(d.press, f.dict)
	return f, nil
}

// begin makes a new file that takes over what outlives the one before.
func (d *DB) begin(at, first int64) (*file, *conn, error) {
	path := filepath.Join(d.dir, "record-"+dayOf(at)+".db")
	for n := 2; exists(path); n++ {
		path = filepath.Join(d.dir, fmt.Sprintf("record-%s-%d.db", dayOf(at), n))
	}
	c, err := openConn(path, d.o.VFS, false)
	if err != nil {
		return nil, nil, classify(err, path)
	}
	f := newFile(path, d.o.VFS)
	f.before, f.cursor, f.last, f.begins = d.cursor, d.cursor, d.head, first
	f.dict = pack.NewDict(mostTemplates)
	if err = d.lay(c, first); err != nil {
		c.close()
		for _, end := range []string{"", "-wal", "-shm"} {
			os.Remove(path + end)
		}
		return nil, nil, classify(err, path)
	}
	return f, c, nil
}

func (d *DB) lay(c *conn, first int64) (err error) {
	t, err := c.BeginImmediate()
	if err != nil {
		return err
	}
	defer t.End(&err)
	if err := c.make(); err != nil {
		return err
	}
	if err := c.exec("INSERT INTO progress VALUES(1,?,?,?,?)", int64(d.cursor), int64(d.cursor), int64(d.head), first); err != nil {
		return err
	}
	return d.fresh.handOver(c, first)
}

// ready opens the connection that writes to the newest file. After an error the
// file is brought back to what the record holds: a transaction that was
// reported as failed must not be in it.
func (d *DB) ready(f *file) error {
	if d.w != nil {
		return nil
	}
	c, err := openConn(f.path, d.o.VFS, false)
	if err != nil {
		return classify(err, f.path)
	}
	if err := undo(c, f); err != nil {
		c.close()
		return classify(err, f.path)
	}
	d.w, d.builder = c, pack.NewBuilder(d.press, f.dict)
	return nil
}

func undo(c *conn, f *file) (err error) {
	p, _, err := c.holding(1<<62 - 1)
	if err != nil {
		return err
	}
	switch have := max(p.id+ordinal(p.count)-1, 0); {
	case have == f.messages:
		return nil
	case have < f.messages:
		return fault.New(fault.Broken, "record.damaged", "the file holds %d messages where %d were written; restart Thalamus, which reads the journal again", have, f.messages)
	}
	t, err := c.BeginImmediate()
	if err != nil {
		return err
	}
	defer t.End(&err)
	if err := c.exec("DELETE FROM block WHERE id>?", int64(f.messages)); err != nil {
		return err
	}
	if err := c.forgetRepeats(f.messages); err != nil {
		return err
	}
	return c.exec("DELETE FROM print WHERE ordinal>?", int64(f.messages))
}

// unready gives up the writing connection after an error.
func (d *DB) unready() {
	if d.w != nil {
		d.w.close()
		d.w, d.builder = nil, nil
	}
}

// write makes the transaction.
func (d *DB) write(f *file, b record.Batch) (err error) {
	t, err := d.w.BeginImmediate()
	if err != nil {
		return err
	}
	defer func() {
		if t.End(&err); err == nil {
			f.dict.Saved()
		}
	}()
	if len(b.Messages) == 0 {
		return d.w.exec("UPDATE progress SET cursor=?", int64(b.Cursor))
	}
	next := f.messages + 1
	var first key
	now := f.extent
	for i, m := range b.Messages {
		if d.builder.Count() == 0 {
			first = keyOf(m.Ref)
		}
		d.builder.Add(m)
		now.tick(m)
		if n := d.builder.Count(); n == blockMessages || d.builder.Size() >= blockBytes || i == len(b.Messages)-1 {
			if err := d.w.exec("INSERT INTO block VALUES(?,?,?,?,?,?,?)", int64(next), n, int64(first), int64(b.Cursor), now.clock, now.skew, d.builder.Finish()); err != nil {
				return err
			}
			next += ordinal(n)
		}
	}
	id, bodies := f.dict.Unsaved()
	for _, body := range bodies {
		if err := d.w.exec("INSERT OR REPLACE INTO template VALUES(?,?)", id, body); err != nil {
			return err
		}
		id++
	}
	for i, p := range b.Prints {
		if p == (record.Print{}) {
			continue
		}
		if err := d.w.exec("INSERT INTO print VALUES(?,?,?) ON CONFLICT DO NOTHING", p.Time, p.Hash, int64(f.messages)+1+int64(i)); err != nil {
			return err
		}
	}
	for i, m := range b.Messages {
		if err := d.w.putRepeat(m, f.messages+1+ordinal(i)); err != nil {
			return err
		}
	}
	return nil
}

// take makes a committed batch visible.
func (d *DB) take(f *file, b record.Batch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f.cursor, d.cursor = b.Cursor, b.Cursor
	n := len(b.Messages)
	if n == 0 {
		return
	}
	if f.first == 0 {
		f.first = keyOf(b.Messages[0].Ref)
	}
	f.last = keyOf(b.Messages[n-1].Ref)
	d.head = f.last
	for _, m := range b.Messages {
		f.messages++
		f.tick(m)
		d.fresh.add(m, f, f.messages)
		d.recent.add(m)
	}
	close(d.wake)
	d.wake = make(chan struct{})
}

// Seen gives the first message committed with each print.
func (d *DB) Seen(ctx context.Context, prints []record.Print) ([]model.MessageRef, error) {
	d.commit.Lock()
	defer d.commit.Unlock()
	refs := make([]model.MessageRef, len(prints))
	newest := len(d.files) - 1
	for n := newest; n >= 0; n-- {
		f := d.files[n]
		if time.Duration(d.files[newest].clock-f.clock) > d.o.DuplicateWindow {
			continue
		}
		// A message that comes within an hour of its own time repeats one of
		// about that time; all others are looked for in every file.
		now := d.files[newest].clock / 1e9
		var ask []int
		for i, p := range prints {
			if p == (record.Print{}) || refs[i] != (model.MessageRef{}) {
				continue
			}
			if n == newest || now-p.Time > 3600 || p.Time-now > 3600 || p.Time-f.clock/1e9 < 7200 {
				ask = append(ask, i)
			}
		}
		if len(ask) == 0 {
			continue
		}
		err := d.read(ctx, f, func(r *reading) error {
			for _, i := range ask {
				if err := r.seen(prints[i], &refs[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return refs, nil
}

func (r *reading) seen(p record.Print, ref *model.MessageRef) error {
	at := ordinal(0)
	err := r.rows("SELECT ordinal FROM print WHERE time=? AND hash=?", func(s *sqlite3.Stmt) (bool, error) {
		at = ordinal(s.ColumnInt64(0))
		return false, nil
	}, p.Time, p.Hash)
	if err != nil || at == 0 {
		return err
	}
	page, m := page{r: r}, new(model.Message)
	if err := page.message(at, m); err != nil {
		return err
	}
	// A repeat that lies in a later file than the first one leads to it.
	if *ref = m.Duplicate; *ref == (model.MessageRef{}) {
		*ref = m.Ref
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
