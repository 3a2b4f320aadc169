package register

import (
	"context"
	"slices"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// ModelEntry is what a bulk change says of one model.
type ModelEntry struct {
	ID     string // made by ModelID
	Source string
	Said   map[string]string
	Was    map[string]string // as in Entry
}

// EnterModels does many entries in the caller's transaction. A model that is
// not known yet needs its maker and its name among what is said.
func (r *Register) EnterModels(ctx context.Context, tx Tx, entries []ModelEntry, mark Mark) ([]Entered, error) {
	out := make([]Entered, len(entries))
	edits := make([]fact.Edit, len(entries))
	fresh := map[fact.Subject][]fact.Fact{}
	r.mu.Lock()
	for i := range entries {
		e := &entries[i]
		s := fact.Of(fact.OfModel, e.ID)
		_, known := r.model(e.ID)
		out[i] = Entered{ID: model.DeviceID(e.ID), Made: !known}
		if fresh[s] != nil || out[i].Made && (e.Said["manufacturer"] == "" || e.Said["model"] == "") {
			out[i].Err = fault.New(fault.Invalid, "register.incomplete", "a new model needs its maker and its name, and stands in one row").At("model")
			continue
		}
		believed := r.beliefs[s]
		out[i].Err = e.edit(believed, &edits[i], mark)
		if out[i].Err != nil {
			edits[i] = fact.Edit{}
			continue
		}
		out[i].Said = len(edits[i].Add)
		fresh[s] = slices.Clone(believed)
	}
	r.mu.Unlock()
	if err := tx.SaveEdits(ctx, edits, mark); err != nil {
		return nil, err
	}
	tx.OnCommit(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i := range entries {
			if edits[i].Empty() {
				continue
			}
			s := fact.Of(fact.OfModel, entries[i].ID)
			rows := slices.DeleteFunc(fresh[s], func(f fact.Fact) bool { return slices.Contains(edits[i].Retract, f.ID) })
			r.believe(s, append(rows, edits[i].Add...), mark.At)
		}
	})
	return out, nil
}

// edit says everything of one model.
func (e *ModelEntry) edit(believed []fact.Fact, into *fact.Edit, mark Mark) error {
	for name, text := range e.Said {
		if e.Was != nil && e.Was[name] != saidNow(believed, name, mark) {
			return fault.New(fault.Conflict, "register.version", "%s of model %q was changed meanwhile", name, clip(e.ID)).At(name)
		}
		value, err := fact.Check(fact.OfModel, name, text)
		if err != nil {
			return err
		}
		one, err := fact.Put(believed, fact.Fact{Subject: fact.Of(fact.OfModel, e.ID), Name: name, Truth: fact.Asserted, Value: value, Source: e.Source,
			From: mark.At, Believed: mark.At, By: mark.By, Change: mark.Change})
		if err != nil {
			return err
		}
		into.Retract, into.Add = append(into.Retract, one.Retract...), append(into.Add, one.Add...)
	}
	return nil
}
