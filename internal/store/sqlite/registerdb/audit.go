package registerdb

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"thalamus/internal/audit"
)

const auditColumns = "seq, at, actor, actor_name, actor_kind, action, object, patient, outcome, reason, fault_code, change, remote, hash"

func scanAudit(scan func(...any) error) (audit.Record, error) {
	var r audit.Record
	var at int64
	var hash []byte
	err := scan(&r.Seq, &at, &r.Actor, &r.ActorName, &r.ActorKind, &r.Action, &r.Object, &r.Patient, &r.Outcome, &r.Reason, &r.FaultCode, &r.Change, &r.Remote, &hash)
	r.At = timeOf(at)
	copy(r.Hash[:], hash)
	return r, err
}

func (r reader) AuditHead(ctx context.Context) (audit.Head, error) {
	var h audit.Head
	var hash []byte
	err := r.q.QueryRowContext(ctx, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").Scan(&h.Seq, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return h, nil
	}
	copy(h.Hash[:], hash)
	return h, readFault(err)
}

// AuditHead gives the last record's Seq and Hash.
func (d *DB) AuditHead(ctx context.Context) (audit.Head, error) { return d.read().AuditHead(ctx) }

// AuditAnchor gives the head kept beside the database.
func (d *DB) AuditAnchor() (audit.Head, bool, error) {
	return d.anchor.Get()
}

// compareAnchor decides at start whether the anchor may follow the chain: not
// when the chain does not hold what the anchor says.
func (d *DB) compareAnchor(ctx context.Context) error {
	var err error
	if d.head, err = d.AuditHead(ctx); err != nil {
		return err
	}
	anchor, ok, err := d.anchor.Get()
	if err != nil {
		return err
	}
	if !ok {
		d.frozen = d.head.Seq > 0
		return nil
	}
	var hash []byte
	err = d.db.Read.QueryRowContext(ctx, "SELECT hash FROM audit WHERE seq = ?", int64(anchor.Seq)).Scan(&hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return readFault(err)
	}
	d.frozen = string(hash) != string(anchor.Hash[:])
	return nil
}

// anchorTo lets the anchor follow a committed transaction. A chain that does
// not go on where it ended before keeps its anchor: appending must not cover
// up what was cut off.
func (d *DB) anchorTo(was, now audit.Head) {
	d.frozen = d.frozen || was != d.head
	d.head = now
	if !d.frozen {
		// The work is durable whatever happens here; an anchor that lags
		// still shows all but the last records.
		_ = d.anchor.Put(now)
	}
}

// AnchorAnew makes the present end of the audit its anchor, after somebody
// looked into why the two differ: a backup was restored without its
// audit.head, or the end was cut off.
func (d *DB) AnchorAnew(ctx context.Context) error {
	return d.update(ctx, func(t *tx) error {
		head, err := t.AuditHead(ctx)
		if err != nil {
			return err
		}
		d.head, d.frozen = head, false
		return d.anchor.Reset(head)
	})
}

func (t *tx) AppendAudit(ctx context.Context, r audit.Record) (audit.Record, error) {
	if !t.audited {
		var err error
		if t.was, err = t.AuditHead(ctx); err != nil {
			return r, err
		}
		t.head, t.audited = t.was, true
	}
	r.Seq = t.head.Seq + 1
	r = audit.Seal(t.head.Hash, r)
	if err := t.insertAudit(ctx,
		int64(r.Seq), r.At.UnixMicro(), string(r.Actor), r.ActorName, r.ActorKind, r.Action, r.Object, string(r.Patient),
		string(r.Outcome), r.Reason, r.FaultCode, r.Change, r.Remote, r.Hash[:]); err != nil {
		return r, err
	}
	t.head = audit.Head{Seq: r.Seq, Hash: r.Hash}
	return r, nil
}

// insertAudit writes one record. A look at many patients writes as many, so
// from the second on the statement is prepared.
func (t *tx) insertAudit(ctx context.Context, values ...any) error {
	const insert = "INSERT INTO audit (" + auditColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	if t.head == t.was {
		return t.exec(ctx, insert, values...)
	}
	if t.append == nil {
		var err error
		if t.append, err = t.sql.PrepareContext(ctx, insert); err != nil {
			return writeFault(err)
		}
	}
	_, err := t.append.ExecContext(ctx, values...)
	return writeFault(err)
}

// AuditAfter gives records in order, those after seq.
func (d *DB) AuditAfter(ctx context.Context, seq uint64, limit int) ([]audit.Record, error) {
	return all(ctx, d.read(), scanAudit, "SELECT "+auditColumns+" FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", int64(seq), limited(limit, 1000))
}

// AuditSearch gives records that match, newest first.
func (d *DB) AuditSearch(ctx context.Context, q audit.Query) ([]audit.Record, error) {
	var where []string
	var args []any
	add := func(clause string, values ...any) {
		where = append(where, clause)
		args = append(args, values...)
	}
	if q.Actor != "" {
		add("actor = ?", string(q.Actor))
	}
	if noun, ok := strings.CutSuffix(q.Action, "."); ok {
		add("action >= ? AND action < ?", noun+".", noun+"/") // "/" follows "."
	} else if q.Action != "" {
		add("action = ?", q.Action)
	}
	if q.Object != "" {
		add("object <> '' AND object = ?", q.Object)
	}
	if len(q.Patient) > 0 {
		values := make([]any, len(q.Patient))
		for i, p := range q.Patient {
			values[i] = string(p)
		}
		add("patient <> '' AND patient IN (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
	}
	if q.Outcome != "" {
		add("outcome = ?", string(q.Outcome))
	}
	if q.Change != "" {
		add("change = ?", q.Change)
	}
	if !q.From.IsZero() {
		add("at >= ?", micros(q.From))
	}
	if !q.Until.IsZero() {
		add("at < ?", micros(q.Until))
	}
	if q.Before > 0 {
		add("seq < ?", int64(q.Before))
	}
	query := "SELECT " + auditColumns + " FROM audit"
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	return all(ctx, d.read(), scanAudit, query+" ORDER BY seq DESC LIMIT ?", append(args, limited(q.Limit, 100))...)
}
