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
	now, counts := c.s.now(), stateCounts{}
	tasks, restOf := markTasks()
	out := TaskList{Count: map[string]int{}}
	most := firsts[taskKey]{limit: r.Limit, compare: taskKey.compare}
	c.s.survey(register.Query{Text: r.Text}, now, func(d *register.Surveyed) bool {
		if r.Owner != "" && !strings.EqualFold(r.Owner, d.Owner) && !strings.EqualFold(r.Owner, d.Department) && !strings.EqualFold(r.Owner, d.Custodian) {
			return true
		}
		add := func(kind string, grade state.Grade, since time.Time) {
			if (r.Kind == "" || r.Kind == kind) && !past(&most, grade, since) {
				most.add(taskKey{d.ID, kind, grade, since})
			}
		}
		_, voice, grade := d.Hearing()
		marks := marksWith(d, voice, grade)
		counts[marks]++
		if marks&tasks&^restOf != 0 {
			// Silence begins after the last message: where that is too late to be
			// shown, when it began is not worked out.
			if voice != state.Silent || !past(&most, grade, d.Last) {
				eachVoice(d, func(one *state.State) {
					if isTask(one) {
						add(string(one.Kind), one.Grade, one.Since)
					}
				})
			}
		}
		if marks&restOf != 0 {
			for i := range d.Rest {
				if one := &d.Rest[i]; isTask(one) {
					add(string(one.Kind), one.Grade, one.Since)
				}
			}
		}
		for _, one := range d.Concerns {
			out.Count[one.Kind]++
			add(one.Kind, one.Grade, one.Since)
		}
		return true
	})
	for _, n := range counts.list(isTask) {
		out.Count[string(n.Kind)] += n.Count
	}
	shown := map[model.DeviceID][]Task{}
	for _, k := range most.list() {
		of, known := shown[k.device]
		if !known {
			if v, err := c.s.Register.View(k.device); err == nil {
				of = c.s.tasksOf(&v, now)
			}
			shown[k.device] = of
		}
		i := slices.IndexFunc(of, func(t Task) bool { return t.Kind == k.kind && t.Grade == k.grade && t.Since.Equal(k.since) })
		if i < 0 {
			continue // it is settled since it was counted
		}
		out.Rows = append(out.Rows, of[i])
		shown[k.device] = slices.Delete(slices.Clone(of), i, i+1)
	}
	return out, nil
}

// taskKey is a task before it is written out.
type taskKey struct {
	device model.DeviceID
	kind   string
	grade  state.Grade
	since  time.Time
}

func (a taskKey) compare(b taskKey) int {
	if a.grade != b.grade {
		if state.Worse(a.grade, b.grade) == a.grade {
			return -1
		}
		return 1
	}
	return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.device, b.device), cmp.Compare(a.kind, b.kind))
}

// past says that a task of such a grade that began then is not shown.
func past(most *firsts[taskKey], grade state.Grade, since time.Time) bool {
	return most.last != nil && grade == most.last.grade && since.After(most.last.since)
}

// markTasks gives the bits that the marks of states have which may be something
// to look at; rest are those of them that do not go by whether a device speaks.
func markTasks() (all, rest state.Marks) {
	for _, k := range state.Kinds() {
		if slices.Contains(settled, k) {
			continue
		}
		there := state.Marks(0).And(k, state.Good) // that it is there
		all |= there
		if !state.OfVoice(k) {
			rest |= there
		}
	}
	return all, rest
}

// isTask says whether a state is something somebody should look at. A device
// that was lost may be back in a moment: it is one once it is silent too.
func isTask(one *state.State) bool {
	if one.Kind == state.Offline && one.Grade != state.Bad {
		return false
	}
	return one.Grade != state.Good && one.Grade != state.Info && !slices.Contains(settled, one.Kind)
}

// tasksOf gives the tasks of one device.
func (s *Service) tasksOf(v *register.View, now time.Time) (out []Task) {
	row := deviceRow(v.Device)
	task := Task{Device: v.ID, Name: nameOf(&row), Place: row.Place, Owner: cmp.Or(saidOf(v.Said, "owner", now), saidOf(v.Said, "department", now), saidOf(v.Said, "custodian", now))}
	for _, one := range state.Of(s.knownOf(v, now), now) {
		if isTask(&one) {
			t := task
			t.Kind, t.Grade, t.Since, t.Why = string(one.Kind), one.Grade, one.Since, one.Why
			out = append(out, t)
		}
	}
	for _, f := range factTasks(v, now) {
		t := task
		t.Kind, t.Grade, t.Since, t.Facts = f.Kind, f.Grade, f.Since, f.Facts
		out = append(out, t)
	}
	return out
}

// concernsOf is what facts of a device give somebody to look at.
func concernsOf(v *register.View, now time.Time) (out []register.Concern) {
	for _, t := range factTasks(v, now) {
		out = append(out, register.Concern{Kind: t.Kind, Grade: t.Grade, Since: t.Since})
	}
	return out
}

// factTasks gives the tasks that facts of a device make: where observed and
// said disagree, and exceptions that ended.
func factTasks(v *register.View, now time.Time) (out []Task) {
	observed := map[string]string{
		"manufacturer": v.Observed.Manufacturer, "model": v.Observed.Model, "serial": v.Observed.Serial,
		"udi": v.Observed.UDI, "release": v.Observed.Release, "hardware": v.Observed.Hardware,
	}
	for i := range v.Said {
		f := v.Said[i]
		kind, _ := fact.KindOf(f.Name)
		wire := observed[f.Name]
		t := Task{}
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
