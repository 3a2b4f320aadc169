package register

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// Say believes a fact that a person or another system said, or decided, in the
// caller's transaction. It gives false when that was believed already. An
// empty value ends what was said. Errors: register.fact for a name or value
// that is not known, register.span, register.no-subject.
func (r *Register) Say(ctx context.Context, tx Tx, f fact.Fact, mark Mark) (bool, error) {
	layer := f.Subject.Layer()
	kind, _ := fact.KindOf(f.Name)
	if layer == fact.OfDevice && kind.Own != "" {
		return false, fault.New(fault.Invalid, "register.fact", "the fact %q is said with %s", f.Name, kind.Own).At("name")
	}
	if f.Truth != fact.Asserted && f.Truth != fact.Decided {
		return false, fault.New(fault.Invalid, "register.fact", "truth is %q; expected asserted or decided: what is observed comes from the wire", clip(string(f.Truth))).At("truth")
	}
	if err := r.exists(f.Subject); err != nil {
		return false, err
	}
	value, err := fact.Check(layer, f.Name, f.Value)
	if err != nil {
		return false, err
	}
	if len(f.Source) > longestPlace || f.Confidence < 0 || f.Confidence > 100 {
		return false, fault.New(fault.Invalid, "register.fact", "a source has at most %d bytes, a confidence is 0 to 100 percent", longestPlace).At("source")
	}
	f.Value, f.Believed, f.By, f.Change = value, mark.At, mark.By, mark.Change
	believed, err := tx.Facts(ctx, f.Subject, Believed)
	if err != nil {
		return false, err
	}
	e, err := fact.Put(believed, f)
	if err != nil || e.Empty() {
		return false, err
	}
	if err := r.edit(ctx, tx, e, []fact.Subject{f.Subject}, mark); err != nil {
		return false, err
	}
	if layer == fact.OfDevice && standsWithDevice(f) {
		return true, r.reassertStored(ctx, tx, f.Subject, mark)
	}
	return true, nil
}

// edit stores an edit and, after the commit, brings it into memory.
func (r *Register) edit(ctx context.Context, tx Tx, e fact.Edit, subjects []fact.Subject, mark Mark) error {
	if err := tx.SaveFacts(ctx, e, mark); err != nil {
		return err
	}
	fresh := map[fact.Subject][]fact.Fact{}
	for _, s := range subjects {
		rows, err := tx.Facts(ctx, s, Believed)
		if err != nil {
			return err
		}
		fresh[s] = slices.DeleteFunc(rows, func(f fact.Fact) bool { return f.Truth == fact.Observed })
	}
	tx.OnCommit(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for s, rows := range fresh {
			r.believe(s, rows, mark.At)
		}
	})
	return nil
}

// believe keeps in memory what was said of a subject, as changed at an instant.
// Called with r.mu held or before use.
func (r *Register) believe(s fact.Subject, rows []fact.Fact, at time.Time) {
	if u := r.units[model.DeviceID(s.ID())]; u != nil && s.Layer() == fact.OfDevice {
		r.touch(u, at)
		u.say(r.holdAll(rows))
		return
	}
	r.unjudgeThing(s.ID())
	r.catalogue.noteModel(s, len(rows) > 0, at)
	if len(rows) == 0 {
		delete(r.beliefs, s)
		return
	}
	r.beliefs[s] = rows
}

// exists says whether there is such a subject.
func (r *Register) exists(s fact.Subject) error {
	ok := false
	switch s.Layer() {
	case fact.OfDevice:
		d, err := r.Get(model.DeviceID(s.ID()))
		if err == nil && string(d.ID) != s.ID() {
			err = onlyName(&Device{ID: model.DeviceID(s.ID()), Merged: &Merge{Into: d.ID}})
		}
		return err
	case fact.OfModel:
		_, ok = r.Model(s.ID())
	case fact.OfRelease:
		_, ok = r.ReleaseOf(s.ID())
	}
	if !ok {
		return fault.New(fault.Absent, "register.no-subject", "there is no %s %q in the register; list them to see their ids", clip(string(s.Layer())), clip(s.ID()))
	}
	return nil
}

// Said gives what people and other systems say of a subject at an instant, from
// memory.
func (r *Register) Said(s fact.Subject, at time.Time) []fact.Fact {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []fact.Fact
	for _, f := range r.saidOf(s) {
		if f.TrueAt(at) {
			out = append(out, f)
		}
	}
	return out
}

// Facts gives what counts of a subject: what was true at an instant, as it was
// believed at another.
func (r *Register) Facts(ctx context.Context, s fact.Subject, at, known time.Time) ([]fact.Resolved, error) {
	rows, err := r.store.Facts(ctx, s, Ever)
	if err != nil {
		return nil, err
	}
	out := fact.Resolve(fact.Select(rows, at, known))
	for i := range out {
		out[i].Version, _ = fact.Version(rows, out[i].Name)
	}
	return out, nil
}

// FactHistory gives every fact of a subject that was ever believed, newest
// first; of one name, where name is given.
func (r *Register) FactHistory(ctx context.Context, s fact.Subject, name string, limit int) ([]fact.Fact, error) {
	rows, err := r.store.Facts(ctx, s, Ever)
	if err != nil {
		return nil, err
	}
	if name != "" {
		rows = slices.DeleteFunc(rows, func(f fact.Fact) bool { return f.Name != name })
	}
	slices.Reverse(rows)
	return rows[:min(len(rows), limit)], nil
}

// Undo takes back what one change said, in the caller's transaction; rows are
// facts of the subjects it touched, without those that have operations of their
// own. Where somebody changed the same since (fact.Newer), nothing is done.
func (r *Register) Undo(ctx context.Context, tx Tx, rows []fact.Fact, change string, mark Mark) error {
	e, _ := fact.Undo(rows, change, mark.At, mark.By, mark.Change)
	if e.Empty() {
		return nil
	}
	subjects := map[fact.Subject]bool{}
	for i := range rows {
		if slices.Contains(e.Retract, rows[i].ID) {
			subjects[rows[i].Subject] = true
		}
	}
	for i := range e.Add {
		subjects[e.Add[i].Subject] = true
	}
	list := slices.Sorted(maps.Keys(subjects))
	if err := r.edit(ctx, tx, e, list, mark); err != nil {
		return err
	}
	for _, s := range list {
		if s.Layer() == fact.OfDevice {
			if err := r.reassertStored(ctx, tx, s, mark); err != nil {
				return err
			}
		}
	}
	return nil
}

// standsWithDevice says whether a fact of a device stands with the device, too:
// see Asserted.
func standsWithDevice(f fact.Fact) bool {
	switch f.Name {
	case "name", "place", "note", "zone", "clock":
		return f.Truth == fact.Asserted
	}
	return false
}

// reassertStored makes the asserted part of a device from its facts.
func (r *Register) reassertStored(ctx context.Context, tx Tx, s fact.Subject, mark Mark) error {
	rows, err := tx.Facts(ctx, s, Believed)
	if err != nil {
		return err
	}
	return r.reassert(ctx, tx, model.DeviceID(s.ID()), rows, mark)
}

// reassert makes the asserted part of a device from what is believed of it.
func (r *Register) reassert(ctx context.Context, tx Tx, id model.DeviceID, believed []fact.Fact, mark Mark) error {
	d, err := tx.Device(ctx, id)
	if err != nil {
		return err
	}
	text := map[string]string{}
	for _, f := range believed {
		if f.Truth == fact.Asserted && f.TrueAt(mark.At) {
			text[f.Name] = f.Value
		}
	}
	place, err := ParsePlace(text["place"])
	if err != nil {
		return err
	}
	now := Asserted{Name: text["name"], Place: place, Note: text["note"], Zone: text["zone"], Clock: text["clock"]}
	if now == d.Asserted {
		return nil
	}
	d.Asserted = now
	_, err = r.keep(ctx, tx, d, nil)
	return err
}

// holdsFact says whether one of the facts said of a subject holds a text.
// Called with r.mu held.
func (r *Register) holdsFact(s fact.Subject, text string) bool {
	for _, f := range r.beliefs[s] {
		if strings.Contains(strings.ToLower(f.Value), text) {
			return true
		}
	}
	return false
}

// says tells whether each of the facts wanted is said of a unit, and where
// nothing is wanted, nothing is said. Called with r.mu held.
func says(u *unit, q *Query) bool {
	for n := range q.wanted {
		w, have := &q.wanted[n], ""
		if bit := nameBit(w.name); bit != 0 { // most devices are decided by this alone
			switch said := u.glance.said&bit != 0; {
			case said && w.value == "" || !said && w.value != "":
				return false
			case !said:
				continue
			}
		}
		for i := range u.facts {
			if f := &u.facts[i]; f.name == w.name && (have == "" || truths[f.truth] == fact.Decided) {
				have = f.value
			}
		}
		if have != w.value && (have == "" || w.value == "" || !w.kind.Same(have, w.value)) {
			return false
		}
	}
	return true
}
