package service

import (
	"context"
	"fmt"
	"slices"
	"time"

	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// ChangeAsk names one thing whose changes are listed.
type ChangeAsk struct {
	Kind  string `json:"kind" arg:"kind" doc:"what kind of thing: the noun of its operations, as channel or device"`
	ID    string `json:"id" arg:"id" doc:"its id"`
	After uint64 `json:"after,omitempty" doc:"the next page: what the page before gave"`
	Limit int    `json:"limit,omitempty" doc:"rows of a page, 100 unless told"`
}

// PatientChangeAsk names the patient whose changes are listed.
type PatientChangeAsk struct {
	ID    model.PatientID `json:"id" arg:"id" doc:"the patient's id"`
	After uint64          `json:"after,omitempty" doc:"the next page: what the page before gave"`
	Limit int             `json:"limit,omitempty" doc:"rows of a page, 100 unless told"`
}

// Change is one act on a thing: who did what, when and why. Looks, refusals
// and what failed are no changes; the audit has them.
type Change struct {
	At     time.Time     `json:"at"`
	By     model.ActorID `json:"by"`
	Name   string        `json:"name,omitempty"` // of who did it, as it was then
	Action string        `json:"action"`         // the operation: noun.verb
	Object string        `json:"object"`
	Reason string        `json:"reason,omitempty"`
	Change string        `json:"change,omitempty"` // joins it to versions and to the audit
}

func changeOps() []Op {
	return []Op{
		forcing(define(Acts, "change.undo", "Take one change back by its id, whatever it changed: all of it, or nothing where somebody changed the same since.", "9f2c4d6e8a0b1c3d --reason 'wrong bed'", undoChange)),
		define(Reads, "change.list", "List who changed one thing, when and why, newest first; it needs the right to see the thing.", "channel icu", listChanges),
		ofPatients(define(Reads, "patient.history", "List who changed what of one patient, when and why, newest first.", "pat-abc", patientChanges)),
	}
}

func listChanges(ctx context.Context, c *call, r ChangeAsk) (List[Change], error) {
	if r.Kind == "" || r.ID == "" {
		return List[Change]{}, fault.New(fault.Invalid, "service.argument", "name a thing by kind and id, as channel icu").At("kind")
	}
	if r.Kind == "patient" {
		return List[Change]{}, fault.New(fault.Invalid, "service.argument", "a look at a patient is audited; ask for patient.history").At("kind")
	}
	sees, err := c.seeing(r.Kind)
	if err != nil {
		return List[Change]{}, err
	}
	if !c.s.Access.May(c.actor, sees) {
		return List[Change]{}, fault.New(fault.Denied, "access.denied", "%s may not %s; ask an administrator for a role that may", c.actor.Name, sees)
	}
	return c.changes(ctx, audit.Query{Objects: c.auditNames(r.Kind, r.ID), Before: r.After, Limit: r.Limit})
}

func patientChanges(ctx context.Context, c *call, r PatientChangeAsk) (List[Change], error) {
	same, err := c.s.Patients.Same(ctx, r.ID)
	if err != nil {
		return List[Change]{}, err
	}
	c.look(r.ID)
	return c.changes(ctx, audit.Query{Patient: same, Before: r.After, Limit: r.Limit})
}

// seeing gives the operation that shows things of a kind.
func (c *call) seeing(kind string) (string, error) {
	for _, verb := range []string{"get", "show", "list"} {
		if _, ok := c.s.ops[kind+"."+verb]; ok {
			return kind + "." + verb, nil
		}
	}
	return "", fault.New(fault.Invalid, "service.argument", "there is no kind %q of things; give the noun of its operations, as channel or device", clip(kind, 40)).At("kind")
}

// auditNames gives the names by which the audit knows a thing.
func (c *call) auditNames(kind, id string) []string {
	names := []string{kind + " " + id}
	switch kind {
	case "user": // by id or by name, as the caller named it
		if a, err := c.s.Access.Account(id); err == nil {
			names = append(names, "user "+string(a.ID), "user "+a.Name)
		}
	case "profile": // with the version that came in force
		name, versions := c.s.profileNamed(id)
		names = append(names, "profile "+name)
		for _, v := range versions {
			names = append(names, "profile "+v.Profile.Ref(), "profile "+v.Profile.Ref()+despiteCases)
		}
	}
	return names
}

// changes gives the acts of a search of the audit that were done.
func (c *call) changes(ctx context.Context, q audit.Query) (List[Change], error) {
	for name, op := range c.s.ops {
		if op.Mode != Reads && op.Verb() != "try" { // a trial changes nothing
			q.Actions = append(q.Actions, name)
		}
	}
	slices.Sort(q.Actions)
	q.Outcome = audit.Done
	if q.Limit <= 0 {
		q.Limit = 100
	}
	rows, err := c.s.Store.AuditSearch(ctx, q)
	list := List[Change]{Rows: make([]Change, len(rows))}
	for i, r := range rows {
		list.Rows[i] = Change{At: r.At, By: r.Actor, Name: r.ActorName, Action: r.Action, Object: r.Object, Reason: r.Reason, Change: r.Change}
	}
	if len(rows) == q.Limit {
		list.Next = fmt.Sprint(rows[len(rows)-1].Seq)
	}
	return list, err
}
