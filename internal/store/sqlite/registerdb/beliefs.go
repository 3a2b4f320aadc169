package registerdb

import (
	"context"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// Columns of what Beliefs reads.
const (
	colSubject = iota
	colRetracted
	colBelieved
	colTruth
	colID
	colName
	colValue
	colSource
	colConfidence
	colFrom
	colUntil
	colBy
	colChange
)

// Beliefs goes through all facts once. A house of 100,000 devices has a million:
// they are read from the statement itself, and texts that repeat are kept once.
func (d *DB) Beliefs(ctx context.Context, said func(f *fact.Fact), changed func(s fact.Subject, at time.Time)) error {
	conn, err := d.db.Read.Conn(ctx)
	if err != nil {
		return readFault(err)
	}
	defer conn.Close()
	return readFault(conn.Raw(func(raw any) error {
		stmt, _, err := raw.(driver.Conn).Raw().Prepare(`SELECT subject, retracted_at, believed_at, truth, id, name, value, source, confidence, from_at, until_at, by, change
			FROM facts ORDER BY id`)
		if err != nil {
			return err
		}
		defer stmt.Close()
		return beliefs(ctx, stmt, said, changed)
	}))
}

func beliefs(ctx context.Context, stmt *sqlite3.Stmt, said func(f *fact.Fact), changed func(s fact.Subject, at time.Time)) error {
	once := texts{}
	var f fact.Fact
	for n := 0; stmt.Step(); n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if subject := stmt.ColumnRawText(colSubject); string(subject) != string(f.Subject) {
			f.Subject = fact.Subject(subject)
		}
		retracted, believed := stmt.ColumnInt64(colRetracted), stmt.ColumnInt64(colBelieved)
		f.Truth = fact.Truth(once.of(stmt.ColumnRawText(colTruth)))
		now := retracted == 0 && f.Truth != fact.Observed
		if !now || f.Subject.Layer() == fact.OfModel {
			changed(f.Subject, timeOf(max(retracted, believed)))
		}
		if !now {
			continue
		}
		f.ID, f.Confidence, f.Believed = stmt.ColumnInt64(colID), stmt.ColumnInt(colConfidence), timeOf(believed)
		f.Name, f.Value, f.Source = once.of(stmt.ColumnRawText(colName)), once.of(stmt.ColumnRawText(colValue)), once.of(stmt.ColumnRawText(colSource))
		f.From, f.Until = timeOf(stmt.ColumnInt64(colFrom)), timeOf(stmt.ColumnInt64(colUntil))
		f.By, f.Change = model.ActorID(once.of(stmt.ColumnRawText(colBy))), once.of(stmt.ColumnRawText(colChange))
		said(&f)
	}
	return stmt.Err()
}

// texts keeps each text once: a million facts have few names, sources and
// changes.
type texts map[string]string

// mostTexts bounds what is kept: serial numbers do not repeat.
const mostTexts = 1 << 16

func (t texts) of(b []byte) string {
	if have, ok := t[string(b)]; ok {
		return have
	}
	if len(t) >= mostTexts {
		clear(t)
	}
	s := string(b)
	t[s] = s
	return s
}
