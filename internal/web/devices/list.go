package devices

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// register is a page of the register.
type register struct {
	List     service.List[service.DeviceRow]
	Channels []ui.Option
	New      int
	Filtered bool
}

const pageSize = 100

func list(v *ui.Visit) (ui.View, error) {
	var r register
	ask := service.DeviceAsk{
		Text: v.Query("text"), Channel: model.ChannelID(v.Query("channel")), New: v.Query("new") != "",
		After: model.DeviceID(v.Query("after")), Limit: pageSize,
		Profile: v.Query("profile"), Outside: v.Query("outside") != "",
	}
	r.Filtered = ask.Text != "" || ask.Channel != "" || ask.New || ask.Profile != "" || ask.Outside
	if err := v.Call("device.list", ask, &r.List); err != nil {
		return ui.View{}, err
	}
	if r.List.Next == "" && ask.After == "" {
		byPlace(r.List.Rows)
	}
	if v.May("overview.get") {
		var o service.Overview
		if err := v.Call("overview.get", nil, &o); err != nil {
			return ui.View{}, err
		}
		r.New = o.Unadopted
		r.Channels = []ui.Option{{Value: "", Text: ui.T(v.Context(), "All channels")}}
		for _, c := range o.Channels {
			r.Channels = append(r.Channels, ui.Option{Value: string(c.ID), Text: called(c.Name, string(c.ID))})
		}
	}
	return ui.View{Title: ui.T(v.Context(), "Devices"), Body: listPage(r), Styles: []string{"ward.css"}}, nil
}

func called(name, id string) string {
	if name != "" {
		return name
	}
	return id
}

// nameOf is what a device is called: its name, else maker and model, else its
// id.
func nameOf(d service.DeviceRow) string {
	if d.Name != "" {
		return d.Name
	}
	return called(strings.TrimSpace(d.Manufacturer+" "+d.Model), string(d.ID))
}

// modelOf is maker and model where they are not the name already.
func modelOf(d service.DeviceRow) string {
	if d.Name == "" {
		return ""
	}
	return strings.TrimSpace(d.Manufacturer + " " + d.Model)
}

// byPlace puts the devices of one page in the order of the ward: what has no
// place stands at the end.
func byPlace(rows []service.DeviceRow) {
	slices.SortStableFunc(rows, func(a, b service.DeviceRow) int {
		if (a.Place == "") != (b.Place == "") {
			return cmp.Compare(b.Place, a.Place)
		}
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(nameOf(a), nameOf(b)), cmp.Compare(a.Serial, b.Serial))
	})
}

// sentText counts what a device sent beside messages.
func sentText(ctx context.Context, values, alerts, issues uint64) string {
	text := ui.Plural(ctx, int(values), "%s value", "%s values")
	if alerts > 0 {
		text += ", " + ui.Plural(ctx, int(alerts), "%s alert", "%s alerts")
	}
	if issues > 0 {
		text += ", " + ui.Plural(ctx, int(issues), "%s issue", "%s issues")
	}
	return text
}
