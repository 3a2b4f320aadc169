package registerdb

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"thalamus/internal/audit"
	"thalamus/internal/model"
)

const auditColumns = "seq, at, actor, actor_name, actor_kind, action, object, patient, outcome, reason, fault_code, change, remote, hash, patients"

// audited is a record and the group of the patients it names, 0 for none.
type audited struct {
	audit.Record
	group int64
}

func scanAudit(scan func(...any) error) (audited, error) {
	var r audited
	var at int64
	var hash []byte
	err := scan(&r.Seq, &at, &r.Actor, &r.ActorName, &r.ActorKind, &r.Action, &r.Object, &r.Patient, &r.Outcome, &r.Reason, &r.FaultCode, &r.Change, &r.Remote, &hash, &r.group)
	r.At = timeOf(at)
	copy(r.Hash[:], hash)
	return r, err
}

// audits reads records, and the patients they name.
func (r reader) audits(ctx context.Context, query string, args ...any) ([]audit.Record, error) {
	rows, err := all(ctx, r, scanAudit, query, args...)
	if err != nil {
		return nil, err
	}
	groups := map[int64][]model.PatientID{}
	list := make([]audit.Record, len(rows))
	for i := range rows {
		list[i] = rows[i].Record
		g := rows[i].group
		if g == 0 {
			continue
		}
		if _, read := groups[g]; !read {
			if groups[g], err = r.group(ctx, g); err != nil {
				return nil, err
			}
		}
		list[i].Patients = groups[g]
	}
	return list, nil
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
	group, err := t.groupOf(ctx, r.Patients)
	if err != nil {
		return r, err
	}
	r.Seq = t.head.Seq + 1
	r = audit.Seal(t.head.Hash, r)
	if err := t.insertAudit(ctx,
		int64(r.Seq), r.At.UnixMicro(), string(r.Actor), r.ActorName, r.ActorKind, r.Action, r.Object, string(r.Patient),
		string(r.Outcome), r.Reason, r.FaultCode, r.Change, r.Remote, r.Hash[:], group); err != nil {
		return r, err
	}
	t.head = audit.Head{Seq: r.Seq, Hash: r.Hash}
	return r, nil
}

func (t *tx) insertAudit(ctx context.Context, values ...any) error {
	return t.exec(ctx, "INSERT INTO audit ("+auditColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values...)
}

// AuditAfter gives records in order, those after seq.
func (d *DB) AuditAfter(ctx context.Context, seq uint64, limit int) ([]audit.Record, error) {
	return d.read().audits(ctx, "SELECT "+auditColumns+" FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", int64(seq), limited(limit, 1000))
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
	among := func(column string, texts []string) {
		if len(texts) == 0 {
			return
		}
		values := make([]any, len(texts))
		for i, text := range texts {
			values[i] = text
		}
		add(column+" IN (?"+strings.Repeat(", ?", len(texts)-1)+")", values...)
	}
	if len(q.Objects) > 0 {
		among("object <> '' AND object", q.Objects)
	}
	among("+action", q.Actions) // never by the index of actions: what else is asked for is rarer
	if len(q.Patient) > 0 {
		values := make([]any, len(q.Patient))
		for i, p := range q.Patient {
			values[i] = string(p)
		}
		in := "IN (?" + strings.Repeat(", ?", len(values)-1) + ")"
		add("seq IN (SELECT seq FROM audit WHERE patient <> '' AND patient "+in+
			" UNION ALL SELECT a.seq FROM audit_patients p CROSS JOIN audit a ON a.patients <> 0 AND a.patients = p.id WHERE p.patient "+in+")", append(values, values...)...)
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
	return d.read().audits(ctx, query+" ORDER BY seq DESC LIMIT ?", append(args, limited(q.Limit, 100))...)
}
