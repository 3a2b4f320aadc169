package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
)

// Signature of one role.
type Signature struct {
	Role Role `json:"role"`
	Mark
	Note string `json:"note,omitempty"`
}

// Signer is who wants to sign.
type Signer struct {
	ID, Name string
	Roles    []string // of the account
	Person   bool     // an account of a person, not a token and not the program
	Any      bool     // may sign in any role: who works on the machine itself
}

// MaySign says whether somebody may sign in a role's name: a person whose
// account carries the role, and who has not signed in another one. Two roles
// are two pairs of eyes.
func (a *Acceptance) MaySign(role Role, s Signer) error {
	if !slices.Contains(a.Template.Roles, role) {
		return fault.New(fault.Invalid, "acceptance.role", "%q does not sign here; %v do", clip(string(role)), a.Template.Roles).At("role")
	}
	if !s.Person {
		return fault.New(fault.Denied, "acceptance.person", "only a person signs, with an account of their own")
	}
	if !s.Any && !slices.Contains(s.Roles, string(role)) {
		return fault.New(fault.Denied, "acceptance.role", "%s does not have the role %s; an administrator can give it to the account", s.Name, role)
	}
	for _, have := range a.Signatures {
		if have.Role == role {
			return fault.New(fault.Conflict, "acceptance.signed", "%s has signed for %s already", have.Name, role)
		}
		if have.By == s.ID {
			return fault.New(fault.Denied, "acceptance.same-person", "%s has signed for %s; another person must sign for %s", s.Name, have.Role, role)
		}
	}
	return nil
}

// Sign signs in a role's name. When all roles have, it is accepted, under what
// was observed of the subject by then, until the template says. The last step
// says so.
func (a *Acceptance) Sign(role Role, s Signer, note string, seen Seen, now time.Time) ([]Step, error) {
	if err := a.settled(now); err != nil {
		return nil, err
	}
	if open := a.Unanswered(); len(open) > 0 {
		return nil, fault.New(fault.Conflict, "acceptance.unanswered", "nobody signs what is not answered; open: %s", strings.Join(open, ", "))
	}
	for _, c := range a.Conditions {
		if c.Met == nil && !c.By.After(now) {
			return nil, fault.New(fault.Conflict, "acceptance.condition-late", "condition %d was to be met by %s; say how it was met", c.ID, c.By.Format(time.DateOnly))
		}
	}
	if a.State(now) == Expired && len(a.Signatures) == len(a.Template.Roles) {
		a.Signatures = nil // those were for the time that is over
	}
	if err := a.MaySign(role, s); err != nil {
		return nil, err
	}
	if note = strings.TrimSpace(note); len(note) > longestText {
		return nil, fault.New(fault.Invalid, "acceptance.answer", "a note has at most %d bytes", longestText).At("note")
	}
	mark := Mark{By: s.ID, Name: s.Name, At: now}
	a.Signatures = append(a.Signatures[:len(a.Signatures):len(a.Signatures)], Signature{Role: role, Mark: mark, Note: note})
	steps := []Step{{Mark: mark, What: "signed", Text: string(role)}}
	if len(a.Signatures) < len(a.Template.Roles) {
		return steps, nil
	}
	a.Accepted, a.Until, a.Seen, a.Reopening = now, time.Time{}, seen, nil
	text := ""
	if a.Template.Months > 0 {
		a.Until = now.AddDate(0, a.Template.Months, 0)
		text = a.Until.Format(time.DateOnly)
	}
	return append(steps, Step{Mark: mark, What: "accepted", Text: text}), nil
}

// Demand adds a condition that must be met by a day, in the name of a role.
func (a *Acceptance) Demand(role Role, s Signer, text string, by, now time.Time) (Step, error) {
	if err := a.settled(now); err != nil {
		return Step{}, err
	}
	text = strings.TrimSpace(text)
	switch {
	case !slices.Contains(a.Template.Roles, role) || !s.Person || !s.Any && !slices.Contains(s.Roles, string(role)):
		return Step{}, fault.New(fault.Denied, "acceptance.role", "%s cannot make conditions for %q; the account needs that role, and the template must ask it", s.Name, clip(string(role)))
	case text == "" || len(text) > longestText:
		return Step{}, fault.New(fault.Invalid, "acceptance.condition", "say what must be done, in at most %d bytes", longestText).At("text")
	case !by.After(now):
		return Step{}, fault.New(fault.Invalid, "acceptance.condition", "a condition needs a day that is still to come").At("by")
	case len(a.Conditions) >= mostConditions:
		return Step{}, fault.New(fault.Invalid, "acceptance.condition", "an acceptance has at most %d conditions", mostConditions)
	}
	c := Condition{ID: len(a.Conditions) + 1, Text: text, By: by, Role: role, Made: Mark{By: s.ID, Name: s.Name, At: now}}
	a.Conditions = append(a.Conditions[:len(a.Conditions):len(a.Conditions)], c)
	a.Signatures = nil // they were given without it
	return Step{Mark: c.Made, What: "condition", Text: fmt.Sprintf("%d: %s", c.ID, text)}, nil
}

// Meet says how a condition was met. This may be said at any time.
func (a *Acceptance) Meet(id int, how string, by Mark) (Step, error) {
	how = strings.TrimSpace(how)
	if how == "" || len(how) > longestText {
		return Step{}, fault.New(fault.Invalid, "acceptance.condition", "say how it was met, in at most %d bytes", longestText).At("reason")
	}
	for i, c := range a.Conditions {
		if c.ID != id {
			continue
		}
		if c.Met != nil {
			return Step{}, fault.New(fault.Conflict, "acceptance.condition", "condition %d is met already", id)
		}
		a.Conditions = slices.Clone(a.Conditions)
		a.Conditions[i].Met = &Verdict{Mark: by, Reason: how}
		return Step{Mark: by, What: "met", Text: fmt.Sprintf("%d: %s", id, how)}, nil
	}
	return Step{}, fault.New(fault.Absent, "acceptance.condition", "there is no condition %d", id)
}

// Reject says no, in the name of one of the roles that sign. It may be said of
// what is accepted, too.
func (a *Acceptance) Reject(s Signer, reason string, now time.Time) (Step, error) {
	reason = strings.TrimSpace(reason)
	may := s.Person && (s.Any || slices.ContainsFunc(a.Template.Roles, func(r Role) bool { return slices.Contains(s.Roles, string(r)) }))
	switch {
	case !may:
		return Step{}, fault.New(fault.Denied, "acceptance.role", "%s has none of the roles that decide here: %v", s.Name, a.Template.Roles)
	case a.Rejection != nil:
		return Step{}, fault.New(fault.Conflict, "acceptance.settled", "%s is rejected already", a.Title)
	case reason == "" || len(reason) > longestText:
		return Step{}, fault.New(fault.Invalid, "acceptance.reason", "say why, in at most %d bytes", longestText).At("reason")
	}
	a.Rejection = &Verdict{Mark: Mark{By: s.ID, Name: s.Name, At: now}, Reason: reason}
	a.Signatures = nil
	return Step{Mark: a.Rejection.Mark, What: "rejected", Text: reason}, nil
}

// State at an instant.
func (a *Acceptance) State(now time.Time) State {
	switch {
	case a.Rejection != nil:
		return Rejected
	case a.Reopening != nil:
		return Reopened
	case !a.Accepted.IsZero():
		if ends, _ := a.Ends(); !ends.IsZero() && !ends.After(now) {
			return Expired
		}
		return Accepted
	case len(a.Unanswered()) > 0:
		return Open
	case len(a.Signatures) == 0:
		return Answered
	}
	return Signed
}

// Ends gives the day on which it ends as things are: its own, or the first of
// a condition that is not met, whose number is given.
func (a *Acceptance) Ends() (day time.Time, condition int) {
	day = a.Until
	for _, c := range a.Conditions {
		if c.Met == nil && (day.IsZero() || c.By.Before(day)) {
			day, condition = c.By, c.ID
		}
	}
	return day, condition
}

// Decided says whether it was ever accepted or rejected: before that it says
// nothing about its subject.
func (a *Acceptance) Decided() bool { return !a.Accepted.IsZero() || a.Rejection != nil }

// Since gives since when it is as it is.
func (a *Acceptance) Since(now time.Time) time.Time {
	switch a.State(now) {
	case Rejected:
		return a.Rejection.At
	case Reopened:
		return a.Reopening.At
	case Accepted:
		return a.Accepted
	case Expired:
		ends, _ := a.Ends()
		return ends
	}
	return a.Began.At
}
