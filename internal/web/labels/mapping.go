package labels

import (
	"slices"
	"strconv"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// mappingPage is one mapped label, and what it would change of what is stored.
type mappingPage struct {
	service.Versioned[model.Label]
	Name  string              // of what it means
	Trial *service.LabelTrial // when it was asked for
	Gone  bool                // it was taken back
}

func mapping(v *ui.Visit) (ui.View, error) {
	p, err := mapped(v)
	if err != nil {
		return ui.View{}, err
	}
	return mappingView(v, p), nil
}

// mapped reads a mapping; one that was taken back shows its history.
func mapped(v *ui.Visit) (mappingPage, error) {
	var p mappingPage
	id := service.ID{ID: v.Path("id")}
	var history []service.Versioned[model.Label]
	if err := v.Call("label.history", id, &history); err != nil {
		return p, err
	}
	err := v.Call("label.get", id, &p.Versioned)
	if fault.KindOf(err) == fault.Absent && len(history) > 0 {
		p.Gone, err = true, nil
		last := slices.IndexFunc(history, func(h service.Versioned[model.Label]) bool { return !h.Removed })
		p.Versioned = history[max(last, 0)]
	}
	if err != nil {
		return p, err
	}
	if v.May("term.find") {
		var found []service.LabelCandidate
		if err := v.Call("term.find", service.TermAsk{Text: p.Value.Code, Limit: 1}, &found); err != nil {
			return p, err
		}
		if len(found) > 0 && found[0].Likeness == 1 {
			p.Name = found[0].Name
		}
	}
	return p, nil
}

func mappingView(v *ui.Visit, p mappingPage) ui.View {
	ctx := v.Context()
	view := ui.View{Styles: styles, Title: ui.T(ctx, "A mapped label"), Body: mappingBody(p), Trail: trail(ctx)}
	if !p.Gone {
		view.Actions = mappingActions(p)
	}
	return view
}

// row is the mapping as lists have it.
func (p mappingPage) row() service.MappedLabel {
	l := p.Value
	return service.MappedLabel{ID: l.ID, Label: l.Label, Unit: l.Unit, Channel: l.Channel, Manufacturer: l.Manufacturer, Model: l.Model, Profile: l.Profile, Code: l.Code, Name: p.Name, UCUM: l.UCUM, Note: l.Note}
}

func home(v *ui.Visit) string { return "/mappings/" + v.Path("id") }

// change maps the same label for the same scope to something else.
func change(v *ui.Visit) (ui.Done, error) {
	p, err := mapped(v)
	if err != nil {
		return ui.Done{}, err
	}
	l := p.Value
	ask := service.MapLabel{Label: l.Label, Unit: l.Unit, Channel: l.Channel, Manufacturer: l.Manufacturer, Model: l.Model, Profile: l.Profile,
		Code: v.Typed("code"), UCUM: v.Typed("ucum"), Note: v.Typed("note"), Reason: v.Typed("reason")}
	if !p.Gone {
		ask.Version = p.Version
	}
	if err := v.Call("label.map", ask, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: home(v), Toast: &ui.Toast{Text: ui.T(v.Context(), "What the label means is changed.")}}, nil
}

func unmap(v *ui.Visit) (ui.Done, error) {
	if err := v.Call("label.unmap", service.Remove{ID: v.Path("id"), Reason: v.Typed("reason")}, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: home(v), Toast: &ui.Toast{Text: ui.T(v.Context(), "The mapping is taken back.")}}, nil
}

// stored says what reading the stored messages again would change.
func stored(v *ui.Visit) (ui.Done, error) {
	p, err := mapped(v)
	if err != nil {
		return ui.Done{}, err
	}
	if p.Trial, err = try(v); err != nil {
		return ui.Done{}, err
	}
	view := mappingView(v, p)
	return ui.Done{View: &view}, nil
}

// mostTried is how many messages with issues are looked through.
const mostTried = 5000

func try(v *ui.Visit) (*service.LabelTrial, error) {
	var t service.LabelTrial
	err := v.Call("label.try", service.TryLabel{ID: v.Path("id"), Messages: mostTried}, &t)
	return &t, err
}

// reread reads those messages again that would say something else, and leads
// to the replay that does it.
func reread(v *ui.Visit) (ui.Done, error) {
	reason, err := v.Why()
	if err != nil {
		return ui.Done{}, err
	}
	t, err := try(v)
	if err != nil {
		return ui.Done{}, err
	}
	if len(t.Changed) == 0 {
		return ui.Done{}, fault.New(fault.Invalid, "deliver.replay-what", "no stored message would say anything else; there is nothing to read again")
	}
	var made service.ReplayMade
	if err := v.Call("entry.replay", service.ReplayAsk{Refs: t.Changed, Reread: true, Reason: reason}, &made); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/replays/" + strconv.FormatUint(made.Replay, 10), Toast: &ui.Toast{Text: ui.Plural(v.Context(), len(t.Changed), "%s message is read again.", "%s messages are read again.")}}, nil
}
