package care

import (
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// State is where an order is in its life.
type State string

// The states. An order ends done or cancelled; a done one opens again only
// when somebody says why.
const (
	Open      State = "open"
	Working   State = "in-work"
	Waiting   State = "waiting"
	Finished  State = "done"
	Cancelled State = "cancelled"
)

// States gives all states.
func States() []State { return []State{Open, Working, Waiting, Finished, Cancelled} }

// Ended says whether nothing is left to do.
func (s State) Ended() bool { return s == Finished || s == Cancelled }

// may is what each state may become.
func (s State) may() []State {
	switch s {
	case Open:
		return []State{Working, Waiting, Finished, Cancelled}
	case Working:
		return []State{Open, Waiting, Finished, Cancelled}
	case Waiting:
		return []State{Open, Working, Finished, Cancelled}
	case Finished:
		return []State{Open}
	}
	return nil
}

// Mark says who did something, and when.
type Mark struct {
	By     model.ActorID `json:"by"`
	Name   string        `json:"name,omitempty"` // as people know them
	At     time.Time     `json:"at"`
	Change string        `json:"change,omitempty"` // takes it back, given to change.undo
}

// Cause is why corrective work was opened: a state of the device as the
// register saw it, or another order that did not pass.
type Cause struct {
	State string    `json:"state"` // as device.stat counts them, or "failed"
	Since time.Time `json:"since,omitzero"`
	Was   string    `json:"was,omitempty"`
	Now   string    `json:"now,omitempty"`
	Order int64     `json:"order,omitempty"` // the order that did not pass
}

// Step is something that happened to an order.
type Step struct {
	Mark
	State State   `json:"state"` // after it
	Text  string  `json:"text,omitempty"`
	Was   *Before `json:"was,omitempty"` // nil: the first step, or one of a release that kept none
}

// Before is what a step found, so that it can be taken back.
type Before struct {
	State    State  `json:"state"`
	Title    string `json:"title"`
	Assigned string `json:"assigned,omitempty"`
	Waits    string `json:"waits,omitempty"`
	Note     string `json:"note,omitempty"`
	Due      Day    `json:"due,omitempty"`
}

func (o *Order) before() *Before {
	return &Before{State: o.State, Title: o.Title, Assigned: o.Assigned, Waits: o.Waits, Note: o.Note, Due: o.Due}
}

// Order is one piece of work on one device.
type Order struct {
	ID       int64          `json:"id"` // counts up; 0: not stored yet
	Version  int64          `json:"version"`
	Device   model.DeviceID `json:"device"`
	Title    string         `json:"title"`
	Kind     Kind           `json:"kind"`
	Plan     string         `json:"plan,omitempty"` // by which it is due
	Due      Day            `json:"due,omitempty"`  // the day it was due, or is wished for
	Cause    *Cause         `json:"cause,omitempty"`
	State    State          `json:"state"`
	Assigned string         `json:"assigned,omitempty"` // who does it: a person, a firm
	Waits    string         `json:"waits,omitempty"`    // for what, while it waits
	Note     string         `json:"note,omitempty"`
	Opened   Mark           `json:"opened"`
	Measures []Measure      `json:"measures,omitempty"` // that the plan asked for when it was opened
	Tasks    []string       `json:"tasks,omitempty"`    // the plan's steps, likewise
	Finish   *Finish        `json:"finish,omitempty"`   // how it ended
	Earlier  []Finish       `json:"earlier,omitempty"`  // how it ended before it was opened again
	Steps    []Step         `json:"steps"`              // oldest first
}

// Begin opens an order. Errors are fault.Invalid, code care.order.
func Begin(o Order, by Mark) (Order, error) {
	o.ID, o.Version, o.State, o.Finish, o.Opened = 0, 0, Open, nil, by
	o.Title = strings.TrimSpace(o.Title)
	wrong := func(at, text string, args ...any) (Order, error) {
		return Order{}, fault.New(fault.Invalid, "care.order", text, args...).At(at)
	}
	switch {
	case o.Device == "":
		return wrong("device", "say on which device the work is")
	case o.Title == "" || len(o.Title) > longestName:
		return wrong("title", "say in at most %d bytes what is to be done", longestName)
	case !slices.Contains(Kinds(), o.Kind):
		return wrong("kind", "kind is %q; expected one of %v", clip(string(o.Kind)), Kinds())
	case !o.Due.valid():
		return wrong("due", "expected a date such as 2026-05-03")
	case len(o.Assigned) > longestName || len(o.Note) > longestText:
		return wrong("note", "who does it has at most %d bytes, a note %d", longestName, longestText)
	}
	o.Steps = []Step{{Mark: by, State: Open}}
	return o, nil
}

// FromPlan gives the order that a plan asks for on a device.
func FromPlan(p *Plan, device model.DeviceID, due Day) Order {
	return Order{Device: device, Title: p.Name, Kind: p.Kind, Plan: p.ID, Due: due, Measures: p.Measures, Tasks: p.Steps}
}

// Change says what becomes of an order beside its end. Nil stays as it is.
type Change struct {
	State    State // empty: stays
	Title    *string
	Assigned *string
	Waits    *string
	Note     *string
	Due      *Day
	Text     string // why, or what happened
}

// Change changes an order that has not ended, or opens a done one again.
// Errors are fault.Conflict, code care.life, for a state it cannot take, and
// fault.Invalid, code care.order.
func (o *Order) Change(c Change, by Mark) error {
	next := c.State
	if next == "" {
		next = o.State
	}
	if next == Finished && o.State != Finished {
		return fault.New(fault.Invalid, "care.order", "work is finished with order.finish, which keeps what was measured, used and found").At("state")
	}
	if err := o.turn(next); err != nil {
		return err
	}
	if o.State.Ended() && next != Open {
		return fault.New(fault.Conflict, "care.life", "the order is %s and stays as it is; open it again first, or open another", o.State).At("state")
	}
	if (next == Cancelled || o.State == Finished) && strings.TrimSpace(c.Text) == "" {
		return fault.New(fault.Invalid, "care.order", "say why").At("text")
	}
	was := *o
	set(&o.Title, c.Title)
	set(&o.Assigned, c.Assigned)
	set(&o.Waits, c.Waits)
	set(&o.Note, c.Note)
	if c.Due != nil {
		o.Due = *c.Due
	}
	if o.State == Finished && next == Open {
		o.Earlier, o.Finish = append(slices.Clone(o.Earlier), *o.Finish), nil
	}
	o.State = next
	if next != Waiting {
		o.Waits = ""
	}
	bad := ""
	switch {
	case o.Title == "" || len(o.Title) > longestName:
		bad = "title"
	case len(o.Assigned) > longestName:
		bad = "assigned"
	case len(o.Waits) > longestName:
		bad = "waits"
	case len(o.Note) > longestText:
		bad = "note"
	case !o.Due.valid():
		bad = "due"
	case len(c.Text) > longestText:
		bad = "text"
	}
	if bad != "" {
		*o = was
		return fault.New(fault.Invalid, "care.order", "%s is missing, too long or no date; a title and names have at most %d bytes, texts %d", bad, longestName, longestText).At(bad)
	}
	return o.step(by, c.Text, was.before())
}

// Back takes the newest step back: the order is what that step found, and says
// so in a step of its own. What finished it is kept among the earlier ends; where
// the step opened it again, its end counts again. Errors are fault.Conflict, code
// care.life, where the step found nothing.
func (o *Order) Back(text string, by Mark) error {
	was := o.Steps[len(o.Steps)-1].Was
	if was == nil {
		return fault.New(fault.Conflict, "care.life", "what the order was before this step was not kept").At("state")
	}
	now := o.before()
	if o.State == Finished && was.State != Finished {
		o.Earlier, o.Finish = append(slices.Clone(o.Earlier), *o.Finish), nil
	} else if n := len(o.Earlier); was.State == Finished && o.State != Finished && n > 0 {
		o.Finish, o.Earlier = new(o.Earlier[n-1]), slices.Clone(o.Earlier[:n-1])
	}
	o.State, o.Title, o.Assigned, o.Waits, o.Note, o.Due = was.State, was.Title, was.Assigned, was.Waits, was.Note, was.Due
	return o.step(by, text, now)
}

func set(to *string, from *string) {
	if from != nil {
		*to = strings.TrimSpace(*from)
	}
}

// turn says whether an order may become something.
func (o *Order) turn(next State) error {
	if next == o.State || slices.Contains(o.State.may(), next) {
		return nil
	}
	return fault.New(fault.Conflict, "care.life", "the order is %s and cannot become %s", o.State, clip(string(next))).At("state")
}

func (o *Order) step(by Mark, text string, was *Before) error {
	if len(o.Steps) >= mostRows {
		return fault.New(fault.Invalid, "care.order", "the order has taken %d steps already; end it and open another", mostRows)
	}
	o.Steps = append(slices.Clone(o.Steps), Step{Mark: by, State: o.State, Text: strings.TrimSpace(text), Was: was})
	return nil
}
