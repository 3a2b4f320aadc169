package labels

import (
	"context"
	"net/url"
	"slices"

	"github.com/a-h/templ"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// labelPage is one unknown label with what it may mean.
type labelPage struct {
	service.UnknownLabel
	Found    []service.LabelCandidate // what a search of the table brought
	Searched string
	Scopes   []ui.Option
}

// unknown finds one label of the inbox: where the address names a message, in
// that one, else among the latest.
func unknown(v *ui.Visit) (service.UnknownLabel, error) {
	var ask service.LabelAsk
	if text := v.Query("message"); text != "" {
		if err := ask.Message.UnmarshalText([]byte(text)); err != nil {
			return service.UnknownLabel{}, fault.Wrap(err, fault.Invalid, "web.number", "this is no number of a message")
		}
	}
	var in service.LabelInbox
	if err := v.Call("label.list", ask, &in); err != nil {
		return service.UnknownLabel{}, err
	}
	for _, u := range in.Unknown {
		if u.ID == v.Path("id") {
			return u, nil
		}
	}
	return service.UnknownLabel{}, fault.New(fault.Absent, "web.no-label", "no message that was looked at holds this label any more; look at the list again")
}

func label(v *ui.Visit) (ui.View, error) {
	u, err := unknown(v)
	if err != nil {
		return ui.View{}, err
	}
	return labelView(v, labelPage{UnknownLabel: u}), nil
}

func labelView(v *ui.Visit, p labelPage) ui.View {
	ctx := v.Context()
	p.Scopes = scopes(ctx, p.UnknownLabel)
	return ui.View{Styles: styles, Title: ui.T(ctx, "What does this label mean?"), Body: labelBody(p), Trail: trail(ctx)}
}

func trail(ctx context.Context) []ui.Link {
	return []ui.Link{{Text: ui.T(ctx, "Labels"), To: "/labels"}}
}

// scopes a mapping may have: the narrowest that is told comes first and is
// chosen, because a wider one may say something wrong of others.
func scopes(ctx context.Context, u service.UnknownLabel) []ui.Option {
	var out []ui.Option
	if s := sender(u.Manufacturer, u.Model); s != "" {
		out = append(out, ui.Option{Value: "model", Text: ui.T(ctx, "All devices that call themselves %s", s)})
	}
	if u.Profile != "" {
		out = append(out, ui.Option{Value: "profile", Text: ui.T(ctx, "All messages read with the profile %s", u.Profile)})
	}
	return append(out,
		ui.Option{Value: "channel", Text: ui.T(ctx, "Everything on channel %s", u.Channel)},
		ui.Option{Value: "all", Text: ui.T(ctx, "Everywhere")})
}

// all are the candidates to choose from: what is read now where it is the
// unit that is missing, the nearest, what was found.
func (p labelPage) all() []service.LabelCandidate {
	out := slices.Clone(p.Nearest)
	if p.What == "unit" {
		out = []service.LabelCandidate{{Code: p.Now, Likeness: 1}}
	}
	for _, f := range p.Found {
		if !slices.ContainsFunc(out, func(c service.LabelCandidate) bool { return c.Code == f.Code }) {
			out = append(out, f)
		}
	}
	return out
}

// chosen says whether a candidate is the one that was chosen before; one whose
// code is known already is chosen from the start.
func (p labelPage) chosen(v *ui.Visit, code string) bool {
	if typed, ok := v.Form["code"]; ok && len(typed) > 0 {
		return typed[0] == code
	}
	return p.What == "unit" && code == p.Now
}

func scopeChosen(v *ui.Visit, p labelPage, scope string) bool {
	if typed := v.Typed("scope"); typed != "" {
		return typed == scope
	}
	return len(p.Scopes) > 0 && p.Scopes[0].Value == scope
}

// search looks into the table and shows what it finds among the candidates.
// Nothing is changed.
func search(v *ui.Visit) (ui.Done, error) {
	u, err := unknown(v)
	if err != nil {
		return ui.Done{}, err
	}
	p := labelPage{UnknownLabel: u, Searched: v.Typed("text")}
	if err := v.Call("term.find", service.TermAsk{Text: p.Searched, Unit: u.Unit}, &p.Found); err != nil {
		return ui.Done{}, err
	}
	view := labelView(v, p)
	return ui.Done{View: &view}, nil
}

// mapIt says what the label means, in one step.
func mapIt(v *ui.Visit) (ui.Done, error) {
	u, err := unknown(v)
	if err != nil {
		return ui.Done{}, err
	}
	ask := service.MapLabel{Label: u.Label, Code: v.Typed("code"), UCUM: v.Typed("ucum"), Note: v.Typed("note"), Reason: v.Typed("reason")}
	if other := v.Typed("other"); other != "" {
		ask.Code = other
	}
	if ask.Code == "" {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "choose what the label means, or write a code").At("code")
	}
	switch v.Typed("scope") {
	case "model":
		ask.Manufacturer, ask.Model = u.Manufacturer, u.Model
	case "profile":
		ask.Profile = u.Profile
	case "channel":
		ask.Channel = u.Channel
	case "all":
	default:
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "say for whom it holds").At("scope")
	}
	if v.Typed("only-unit") != "" {
		ask.Unit = u.Unit
	}
	var made service.Versioned[model.Label]
	if err := v.Call("label.map", ask, &made); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/mappings/" + string(made.Value.ID), Toast: mappedToast(v, made)}, nil
}

// mappedToast offers the way back where there was nothing before.
func mappedToast(v *ui.Visit, made service.Versioned[model.Label]) *ui.Toast {
	t := &ui.Toast{Text: ui.T(v.Context(), "The label is mapped. Messages that come from now on are read so.")}
	if made.Version == 1 && v.May("label.unmap") {
		t.Undo, t.With = "/mappings/"+string(made.Value.ID)+"/unmap", map[string]string{"reason": ui.T(v.Context(), "Taken back at once")}
	}
	return t
}

// act is the address of an act on an unknown label; it looks into the same
// message as its page.
func act(v *ui.Visit, id, verb string) templ.SafeURL {
	to := "/labels/" + id + "/" + verb
	if m := v.Query("message"); m != "" {
		to += "?message=" + url.QueryEscape(m)
	}
	return templ.SafeURL(to)
}

func wrongID(v *ui.Visit, field string) string {
	if v.Wrong(field) == "" {
		return ""
	}
	return "f-" + field + "-wrong"
}
