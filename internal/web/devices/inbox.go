package devices

import (
	"context"
	"slices"
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
	seems := map[model.DeviceID]service.Suggestion{}
	if len(l.Rows) > 0 && v.May("device.suggest") {
		ask, all := service.SuggestAsk{}, []service.Suggestion{}
		for _, d := range l.Rows {
			ask.Devices = append(ask.Devices, d.ID)
		}
		if err := v.Call("device.suggest", ask, &all); err != nil {
			return ui.View{}, err
		}
		for _, s := range all {
			seems[s.Device] = s
		}
	}
	return ui.View{Title: ui.T(v.Context(), "Seen on the wire"), Body: inboxPage(l, seems), Styles: styles, Scripts: []string{"choose.js"}}, nil
}

// chosen gives the devices ticked in the inbox.
func chosen(v *ui.Visit) ([]string, error) {
	ids := v.Form["id"]
	if len(ids) == 0 {
		return nil, fault.New(fault.Invalid, "service.argument", "choose at least one device").At("id")
	}
	if len(ids) > pageSize {
		return nil, fault.New(fault.Invalid, "service.argument", "at most %d devices at once", pageSize).At("id")
	}
	return ids, nil
}

// inboxStates are what counts of a device nobody adopted: how its link is, and
// whether it is blocked.
func inboxStates(d service.DeviceRow) (out []service.State) {
	for i, s := range d.States {
		if i == 0 || s.Kind == "blocked" {
			out = append(out, s)
		}
	}
	return out
}

// chosenAgain says whether a device was ticked before what was asked was refused.
func chosenAgain(ctx context.Context, id model.DeviceID) bool {
	v := ui.From(ctx)
	return v.Fault != nil && slices.Contains(v.Form["id"], string(id))
}

// inUse says whether a block was refused because patients depend on a device.
func inUse(ctx context.Context) bool {
	f := ui.From(ctx).Fault
	return f != nil && f.Code == "service.device-in-use"
}

// adoptMany takes the chosen devices into use, one after another: what fails
// names the device, and those before it are adopted.
func adoptMany(v *ui.Visit) (ui.Done, error) {
	ids, err := chosen(v)
	if err != nil {
		return ui.Done{}, err
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

// seemsWhy says what a device seems to be, by what tells so.
func seemsWhy(ctx context.Context, s service.Suggestion) string {
	switch {
	case s.Model == "":
		return ui.T(ctx, "Its messages name no model.")
	case s.Adopted == 0:
		return ui.T(ctx, "Its messages say so; the house uses none of this model yet.")
	}
	return ui.Plural(ctx, s.Adopted, "Its messages say so; the house uses %s of this model.", "Its messages say so; the house uses %s of this model.")
}

// mayBeWhy says why a device may be one that is known.
func mayBeWhy(ctx context.Context, b service.MayBe) string {
	if b.Why == "serial" && b.Heard {
		return ui.T(ctx, "Both have the same serial number.")
	}
	if b.Why == "serial" {
		return ui.T(ctx, "Both have the same serial number; the other was entered and never heard.")
	}
	return ui.T(ctx, "That one is of the same model, stood at the same bed, and fell silent before this one spoke.")
}

// seemsText is the model that a device seems to be of; where its name says
// that already, whether the house knows the model.
func seemsText(ctx context.Context, d service.DeviceRow, s service.Suggestion) string {
	switch {
	case s.Model == "":
		return ui.T(ctx, "No model known")
	case s.Name != nameOf(d):
		return s.Name
	case s.Adopted == 0:
		return ui.T(ctx, "A new model")
	}
	return ui.Plural(ctx, s.Adopted, "%s of this model in use", "%s of this model in use")
}
