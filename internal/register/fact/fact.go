// Package fact keeps what is believed of the things in the register: of
// devices, models, releases and services. It is pure.
//
// A fact has two times. From and Until say when it is true in the world,
// Believed and Retracted when the register held it to be so. So one can ask
// what was true on 3 May, and what was believed on 3 May. Nothing is ever
// overwritten: a correction retracts and adds (R29).
//
// A fact is of one of three truths, which are kept apart: what was observed on
// the wire or found by an import of observations, what a person or another
// system asserts, and what was decided. Where they disagree, Resolve says
// which one counts and which ones speak against it.
package fact

import (
	"cmp"
	"slices"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Subject is what a fact is about: kind, slash, id, as "device/dev-ab12".
type Subject string

// Of makes a subject.
func Of(layer Layer, id string) Subject { return Subject(string(layer) + "/" + id) }

// Layer is the kind of the subject.
func (s Subject) Layer() Layer { l, _ := s.split(); return l }

// ID is the subject's id.
func (s Subject) ID() string { _, id := s.split(); return id }

func (s Subject) split() (Layer, string) {
	for i := range len(s) {
		if s[i] == '/' {
			return Layer(s[:i]), string(s[i+1:])
		}
	}
	return "", string(s)
}

// Truth says by which right something is believed.
type Truth string

// The three truths.
const (
	Observed Truth = "observed" // the wire, a discovery or an import of observations showed it
	Asserted Truth = "asserted" // a person or another system said it
	Decided  Truth = "decided"  // somebody with the right to decided it: an approved value, an exception
)

// Fact is one belief. Times are UTC; a zero From means always, a zero Until
// still, a zero Retracted that it is believed now.
type Fact struct {
	ID         int64         `json:"id,omitempty"` // given by the store
	Subject    Subject       `json:"subject"`
	Name       string        `json:"name"` // one of Kinds
	Truth      Truth         `json:"truth"`
	Value      string        `json:"value"`
	Source     string        `json:"source,omitempty"`     // where it comes from: a channel, an import, a person's reason is in the audit
	Confidence int           `json:"confidence,omitempty"` // percent; 0 stands for 100
	From       time.Time     `json:"from,omitzero"`        // true from
	Until      time.Time     `json:"until,omitzero"`       // true until, not including
	Believed   time.Time     `json:"believed"`             // since
	Retracted  time.Time     `json:"retracted,omitzero"`   // no more believed since
	By         model.ActorID `json:"by,omitempty"`         // empty: observed
	Change     string        `json:"change,omitempty"`     // id of the change that made it
	Undone     string        `json:"undone,omitempty"`     // id of the change that retracted it
}

// TrueAt says whether the fact holds at an instant.
func (f *Fact) TrueAt(at time.Time) bool {
	return !f.From.After(at) && (f.Until.IsZero() || f.Until.After(at))
}

// BelievedAt says whether the register held it at an instant.
func (f *Fact) BelievedAt(at time.Time) bool {
	return !f.Believed.After(at) && (f.Retracted.IsZero() || f.Retracted.After(at))
}

// key is what two facts must share to stand against each other.
func (f *Fact) sameAs(g *Fact) bool {
	return f.Subject == g.Subject && f.Name == g.Name && f.Truth == g.Truth
}

// Edit is what changes a store: facts that are no more believed, by their id,
// and new ones. All of it holds from Mark on.
type Edit struct {
	Retract []int64
	Add     []Fact
}

// Empty says whether there is nothing to do.
func (e Edit) Empty() bool { return len(e.Retract) == 0 && len(e.Add) == 0 }

// Put says how to believe f from now on, given the facts of its subject that
// are believed now. What it overlaps is retracted and believed again only
// outside its span. A value equal to what is believed for the whole span
// changes nothing. An empty Value ends what was believed in the span. f.Believed
// is the time of the change; f.From defaults to it.
//
// The error is fault.Invalid, code register.span, when the span is empty.
func Put(believed []Fact, f Fact) (Edit, error) {
	if f.From.IsZero() && f.Truth != Observed {
		f.From = f.Believed
	}
	if !f.Until.IsZero() && !f.Until.After(f.From) {
		return Edit{}, fault.New(fault.Invalid, "register.span", "it would end (%s) before it begins (%s); give an end after the beginning", f.Until.Format(time.RFC3339), f.From.Format(time.RFC3339)).At("until")
	}
	var e Edit
	for i := range believed {
		g := believed[i]
		if !g.sameAs(&f) || !g.Retracted.IsZero() || !overlap(&g, &f) {
			continue
		}
		if g.Value == f.Value && !g.From.After(f.From) && (g.Until.IsZero() || !f.Until.IsZero() && !g.Until.Before(f.Until)) {
			return Edit{}, nil // believed for the whole span already
		}
		e.Retract = append(e.Retract, g.ID)
		rest := g
		rest.ID, rest.Believed, rest.Change, rest.By = 0, f.Believed, f.Change, f.By
		if g.From.Before(f.From) {
			before := rest
			before.Until = f.From
			e.Add = append(e.Add, before)
		}
		if !f.Until.IsZero() && (g.Until.IsZero() || g.Until.After(f.Until)) {
			after := rest
			after.From = f.Until
			e.Add = append(e.Add, after)
		}
	}
	if f.Value != "" {
		f.ID, f.Retracted = 0, time.Time{}
		e.Add = append(e.Add, f)
	}
	return e, nil
}

func overlap(a, b *Fact) bool {
	return (a.Until.IsZero() || a.Until.After(b.From)) && (b.Until.IsZero() || b.Until.After(a.From))
}

// Undo says how to take back one change, given every fact of the subjects it
// touched that was made or retracted since. What the change added is
// retracted, what it retracted is believed again. Where somebody changed the
// same fact later, undoing would overwrite that: later names those facts and
// nothing is done for them.
func Undo(rows []Fact, change string, at time.Time, by model.ActorID, undo string) (e Edit, later []Fact) {
	touched := map[[3]string]bool{}
	blocked := map[[3]string]bool{}
	key := func(f *Fact) [3]string { return [3]string{string(f.Subject), f.Name, string(f.Truth)} }
	for i := range rows {
		f := &rows[i]
		if f.Change == change {
			touched[key(f)] = true
			if f.Undone != "" && f.Undone != change {
				blocked[key(f)] = true
			}
		}
		if f.Undone == change {
			touched[key(f)] = true
		}
	}
	for i := range rows {
		f := &rows[i]
		// An addition that only ended something left nothing to retract: whoever
		// wrote there since is found by its belief.
		if touched[key(f)] && f.Change != change && f.Retracted.IsZero() && f.Believed.After(madeAt(rows, change)) {
			blocked[key(f)] = true
		}
	}
	for i := range rows {
		f := rows[i]
		switch k := key(&f); {
		case !touched[k]:
		case blocked[k]:
			if f.Retracted.IsZero() {
				later = append(later, f)
			}
		case f.Change == change && f.Retracted.IsZero():
			e.Retract = append(e.Retract, f.ID)
		case f.Undone == change && f.Change != change:
			f.ID, f.Believed, f.Retracted, f.Undone, f.By, f.Change = 0, at, time.Time{}, "", by, undo
			e.Add = append(e.Add, f)
		}
	}
	return e, later
}

// Newer gives a fact by which somebody changed since what a change said, given
// every fact of the subjects it touched: one that was added and is believed, or
// one of the change's own that was retracted (its Undone says by what). Nil:
// nothing newer stands on it.
func Newer(rows []Fact, change string) *Fact {
	touched := func(f *Fact) bool {
		return slices.ContainsFunc(rows, func(g Fact) bool { return (g.Change == change || g.Undone == change) && g.sameAs(f) })
	}
	at := madeAt(rows, change)
	for i := range rows {
		f := &rows[i]
		if f.Change == change && f.Undone != "" && f.Undone != change ||
			f.Change != change && f.Retracted.IsZero() && f.Believed.After(at) && touched(f) {
			return f
		}
	}
	return nil
}

// Version counts what people and other systems said and decided of one fact,
// given every fact of its subject, oldest first: 1 where nobody ever did, and one more for
// each change, also such that took something back. last is a fact that the
// newest change touched; where it was retracted since, its Undone says by what.
func Version(rows []Fact, name string) (n int64, last *Fact) {
	changes := map[string]bool{}
	at := func(f *Fact) time.Time {
		if f.Retracted.After(f.Believed) {
			return f.Retracted
		}
		return f.Believed
	}
	for i := range rows {
		f := &rows[i]
		if f.Name != name || f.Truth == Observed {
			continue
		}
		for _, c := range []string{f.Change, f.Undone} {
			if c != "" {
				changes[c] = true
			}
		}
		if last == nil || !at(f).Before(at(last)) {
			last = f
		}
	}
	return int64(len(changes)) + 1, last
}

func madeAt(rows []Fact, change string) time.Time {
	for i := range rows {
		if rows[i].Change == change {
			return rows[i].Believed
		}
		if rows[i].Undone == change {
			return rows[i].Retracted
		}
	}
	return time.Time{}
}

// Select gives the facts that were believed at known and hold at the instant
// at, sorted by name and truth.
func Select(rows []Fact, at, known time.Time) []Fact {
	var out []Fact
	for i := range rows {
		if rows[i].BelievedAt(known) && rows[i].TrueAt(at) {
			out = append(out, rows[i])
		}
	}
	slices.SortStableFunc(out, func(a, b Fact) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Truth, b.Truth))
	})
	return out
}
