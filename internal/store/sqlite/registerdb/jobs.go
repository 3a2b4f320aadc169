package registerdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
)

func scanJob(scan func(...any) error) (register.Job, error) {
	var j register.Job
	var body []byte
	if err := scan(&body); err != nil {
		return j, err
	}
	if err := json.Unmarshal(body, &j); err != nil {
		return j, fault.Wrap(err, fault.Broken, "register.body", "a stored job cannot be read; restore a backup")
	}
	return j, nil
}

// Jobs gives the latest jobs first, without drafts.
func (d *DB) Jobs(ctx context.Context, limit int) ([]register.Job, error) {
	return all(ctx, d.read(), scanJob, "SELECT body FROM jobs WHERE state <> 'draft' ORDER BY began DESC, id DESC LIMIT ?", limited(limit, 100))
}

func (d *DB) job(ctx context.Context, named, query string, arg string) (register.Job, error) {
	j, err := scanJob(d.read().q.QueryRowContext(ctx, query, arg).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return j, register.NoJob(named)
	}
	return j, readFault(err)
}

// Job gives a job.
func (d *DB) Job(ctx context.Context, id string) (register.Job, error) {
	return d.job(ctx, id, "SELECT body FROM jobs WHERE id = ?", id)
}

// JobOfChange gives the job with a change id.
func (d *DB) JobOfChange(ctx context.Context, change string) (register.Job, error) {
	return d.job(ctx, change, "SELECT body FROM jobs WHERE change = ? AND change <> ''", change)
}

// JobInput gives what a job works on.
func (d *DB) JobInput(ctx context.Context, id string) ([]byte, error) {
	var input []byte
	err := d.read().q.QueryRowContext(ctx, "SELECT input FROM jobs WHERE id = ?", id).Scan(&input)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, register.NoJob(id)
	}
	return input, readFault(err)
}

// JobLines gives the lines of a job after a row.
func (d *DB) JobLines(ctx context.Context, id, outcome string, after, limit int) ([]register.JobLine, error) {
	return all(ctx, d.read(), func(scan func(...any) error) (register.JobLine, error) {
		var l register.JobLine
		err := scan(&l.N, &l.Outcome, &l.Subject, &l.Text)
		return l, err
	}, "SELECT n, outcome, subject, text FROM job_lines WHERE job = ? AND n > ? AND (? = '' OR outcome = ?) ORDER BY n LIMIT ?", id, after, outcome, outcome, limited(limit, 200))
}

// SaveJob stores a job.
func (t *tx) SaveJob(ctx context.Context, j register.Job) error {
	body, err := json.Marshal(j)
	if err != nil {
		return fault.Wrap(err, fault.Broken, "register.body", "the job cannot be written")
	}
	began := j.Began
	if began.IsZero() {
		began = j.Made
	}
	return t.exec(ctx, "INSERT INTO jobs (id, state, began, change, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state, began = excluded.began, change = excluded.change, body = excluded.body",
		j.ID, string(j.State), micros(began), j.Change, string(body))
}

// SaveJobInput stores what a job works on.
func (t *tx) SaveJobInput(ctx context.Context, id string, input []byte) error {
	var body any // NULL where it is gone: nobody takes an empty table for it
	if input != nil {
		body = input
	}
	return t.exec(ctx, "UPDATE jobs SET input = ? WHERE id = ?", body, id)
}

// SaveJobLines stores lines.
func (t *tx) SaveJobLines(ctx context.Context, id string, lines []register.JobLine) error {
	return t.prepared(ctx, "INSERT INTO job_lines (job, n, outcome, subject, text) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", func(do func(...any) (int64, error)) error {
		for i := range lines {
			l := &lines[i]
			if _, err := do(id, l.N, l.Outcome, string(l.Subject), l.Text); err != nil {
				return err
			}
		}
		return nil
	})
}

// DropDrafts removes drafts made before a time.
func (t *tx) DropDrafts(ctx context.Context, before time.Time) error {
	return t.exec(ctx, "DELETE FROM jobs WHERE state = 'draft' AND began < ?", micros(before))
}

// prepared runs one statement many times; do gives the number of the row it
// made.
func (t *tx) prepared(ctx context.Context, query string, work func(do func(args ...any) (int64, error)) error) error {
	stmt, err := t.sql.PrepareContext(ctx, query)
	if err != nil {
		return writeFault(err)
	}
	defer stmt.Close()
	return work(func(args ...any) (int64, error) {
		done, err := stmt.ExecContext(ctx, args...)
		if err != nil {
			return 0, writeFault(err)
		}
		id, err := done.LastInsertId()
		return id, writeFault(err)
	})
}

// SaveEdits stores edits of many subjects, and gives what they add its ids.
func (t *tx) SaveEdits(ctx context.Context, edits []fact.Edit, mark register.Mark) error {
	err := t.prepared(ctx, "UPDATE facts SET retracted_at = ?, undone = ? WHERE retracted_at = 0 AND id = ?", func(do func(...any) (int64, error)) error {
		for i := range edits {
			for _, id := range edits[i].Retract {
				if _, err := do(micros(mark.At), mark.Change, id); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	const insert = "INSERT INTO facts (subject, name, truth, value, source, confidence, from_at, until_at, believed_at, retracted_at, by, change, undone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, '')"
	return t.prepared(ctx, insert, func(do func(...any) (int64, error)) error {
		for i := range edits {
			for k := range edits[i].Add {
				f := &edits[i].Add[k]
				if f.ID, err = do(string(f.Subject), f.Name, string(f.Truth), f.Value, f.Source, f.Confidence, micros(f.From), micros(f.Until), micros(f.Believed), string(f.By), f.Change); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// EnterDevices stores new devices whole, and of known ones what was asserted.
func (t *tx) EnterDevices(ctx context.Context, devices []register.Device) error {
	return t.devices(ctx, devices, "asserted = excluded.asserted, adoption = excluded.adoption, version = excluded.version")
}

// RemoveDevices takes devices away that nobody ever heard. What was believed
// of them stays in the history.
func (t *tx) RemoveDevices(ctx context.Context, ids []string) error {
	return t.prepared(ctx, "DELETE FROM devices WHERE id = ? AND id NOT IN (SELECT device FROM sightings)", func(do func(...any) (int64, error)) error {
		for _, id := range ids {
			if _, err := do(id); err != nil {
				return err
			}
		}
		return nil
	})
}
