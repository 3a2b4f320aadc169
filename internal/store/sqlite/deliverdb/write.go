package deliverdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

// States in the table delivery.
const (
	stateDelivered = 1
	stateDead      = 2
	stateDiscarded = 3
)

// many is how many rows one statement inserts or removes at once: the way into
// SQLite costs more than the row.
const many = 32

// statements are the prepared ones of the hot way, for one row and for many.
type statements struct {
	settle, settleMany   *sql.Stmt
	park, parkMany       *sql.Stmt
	unqueue, unqueueMany *sql.Stmt
}

const (
	settleSQL  = "INSERT INTO delivery(destination, seq, part, replay, state, attempts, first_tried, settled, receipt, code, reason) VALUES "
	settleRow  = "(?,?,?,?,?,?,?,?,?,?,?)"
	parkSQL    = "INSERT INTO queue(destination, ord, key, seq, part, replay, attempts, failures, owed, first_tried, failing_since, next_try, code, reason) VALUES "
	parkRow    = "(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
	unqueueSQL = "DELETE FROM queue WHERE destination = ? AND ord IN "
	nothing    = " ON CONFLICT DO NOTHING"
)

func (s *statements) prepare(ctx context.Context, db *sql.DB) error {
	rows := func(row string, n int) string { return strings.Repeat(row+",", n-1) + row }
	for _, one := range []struct {
		into *(*sql.Stmt)
		text string
	}{
		{&s.settle, settleSQL + settleRow + nothing},
		{&s.settleMany, settleSQL + rows(settleRow, many) + nothing},
		{&s.park, parkSQL + parkRow + nothing},
		{&s.parkMany, parkSQL + rows(parkRow, many) + nothing},
		{&s.unqueue, unqueueSQL + "(?)"},
		{&s.unqueueMany, unqueueSQL + "(" + rows("?", many) + ")"},
	} {
		stmt, err := db.PrepareContext(ctx, one.text)
		if err != nil {
			s.close()
			return storeFault(err)
		}
		*one.into = stmt
	}
	return nil
}

func (s *statements) close() {
	for _, one := range []*sql.Stmt{s.settle, s.settleMany, s.park, s.parkMany, s.unqueue, s.unqueueMany} {
		if one != nil {
			one.Close()
		}
	}
}

// counts are what a batch changes in the counters, taken from the rows that
// really changed, so that a batch committed twice counts once.
type counts struct{ delivered, dead, discarded, parked int64 }

func (d *DB) write(tx *sql.Tx, dest int64, b *deliver.Batch) error {
	var n counts
	for _, step := range []func(*sql.Tx, int64, *deliver.Batch, *counts) error{
		d.revive, d.park, d.detain, d.release, d.reject, d.failing, d.settle, d.unqueue, d.discard, d.progress,
	} {
		if err := step(tx, dest, b, &n); err != nil {
			return err
		}
	}
	_, err := tx.Exec("UPDATE destination SET delivered = delivered + ?, dead = dead + ?, discarded = discarded + ?, parked = parked + ? WHERE id = ?",
		n.delivered, n.dead, n.discarded, n.parked, dest)
	if err == nil && b.Cursor != (model.MessageRef{}) {
		_, err = tx.Exec("UPDATE destination SET cursor_seq = ?, cursor_part = ? WHERE id = ?", int64(b.Cursor.Seq), b.Cursor.Part, dest)
	}
	return err
}

// inGroups runs a statement for many rows as long as there are as many, then
// the one for a single row, and counts the rows that changed.
func inGroups[T any](tx *sql.Tx, single, group *sql.Stmt, rows []T, before []any, bind func([]any, *T) []any) (changed int64, err error) {
	args := make([]any, 0, 16*many)
	for len(rows) > 0 {
		stmt, n := single, 1
		if len(rows) >= many {
			stmt, n = group, many
		}
		args = append(args[:0], before...)
		for i := range rows[:n] {
			args = bind(args, &rows[i])
		}
		result, err := tx.Stmt(stmt).Exec(args...)
		if err != nil {
			return changed, err
		}
		affected, err := result.RowsAffected()
		if err != nil {
			return changed, err
		}
		changed += affected
		rows = rows[n:]
	}
	return changed, nil
}

func (d *DB) park(tx *sql.Tx, dest int64, b *deliver.Batch, n *counts) error {
	changed, err := inGroups(tx, d.inserts.park, d.inserts.parkMany, b.Park, nil, func(args []any, q *deliver.Queued) []any {
		return append(args, dest, q.Ord, q.Key, int64(q.Ref.Seq), q.Ref.Part, int64(q.Replay), q.Attempts, q.Failures, micros(q.Owed),
			micros(q.FirstTried), micros(q.FailingSince), micros(q.NextTry), text(q.Code), text(q.Reason))
	})
	n.parked += changed
	return err
}

func (d *DB) failing(tx *sql.Tx, dest int64, b *deliver.Batch, _ *counts) error {
	for i := range b.Failing {
		q := &b.Failing[i]
		if _, err := tx.Exec("UPDATE queue SET attempts = ?, failures = ?, first_tried = ?, failing_since = ?, next_try = ?, code = ?, reason = ? WHERE destination = ? AND ord = ?",
			q.Attempts, q.Failures, micros(q.FirstTried), micros(q.FailingSince), micros(q.NextTry), text(q.Code), text(q.Reason), dest, q.Ord); err != nil {
			return err
		}
	}
	return nil
}

func (d *DB) settle(tx *sql.Tx, dest int64, b *deliver.Batch, n *counts) error {
	bind := func(args []any, s *deliver.Settled) []any {
		state := stateDelivered
		if s.State == model.Dead {
			state = stateDead
		}
		return append(args, dest, int64(s.Ref.Seq), s.Ref.Part, int64(s.Replay), state, s.Attempts,
			micros(s.FirstTried), micros(s.Settled), text(s.Receipt), text(s.Code), text(s.Reason))
	}
	for rest := b.Settled; len(rest) > 0; {
		delivered := 0
		for delivered < len(rest) && rest[delivered].State != model.Dead {
			delivered++
		}
		changed, err := inGroups(tx, d.inserts.settle, d.inserts.settleMany, rest[:delivered], nil, bind)
		if err != nil {
			return err
		}
		n.delivered += changed
		if rest = rest[delivered:]; len(rest) == 0 {
			break
		}
		s := &rest[0]
		if changed, err = inGroups(tx, d.inserts.settle, d.inserts.settleMany, rest[:1], nil, bind); err != nil {
			return err
		}
		if changed > 0 {
			if _, err := tx.Exec("INSERT INTO dead(destination, seq, part, replay, key, code, reason, attempts, first_tried, died, hold) VALUES(?,?,?,?,?,?,?,?,?,?,?)",
				dest, int64(s.Ref.Seq), s.Ref.Part, int64(s.Replay), s.Key, s.Code, s.Reason, s.Attempts, micros(s.FirstTried), micros(s.Settled), s.Hold); err != nil {
				return err
			}
			n.dead++
		}
		rest = rest[1:]
	}
	return nil
}

func (d *DB) unqueue(tx *sql.Tx, dest int64, b *deliver.Batch, n *counts) error {
	changed, err := inGroups(tx, d.inserts.unqueue, d.inserts.unqueueMany, b.Unqueue, []any{dest}, func(args []any, ord *int64) []any {
		return append(args, *ord)
	})
	n.parked -= changed
	return err
}

// letter takes a dead letter out of its table and tells whose it was.
func letter(tx *sql.Tx, dest int64, id uint64) (seq, part, replay int64, found bool, err error) {
	err = tx.QueryRow("DELETE FROM dead WHERE id = ? AND destination = ? RETURNING seq, part, replay", int64(id), dest).Scan(&seq, &part, &replay)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, 0, false, nil
	}
	return seq, part, replay, err == nil, err
}

func (d *DB) revive(tx *sql.Tx, dest int64, b *deliver.Batch, n *counts) error {
	for _, id := range b.Revived {
		seq, part, replay, found, err := letter(tx, dest, id)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		n.dead--
		if _, err := tx.Exec("DELETE FROM delivery WHERE destination = ? AND seq = ? AND part = ? AND replay = ?", dest, seq, part, replay); err != nil {
			return err
		}
	}
	return nil
}

func (d *DB) discard(tx *sql.Tx, dest int64, b *deliver.Batch, n *counts) error {
	for _, one := range b.Discarded {
		seq, part, replay, found, err := letter(tx, dest, one.Letter)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		n.dead--
		n.discarded++
		if _, err := tx.Exec("UPDATE delivery SET state = ?, settled = ?, reason = ? || '; it had failed: ' || coalesce(reason, '') WHERE destination = ? AND seq = ? AND part = ? AND replay = ?",
			stateDiscarded, micros(one.At), one.Reason, dest, seq, part, replay); err != nil {
			return err
		}
	}
	return nil
}

func (d *DB) progress(tx *sql.Tx, dest int64, b *deliver.Batch, _ *counts) error {
	for _, j := range b.Jobs {
		if _, err := tx.Exec("UPDATE replay_job SET seq = ?, part = ?, queued = ?, refused = ?, done = ? WHERE replay = ? AND destination = ?",
			int64(j.Position.Seq), j.Position.Part, j.Queued, j.Refused, j.Done, int64(j.Replay), dest); err != nil {
			return err
		}
	}
	return nil
}

// AddReplay keeps a request and its jobs.
func (d *DB) AddReplay(ctx context.Context, r deliver.Replay) (uint64, error) {
	span, err := json.Marshal(r.Span)
	if err != nil {
		return 0, storeFault(err)
	}
	var number int64
	err = d.db.Update(ctx, func(tx *sql.Tx) (err error) {
		number, err = addReplay(tx, r, string(span))
		return err
	})
	return uint64(number), storeFault(err)
}

func addReplay(tx *sql.Tx, r deliver.Replay, span string) (int64, error) {
	result, err := tx.Exec("INSERT INTO replay(reason, actor, at, span) VALUES(?,?,?,?)", r.Reason, string(r.Actor), micros(r.At), span)
	if err != nil {
		return 0, err
	}
	number, err := result.LastInsertId()
	if err != nil {
		return 0, err
	}
	for _, j := range r.Jobs {
		dest, err := destinationID(tx, j.Destination)
		if err != nil {
			return 0, err
		}
		if _, err := tx.Exec("INSERT INTO replay_job(replay, destination, forced, seq, part, queued, refused, done) VALUES(?,?,?,0,0,0,0,0)", number, dest, j.Forced); err != nil {
			return 0, err
		}
	}
	return number, nil
}

// Trim removes how deliveries of old messages went, in small steps so that
// nobody waits long for the writing connection.
func (d *DB) Trim(ctx context.Context, upTo model.Seq) (int64, error) {
	const step = 5000
	ids, err := d.destinations(ctx)
	if err != nil {
		return 0, err
	}
	var total int64
	for id := range ids {
		from := int64(0)
		for {
			// The end of the next step, found without touching the rows.
			end := int64(upTo)
			err := d.db.Read.QueryRowContext(ctx, "SELECT seq FROM delivery WHERE destination = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT 1 OFFSET ?", id, from, int64(upTo), step).Scan(&end)
			last := errors.Is(err, sql.ErrNoRows)
			if err != nil && !last {
				return total, storeFault(err)
			}
			err = d.db.Update(ctx, func(tx *sql.Tx) error {
				result, err := tx.Exec("DELETE FROM delivery WHERE destination = ? AND seq > ? AND seq <= ? AND state <> ?", id, from, end, stateDead)
				if err != nil {
					return err
				}
				n, err := result.RowsAffected()
				total += n
				return err
			})
			if err != nil {
				return total, storeFault(err)
			}
			if last {
				break
			}
			from = end
		}
	}
	_, err = d.db.Write.ExecContext(ctx, "DELETE FROM version WHERE seq <= ?", int64(upTo))
	return total, storeFault(err)
}

func storeFault(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(err, fault.Transient, "deliver.store", "the delivery state cannot be stored or read; check that the disk has room and works")
}
