package registerdb

import (
	"context"
	"encoding/json"

	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/register/acceptance"
)

func scanAcceptance(scan func(...any) error) (acceptance.Acceptance, error) {
	var a acceptance.Acceptance
	var id string
	var version int64
	var body []byte
	if err := scan(&id, &version, &body); err != nil {
		return a, err
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return a, fault.Wrap(err, fault.Broken, "register.body", "the stored acceptance cannot be read").At(id)
	}
	a.ID, a.Version = id, version
	return a, nil
}

func (r reader) Acceptance(ctx context.Context, id string) (acceptance.Acceptance, error) {
	found, err := all(ctx, r, scanAcceptance, "SELECT id, version, body FROM acceptances WHERE id = ?", id)
	if err == nil && len(found) == 0 {
		err = fault.New(fault.Absent, "acceptance.absent", "there is no acceptance %q; list them to see their ids", id)
	}
	if err != nil {
		return acceptance.Acceptance{}, err
	}
	return found[0], nil
}

// Acceptance gives one acceptance.
func (d *DB) Acceptance(ctx context.Context, id string) (acceptance.Acceptance, error) {
	return d.read().Acceptance(ctx, id)
}

// Acceptances gives all acceptances.
func (d *DB) Acceptances(ctx context.Context) ([]acceptance.Acceptance, error) {
	return all(ctx, d.read(), scanAcceptance, "SELECT id, version, body FROM acceptances ORDER BY id")
}

// AcceptanceSteps gives what happened to an acceptance, newest first.
func (d *DB) AcceptanceSteps(ctx context.Context, id string, limit int) ([]acceptance.Step, error) {
	return all(ctx, d.read(), func(scan func(...any) error) (acceptance.Step, error) {
		var s acceptance.Step
		var at int64
		err := scan(&at, &s.By, &s.Name, &s.What, &s.Text)
		s.At = timeOf(at)
		return s, err
	}, "SELECT at, actor, name, what, text FROM acceptance_steps WHERE acceptance = ? ORDER BY id DESC LIMIT ?", id, limited(limit, 100))
}

func (t *tx) PutAcceptance(ctx context.Context, a acceptance.Acceptance, expect int64, steps []acceptance.Step) (acceptance.Acceptance, error) {
	have, err := t.Acceptance(ctx, a.ID)
	if err != nil && fault.KindOf(err) != fault.Absent {
		return have, err
	}
	if expect != register.AnyVersion && expect != have.Version {
		return have, register.VersionFault("acceptance", a.ID, have.Version, expect)
	}
	a.Version = have.Version + 1
	body, err := json.Marshal(a)
	if err != nil {
		return have, fault.Wrap(err, fault.Invalid, "register.body", "the acceptance cannot be written as JSON").At(a.ID)
	}
	at := a.Began.At
	for _, s := range steps {
		at = s.At
		err := t.exec(ctx, "INSERT INTO acceptance_steps (acceptance, version, at, actor, name, what, text) VALUES (?, ?, ?, ?, ?, ?, ?)",
			a.ID, a.Version, micros(s.At), s.By, s.Name, s.What, s.Text)
		if err != nil {
			return have, err
		}
	}
	return a, t.exec(ctx, "INSERT OR REPLACE INTO acceptances (id, subject, version, body, changed_at) VALUES (?, ?, ?, ?, ?)",
		a.ID, a.Subject, a.Version, string(body), micros(at))
}
