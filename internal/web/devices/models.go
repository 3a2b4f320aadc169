package devices

import (
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// modelPage is one model with its releases, and what can be said of them.
type modelPage struct {
	service.ModelPage
	Kinds        []service.FactKind
	ReleaseKinds []service.FactKind
}

func models(v *ui.Visit) (ui.View, error) {
	var list []service.Model
	if err := v.Call("model.list", service.ModelAsk{Text: v.Query("text")}, &list); err != nil {
		return ui.View{}, err
	}
	return ui.View{Title: ui.T(v.Context(), "Models"), Body: modelsBody(list), Actions: modelsActions(), Styles: styles}, nil
}

func oneModel(v *ui.Visit) (ui.View, error) {
	ctx := v.Context()
	var p modelPage
	if err := v.Call("model.get", service.ID{ID: v.Path("id")}, &p.ModelPage); err != nil {
		return ui.View{}, err
	}
	if err := v.Call("fact.kinds", service.FactKindAsk{Layer: "model"}, &p.Kinds); err != nil {
		return ui.View{}, err
	}
	if err := v.Call("fact.kinds", service.FactKindAsk{Layer: "release"}, &p.ReleaseKinds); err != nil {
		return ui.View{}, err
	}
	return ui.View{
		Title: modelName(p.Model), Trail: []ui.Link{{Text: ui.T(ctx, "Models"), To: "/models"}}, Body: modelBody(p), Styles: styles,
	}, nil
}

// addModel enters a model before a device of it is there.
func addModel(v *ui.Visit) (ui.Done, error) {
	ask := service.ModelNew{Manufacturer: v.Typed("manufacturer"), Name: v.Typed("model"), Reason: v.Typed("reason")}
	if ask.Reason == "" {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "say why").At("reason")
	}
	var m service.Model
	if err := v.Call("model.add", ask, &m); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/models/" + m.ID, Toast: &ui.Toast{Text: ui.T(v.Context(), "The model is entered.")}}, nil
}

func modelName(m service.Model) string { return strings.TrimSpace(m.Manufacturer + " " + m.Name) }

// saidOf gives what counts of a fact, empty for nothing.
func saidOf(list []service.Resolved, name string) string {
	for _, r := range list {
		if r.Name == name {
			return r.Value
		}
	}
	return ""
}
