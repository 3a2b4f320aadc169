package devices

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

// devicePage is everything shown of one device.
type devicePage struct {
	service.DevicePage
	Name  string
	State state
	Moved string // why its place is doubtful, empty when it is not

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
	d := &p.Device
	p.Name = called(d.Asserted.Name, called(strings.TrimSpace(d.Observed.Manufacturer+" "+d.Observed.Model), string(d.ID)))
	p.State = heard(ctx, d.Observed.FirstSeen, d.Seen.LastSeen, d.Seen.Messages)
	if said, stands := d.Observed.Place, d.Asserted.Place; said != (model.Place{}) && stands != (model.Place{}) && said != stands {
		p.Moved = ui.T(ctx, "Its messages say %s, people said %s. What the messages say is used.", ui.Place(said), ui.Place(stands))
	}
	if v.Query("more") != "" {
		p.More = true
		if err := p.look(v); err != nil {
			return ui.View{}, err
		}
	}
	return ui.View{
		Title: p.Name, Trail: []ui.Link{{Text: ui.T(ctx, "Devices"), To: "/devices"}}, Body: deviceBody(p), Actions: deviceActions(p),
		Styles: []string{"ward.css"},
	}, nil
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

// sent gives the identifiers as they were sent, without those that stand as
// they are among the identities.
func (p devicePage) sent() []model.Identifier {
	return slices.DeleteFunc(slices.Clone(p.Device.Observed.Identifiers), func(id model.Identifier) bool {
		return slices.ContainsFunc(p.Device.Keys, func(key string) bool { return strings.HasSuffix(key, "|"+id.Value) })
	})
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

// identity is one key by which a device is recognised.
type identity struct{ Kind, Value, Sure string }

// identities explains the keys of a device, the strongest first. A key is its
// kind and parts with a bar between.
func identities(ctx context.Context, keys []string) []identity {
	out := make([]identity, 0, len(keys))
	for _, key := range keys {
		kind, value, _ := strings.Cut(key, "|")
		value = strings.ReplaceAll(value, "|", " · ")
		id := identity{kind, value, ui.T(ctx, "Within what gave it")}
		switch kind {
		case "udi":
			id.Kind, id.Sure = ui.T(ctx, "UDI"), ui.T(ctx, "Anywhere in the world")
		case "eui64":
			id.Kind, id.Sure = ui.T(ctx, "EUI-64"), ui.T(ctx, "Anywhere in the world")
		case "serial":
			id.Kind, id.Sure = ui.T(ctx, "Serial number"), ui.T(ctx, "Within its maker and model")
		case "mac":
			id.Kind, id.Sure = ui.T(ctx, "Network address (MAC)"), ui.T(ctx, "Until its network card is changed")
		case "ei":
			id.Kind = ui.T(ctx, "Number given by a system")
		}
		out = append(out, id)
	}
	return out
}

func factName(ctx context.Context, fact string) string {
	switch fact {
	case "release":
		return ui.T(ctx, "Software")
	case "hardware":
		return ui.T(ctx, "Hardware")
	case "place":
		return ui.T(ctx, "Place")
	case "model":
		return ui.T(ctx, "Model")
	case "manufacturer":
		return ui.T(ctx, "Maker")
	case "serial":
		return ui.T(ctx, "Serial number")
	case "identifiers":
		return ui.T(ctx, "Identifiers")
	case "adoption":
		return ui.T(ctx, "Adoption")
	case "name":
		return ui.T(ctx, "Name")
	case "note":
		return ui.T(ctx, "Note")
	case "zone":
		return ui.T(ctx, "Zone")
	case "profile":
		return ui.T(ctx, "Profile")
	case "range":
		return ui.T(ctx, "Software and its profile's range")
	case "clock":
		return ui.T(ctx, "When its clock is off")
	}
	return fact
}

// byText says who brought a change about.
func byText(ctx context.Context, by model.ActorID) string {
	if by == "" {
		return ui.T(ctx, "Its own messages")
	}
	return string(by)
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
