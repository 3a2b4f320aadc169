package devices

import (
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// merge says that a stranger is a known device, which was typed.
func merge(v *ui.Visit) (ui.Done, error) {
	into, err := known(v, v.Typed("into"))
	if err != nil {
		return ui.Done{}, err
	}
	return mergeInto(v, service.DeviceMerge{DeviceAct: deviceAct(v), Into: into, Force: v.Typed("force") != ""})
}

// mergeFound says that a stranger in the inbox is the device it may be.
func mergeFound(v *ui.Visit) (ui.Done, error) {
	stranger, into, ok := strings.Cut(v.Typed("pair"), " ")
	if !ok {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "the form is damaged; open the page again").At("pair")
	}
	return mergeInto(v, service.DeviceMerge{DeviceAct: service.DeviceAct{ID: model.DeviceID(stranger), Reason: v.Typed("reason")}, Into: model.DeviceID(into)})
}

func mergeInto(v *ui.Visit, ask service.DeviceMerge) (ui.Done, error) {
	var done service.DeviceMerged
	if err := v.Call("device.merge", ask, &done); err != nil {
		return ui.Done{}, err
	}
	ctx := v.Context()
	toast := &ui.Toast{Text: ui.T(ctx, "It is another name of this device now.")}
	if done.Deliveries > 0 {
		toast.Text = ui.Plural(ctx, done.Deliveries, "It is another name of this device now; %s delivery that waited goes out.", "It is another name of this device now; %s deliveries that waited go out.")
	}
	if v.May("device.separate") {
		toast.Undo, toast.With = "/devices/"+string(ask.ID)+"/separate", map[string]string{"reason": ui.T(ctx, "Merge taken back at once")}
	}
	return ui.Done{To: "/devices/" + string(done.Device.ID), Toast: toast}, nil
}

// separate undoes a merge.
func separate(v *ui.Visit) (ui.Done, error) {
	if err := v.Call("device.separate", deviceAct(v), nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: to(v), Toast: &ui.Toast{Text: ui.T(v.Context(), "They are two devices again.")}}, nil
}

// known gives the one adopted device that a text names.
func known(v *ui.Visit, text string) (model.DeviceID, error) {
	var l service.List[service.DeviceRow]
	if err := v.Call("device.list", service.DeviceAsk{Text: text, Limit: pageSize}, &l); err != nil {
		return "", err
	}
	var found []service.DeviceRow
	for _, d := range l.Rows {
		if string(d.ID) == text {
			return d.ID, nil
		}
		if d.Adopted && string(d.ID) != v.Path("id") {
			found = append(found, d)
		}
	}
	switch {
	case text == "" || len(found) == 0:
		return "", fault.New(fault.Invalid, "service.argument", "no adopted device is called so; type its serial number, asset number, name or id").At("into")
	case len(found) > 1 || l.Next != "":
		return "", fault.New(fault.Invalid, "service.argument", "several devices are called so; type the serial number or the id of one").At("into")
	}
	return found[0].ID, nil
}

// block lets nothing of a device leave.
func block(v *ui.Visit) (ui.Done, error) {
	ask := service.DeviceBlock{DeviceAct: deviceAct(v), Force: v.Typed("force") != ""}
	if text := v.Typed("hours"); text != "" {
		hours, err := strconv.ParseFloat(text, 64)
		if err != nil || !(hours > 0 && hours <= 24*366) {
			return ui.Done{}, fault.New(fault.Invalid, "service.argument", "%q is no number of hours up to a year", text).At("hours")
		}
		ask.For = model.Duration(hours * float64(time.Hour))
	}
	if err := v.Call("device.block", ask, nil); err != nil {
		return ui.Done{}, err
	}
	toast := &ui.Toast{Text: ui.T(v.Context(), "The device is blocked: nothing of it leaves.")}
	if v.May("device.unblock") {
		toast.Undo, toast.With = to(v)+"/unblock", map[string]string{"send": "1", "reason": ui.T(v.Context(), "Block taken back at once")}
	}
	return ui.Done{To: to(v), Toast: toast}, nil
}

// unblock ends a block.
func unblock(v *ui.Visit) (ui.Done, error) {
	ask := service.DeviceUnblock{DeviceAct: deviceAct(v), Send: v.Typed("send") != ""}
	var done service.DeviceUnblocked
	if err := v.Call("device.unblock", ask, &done); err != nil {
		return ui.Done{}, err
	}
	ctx := v.Context()
	said := ui.T(ctx, "The block has ended.")
	switch {
	case done.Deliveries > 0 && ask.Send:
		said = ui.Plural(ctx, done.Deliveries, "The block has ended; %s delivery that was set aside goes out.", "The block has ended; %s deliveries that were set aside go out.")
	case done.Deliveries > 0:
		said = ui.Plural(ctx, done.Deliveries, "The block has ended; %s delivery stays set aside.", "The block has ended; %s deliveries stay set aside.")
	}
	return ui.Done{To: to(v), Toast: &ui.Toast{Text: said}}, nil
}

// blockMany blocks the chosen strangers, one after another: what fails names
// the device, and those before it are blocked.
func blockMany(v *ui.Visit) (ui.Done, error) {
	ids, err := chosen(v)
	if err != nil {
		return ui.Done{}, err
	}
	for _, id := range ids {
		if err := v.Call("device.block", service.DeviceBlock{DeviceAct: service.DeviceAct{ID: model.DeviceID(id), Reason: v.Typed("reason")}, Force: v.Typed("force") != ""}, nil); err != nil {
			return ui.Done{}, err
		}
	}
	toast := &ui.Toast{Text: ui.Plural(v.Context(), len(ids), "%s device is blocked: nothing of it leaves.", "%s devices are blocked: nothing of them leaves.")}
	if len(ids) <= 40 && v.May("device.unblock") { // the toast travels in a cookie
		toast.Undo, toast.With = "/inbox/unblock", map[string]string{"ids": strings.Join(ids, " ")}
	}
	return ui.Done{To: "/inbox", Toast: toast}, nil
}

// unblockMany takes a block back.
func unblockMany(v *ui.Visit) (ui.Done, error) {
	ids := strings.Fields(v.Typed("ids"))
	for _, id := range ids[:min(len(ids), pageSize)] {
		act := service.DeviceAct{ID: model.DeviceID(id), Reason: ui.T(v.Context(), "Block taken back at once")}
		if err := v.Call("device.unblock", service.DeviceUnblock{DeviceAct: act, Send: true}, nil); err != nil {
			return ui.Done{}, err
		}
	}
	return ui.Done{To: "/inbox", Toast: &ui.Toast{Text: ui.T(v.Context(), "The block is taken back.")}}, nil
}

// blocked says whether nothing of the device leaves now.
func (p devicePage) blocked() bool { return p.Device.Block.InForce(time.Now()) }

// aliasName is what another name of a device is called: the serial number it
// tells, else the surest of what it is recognised by.
func aliasName(a service.Alias) string {
	if a.Serial == "" && len(a.Keys) > 0 {
		_, value, _ := strings.Cut(a.Keys[0], "|")
		return strings.ReplaceAll(value, "|", " · ")
	}
	return called(a.Serial, string(a.ID))
}
