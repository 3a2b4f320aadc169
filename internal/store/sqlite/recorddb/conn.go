package recorddb

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/fault"
)

// conn is one SQLite connection with its prepared statements. It is used by
// one goroutine at a time.
type conn struct {
	*sqlite3.Conn
	stmts map[string]*sqlite3.Stmt
}

func openConn(path, vfs string, readOnly bool) (*conn, error) {
	q := url.Values{}
	q.Add("_pragma", "busy_timeout(10000)")
	if readOnly {
		q.Add("_pragma", "query_only(ON)")
		q.Add("_pragma", "cache_size(-1024)")
	} else {
		q.Add("_pragma", "journal_mode(WAL)")
		q.Add("_pragma", "synchronous(NORMAL)")
		q.Add("_pragma", "wal_autocheckpoint(2000)")
		q.Add("_pragma", "journal_size_limit(67108864)")
	}
	q.Add("_pragma", "temp_store(MEMORY)")
	if vfs != "" {
		q.Set("vfs", vfs)
	}
	c, err := sqlite3.Open("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode())
	if err != nil {
		return nil, err
	}
	return &conn{c, map[string]*sqlite3.Stmt{}}, nil
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		s.Close()
	}
	return c.Close()
}

// stmt gives the prepared statement of a text, its parameters bound.
func (c *conn) stmt(text string, args ...any) (*sqlite3.Stmt, error) {
	s := c.stmts[text]
	if s == nil {
		var err error
		if s, _, err = c.PrepareFlags(text, sqlite3.PREPARE_PERSISTENT); err != nil {
			return nil, err
		}
		c.stmts[text] = s
	}
	for i, a := range args {
		var err error
		switch v := a.(type) {
		case int64:
			err = s.BindInt64(i+1, v)
		case int:
			err = s.BindInt64(i+1, int64(v))
		case string:
			err = s.BindText(i+1, v)
		case []byte:
			err = s.BindBlob(i+1, v)
		default:
			err = fmt.Errorf("parameter of type %T", a)
		}
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// exec runs a statement without a result.
func (c *conn) exec(text string, args ...any) error {
	s, err := c.stmt(text, args...)
	if err != nil {
		return err
	}
	return s.Exec()
}

// rows calls each for every row until it returns false.
func (c *conn) rows(text string, each func(s *sqlite3.Stmt) (bool, error), args ...any) error {
	s, err := c.stmt(text, args...)
	if err != nil {
		return err
	}
	for s.Step() {
		more, err := each(s)
		if err != nil || !more {
			s.Reset()
			return err
		}
	}
	// Reset does not tell of a step that an ended context kept from being made.
	err = s.Err()
	return errors.Join(err, s.Reset())
}

// classify turns an error of SQLite into a fault that says what to do.
func classify(err error, path string) error {
	if err == nil {
		return nil
	}
	var known *fault.Fault
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	switch {
	case errors.Is(err, sqlite3.FULL):
		return fault.Wrap(err, fault.Transient, "record.full", "the disk is full; free some room, recording goes on by itself").At(path)
	case errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.NOTADB):
		return fault.Wrap(err, fault.Broken, "record.damaged", "the file of the record is damaged; restart Thalamus, which sets the file aside and reads the journal again").At(path)
	case errors.Is(err, sqlite3.IOERR), errors.Is(err, sqlite3.BUSY), errors.Is(err, sqlite3.CANTOPEN), errors.Is(err, sqlite3.NOMEM):
		return fault.Wrap(err, fault.Transient, "record.io", "the disk does not take or give the record's bytes; recording goes on as soon as it does").At(path)
	case errors.Is(err, sqlite3.INTERRUPT):
		return fault.Wrap(err, fault.Transient, "record.interrupted", "the query was interrupted").At(path)
	}
	return fault.Wrap(err, fault.Broken, "record.broken", "the record's file answered with an error that Thalamus does not know").At(path)
}
