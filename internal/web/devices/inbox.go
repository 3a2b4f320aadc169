package devices

import (
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

func inbox(v *ui.Visit) (ui.View, error) {
	var l service.List[service.DeviceRow]
	if err := v.Call("device.list", service.DeviceAsk{New: true, After: model.DeviceID(v.Query("after")), Limit: pageSize}, &l); err != nil {
		return ui.View{}, err
	}
	if l.Next == "" && v.Query("after") == "" {
		byPlace(l.Rows)
	}
	return ui.View{Title: ui.T(v.Context(), "Seen on the wire"), Body: inboxPage(l), Styles: styles, Scripts: []string{"choose.js"}}, nil
}

// adoptMany takes the chosen devices into use, one after another: what fails
// names the device, and those before it are adopted.
func adoptMany(v *ui.Visit) (ui.Done, error) {
	ids := v.Form["id"]
	if len(ids) == 0 {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "choose at least one device").At("id")
	}
	if len(ids) > pageSize {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "at most %d devices at once", pageSize).At("id")
	}
	for _, id := range ids {
		if err := v.Call("device.adopt", service.DeviceAct{ID: model.DeviceID(id), Reason: v.Typed("reason")}, nil); err != nil {
			return ui.Done{}, err
		}
	}
	toast := &ui.Toast{Text: ui.Plural(v.Context(), len(ids), "%s device is adopted.", "%s devices are adopted.")}
	if len(ids) <= 40 && v.May("device.release") { // the toast travels in a cookie
		toast.Undo, toast.With = "/inbox/back", map[string]string{"ids": strings.Join(ids, " ")}
	}
	return ui.Done{To: "/inbox", Toast: toast}, nil
}

// releaseMany takes an adoption back.
func releaseMany(v *ui.Visit) (ui.Done, error) {
	ids := strings.Fields(v.Typed("ids"))
	for _, id := range ids[:min(len(ids), pageSize)] {
		if err := v.Call("device.release", service.DeviceAct{ID: model.DeviceID(id), Reason: ui.T(v.Context(), "Adoption taken back at once")}, nil); err != nil {
			return ui.Done{}, err
		}
	}
	return ui.Done{To: "/inbox", Toast: &ui.Toast{Text: ui.T(v.Context(), "The adoption is taken back.")}}, nil
}
