package devices

import (
	"context"
	"slices"
	"strings"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// tasksPage is where the work place starts: what somebody should look at.
type tasksPage struct {
	List   service.TaskList
	Counts []taskCount
	Kind   string
	New    int // on the wire, adopted by nobody
	States []service.StateCount
}

// taskCount is how many tasks of a kind there are.
type taskCount struct {
	Kind, Grade string
	Count       int
}

func tasks(v *ui.Visit) (ui.View, error) {
	ctx := v.Context()
	p := tasksPage{Kind: v.Query("kind")}
	ask := service.TaskAsk{Text: v.Query("text"), Kind: p.Kind, Owner: v.Query("owner")}
	if err := v.Call("task.list", ask, &p.List); err != nil {
		return ui.View{}, err
	}
	for kind, n := range p.List.Count {
		p.Counts = append(p.Counts, taskCount{kind, gradeOf(p.List.Rows, kind), n})
	}
	slices.SortFunc(p.Counts, func(a, b taskCount) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Kind, b.Kind)
	})
	if v.May("device.stat") {
		if err := v.Call("device.stat", nil, &p.States); err != nil {
			return ui.View{}, err
		}
	}
	for _, c := range p.States {
		if c.Kind == "not-adopted" {
			p.New = c.Count
		}
	}
	return ui.View{Title: ui.T(ctx, "Tasks"), Body: tasksBody(p), Styles: styles}, nil
}

// gradeOf is the gravest grade of a kind's tasks; they are sorted by it.
func gradeOf(rows []service.Task, kind string) string {
	for _, t := range rows {
		if t.Kind == kind {
			return string(t.Grade)
		}
	}
	return "warn"
}

// taskName is what a task is about.
func taskName(ctx context.Context, kind string) string {
	switch kind {
	case "disagreement":
		return ui.T(ctx, "Sources disagree")
	case "exception":
		return ui.T(ctx, "Exception ended")
	}
	return stateName(ctx, kind)
}

// taskWhy says what is the matter.
func taskWhy(ctx context.Context, t service.Task) string {
	if t.Facts == nil {
		return stateWhy(ctx, service.State{Kind: service.StateKind(t.Kind), Grade: t.Grade, Since: t.Since, Why: t.Why})
	}
	name := factName(ctx, t.Facts.Name)
	value := called(valueText(ctx, t.Facts.Name, t.Facts.Value), "–")
	if t.Kind == "exception" {
		return ui.T(ctx, "%s: %s was decided until now; what counts again is %s.", name, valueText(ctx, t.Facts.Name, t.Facts.Fact.Value), value)
	}
	said := ""
	if len(t.Facts.Against) > 0 {
		said = valueText(ctx, t.Facts.Name, t.Facts.Against[0].Value)
	}
	return ui.T(ctx, "%s: observed is %s, said is %s.", name, value, said)
}

// taskLeads is where a task is settled.
func taskLeads(t service.Task) string {
	fact := ""
	if t.Facts != nil {
		fact = t.Facts.Name
	}
	return settledAt(t.Kind, string(t.Device), "", fact)
}
