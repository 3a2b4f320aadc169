package recorddb

import (
	"context"
	"sync"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/model"
	"thalamus/internal/store/sqlite/recorddb/pack"
)

// key is a MessageRef as one number that sorts the same way.
type key int64

const partBits = 24

func keyOf(r model.MessageRef) key { return key(r.Seq)<<partBits | key(r.Part) }

func (k key) ref() model.MessageRef {
	return model.MessageRef{Seq: model.Seq(k >> partBits), Part: int(k & (1<<partBits - 1))}
}

// ordinal numbers the messages of one file from 1.
type ordinal int64

// file is one file of the record. Files follow each other: each begins after
// the journal entry where the one before ends. Its extent is guarded by DB.mu,
// and fixed for all but the newest file.
type file struct {
	path string
	vfs  string
	extent

	mu   sync.Mutex
	idle []*conn    // reading connections nobody uses
	dict *pack.Dict // nil: to be read
	room chan struct{}
}

// extent is what a file reaches over.
type extent struct {
	before   model.Seq // the record's cursor when the file was begun
	cursor   model.Seq
	first    key // of its first message, 0: none yet
	last     key
	messages ordinal
	begins   int64 // earliest arrival of the first batch, Unix ns
	clock    int64 // latest arrival so far, Unix ns
	skew     int64 // most that a message came behind the latest before it, ns
	seal     int64 // number of the last seal
	sealed   ordinal
	reach    reach // of what is sealed
}

const readersPerFile = 4

func newFile(path, vfs string) *file {
	return &file{path: path, vfs: vfs, extent: extent{reach: nowhere}, room: make(chan struct{}, readersPerFile)}
}

// reading is a snapshot of one file.
type reading struct {
	*conn
	press *pack.Press
	dict  *pack.Dict
	extent
}

// read runs work in one snapshot. Its extent is no later than the snapshot.
func (d *DB) read(ctx context.Context, f *file, work func(r *reading) error) error {
	select {
	case f.room <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-f.room }()
	d.mu.RLock()
	r := reading{press: d.press, extent: f.extent}
	d.mu.RUnlock()
	if err := f.take(&r); err != nil {
		return classify(err, f.path)
	}
	r.SetInterrupt(ctx)
	err := r.exec("BEGIN")
	if err == nil {
		err = work(&r)
		r.SetInterrupt(context.Background())
		if end := r.exec("COMMIT"); err == nil {
			err = end
		}
	}
	if err != nil {
		r.close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return classify(err, f.path)
	}
	f.mu.Lock()
	f.idle = append(f.idle, r.conn)
	f.mu.Unlock()
	d.warm.used(f)
	return nil
}

// take gives the reading a connection and the file's templates.
func (f *file) take(r *reading) (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.idle); n > 0 {
		r.conn, f.idle = f.idle[n-1], f.idle[:n-1]
	} else if r.conn, err = openConn(f.path, f.vfs, true); err != nil {
		return err
	}
	if f.dict == nil {
		if f.dict, err = r.templates(); err != nil {
			r.close()
			return err
		}
	}
	r.dict = f.dict
	return nil
}

// rest closes the reading connections nobody uses; forget drops the templates.
func (f *file) rest(forget bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.idle {
		c.close()
	}
	f.idle = nil
	if forget {
		f.dict = nil
	}
}

// mostTemplates bounds the dictionary of a file.
const mostTemplates = 16384

// templates reads the dictionary of a file.
func (c *conn) templates() (*pack.Dict, error) {
	d := pack.NewDict(mostTemplates)
	err := c.rows("SELECT body FROM template ORDER BY id", func(s *sqlite3.Stmt) (bool, error) {
		return true, d.Load(s.ColumnText(0))
	})
	return d, err
}

// warm keeps the connections of the files read last open, and closes those of
// others: the newest file is not among them.
type warm struct {
	mu    sync.Mutex
	files []*file // the one used last at the end
}

const mostWarm = 6

func (w *warm) used(f *file) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, one := range w.files {
		if one == f {
			copy(w.files[i:], w.files[i+1:])
			w.files[len(w.files)-1] = f
			return
		}
	}
	w.files = append(w.files, f)
	if len(w.files) > mostWarm {
		w.files[0].rest(true)
		w.files = append(w.files[:0], w.files[1:]...)
	}
}
