package registerdb

import (
	"context"
	"slices"
	"strings"

	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
)

const factColumns = "id, subject, name, truth, value, source, confidence, from_at, until_at, believed_at, retracted_at, by, change, undone"

func scanFact(scan func(...any) error) (fact.Fact, error) {
	var f fact.Fact
	var from, until, believed, retracted int64
	err := scan(&f.ID, &f.Subject, &f.Name, &f.Truth, &f.Value, &f.Source, &f.Confidence, &from, &until, &believed, &retracted, &f.By, &f.Change, &f.Undone)
	f.From, f.Until, f.Believed, f.Retracted = timeOf(from), timeOf(until), timeOf(believed), timeOf(retracted)
	return f, err
}

// Facts gives the facts of a subject, oldest first.
func (r reader) Facts(ctx context.Context, subject fact.Subject, which register.Which) ([]fact.Fact, error) {
	query := "SELECT " + factColumns + " FROM facts WHERE subject = ?"
	if which == register.Believed {
		query += " AND retracted_at = 0"
	}
	return all(ctx, r, scanFact, query+" ORDER BY id", string(subject))
}

// Facts gives the facts of a subject, oldest first.
func (d *DB) Facts(ctx context.Context, subject fact.Subject, which register.Which) ([]fact.Fact, error) {
	return d.read().Facts(ctx, subject, which)
}

// FactsOf gives every fact of some subjects, each subject's oldest first.
func (r reader) FactsOf(ctx context.Context, subjects []fact.Subject) (facts []fact.Fact, err error) {
	for part := range slices.Chunk(subjects, subjectsAtOnce) {
		args := make([]any, len(part))
		for i, s := range part {
			args[i] = string(s)
		}
		rows, err := all(ctx, r, scanFact, "SELECT "+factColumns+" FROM facts WHERE subject IN (?"+strings.Repeat(",?", len(part)-1)+") ORDER BY id", args...)
		if err != nil {
			return nil, err
		}
		facts = append(facts, rows...)
	}
	return facts, nil
}

// subjectsAtOnce is of how many subjects one query asks.
const subjectsAtOnce = 500

// FactsOfChange gives every fact of the subjects that a change touched.
func (r reader) FactsOfChange(ctx context.Context, change string) ([]fact.Fact, error) {
	return all(ctx, r, scanFact, "SELECT "+factColumns+` FROM facts WHERE subject IN
		(SELECT subject FROM facts WHERE change = ? UNION SELECT subject FROM facts WHERE undone = ?) ORDER BY id`, change, change)
}

// SaveFacts stores an edit.
func (t *tx) SaveFacts(ctx context.Context, e fact.Edit, mark register.Mark) error {
	if len(e.Retract) > 0 {
		args := []any{micros(mark.At), mark.Change}
		for _, id := range e.Retract {
			args = append(args, id)
		}
		err := t.exec(ctx, "UPDATE facts SET retracted_at = ?, undone = ? WHERE retracted_at = 0 AND id IN (?"+strings.Repeat(",?", len(e.Retract)-1)+")", args...)
		if err != nil {
			return err
		}
	}
	for _, f := range e.Add {
		err := t.exec(ctx, "INSERT INTO facts (subject, name, truth, value, source, confidence, from_at, until_at, believed_at, retracted_at, by, change, undone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, '')",
			string(f.Subject), f.Name, string(f.Truth), f.Value, f.Source, f.Confidence, micros(f.From), micros(f.Until), micros(f.Believed), string(f.By), f.Change)
		if err != nil {
			return err
		}
	}
	return nil
}

// mostObserved is how many observed facts of one device are kept: a unit that
// flaps for weeks must not fill the file. What people said is kept for good.
const mostObserved = 1000

// changes keeps what changed of devices as facts. What is new alone, as all that
// a device tells when it is first heard, is written at once for all devices.
func (t *tx) changes(ctx context.Context, changes []register.Change) error {
	var added []fact.Edit // not written yet
	of := map[model.DeviceID]bool{}
	write := func() error {
		edits := added
		added = nil
		clear(of)
		if len(edits) == 0 {
			return nil
		}
		return t.SaveEdits(ctx, edits, register.Mark{})
	}
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].Device == changes[0].Device {
			n++
		}
		own := changes[:n]
		changes = changes[n:]
		subject := fact.Of(fact.OfDevice, string(own[0].Device))
		if of[own[0].Device] { // its facts would be read without these
			if err := write(); err != nil {
				return err
			}
		}
		believed, err := t.Facts(ctx, subject, register.Believed)
		if err != nil {
			return err
		}
		for i := range own {
			c := &own[i]
			e, err := c.Facts(believed)
			if err != nil {
				return err
			}
			if len(e.Retract) == 0 {
				if !e.Empty() {
					added, of[c.Device] = append(added, e), true
					believed = append(believed, e.Add...)
				}
				continue
			}
			if err := write(); err != nil { // what it takes back may be among it
				return err
			}
			if believed, err = t.Facts(ctx, subject, register.Believed); err != nil {
				return err
			}
			if e, err = c.Facts(believed); err != nil {
				return err
			}
			if err := t.SaveFacts(ctx, e, register.Mark{By: c.By, At: c.At, Change: c.Change}); err != nil {
				return err
			}
			if believed, err = t.Facts(ctx, subject, register.Believed); err != nil {
				return err
			}
			if err := t.forget(ctx, c, string(subject)); err != nil {
				return err
			}
		}
	}
	return write()
}

// forget removes what was observed of a device long ago and is believed no
// more.
func (t *tx) forget(ctx context.Context, c *register.Change, subject string) error {
	if c.By != "" {
		return nil
	}
	return t.exec(ctx, "DELETE FROM facts WHERE subject = ? AND truth = 'observed' AND retracted_at > 0 AND id <= (SELECT id FROM facts WHERE subject = ? AND truth = 'observed' ORDER BY id DESC LIMIT 1 OFFSET ?)",
		subject, subject, mostObserved)
}

// DeviceChanges gives the history of a device, newest first. What was first
// observed of it is no change.
func (d *DB) DeviceChanges(ctx context.Context, id model.DeviceID, limit int) ([]register.Change, error) {
	rows, err := d.Facts(ctx, fact.Of(fact.OfDevice, string(id)), register.Ever)
	if err != nil {
		return nil, err
	}
	var out []register.Change
	for _, s := range fact.Steps(rows) {
		if len(out) == limited(limit, 100) {
			break
		}
		if s.Was == "" && s.Truth == fact.Observed {
			continue
		}
		out = append(out, register.Change{Device: id, At: s.At, Fact: s.Name, Was: s.Was, Now: s.Now, By: s.By, Change: s.Change})
	}
	return out, nil
}
