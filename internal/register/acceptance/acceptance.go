// Package acceptance says what must be known and who must have signed before a
// device may be used, and when that ends (R32). It is pure: it knows no clock,
// no store and no wire; what was observed is given to it.
//
//	template.go   what is asked, and the template every house has
//	acceptance.go one acceptance: answers, evidence, conditions
//	sign.go       who may sign, what ends an acceptance
//	observe.go    what observed behaviour contradicts it
//	maker.go      answers of the maker, from a worksheet
package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
)

// State of an acceptance.
type State string

// The states, in the order in which they are usually passed.
const (
	Open     State = "open"     // questions are not answered yet
	Answered State = "answered" // all are; nobody has signed
	Signed   State = "signed"   // some have
	Accepted State = "accepted" // all have
	Expired  State = "expired"  // its day has come, or that of a condition which is not met
	Reopened State = "reopened" // it was accepted, and something contradicts it
	Rejected State = "rejected" // somebody said no
)

// States gives all of them.
func States() []State {
	return []State{Open, Answered, Signed, Accepted, Expired, Reopened, Rejected}
}

// Acceptance of a model, a release or one device.
type Acceptance struct {
	ID         string      `json:"id"`      // acc-…, made of the subject
	Subject    string      `json:"subject"` // "model/mdl-…", "release/rel-…", "device/dev-…"
	Title      string      `json:"title"`   // what that is, for people
	Template   Template    `json:"template"`
	Began      Mark        `json:"began"`
	Answers    []Answer    `json:"answers,omitempty"`
	Conditions []Condition `json:"conditions,omitempty"`
	Signatures []Signature `json:"signatures,omitempty"`
	Accepted   time.Time   `json:"accepted,omitzero"` // when the last one signed, the last time all had
	Until      time.Time   `json:"until,omitzero"`    // it ends; zero: without an end
	Seen       Seen        `json:"seen,omitzero"`     // what was observed when it was accepted
	Reopening  *Reopening  `json:"reopening,omitempty"`
	Rejection  *Verdict    `json:"rejection,omitempty"`
	Version    int64       `json:"version"`
}

// Mark says who did something, and when.
type Mark struct {
	By   string    `json:"by"`             // actor
	Name string    `json:"name,omitempty"` // as people know them
	At   time.Time `json:"at"`
}

// Verdict is a decision with its reason.
type Verdict struct {
	Mark
	Reason string `json:"reason"`
}

// Value of an answer.
type Value string

// The answers.
const (
	Yes     Value = "yes"
	No      Value = "no"
	Partly  Value = "partly"
	NotThis Value = "n/a" // does not apply
)

// Answer to a question.
type Answer struct {
	Question string     `json:"question"`
	Value    Value      `json:"value,omitempty"` // empty: there is evidence and nobody drew a conclusion yet
	Text     string     `json:"text,omitempty"`  // in words
	Evidence []Evidence `json:"evidence,omitempty"`
	Source   string     `json:"source,omitempty"` // mds2: as the maker says; empty: as a person says
	Mark
}

// Evidence for an answer.
type Evidence struct {
	Kind string `json:"kind"`           // mds2, document, test, link
	Ref  string `json:"ref,omitempty"`  // question of MDS2, number of a document, address
	Text string `json:"text,omitempty"` // what it says
	From string `json:"from,omitempty"` // the file or document it stands in
}

// Condition under which it is accepted.
type Condition struct {
	ID   int       `json:"id"` // counts from 1
	Text string    `json:"text"`
	By   time.Time `json:"by"`            // the day by which it must be met
	Role Role      `json:"role"`          // in whose name it was made
	Made Mark      `json:"made"`          //
	Met  *Verdict  `json:"met,omitempty"` // how it was met
}

// Step is one thing that happened to an acceptance.
type Step struct {
	Mark
	What string `json:"what"`           // begun answered imported signed condition met accepted reopened rejected seen
	Text string `json:"text,omitempty"` // more about it
}

// Most of each.
const (
	mostEvidence   = 60
	mostConditions = 50
)

// Begin begins an acceptance of a subject.
func Begin(id, subject, title string, t Template, by Mark) (Acceptance, Step) {
	return Acceptance{ID: id, Subject: subject, Title: title, Template: t, Began: by},
		Step{Mark: by, What: "begun", Text: t.Name}
}

// Of gives the answer to a question.
func (a *Acceptance) Of(question string) (Answer, bool) {
	for _, one := range a.Answers {
		if one.Question == question {
			return one, true
		}
	}
	return Answer{}, false
}

// Unanswered lists the questions nobody drew a conclusion to yet.
func (a *Acceptance) Unanswered() (ids []string) {
	for _, q := range a.Template.Questions {
		if one, _ := a.Of(q.ID); one.Value == "" {
			ids = append(ids, q.ID)
		}
	}
	return ids
}

// Objections lists the questions whose answer is not the one that is wanted.
func (a *Acceptance) Objections() (ids []string) {
	for _, q := range a.Template.Questions {
		one, _ := a.Of(q.ID)
		if q.Want != "" && one.Value != "" && one.Value != NotThis && string(one.Value) != q.Want {
			ids = append(ids, q.ID)
		}
	}
	return ids
}

// settled says that nothing may be changed now.
func (a *Acceptance) settled(now time.Time) error {
	switch a.State(now) {
	case Accepted:
		return fault.New(fault.Conflict, "acceptance.settled", "%s is accepted; reopen it, with a reason, to change it", a.Title)
	case Rejected:
		return fault.New(fault.Conflict, "acceptance.settled", "%s is rejected; begin a new acceptance to decide again", a.Title)
	}
	return nil
}

// Answer answers a question. Whoever signed before signed other answers:
// their signatures end. An answer that is not the wanted one needs words.
func (a *Acceptance) Answer(one Answer) (Step, error) {
	if err := a.settled(one.At); err != nil {
		return Step{}, err
	}
	q, ok := a.Template.Question(one.Question)
	if !ok {
		return Step{}, fault.New(fault.Invalid, "acceptance.question", "there is no question %q; the template asks %s", clip(one.Question), strings.Join(a.Template.ids(), ", ")).At("question")
	}
	one.Text = strings.TrimSpace(one.Text)
	switch {
	case !slices.Contains([]Value{Yes, No, Partly, NotThis}, one.Value):
		return Step{}, fault.New(fault.Invalid, "acceptance.answer", "the answer is %q; expected yes, no, partly or n/a", clip(string(one.Value))).At("value")
	case len(one.Text) > longestText:
		return Step{}, fault.New(fault.Invalid, "acceptance.answer", "an answer has at most %d bytes", longestText).At("text")
	case one.Text == "" && (one.Value == Partly || q.Want != "" && one.Value != NotThis && string(one.Value) != q.Want):
		return Step{}, fault.New(fault.Invalid, "acceptance.answer", "say in words what is so, and what is done about it").At("text")
	}
	if err := checkEvidence(one.Evidence); err != nil {
		return Step{}, err
	}
	have, _ := a.Of(one.Question)
	kept := have.Evidence[:len(have.Evidence):len(have.Evidence)]
	for _, e := range one.Evidence {
		if !slices.Contains(kept, e) {
			kept = append(kept, e)
		}
	}
	if len(kept) > mostEvidence {
		return Step{}, fault.New(fault.Invalid, "acceptance.answer", "an answer has at most %d pieces of evidence", mostEvidence).At("evidence")
	}
	one.Evidence = kept
	a.put(one)
	a.Signatures = nil
	return Step{Mark: one.Mark, What: "answered", Text: q.ID + ": " + string(one.Value)}, nil
}

func (a *Acceptance) put(one Answer) {
	i := slices.IndexFunc(a.Answers, func(have Answer) bool { return have.Question == one.Question })
	a.Answers = slices.Clone(a.Answers) // readers share the old one
	if i < 0 {
		a.Answers = append(a.Answers, one)
		return
	}
	a.Answers[i] = one
}

func checkEvidence(all []Evidence) error {
	for i, e := range all {
		if !slices.Contains([]string{"mds2", "document", "test", "link"}, e.Kind) {
			return fault.New(fault.Invalid, "acceptance.answer", "evidence is of the kind %q; expected document, test or link", clip(e.Kind)).At(fmt.Sprintf("evidence[%d].kind", i))
		}
		if len(e.Ref)+len(e.Text)+len(e.From) > longestText || e.Ref == "" && e.Text == "" {
			return fault.New(fault.Invalid, "acceptance.answer", "evidence says where it stands, in at most %d bytes", longestText).At(fmt.Sprintf("evidence[%d]", i))
		}
	}
	return nil
}

func (t Template) ids() (out []string) {
	for _, q := range t.Questions {
		out = append(out, q.ID)
	}
	return out
}
