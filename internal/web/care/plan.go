package care

import (
	"errors"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// governed is what the forms of plans and contracts have in common: the
// version they were made from, and what somebody else changed meanwhile.
type governed struct {
	ID      string // empty: a new one
	Version int64
	Models  []service.Model
	// Since is set when somebody else changed it while the form was open.
	Since   *service.Versioned[struct{}]
	Changes []string
}

// planPage is the form of one plan.
type planPage struct {
	governed
	service.Plan
}

// contractPage is the form of one contract.
type contractPage struct {
	governed
	service.Contract
}

// blankRows are the empty rows of a form's measurements.
const blankRows = 2

// load reads a governed thing for its form, and what changed in it since the
// form was sent, when that is what was wrong.
func load[T any](v *ui.Visit, noun string, value *T) (g governed, err error) {
	if v.May("model.list") {
		if err := v.Call("model.list", service.ModelAsk{}, &g.Models); err != nil {
			return g, err
		}
	}
	if id := v.Path("id"); id != "new" {
		g.ID = id
		var stored service.Versioned[T]
		if err := v.Call(noun+".get", service.ID{ID: id}, &stored); err != nil {
			return g, err
		}
		*value, g.Version = stored.Value, stored.Version
	}
	if v.Fault == nil || v.Fault.Kind != fault.Conflict || g.ID == "" {
		return g, nil
	}
	var history []service.Versioned[T]
	if err := v.Call(noun+".history", service.ID{ID: g.ID}, &history); err != nil || len(history) == 0 {
		return g, err
	}
	g.Since = &service.Versioned[struct{}]{Version: history[0].Version, Mark: history[0].Mark}
	was, _ := strconv.ParseInt(v.Typed("version"), 10, 64)
	for _, h := range history {
		if h.Version == was {
			g.Changes = service.Differences(h.Value, history[0].Value)
		}
	}
	return g, nil
}

// put makes or changes a governed thing from its form.
func put[T any](v *ui.Visit, noun string, value T) error {
	version, _ := strconv.ParseInt(v.Typed("version"), 10, 64) // a new one has none
	err := v.Call(noun+".put", service.Put[T]{Value: value, Version: version, Reason: v.Typed("reason")}, nil)
	var f *fault.Fault
	if errors.As(err, &f) && strings.HasPrefix(f.Place, "value.") {
		return f.At(f.Place[strings.LastIndexByte(f.Place, '.')+1:])
	}
	return err
}

// idFor makes the id of a new thing from its name.
func idFor(v *ui.Visit) string {
	if id := v.Path("id"); id != "new" {
		return id
	}
	var b strings.Builder
	for _, r := range strings.ToLower(v.Typed("name")) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	id := strings.Trim(b.String(), "-")
	return strings.TrimRight(id[:min(len(id), 40)], "-")
}

func planForm(v *ui.Visit) (ui.View, error) {
	p := planPage{}
	var err error
	if p.governed, err = load(v, "plan", &p.Plan); err != nil {
		return ui.View{}, err
	}
	ctx := v.Context()
	title := ui.T(ctx, "New plan")
	if p.governed.ID != "" {
		title = ui.T(ctx, "Plan: %s", p.Name)
	}
	return ui.View{Title: title, Body: planBody(p), Trail: append(trail(v), ui.Link{Text: ui.T(ctx, "Plans and contracts"), To: "/plans"})}, nil
}

func contractForm(v *ui.Visit) (ui.View, error) {
	p := contractPage{}
	var err error
	if p.governed, err = load(v, "contract", &p.Contract); err != nil {
		return ui.View{}, err
	}
	ctx := v.Context()
	title := ui.T(ctx, "New contract")
	if p.governed.ID != "" {
		title = ui.T(ctx, "Contract: %s", p.Name)
	}
	return ui.View{Title: title, Body: contractBody(p), Trail: append(trail(v), ui.Link{Text: ui.T(ctx, "Plans and contracts"), To: "/plans"})}, nil
}

// whole reads a whole number of a form; empty is 0.
func whole(v *ui.Visit, name string) (int, error) {
	text := v.Typed(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fault.New(fault.Invalid, "service.argument", "expected a whole number").At(name)
	}
	return n, nil
}

// lines reads a field with one thing a line.
func lines[T ~string](text string) (out []T) {
	for one := range strings.Lines(text) {
		if one = strings.TrimSpace(one); one != "" {
			out = append(out, T(one))
		}
	}
	return out
}

func keepPlan(v *ui.Visit) (ui.Done, error) {
	p := service.Plan{
		ID: idFor(v), Name: v.Typed("name"), Kind: service.WorkKind(v.Typed("kind")), From: service.Day(v.Typed("from")), Note: v.Typed("note"),
		KeepRhythm: v.Typed("keepRhythm") != "", Disabled: v.Typed("disabled") != "", Steps: lines[string](v.Typed("steps")),
		Models: v.Form["model"], Devices: lines[model.DeviceID](v.Typed("devices")),
	}
	every, err := whole(v, "months")
	if err != nil {
		return ui.Done{}, err
	}
	switch v.Typed("every") {
	case "days":
		p.Days = every
	case "use":
		p.AfterUse = true
	default:
		p.Months = every
	}
	if p.Minutes, err = whole(v, "minutes"); err != nil {
		return ui.Done{}, err
	}
	for i := range 200 {
		n := strconv.Itoa(i)
		if _, there := v.Form["measure-"+n]; !there {
			break
		}
		m := service.Measure{Name: v.Typed("measure-" + n), UnitUCUM: v.Typed("unit-" + n), Min: service.Number(v.Typed("min-" + n)), Max: service.Number(v.Typed("max-" + n))}
		if m != (service.Measure{}) {
			p.Measures = append(p.Measures, m)
		}
	}
	if err := put(v, "plan", p); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/plans/" + p.ID, Toast: &ui.Toast{Text: ui.T(v.Context(), "The plan is kept; what is due by it is counted anew.")}}, nil
}

func keepContract(v *ui.Visit) (ui.Done, error) {
	c := service.Contract{
		ID: idFor(v), Name: v.Typed("name"), Supplier: v.Typed("supplier"), Number: v.Typed("number"), Contact: v.Typed("contact"),
		From: service.Day(v.Typed("from")), Until: service.Day(v.Typed("until")), Parts: v.Typed("parts") != "", Document: v.Typed("document"), Note: v.Typed("note"),
		Models: v.Form["model"], Devices: lines[model.DeviceID](v.Typed("devices")),
	}
	for _, k := range v.Form["covers"] {
		c.Covers = append(c.Covers, service.WorkKind(k))
	}
	var err error
	if c.Hours, err = whole(v, "hours"); err != nil {
		return ui.Done{}, err
	}
	if c.Notice, err = whole(v, "notice"); err != nil {
		return ui.Done{}, err
	}
	if err := put(v, "contract", c); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/contracts/" + c.ID, Toast: &ui.Toast{Text: ui.T(v.Context(), "The contract is kept.")}}, nil
}

// removed ends a plan or a contract.
func removed(noun string) func(v *ui.Visit) (ui.Done, error) {
	return func(v *ui.Visit) (ui.Done, error) {
		version, _ := strconv.ParseInt(v.Typed("version"), 10, 64)
		if err := v.Call(noun+".remove", service.Remove{ID: v.Path("id"), Version: version, Reason: v.Typed("reason")}, nil); err != nil {
			return ui.Done{}, err
		}
		return ui.Done{To: "/plans", Toast: &ui.Toast{Text: ui.T(v.Context(), "%s is removed.", v.Path("id"))}}, nil
	}
}
