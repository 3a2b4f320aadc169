package register

import (
	"context"
	"slices"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// TakenBack says what became of one device of a change that was undone.
type TakenBack struct {
	ID      model.DeviceID
	Undone  int // facts that are as before
	Kept    int // facts that somebody changed since, which stay
	Removed bool
}

// TakeBack undoes a change for some subjects, in the caller's transaction.
// Devices among made that were never heard, and of which nothing else is
// said, go out of the register; their history stays.
func (r *Register) TakeBack(ctx context.Context, tx Tx, change string, subjects []fact.Subject, made map[fact.Subject]bool, mark Mark) ([]TakenBack, error) {
	out := make([]TakenBack, 0, len(subjects))
	edits := make([]fact.Edit, 0, len(subjects))
	fresh := map[fact.Subject][]fact.Fact{}
	stands := map[fact.Subject]bool{} // something changes that stands with the device, too
	var gone []string
	ever, err := factsOf(ctx, tx, subjects)
	if err != nil {
		return nil, err
	}
	for _, s := range subjects {
		rows := ever[s]
		adopted := s.Layer() == fact.OfDevice && slices.ContainsFunc(rows, func(f fact.Fact) bool {
			return f.Change == change && f.Name == "adoption" && f.Retracted.IsZero()
		})
		unheard := made[s] && !r.heard(model.DeviceID(s.ID()))
		undone := rows
		if adopted && !unheard { // messages wait for it, and may have left
			undone = slices.DeleteFunc(slices.Clone(rows), func(f fact.Fact) bool { return f.Name == "adoption" })
		}
		e, later := fact.Undo(undone, change, mark.At, mark.By, mark.Change)
		b := TakenBack{ID: model.DeviceID(s.ID()), Undone: len(e.Retract) + len(e.Add), Kept: len(later)}
		retracted := func(f fact.Fact) bool { return slices.Contains(e.Retract, f.ID) }
		stands[s] = slices.ContainsFunc(e.Add, standsWithDevice) ||
			slices.ContainsFunc(rows, func(f fact.Fact) bool { return retracted(f) && standsWithDevice(f) })
		left := slices.DeleteFunc(rows, func(f fact.Fact) bool {
			return !f.Retracted.IsZero() || f.Truth == fact.Observed || retracted(f)
		})
		if unheard && len(left) == 0 && len(e.Add) == 0 {
			b.Removed = true
			gone = append(gone, s.ID())
		}
		out, edits = append(out, b), append(edits, e)
		fresh[s] = left
	}
	if err := tx.SaveEdits(ctx, edits, mark); err != nil {
		return nil, err
	}
	for i, s := range subjects {
		fresh[s] = append(fresh[s], edits[i].Add...)
		if s.Layer() == fact.OfDevice && !out[i].Removed && stands[s] {
			if err := r.reassert(ctx, tx, out[i].ID, fresh[s], mark); err != nil {
				return nil, err
			}
		}
	}
	if err := tx.RemoveDevices(ctx, gone); err != nil {
		return nil, err
	}
	tx.OnCommit(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for s, rows := range fresh {
			r.believe(s, rows, mark.At)
		}
		r.forget(gone)
	})
	return out, nil
}

// factsOf gives every fact of some subjects, oldest first.
func factsOf(ctx context.Context, tx Tx, subjects []fact.Subject) (map[fact.Subject][]fact.Fact, error) {
	rows, err := tx.FactsOf(ctx, subjects)
	if err != nil {
		return nil, err
	}
	out := make(map[fact.Subject][]fact.Fact, len(subjects))
	for _, f := range rows {
		out[f.Subject] = append(out[f.Subject], f)
	}
	return out, nil
}

// heard says whether a device was ever heard.
func (r *Register) heard(id model.DeviceID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.units[id]
	if u == nil || u.dev.Seen.Messages > 0 {
		return true
	}
	for _, alias := range r.aliases {
		if r.head(alias) == u { // it was heard under another name
			return true
		}
	}
	return false
}

// forget takes devices out of memory, except such that were heard at this
// very moment. Called with r.mu held.
func (r *Register) forget(ids []string) {
	out := map[*unit]bool{}
	for _, id := range ids {
		u := r.units[model.DeviceID(id)]
		if u == nil {
			continue
		}
		if u.dev.Seen.Messages > 0 { // it was heard since the change was begun: new, as any other
			u.dev.Asserted, u.dev.Adoption = Asserted{}, nil
			r.touch(u, time.Time{})
			r.unknown[u.dev.Observed.Channel]++
			r.made++
			r.fresh = append(r.fresh, u)
			continue
		}
		out[u] = true
		r.touch(u, time.Time{})
		if rows := r.told(u); len(rows) > 0 {
			r.beliefs[fact.Of(fact.OfDevice, string(u.dev.ID))] = rows
		}
		delete(r.units, u.dev.ID)
		for _, k := range u.dev.Keys {
			if r.byKey[k] == u {
				delete(r.byKey, k)
			}
		}
		if u.dev.Adoption == nil {
			r.unknown[u.dev.Observed.Channel]--
		}
	}
	if len(out) > 0 {
		r.order = slices.DeleteFunc(r.order, func(u *unit) bool { return out[u] })
		clear(r.fast)
	}
}
