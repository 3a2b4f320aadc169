package fact

import (
	"cmp"
	"slices"
	"time"

	"thalamus/internal/model"
)

// Step is one change of what was believed to be true at its own time.
type Step struct {
	At     time.Time
	Name   string
	Truth  Truth
	Was    string // empty: nothing was believed
	Now    string // empty: nothing is believed any more
	By     model.ActorID
	Change string
}

// Steps gives how beliefs of one subject went, newest first: for each change
// what was and what is believed of the moment of the change. A correction of
// the past that changes nothing of that moment is no step.
func Steps(rows []Fact) []Step {
	type key struct {
		name  string
		truth Truth
	}
	groups := map[key][]*Fact{}
	for i := range rows {
		k := key{rows[i].Name, rows[i].Truth}
		groups[k] = append(groups[k], &rows[i])
	}
	type placed struct {
		Step
		id int64
	}
	var steps []placed
	for k, list := range groups {
		instants := map[time.Time]*Fact{} // the last row of each change
		for _, f := range list {
			instants[f.Believed] = f
			if !f.Retracted.IsZero() && instants[f.Retracted] == nil {
				instants[f.Retracted] = &Fact{ID: f.ID, Change: f.Undone}
			}
		}
		for at, f := range instants {
			s := Step{At: at, Name: k.name, Truth: k.truth, By: f.By, Change: f.Change, Now: valueAt(list, at, at, false), Was: valueAt(list, at, at, true)}
			if s.Was == "" {
				// Told with the change only: what was true until then.
				if was := valueAt(list, at.Add(-1), at, false); was != s.Now {
					s.Was = was
				}
			}
			if s.Was != s.Now {
				steps = append(steps, placed{s, f.ID})
			}
		}
	}
	slices.SortFunc(steps, func(a, b placed) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.id, a.id)) })
	out := make([]Step, len(steps))
	for i, s := range steps {
		out[i] = s.Step
	}
	return out
}

// valueAt gives what was believed at known, or just before it, of the instant
// at.
func valueAt(list []*Fact, at, known time.Time, before bool) string {
	for _, f := range list {
		believed := !f.Believed.After(known) && (f.Retracted.IsZero() || f.Retracted.After(known))
		if before {
			believed = f.Believed.Before(known) && (f.Retracted.IsZero() || !f.Retracted.Before(known))
		}
		if believed && f.TrueAt(at) {
			return f.Value
		}
	}
	return ""
}
