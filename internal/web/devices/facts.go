package devices

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// factsPage is what is believed of one thing: all of it, also of another day,
// or one fact with everything that was ever believed of it.
type factsPage struct {
	Subject service.FactSubject
	Thing   ui.Link // what it is about
	Kinds   []service.FactKind
	Facts   []service.Resolved
	At      string // true on, a day; empty: now
	Known   string // as believed on, a day; empty: now

	Name    string // the one fact, empty: all
	Kind    service.FactKind
	One     *service.Resolved // what counts of it
	History []service.Fact
	Version int64 // of what was said of it, which the forms change
}

// factPage is where a fact is looked into and said.
func factPage(subject, name string) string {
	q := url.Values{"subject": {subject}}
	if name != "" {
		q.Set("name", name)
	}
	return "/facts?" + q.Encode()
}

// asked gives a parameter of the address, or of the form that was refused.
func asked(v *ui.Visit, name string) string {
	if s := v.Typed(name); s != "" {
		return s
	}
	return v.Query(name)
}

func facts(v *ui.Visit) (ui.View, error) {
	ctx := v.Context()
	p := factsPage{Subject: service.FactSubject(asked(v, "subject")), Name: asked(v, "name"), At: v.Query("at"), Known: v.Query("known")}
	if p.Subject == "" {
		return ui.View{Title: ui.T(ctx, "Facts"), Body: factsNowhere(), Styles: styles}, nil
	}
	if err := p.read(v); err != nil {
		return ui.View{}, err
	}
	view := ui.View{Title: ui.T(ctx, "Facts"), Trail: []ui.Link{thingsOf(ctx, p.Subject), p.Thing}, Body: factsBody(p), Styles: styles}
	if p.Name != "" {
		view.Title, view.Body = factName(ctx, p.Name), factBody(p)
	}
	return view, nil
}

// read asks for everything of the page.
func (p *factsPage) read(v *ui.Visit) (err error) {
	if p.Thing, err = thing(v, p.Subject); err != nil {
		return err
	}
	ask := service.FactAsk{Subject: p.Subject}
	if ask.At, err = dayOf(v, "at", p.At); err != nil {
		return err
	}
	if ask.Known, err = dayOf(v, "known", p.Known); err != nil {
		return err
	}
	if err = v.Call("fact.list", ask, &p.Facts); err != nil {
		return err
	}
	if err = v.Call("fact.kinds", service.FactKindAsk{Layer: p.Subject.Layer()}, &p.Kinds); err != nil || p.Name == "" {
		return err
	}
	i := slices.IndexFunc(p.Kinds, func(k service.FactKind) bool { return k.Name == p.Name })
	if i < 0 {
		return fault.New(fault.Absent, "register.fact", "there is no fact %q of a %s", short(p.Name), p.Subject.Layer())
	}
	p.Kind = p.Kinds[i]
	if i = slices.IndexFunc(p.Facts, func(r service.Resolved) bool { return r.Name == p.Name }); i >= 0 {
		p.One = &p.Facts[i]
	}
	if err := v.Call("fact.history", service.FactHistoryAsk{Subject: p.Subject, Name: p.Name, Limit: 1000}, &p.History); err != nil {
		return err
	}
	if p.Version = service.FactVersion(p.History, p.Name); p.One != nil {
		p.Version = p.One.Version
	}
	return nil
}

// dayOf reads a day of the address; the end of it, so that what was said on
// that day is there. Zero for none.
func dayOf(v *ui.Visit, field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, v.Zone)
	if err != nil {
		return time.Time{}, fault.New(fault.Invalid, "service.argument", "give a day such as 2026-05-03").At(field)
	}
	if t = t.AddDate(0, 0, 1).Add(-time.Millisecond); t.After(v.Now) {
		return v.Now, nil
	}
	return t, nil
}

// thing names what facts are about, and leads to it.
func thing(v *ui.Visit, s service.FactSubject) (ui.Link, error) {
	id := s.ID()
	switch s.Layer() {
	case "device":
		var p service.DevicePage
		if err := v.Call("device.get", service.ID{ID: id}, &p); err != nil {
			return ui.Link{}, err
		}
		return ui.Link{Text: deviceName(&p), To: ui.To("/devices/", id)}, nil
	case "model":
		var p service.ModelPage
		if err := v.Call("model.get", service.ID{ID: id}, &p); err != nil {
			return ui.Link{}, err
		}
		return ui.Link{Text: modelName(p.Model), To: ui.To("/models/", id)}, nil
	case "release":
		var all []service.Model
		if err := v.Call("model.list", service.ModelAsk{}, &all); err != nil {
			return ui.Link{}, err
		}
		for _, m := range all {
			for _, r := range m.Releases {
				if r.ID == id {
					return ui.Link{Text: modelName(m) + " · " + r.Version, To: ui.To("/models/", m.ID)}, nil
				}
			}
		}
	}
	return ui.Link{}, fault.New(fault.Absent, "register.no-subject", "there is no such thing in the register; choose it in a list")
}

// thingsOf is the list that a thing stands in.
func thingsOf(ctx context.Context, s service.FactSubject) ui.Link {
	if s.Layer() == "device" {
		return ui.Link{Text: ui.T(ctx, "Register"), To: "/devices"}
	}
	return ui.Link{Text: ui.T(ctx, "Models"), To: "/models"}
}

func short(text string) string {
	if len(text) > 60 {
		return text[:60] + "…"
	}
	return text
}

// factGroup is the facts that stand under one heading.
type factGroup struct {
	Name  string
	Facts []service.Resolved
}

// grouped puts facts under their headings, in the order of their kinds.
func grouped(list []service.Resolved, kinds []service.FactKind) (out []factGroup) {
	for _, k := range kinds {
		i := slices.IndexFunc(list, func(r service.Resolved) bool { return r.Name == k.Name })
		if i < 0 {
			continue
		}
		g := slices.IndexFunc(out, func(g factGroup) bool { return g.Name == k.Group })
		if g < 0 {
			out = append(out, factGroup{Name: k.Group})
			g = len(out) - 1
		}
		out[g].Facts = append(out[g].Facts, list[i])
	}
	return out
}

// kindOptions are the facts that can be said of a thing here.
func kindOptions(ctx context.Context, kinds []service.FactKind) []ui.Option {
	out := make([]ui.Option, 0, len(kinds))
	for _, k := range kinds {
		if k.Own == "" {
			out = append(out, ui.Option{Value: k.Name, Text: groupName(ctx, k.Group) + ": " + factName(ctx, k.Name)})
		}
	}
	return out
}

// valueField is the field a fact's value is typed into, as its form wants.
func valueField(ctx context.Context, p factsPage, form string) ui.Field {
	f := ui.Field{Name: "value", Form: ui.To(form), Label: factName(ctx, p.Name), Max: 1000, Required: true}
	if p.One != nil {
		f.Value = p.One.Value
	}
	switch p.Kind.Form {
	case "choice":
		for _, c := range p.Kind.Choices {
			f.Options = append(f.Options, ui.Option{Value: c, Text: choiceName(ctx, c)})
		}
	case "date":
		f.Kind = "date"
	case "link":
		f.Kind = "url"
	case "number":
		f.Hint = ui.T(ctx, "A number such as 1250.50.")
	case "place":
		f.Mono, f.Hint = true, ui.T(ctx, "Point of care, room, bed: ICU^2^23.")
	case "hardware", "address", "identity":
		f.Mono = true
	}
	return f
}

// sayFact takes the form of a fact: what a person says, or decides.
func sayFact(operation string) func(v *ui.Visit) (ui.Done, error) {
	return func(v *ui.Visit) (ui.Done, error) {
		ctx := v.Context()
		ask := service.FactSay{
			Subject: service.FactSubject(v.Typed("subject")), Name: v.Typed("name"), Value: v.Typed("value"),
			Source: v.Typed("source"), Reason: v.Typed("reason"),
		}
		ask.Version, _ = strconv.ParseInt(v.Typed("version"), 10, 64) // of the page; none where it was not sent
		if v.Typed("end") != "" {
			ask.Value = ""
		} else if ask.Value == "" {
			return ui.Done{}, fault.New(fault.Invalid, "service.argument", "say what is so; to take it back, use the button for that").At("value")
		}
		if ask.Reason == "" {
			return ui.Done{}, fault.New(fault.Invalid, "service.argument", "say why").At("reason")
		}
		var err error
		if ask.From, err = typedDay(v, "from"); err != nil {
			return ui.Done{}, err
		}
		if ask.Until, err = typedDay(v, "until"); err != nil {
			return ui.Done{}, err
		}
		var said service.FactSaid
		if err := v.Call(operation, ask, &said); err != nil {
			return ui.Done{}, err
		}
		done := ui.Done{To: factPage(string(ask.Subject), ask.Name)}
		text := ui.T(ctx, "%s: kept.", factName(ctx, ask.Name))
		switch {
		case !said.Changed:
			text = ui.T(ctx, "%s: it was so already.", factName(ctx, ask.Name))
		case ask.Value == "":
			text = ui.T(ctx, "%s: taken back.", factName(ctx, ask.Name))
		}
		done.Toast = ui.Undoable(v, text, done.To, said.Change)
		return done, nil
	}
}

// undoChanges takes changes back, the last one first.
func undoChanges(v *ui.Visit) (ui.Done, error) {
	ctx := v.Context()
	changes := strings.Fields(v.Typed("change"))
	slices.Reverse(changes)
	toast := &ui.Toast{Text: ui.T(ctx, "The change is taken back.")}
	back := v.Typed("back")
	if !ui.Local(back) {
		back = "/devices"
	}
	for _, change := range changes[:min(len(changes), 10)] {
		var undone service.ChangeUndone
		reason := called(v.Typed("reason"), ui.T(ctx, "Taken back"))
		if err := v.Call("change.undo", service.ChangeUndo{Change: change, Reason: reason}, &undone); err != nil {
			return ui.Done{}, err
		}
		if undone.Job != "" {
			back, toast.Text = "/jobs/"+undone.Job, ui.T(ctx, "The change is taken back in the background.")
		}
	}
	return ui.Done{To: back, Toast: toast}, nil
}

// typedDay reads a field of kind date, in the reader's zone; zero for none.
func typedDay(v *ui.Visit, field string) (time.Time, error) {
	text := v.Typed(field)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, v.Zone)
	if err != nil {
		return time.Time{}, fault.New(fault.Invalid, "service.argument", "give a day such as 2026-05-03").At(field)
	}
	return t, nil
}
