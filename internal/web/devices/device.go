package devices

import (
	"context"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// devicePage is everything shown of one device.
type devicePage struct {
	service.DevicePage
	Name  string
	Kinds []service.FactKind

	// What stops if it stops, shown when asked for: it names patients, and is
	// audited as a look at them.
	Stops *service.Dependency

	// What it sent last, shown when asked for: it is a look at a patient's
	// data, and audited as one.
	More   bool
	Parts  []part
	Values []service.LatestValue
}

// part is a component of the device, as its last message tells.
type part struct {
	Depth                     int
	Name, Level, Serial, Soft string
}

func device(v *ui.Visit) (ui.View, error) {
	var p devicePage
	if err := v.Call("device.get", service.ID{ID: v.Path("id")}, &p.DevicePage); err != nil {
		return ui.View{}, err
	}
	ctx := v.Context()
	p.Name = deviceName(&p.DevicePage)
	if err := v.Call("fact.kinds", service.FactKindAsk{Layer: "device"}, &p.Kinds); err != nil {
		return ui.View{}, err
	}
	if v.Query("stops") != "" && v.May("dependency.get") {
		p.Stops = &service.Dependency{}
		if err := v.Call("dependency.get", service.DependencyAsk{Kind: "device", ID: string(p.Device.ID)}, p.Stops); err != nil {
			return ui.View{}, err
		}
	}
	if v.Query("more") != "" {
		p.More = true
		if err := p.look(v); err != nil {
			return ui.View{}, err
		}
	}
	return ui.View{
		Title: p.Name, Trail: []ui.Link{{Text: ui.T(ctx, "Register"), To: "/devices"}}, Body: deviceBody(p), History: deviceHistory(p), Actions: deviceActions(p),
		Styles: styles,
	}, nil
}

// deviceName is what a device is called: its name, else maker and model, else
// its id.
func deviceName(p *service.DevicePage) string {
	d := &p.Device
	return called(d.Asserted.Name, called(strings.TrimSpace(d.Observed.Manufacturer+" "+d.Observed.Model), string(d.ID)))
}

// look reads what the device sent last.
func (p *devicePage) look(v *ui.Visit) error {
	d := &p.Device
	if v.May("live.get") {
		var beds []service.Bed
		if err := v.Call("live.get", service.LiveAsk{Device: d.ID}, &beds); err != nil {
			return err
		}
		for _, b := range beds {
			p.Values = append(p.Values, b.Values...)
		}
	}
	if !v.May("message.get") || d.Seen.Seq == 0 {
		return nil
	}
	var m service.MessagePage
	err := v.Call("message.get", service.Ref{Seq: d.Seen.Seq, Part: d.Seen.Part}, &m)
	if fault.KindOf(err) == fault.Absent { // its day has been taken away
		return nil
	}
	if err == nil && m.Message != nil {
		p.Parts = parts(m.Message.Devices)
	}
	return err
}

// parts gives the components in their order, each with how deep it lies.
func parts(all []model.Device) []part {
	out := make([]part, 0, len(all))
	for i := range all {
		d := &all[i]
		depth, up := 0, d.Parent
		for up >= 0 && up < len(all) && depth < 4 {
			depth++
			up = all[up].Parent
		}
		name := called(d.Kind.Name, called(d.Kind.RefID, strings.TrimSpace(d.Manufacturer+" "+d.Model)))
		out = append(out, part{Depth: depth, Name: name, Level: strings.ToUpper(d.Level), Serial: d.Serial, Soft: d.Release})
	}
	return out
}

func (p devicePage) lastMessage() string {
	text, _ := model.MessageRef{Seq: p.Device.Seen.Seq, Part: p.Device.Seen.Part}.MarshalText()
	return string(text)
}

func deviceAct(v *ui.Visit) service.DeviceAct {
	return service.DeviceAct{ID: model.DeviceID(v.Path("id")), Reason: v.Typed("reason")}
}

func to(v *ui.Visit) string { return "/devices/" + v.Path("id") }

func adopt(v *ui.Visit) (ui.Done, error) {
	if err := v.Call("device.adopt", deviceAct(v), nil); err != nil {
		return ui.Done{}, err
	}
	toast := &ui.Toast{Text: ui.T(v.Context(), "The device is adopted.")}
	if v.May("device.release") {
		toast.Undo, toast.With = to(v)+"/release", map[string]string{"reason": ui.T(v.Context(), "Adoption taken back at once")}
	}
	return ui.Done{To: to(v), Toast: toast}, nil
}

func release(v *ui.Visit) (ui.Done, error) {
	if err := v.Call("device.release", deviceAct(v), nil); err != nil {
		return ui.Done{}, err
	}
	toast := &ui.Toast{Text: ui.T(v.Context(), "The device is released: it is new again.")}
	if v.May("device.adopt") {
		toast.Undo, toast.With = to(v)+"/adopt", map[string]string{"reason": ui.T(v.Context(), "Release taken back at once")}
	}
	return ui.Done{To: to(v), Toast: toast}, nil
}

func assert(v *ui.Visit) (ui.Done, error) {
	ask := service.DeviceAssert{DeviceAct: deviceAct(v), Name: v.Typed("name"), Place: v.Typed("place"), Note: v.Typed("note")}
	version, ok := versionOf(v.Typed("version"))
	if !ok {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "the form is damaged; open the page again").At("version")
	}
	ask.Version = version
	if err := v.Call("device.assert", ask, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: to(v), Toast: &ui.Toast{Text: ui.T(v.Context(), "Name, place and note are kept.")}}, nil
}

// decided writes a change's value as people read it.
func decided(ctx context.Context, fact, value string) string {
	switch {
	case fact == "adoption" && value == "adopted":
		return ui.T(ctx, "adopted")
	case fact == "adoption" && value == "unknown":
		return ui.T(ctx, "new")
	case fact == "range" && value == "outside":
		return ui.T(ctx, "outside")
	case fact == "range" && value == "inside":
		return ui.T(ctx, "within")
	case fact == "place":
		return ui.PlaceText(value)
	}
	return value
}

// versionOf reads the version a form was made from; empty means any.
func versionOf(text string) (int64, bool) {
	if text == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0
}

func refText(r model.MessageRef) string {
	text, _ := r.MarshalText()
	return string(text)
}
