package registerdb

import (
	"context"
	"encoding/json"

	"thalamus/internal/model"
)

// AddCorrection stores a correction with its messages and gives its number.
// Each row's Version follows the last one there is of its message.
func (d *DB) AddCorrection(ctx context.Context, c model.Correction, rows []model.Amended) (uint64, error) {
	var id int64
	err := d.update(ctx, func(t *tx) error {
		r, err := t.sql.ExecContext(ctx, "INSERT INTO corrections (cause, actor, reason, at, told) VALUES (?, ?, ?, ?, 0)", c.Cause, string(c.Actor), c.Reason, micros(c.At))
		if err != nil {
			return writeFault(err)
		}
		if id, err = r.LastInsertId(); err != nil {
			return writeFault(err)
		}
		for i := range rows {
			a := &rows[i]
			patient := model.PatientID("")
			if a.Patient != nil {
				patient = a.Patient.ID
				body, err := json.Marshal(a.Patient)
				if err != nil {
					return err
				}
				if err := t.exec(ctx, "INSERT OR IGNORE INTO correction_patients (correction, patient, body) VALUES (?, ?, ?)", id, string(patient), string(body)); err != nil {
					return err
				}
			}
			if err := t.exec(ctx, "UPDATE amended SET last = 0 WHERE seq = ? AND part = ? AND last = 1", int64(a.Ref.Seq), a.Ref.Part); err != nil {
				return err
			}
			if err := t.exec(ctx, "INSERT INTO amended (seq, part, version, correction, device, first, was, patient, last) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
				int64(a.Ref.Seq), a.Ref.Part, a.Version, id, string(a.Device), string(a.First), string(a.Was), string(patient)); err != nil {
				return err
			}
		}
		return nil
	})
	return uint64(id), err
}

const amendedColumns = `SELECT a.seq, a.part, a.version, a.device, a.first, a.was, coalesce(p.body, ''), c.id, c.cause, c.actor, c.reason, c.at
	FROM amended a JOIN corrections c ON c.id = a.correction LEFT JOIN correction_patients p ON p.correction = a.correction AND p.patient = a.patient `

func (d *DB) amended(ctx context.Context, query string, args ...any) ([]model.Amended, error) {
	// Rows of one correction share their patients.
	type who struct {
		correction uint64
		body       string
	}
	known := map[who]*model.Patient{}
	return all(ctx, d.read(), func(scan func(...any) error) (model.Amended, error) {
		var a model.Amended
		var at int64
		var body string
		err := scan(&a.Ref.Seq, &a.Ref.Part, &a.Version, &a.Device, &a.First, &a.Was, &body, &a.ID, &a.Cause, &a.Actor, &a.Reason, &at)
		a.At = timeOf(at)
		if err != nil || body == "" {
			return a, err
		}
		k := who{a.ID, body}
		if a.Patient = known[k]; a.Patient == nil {
			a.Patient = new(model.Patient)
			known[k] = a.Patient
			err = json.Unmarshal([]byte(body), a.Patient)
		}
		return a, err
	}, amendedColumns+query, args...)
}

// Amended gives the versions of a message, the last one first.
func (d *DB) Amended(ctx context.Context, ref model.MessageRef) ([]model.Amended, error) {
	return d.amended(ctx, "WHERE a.seq = ? AND a.part = ? ORDER BY a.version DESC", int64(ref.Seq), ref.Part)
}

// AmendedBetween gives the last version of the messages from one reference to
// another, both included, oldest first.
func (d *DB) AmendedBetween(ctx context.Context, from, to model.MessageRef) ([]model.Amended, error) {
	return d.amended(ctx, "WHERE a.last = 1 AND a.seq >= ? AND a.seq <= ? AND (a.seq, a.part) >= (?, ?) AND (a.seq, a.part) <= (?, ?) ORDER BY a.seq, a.part",
		int64(from.Seq), int64(to.Seq), int64(from.Seq), from.Part, int64(to.Seq), to.Part)
}

// AmendedTo gives messages that are a patient's by their last version, newest
// first, before a reference where one is given.
func (d *DB) AmendedTo(ctx context.Context, patient model.PatientID, before model.MessageRef, limit int) ([]model.Amended, error) {
	if before == (model.MessageRef{}) {
		before.Seq = 1<<63 - 1
	}
	return d.amended(ctx, "WHERE a.last = 1 AND a.patient = ? AND (a.seq, a.part) < (?, ?) ORDER BY a.seq DESC, a.part DESC LIMIT ?",
		string(patient), int64(before.Seq), before.Part, limit)
}

// AmendedFrom gives messages that were first recorded as a patient's and have
// another by their last version, in the same order.
func (d *DB) AmendedFrom(ctx context.Context, patient model.PatientID, before model.MessageRef, limit int) ([]model.Amended, error) {
	if before == (model.MessageRef{}) {
		before.Seq = 1<<63 - 1
	}
	return d.amended(ctx, "WHERE a.last = 1 AND a.first = ? AND a.patient <> a.first AND (a.seq, a.part) < (?, ?) ORDER BY a.seq DESC, a.part DESC LIMIT ?",
		string(patient), int64(before.Seq), before.Part, limit)
}

// Untold gives the oldest correction that destinations were not told of, with
// its messages; none when there is none.
func (d *DB) Untold(ctx context.Context) (uint64, []model.Amended, error) {
	ids, err := all(ctx, d.read(), func(scan func(...any) error) (int64, error) {
		var id int64
		return id, scan(&id)
	}, "SELECT id FROM corrections WHERE told = 0 ORDER BY id LIMIT 1")
	if err != nil || len(ids) == 0 {
		return 0, nil, err
	}
	rows, err := d.amended(ctx, "WHERE a.correction = ? ORDER BY a.seq, a.part", ids[0])
	return uint64(ids[0]), rows, err
}

// Told notes that destinations were told of a correction.
func (d *DB) Told(ctx context.Context, id uint64) error {
	return d.update(ctx, func(t *tx) error {
		return t.exec(ctx, "UPDATE corrections SET told = 1 WHERE id = ?", int64(id))
	})
}
