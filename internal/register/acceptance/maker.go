package acceptance

import (
	"slices"
	"strings"
	"time"
)

// Statement is one answer of a maker in its MDS2 2019 worksheet.
type Statement struct {
	ID     string // "TXCF-2"
	Text   string // the question
	Answer string // as it stands there
	Value  Value  // yes, no, n/a; empty: something else, such as "See Notes"
	Note   string
}

// Import takes over what a maker says: each statement becomes evidence of the
// question it belongs to, and where nobody answered that question yet, the
// leading statement answers it. What a person said stays. It gives how many
// questions got evidence and how many an answer.
func (a *Acceptance) Import(all []Statement, file string, by Mark) (step Step, evidence, answers int, err error) {
	if err := a.settled(by.At); err != nil {
		return Step{}, 0, 0, err
	}
	said := map[string]*Statement{}
	for i := range all {
		said[all[i].ID] = &all[i]
	}
	for _, q := range a.Template.Questions {
		one, _ := a.Of(q.ID)
		one.Question = q.ID
		kept := slices.DeleteFunc(slices.Clone(one.Evidence), func(e Evidence) bool { return e.Kind == "mds2" }) // an earlier worksheet
		found := false
		for _, id := range append([]string{q.Lead}, q.MDS2...) {
			s := said[id]
			if s == nil || s.Answer == "" && s.Note == "" || len(kept) >= mostEvidence {
				continue
			}
			kept = append(kept, Evidence{Kind: "mds2", Ref: id, Text: s.String(), From: clip(file)})
			found = true
		}
		if !found {
			continue
		}
		evidence++
		one.Evidence = kept
		if lead := said[q.Lead]; lead != nil && lead.Value != "" && (one.Value == "" || one.Source == "mds2") {
			one.Value, one.Text, one.Source = lead.Value, within(lead.Note, longestText), "mds2"
			one.Mark = by
			answers++
		}
		if one.At.IsZero() {
			one.Mark = by
		}
		a.put(one)
	}
	if evidence > 0 {
		a.Signatures = nil
	}
	return Step{Mark: by, What: "imported", Text: clip(file)}, evidence, answers, nil
}

// String is a statement as evidence shows it.
func (s Statement) String() string {
	text := s.Text
	if s.Answer != "" {
		text += " " + s.Answer
	}
	if s.Note != "" {
		text += " (" + s.Note + ")"
	}
	return within(strings.TrimSpace(text), 1000)
}

func within(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-3], "") + "…"
}

// Overdue says which condition is not met although its day has come.
func (a *Acceptance) Overdue(now time.Time) (Condition, bool) {
	for _, c := range a.Conditions {
		if c.Met == nil && !c.By.After(now) {
			return c, true
		}
	}
	return Condition{}, false
}
