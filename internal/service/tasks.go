package service

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/state"
)

// TaskAsk says which tasks to list.
type TaskAsk struct {
	Text  string `json:"text,omitempty" arg:"text" doc:"part of a name, number, maker, model, place or owner of the device"`
	Kind  string `json:"kind,omitempty" doc:"only these: disagreement, exception, or a state as device.stat counts them"`
	Owner string `json:"owner,omitempty" doc:"only devices of this owner, department or person"`
	Limit int    `json:"limit,omitempty" doc:"rows, 200 unless told"`
}

// Task is something about a device that somebody should look at. It is
// computed from what is known, so it goes away when its cause does.
type Task struct {
	Kind   string         `json:"kind"` // disagreement, exception, or the state it comes from
	Grade  state.Grade    `json:"grade"`
	Device model.DeviceID `json:"device"`
	Name   string         `json:"name"` // of the device
	Place  string         `json:"place,omitempty"`
	Owner  string         `json:"owner,omitempty"`
	Since  time.Time      `json:"since,omitzero"`
	Why    state.Why      `json:"why,omitzero"`   // of a state
	Facts  *fact.Resolved `json:"facts,omitzero"` // of a disagreement: what counts and what speaks against it
}

// TaskList is the tasks that match, the gravest and oldest first.
type TaskList struct {
	Rows  []Task         `json:"rows"`
	Count map[string]int `json:"count"` // of each kind, also beyond the limit
}

func taskOps() []Op {
	return []Op{
		define(Reads, "task.list", "List what somebody should look at: where observed and said disagree, exceptions that ended, and devices that are not as they should be.", "--kind disagreement", listTasks),
	}
}

// settled are states that a list of their own shows, or that are no work.
var settled = []state.Kind{state.Online, state.Unheard, state.InUse, state.Late, state.NotAdopted}

func listTasks(_ context.Context, c *call, r TaskAsk) (TaskList, error) {
	if r.Limit <= 0 {
		r.Limit = 200
	}
	now := c.s.now()
	out := TaskList{Count: map[string]int{}}
	c.s.walk(register.Query{Text: r.Text}, func(v *register.View) bool {
		owner := cmp.Or(saidOf(v.Said, "owner", now), saidOf(v.Said, "department", now), saidOf(v.Said, "custodian", now))
		if r.Owner != "" && !strings.EqualFold(r.Owner, saidOf(v.Said, "owner", now)) && !strings.EqualFold(r.Owner, saidOf(v.Said, "department", now)) && !strings.EqualFold(r.Owner, saidOf(v.Said, "custodian", now)) {
			return true
		}
		row := deviceRow(v.Device)
		task := Task{Device: v.ID, Name: nameOf(&row), Place: row.Place, Owner: owner}
		for _, t := range c.s.tasksOf(v, task, now) {
			if r.Kind == "" || t.Kind == r.Kind {
				out.Rows = append(out.Rows, t)
			}
			out.Count[t.Kind]++
		}
		return true
	})
	grades := []state.Grade{state.Bad, state.Warn, state.Info, state.Good}
	slices.SortStableFunc(out.Rows, func(a, b Task) int {
		return cmp.Or(slices.Index(grades, a.Grade)-slices.Index(grades, b.Grade), a.Since.Compare(b.Since), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Kind, b.Kind))
	})
	out.Rows = out.Rows[:min(len(out.Rows), r.Limit)]
	return out, nil
}

// tasksOf gives the tasks of one device.
func (s *Service) tasksOf(v *register.View, task Task, now time.Time) (out []Task) {
	for _, one := range state.Of(s.knownOf(v, now), now) {
		if !slices.Contains(settled, one.Kind) && one.Grade != state.Good && one.Grade != state.Info {
			t := task
			t.Kind, t.Grade, t.Since, t.Why = string(one.Kind), one.Grade, one.Since, one.Why
			out = append(out, t)
		}
	}
	observed := map[string]string{
		"manufacturer": v.Observed.Manufacturer, "model": v.Observed.Model, "serial": v.Observed.Serial,
		"udi": v.Observed.UDI, "release": v.Observed.Release, "hardware": v.Observed.Hardware,
	}
	for i := range v.Said {
		f := v.Said[i]
		kind, _ := fact.KindOf(f.Name)
		wire := observed[f.Name]
		t := task
		switch {
		case f.Truth == fact.Decided && !f.Until.IsZero() && !f.Until.After(now):
			counts := saidOf(v.Said, f.Name, now)
			if kind.First == fact.Observed && wire != "" {
				counts = wire
			}
			if decided(v.Said, f.Name, now) || kind.Same(counts, f.Value) {
				continue
			}
			t.Kind, t.Grade, t.Since = "exception", state.Warn, f.Until
			t.Facts = &fact.Resolved{Name: f.Name, Value: counts, Fact: f}
		case f.TrueAt(now) && f.Truth == fact.Asserted && wire != "" && !kind.Same(wire, f.Value) && !decided(v.Said, f.Name, now):
			t.Kind, t.Grade, t.Since = "disagreement", state.Warn, f.Believed
			t.Facts = &fact.Resolved{Name: f.Name, Value: wire, Truth: fact.Observed, Against: []fact.Fact{f}}
		default:
			continue
		}
		out = append(out, t)
	}
	return out
}

// decided says whether a decision stands about a fact.
func decided(facts []fact.Fact, name string, now time.Time) bool {
	return slices.ContainsFunc(facts, func(f fact.Fact) bool {
		return f.Name == name && f.Truth == fact.Decided && f.TrueAt(now)
	})
}
