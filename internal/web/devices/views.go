package devices

import (
	"net/url"
	"slices"

	"thalamus/internal/fault"
	"thalamus/internal/web/ui"
)

// savedView is a filter of the register that this browser keeps under a name.
type savedView struct {
	Name  string `json:"n"`
	Query string `json:"q"` // of the address, with the columns
}

const (
	keptViews = "device-views"
	mostViews = 12
)

func savedViews(v *ui.Visit) (out []savedView) {
	v.Kept(keptViews, &out)
	return out[:min(len(out), mostViews)]
}

// saveView keeps what the address shows under a name; one of that name is
// replaced.
func saveView(v *ui.Visit) (ui.Done, error) {
	name := v.Typed("name")
	query, err := url.ParseQuery(v.Typed("query"))
	if err != nil || name == "" || len(name) > 40 {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "give the view a name of at most 40 letters").At("name")
	}
	query.Del("after")
	views := slices.DeleteFunc(savedViews(v), func(s savedView) bool { return s.Name == name })
	views = append(views, savedView{name, query.Encode()})
	if _, ok := (ui.Kept{Value: views}).Text(); !ok || len(views) > mostViews {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "this browser keeps %d views, and no long ones; remove one first", mostViews).At("name")
	}
	return ui.Done{
		To: "/devices?" + query.Encode(), Keep: &ui.Kept{Name: keptViews, Value: views},
		Toast: &ui.Toast{Text: ui.T(v.Context(), "This browser keeps the view %s.", name), Undo: "/devices/views/remove", With: map[string]string{"name": name, "back": "/devices?" + query.Encode()}},
	}, nil
}

func removeView(v *ui.Visit) (ui.Done, error) {
	views := slices.DeleteFunc(savedViews(v), func(s savedView) bool { return s.Name == v.Typed("name") })
	return ui.Done{To: backTo(v, "/devices"), Keep: &ui.Kept{Name: keptViews, Value: views}, Toast: &ui.Toast{Text: ui.T(v.Context(), "The view is removed.")}}, nil
}
