package care

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// belongsPage is what belongs to a device.
type belongsPage struct {
	Device string
	Rows   []service.Accessory
}

func deviceTrail(v *ui.Visit, id string) []ui.Link {
	register := ui.Link{Text: ui.T(v.Context(), "Register"), To: "/devices"}
	if id == "" {
		return []ui.Link{register}
	}
	return []ui.Link{register, {Text: ui.Called(v.Context(), id), To: ui.To("/devices/", id)}}
}

// deviceOf is the device that the address or the form names.
func deviceOf(v *ui.Visit) string {
	if id := v.Query("device"); id != "" {
		return id
	}
	return v.Typed("device")
}

func belongs(v *ui.Visit) (ui.View, error) {
	p := belongsPage{Device: deviceOf(v)}
	if err := v.Call("accessory.list", service.AccessoryAsk{Device: model.DeviceID(p.Device), Limit: 1000}, &p.Rows); err != nil {
		return ui.View{}, err
	}
	return ui.View{Title: ui.T(v.Context(), "Accessories and consumables"), Body: belongsBody(p), Trail: deviceTrail(v, p.Device)}, nil
}

func addAccessory(v *ui.Visit) (ui.Done, error) {
	count, err := whole(v, "count")
	if err != nil {
		return ui.Done{}, err
	}
	device := v.Typed("device")
	ask := service.AccessoryNew{
		Device: model.DeviceID(device), Name: v.Typed("name"), Number: v.Typed("number"), Serial: v.Typed("serial"), Lot: v.Typed("lot"),
		Count: count, Consumable: v.Typed("consumable") != "", ReplaceBy: service.Day(v.Typed("replaceBy")),
	}
	var a service.Accessory
	if err := v.Call("accessory.add", ask, &a); err != nil {
		return ui.Done{}, err
	}
	to := "/accessories?device=" + device
	return ui.Done{To: to, Toast: ui.Undoable(v, ui.T(v.Context(), "It is added."), to, a.Added.Change)}, nil
}

func removeAccessory(v *ui.Visit) (ui.Done, error) {
	id, err := strconv.ParseInt(v.Typed("id"), 10, 64)
	if err != nil {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "the form is damaged; open the page again").At("id")
	}
	var a service.Accessory
	if err := v.Call("accessory.remove", service.Numbered{ID: id, Reason: v.Typed("reason")}, &a); err != nil {
		return ui.Done{}, err
	}
	to := "/accessories?device=" + string(a.Device)
	return ui.Done{To: to, Toast: ui.Undoable(v, ui.T(v.Context(), "It is taken away."), to, a.Removed.Change)}, nil
}

// disposePage asks for the proof of wiping.
type disposePage struct {
	Device  string
	Version int64
	Holds   string // whether it keeps patients' records, as far as said
}

func disposal(v *ui.Visit) (ui.View, error) {
	p := disposePage{Device: deviceOf(v)}
	if p.Device == "" {
		return ui.View{Title: ui.T(v.Context(), "Dispose of a device"), Body: disposeNothing(), Trail: deviceTrail(v, "")}, nil
	}
	var d service.DevicePage
	if err := v.Call("device.get", service.ID{ID: p.Device}, &d); err != nil {
		return ui.View{}, err
	}
	p.Version = d.Device.Version
	for _, f := range d.Facts {
		if f.Name == "holds" {
			p.Holds = f.Value
		}
	}
	return ui.View{Title: ui.T(v.Context(), "Dispose of: %s", ui.Called(v.Context(), p.Device)), Body: disposeBody(p), Trail: deviceTrail(v, p.Device)}, nil
}

func dispose(v *ui.Visit) (ui.Done, error) {
	version, _ := strconv.ParseInt(v.Typed("version"), 10, 64)
	device := v.Typed("device")
	ask := service.DeviceDispose{
		DeviceAct: service.DeviceAct{ID: model.DeviceID(device), Version: version, Reason: v.Typed("reason")},
		WipedBy:   v.Typed("wipedBy"), WipedHow: v.Typed("wipedHow"), WipedOn: service.Day(v.Typed("wipedOn")), Document: v.Typed("document"), Note: v.Typed("note"),
		Force: v.Typed("force") != "",
	}
	var out service.Disposed
	if err := v.Call("device.dispose", ask, &out); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: to(out.Order.ID), Toast: ui.Undoable(v, ui.T(v.Context(), "The device is disposed of; its order keeps the proof."), "/devices/"+device, out.Change)}, nil
}

func holdsText(ctx context.Context, holds string) string {
	switch holds {
	case "personal", "pseudonymous":
		return ui.T(ctx, "It keeps records of patients: without the proof it cannot be disposed of.")
	case "none", "technical":
		return ui.T(ctx, "It keeps no records of patients: the proof may be left out.")
	}
	return ui.T(ctx, "Of this device nobody has said whether it keeps records of patients. Unless its model tells, say it on its page or give the proof.")
}

func planKinds(ctx context.Context) []ui.Option {
	var out []ui.Option
	for _, k := range []service.WorkKind{"preventive", "calibration", "electrical-safety"} {
		out = append(out, ui.Option{Value: string(k), Text: kindName(ctx, k)})
	}
	return out
}

func coveredKinds() []service.WorkKind {
	return []service.WorkKind{"preventive", "calibration", "electrical-safety", "corrective", "disposal"}
}

func everyNumber(p service.Plan) string { return numberOrEmpty(p.Months + p.Days) }

func everyUnit(p service.Plan) string {
	switch {
	case p.AfterUse:
		return "use"
	case p.Days > 0:
		return "days"
	}
	return "months"
}

func numberOrEmpty(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func joined(ids []model.DeviceID) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return strings.Join(out, "\n")
}

func withBlanks(m []service.Measure) []service.Measure {
	return append(slices.Clone(m), make([]service.Measure, blankRows)...)
}

// chosen says whether a box is ticked: as it was sent, else as it is stored.
func chosen(v *ui.Visit, name, value string, stored []string) bool {
	if v.Form != nil {
		return slices.Contains(v.Form[name], value)
	}
	return slices.Contains(stored, value)
}

// pathOf is the part of an address that names a thing, or a new one.
func pathOf(g governed) string {
	if g.ID == "" {
		return "new"
	}
	return g.ID
}
