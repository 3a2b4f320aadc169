package recorddb

import (
	"context"
	"os"
	"sync"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/model"
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
// the journal entry where the one before ends. What is here besides the
// readers is guarded by DB.mu, and fixed for all but the newest file.
type file struct {
	path string
	vfs  string

	before   model.Seq // cursor when the file was begun
	cursor   model.Seq
	first    key // of its first message, 0: none yet
	last     key
	messages ordinal
	begins   int64 // clock of the first block, Unix ns
	clock    int64 // latest arrival so far, Unix ns

	mu   sync.Mutex
	idle []*conn // reading connections nobody uses
	room chan struct{}
}

const readersPerFile = 4

func newFile(path, vfs string) *file {
	return &file{path: path, vfs: vfs, room: make(chan struct{}, readersPerFile)}
}

// read runs work with a reading connection in one snapshot.
func (f *file) read(ctx context.Context, work func(c *conn) error) error {
	select {
	case f.room <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-f.room }()
	c, err := f.take()
	if err != nil {
		return classify(err, f.path)
	}
	c.SetInterrupt(ctx)
	if err = c.exec("BEGIN"); err == nil {
		err = work(c)
		c.SetInterrupt(context.Background())
		if end := c.exec("COMMIT"); err == nil {
			err = end
		}
	}
	if err != nil {
		c.close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return classify(err, f.path)
	}
	f.mu.Lock()
	f.idle = append(f.idle, c)
	f.mu.Unlock()
	return nil
}

func (f *file) take() (*conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.idle); n > 0 {
		c := f.idle[n-1]
		f.idle = f.idle[:n-1]
		return c, nil
	}
	return openConn(f.path, f.vfs, true)
}

// rest closes the reading connections nobody uses.
func (f *file) rest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.idle {
		c.close()
	}
	f.idle = nil
}

// span reads where the file begins and ends.
func (f *file) span(c *conn) error {
	err := c.rows("SELECT before, max(cursor, before) FROM progress", func(s *sqlite3.Stmt) (bool, error) {
		f.before, f.cursor = model.Seq(s.ColumnInt64(0)), model.Seq(s.ColumnInt64(1))
		return false, nil
	})
	if err != nil {
		return err
	}
	err = c.rows("SELECT ref, clock FROM block ORDER BY id LIMIT 1", func(s *sqlite3.Stmt) (bool, error) {
		f.first, f.begins = key(s.ColumnInt64(0)), s.ColumnInt64(1)
		return false, nil
	})
	if err != nil {
		return err
	}
	return c.rows("SELECT id, count, cursor, clock, body FROM block ORDER BY id DESC LIMIT 1", func(s *sqlite3.Stmt) (bool, error) {
		f.messages = ordinal(s.ColumnInt64(0) + s.ColumnInt64(1) - 1)
		f.cursor = max(f.cursor, model.Seq(s.ColumnInt64(2)))
		f.clock = s.ColumnInt64(3)
		msgs, err := decodeBlock(s.ColumnRawBlob(4))
		if err == nil && len(msgs) > 0 {
			f.last = keyOf(msgs[len(msgs)-1].Ref)
		}
		return false, err
	})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
