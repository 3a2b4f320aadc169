package deliverdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

// destinations gives the names of all that were ever stored, by number.
func (d *DB) destinations(ctx context.Context) (map[int64]model.DestinationID, error) {
	all := map[int64]model.DestinationID{}
	err := d.each(ctx, func(scan func(...any) error) error {
		var id int64
		var name string
		if err := scan(&id, &name); err != nil {
			return err
		}
		all[id] = model.DestinationID(name)
		return nil
	}, "SELECT id, name FROM destination")
	return all, err
}

// each runs a query and gives its rows one by one.
func (d *DB) each(ctx context.Context, row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := d.db.Read.QueryContext(ctx, query, args...)
	if err != nil {
		return storeFault(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return storeFault(err)
		}
	}
	return storeFault(rows.Err())
}

// known gives a destination's number and cursor; 0 when it was never stored.
func (d *DB) known(ctx context.Context, dest model.DestinationID) (id int64, cursor model.MessageRef, c deliver.Counters, err error) {
	err = d.db.Read.QueryRowContext(ctx, "SELECT id, cursor_seq, cursor_part, delivered, dead, discarded, parked FROM destination WHERE name = ?", string(dest)).
		Scan(&id, &cursor.Seq, &cursor.Part, &c.Delivered, &c.Dead, &c.Discarded, &c.Parked)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, cursor, c, nil
	}
	return id, cursor, c, storeFault(err)
}

// Counters gives the numbers of a destination.
func (d *DB) Counters(ctx context.Context, dest model.DestinationID) (deliver.Counters, error) {
	id, _, c, err := d.known(ctx, dest)
	if err != nil || c.Parked == 0 {
		return c, err
	}
	var oldest sql.NullInt64
	err = d.db.Read.QueryRowContext(ctx, "SELECT min(owed) FROM queue WHERE destination = ?", id).Scan(&oldest)
	c.OldestParked = moment(oldest.Int64)
	return c, storeFault(err)
}

// Standing gives what a runner starts from.
func (d *DB) Standing(ctx context.Context, dest model.DestinationID) (deliver.Standing, error) {
	var s deliver.Standing
	id, cursor, counters, err := d.known(ctx, dest)
	if err != nil || id == 0 {
		return s, err
	}
	s.Known, s.Cursor, s.Counters = true, cursor, counters
	first := map[string]string{"delivery": " AND replay = 0", "queue": " AND replay = 0"} // nothing that waits is a replay
	for _, table := range []string{"delivery", "queue", "detained"} {
		if err := d.each(ctx, func(scan func(...any) error) error {
			var ref model.MessageRef
			err := scan(&ref.Seq, &ref.Part)
			s.Done = append(s.Done, ref)
			return err
		}, "SELECT seq, part FROM "+table+" WHERE destination = ? AND (seq, part) > (?, ?)"+first[table], id, int64(cursor.Seq), cursor.Part); err != nil {
			return s, err
		}
	}
	if err := d.each(ctx, func(scan func(...any) error) error {
		var l deliver.LaneStanding
		err := scan(&l.Key, &l.Rows)
		s.Lanes = append(s.Lanes, l)
		return err
	}, "SELECT key, count(*) FROM queue WHERE destination = ? GROUP BY key", id); err != nil {
		return s, err
	}
	if err := d.each(ctx, func(scan func(...any) error) error {
		var h deliver.Held
		err := scan(&h.Key, &h.Ref.Seq, &h.Ref.Part, &h.Replay)
		s.Held = append(s.Held, h)
		return err
	}, "SELECT key, seq, part, replay FROM dead WHERE destination = ? AND hold = 1", id); err != nil {
		return s, err
	}
	if err := d.each(ctx, func(scan func(...any) error) error {
		var w deliver.WaitingStanding
		var oldest int64
		err := scan(&w.For, &w.Key, &w.Rows, &oldest)
		w.Oldest = moment(oldest)
		s.Waiting = append(s.Waiting, w)
		return err
	}, "SELECT devices, key, count(*), min(owed) FROM detained WHERE destination = ? GROUP BY devices, key", id); err != nil {
		return s, err
	}
	var lowest, last sql.NullInt64
	if err := d.db.Read.QueryRowContext(ctx, `SELECT min(lowest), max(last) FROM (
		SELECT (SELECT min(ord) FROM queue WHERE destination = ?1) AS lowest, (SELECT max(ord) FROM queue WHERE destination = ?1) AS last
		UNION ALL SELECT (SELECT min(ord) FROM detained WHERE destination = ?1), (SELECT max(ord) FROM detained WHERE destination = ?1))`, id).Scan(&lowest, &last); err != nil {
		return s, storeFault(err)
	}
	s.LowestOrd, s.LastOrd = lowest.Int64, last.Int64
	err = d.each(ctx, func(scan func(...any) error) error {
		j := deliver.Job{Destination: dest}
		var span string
		if err := scan(&j.Replay, &j.Forced, &j.Position.Seq, &j.Position.Part, &j.Queued, &j.Refused, &span); err != nil {
			return err
		}
		s.Jobs = append(s.Jobs, j)
		return json.Unmarshal([]byte(span), &s.Jobs[len(s.Jobs)-1].Span)
	}, "SELECT j.replay, j.forced, j.seq, j.part, j.queued, j.refused, r.span FROM replay_job j JOIN replay r ON r.id = j.replay WHERE j.destination = ? AND j.done = 0 ORDER BY j.replay", id)
	return s, err
}

// Queued gives parked parcels of a key.
func (d *DB) Queued(ctx context.Context, dest model.DestinationID, key string, after int64, limit int) ([]deliver.Queued, error) {
	id, _, _, err := d.known(ctx, dest)
	if err != nil || id == 0 {
		return nil, err
	}
	var found []deliver.Queued
	err = d.each(ctx, func(scan func(...any) error) error {
		q := deliver.Queued{Key: key}
		var owed, first, since, next int64
		var code, reason sql.NullString
		if err := scan(&q.Ord, &q.Ref.Seq, &q.Ref.Part, &q.Replay, &q.Attempts, &q.Failures, &owed, &first, &since, &next, &code, &reason); err != nil {
			return err
		}
		q.Owed, q.FirstTried, q.FailingSince, q.NextTry = moment(owed), moment(first), moment(since), moment(next)
		q.Code, q.Reason = code.String, reason.String
		found = append(found, q)
		return nil
	}, "SELECT ord, seq, part, replay, attempts, failures, owed, first_tried, failing_since, next_try, code, reason FROM queue WHERE destination = ? AND key = ? AND ord > ? ORDER BY ord LIMIT ?",
		id, key, after, limit)
	return found, err
}

// ByMessage gives the deliveries of a message.
func (d *DB) ByMessage(ctx context.Context, ref model.MessageRef) ([]model.Delivery, error) {
	names, err := d.destinations(ctx)
	if err != nil {
		return nil, err
	}
	var found []model.Delivery
	err = d.each(ctx, func(scan func(...any) error) error {
		m := model.Delivery{Ref: ref}
		var dest, state, first, settled int64
		var receipt, code, reason sql.NullString
		if err := scan(&dest, &m.Replay, &state, &m.Attempts, &first, &settled, &receipt, &code, &reason); err != nil {
			return err
		}
		m.Destination, m.FirstTried, m.Settled = names[dest], moment(first), moment(settled)
		m.Receipt, m.FaultCode, m.Reason = receipt.String, code.String, reason.String
		switch state {
		case stateDelivered:
			m.State = model.Delivered
		case stateDead:
			m.State = model.Dead
		case stateDiscarded:
			m.State = model.Discarded
		}
		found = append(found, m)
		return nil
	}, "SELECT destination, replay, state, attempts, first_tried, settled, receipt, code, reason FROM delivery WHERE destination IN (SELECT id FROM destination) AND seq = ? AND part = ?",
		int64(ref.Seq), ref.Part)
	if err != nil {
		return nil, err
	}
	err = d.each(ctx, func(scan func(...any) error) error {
		m := model.Delivery{Ref: ref, State: model.Queued}
		var dest, first, next int64
		var code, reason sql.NullString
		if err := scan(&dest, &m.Replay, &m.Key, &m.Attempts, &first, &next, &code, &reason); err != nil {
			return err
		}
		m.Destination, m.FirstTried, m.NextTry = names[dest], moment(first), moment(next)
		m.FaultCode, m.Reason = code.String, reason.String
		found = append(found, m)
		return nil
	}, "SELECT destination, replay, key, attempts, first_tried, next_try, code, reason FROM queue WHERE seq = ? AND part = ?", int64(ref.Seq), ref.Part)
	if err != nil {
		return nil, err
	}
	err = d.each(ctx, func(scan func(...any) error) error {
		m := model.Delivery{Ref: ref, State: model.Quarantined}
		var dest int64
		var devices string
		err := scan(&dest, &m.Key, &devices)
		m.Destination, m.Reason = names[dest], deliver.WaitsReason(devices)
		found = append(found, m)
		return err
	}, "SELECT destination, key, devices FROM detained WHERE seq = ? AND part = ?", int64(ref.Seq), ref.Part)
	slices.SortFunc(found, func(a, b model.Delivery) int {
		if c := strings.Compare(string(a.Destination), string(b.Destination)); c != 0 {
			return c
		}
		return int(int64(a.Replay) - int64(b.Replay))
	})
	return found, err
}

const letterColumns = "SELECT id, destination, seq, part, replay, key, code, reason, attempts, first_tried, died, hold FROM dead"

func scanLetter(scan func(...any) error, names map[int64]model.DestinationID) (deliver.DeadLetter, error) {
	var l deliver.DeadLetter
	var dest, first, died int64
	err := scan(&l.ID, &dest, &l.Ref.Seq, &l.Ref.Part, &l.Replay, &l.Key, &l.Code, &l.Reason, &l.Attempts, &first, &died, &l.Holds)
	l.Destination, l.FirstTried, l.Died = names[dest], moment(first), moment(died)
	return l, err
}

// DeadLetters lists dead letters, newest first.
func (d *DB) DeadLetters(ctx context.Context, f deliver.DeadFilter) ([]deliver.DeadLetter, error) {
	names, err := d.destinations(ctx)
	if err != nil {
		return nil, err
	}
	var where []string
	var args []any
	add := func(condition string, arg any) {
		where = append(where, condition)
		args = append(args, arg)
	}
	if f.Destination != "" {
		add("destination = (SELECT id FROM destination WHERE name = ?)", string(f.Destination))
	}
	if f.Key != "" {
		add("key = ?", f.Key)
	}
	if f.Code != "" {
		add("code = ?", f.Code)
	}
	if !f.From.IsZero() {
		add("died >= ?", micros(f.From))
	}
	if !f.Until.IsZero() {
		add("died < ?", micros(f.Until))
	}
	if f.Before != 0 {
		add("id < ?", int64(f.Before))
	}
	query := letterColumns
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	var found []deliver.DeadLetter
	err = d.each(ctx, func(scan func(...any) error) error {
		l, err := scanLetter(scan, names)
		found = append(found, l)
		return err
	}, query+" ORDER BY id DESC LIMIT ?", append(args, min(f.Limit, 1000))...)
	return found, err
}

// DeadLetter gives one dead letter.
func (d *DB) DeadLetter(ctx context.Context, id uint64) (deliver.DeadLetter, error) {
	names, err := d.destinations(ctx)
	if err != nil {
		return deliver.DeadLetter{}, err
	}
	l, err := scanLetter(d.db.Read.QueryRowContext(ctx, letterColumns+" WHERE id = ?", int64(id)).Scan, names)
	if errors.Is(err, sql.ErrNoRows) {
		return l, fault.New(fault.Absent, "deliver.no-letter", "there is no dead letter %d, or it was retried or discarded; read the list again", id)
	}
	return l, storeFault(err)
}

// Replays lists requests, newest first.
func (d *DB) Replays(ctx context.Context, before uint64, limit int) ([]deliver.Replay, error) {
	names, err := d.destinations(ctx)
	if err != nil {
		return nil, err
	}
	if before == 0 {
		before = 1<<63 - 1
	}
	if limit <= 0 {
		limit = 100
	}
	var found []deliver.Replay
	err = d.each(ctx, func(scan func(...any) error) error {
		var r deliver.Replay
		var at int64
		var span, actor string
		if err := scan(&r.ID, &r.Reason, &actor, &at, &span); err != nil {
			return err
		}
		r.Actor, r.At = model.ActorID(actor), moment(at)
		found = append(found, r)
		return json.Unmarshal([]byte(span), &found[len(found)-1].Span)
	}, "SELECT id, reason, actor, at, span FROM replay WHERE id < ? ORDER BY id DESC LIMIT ?", int64(before), min(limit, 1000))
	if err != nil {
		return nil, err
	}
	for i := range found {
		if err := d.each(ctx, func(scan func(...any) error) error {
			j := deliver.Job{Replay: found[i].ID}
			var dest int64
			err := scan(&dest, &j.Forced, &j.Position.Seq, &j.Position.Part, &j.Queued, &j.Refused, &j.Done)
			j.Destination = names[dest]
			found[i].Jobs = append(found[i].Jobs, j)
			return err
		}, "SELECT destination, forced, seq, part, queued, refused, done FROM replay_job WHERE replay = ? ORDER BY destination", int64(found[i].ID)); err != nil {
			return nil, err
		}
	}
	return found, nil
}
