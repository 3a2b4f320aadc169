package devices

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// register is a page of the register.
type register struct {
	List     service.List[service.DeviceRow]
	Counts   []service.StateCount
	Channels []ui.Option
	Columns  []column
	New      int
	Filtered bool
}

const pageSize = 100

// deviceAsk reads what is asked for from the address.
func deviceAsk(v *ui.Visit) service.DeviceAsk {
	ask := Filter(v.Request.URL.Query())
	ask.After, ask.Limit = model.DeviceID(v.Query("after")), pageSize
	return ask
}

func filtered(a service.DeviceAsk) bool {
	return a.Text != "" || a.Channel != "" || a.New || a.Profile != "" || a.Outside || a.Model != "" || a.Release != "" || a.State != "" || len(a.Facts) > 0
}

func list(v *ui.Visit) (ui.View, error) {
	ctx := v.Context()
	r := register{Columns: chosenColumns(v)}
	ask := deviceAsk(v)
	ask.Show = shownFacts(r.Columns)
	r.Filtered = filtered(ask)
	if err := v.Call("device.list", ask, &r.List); err != nil {
		return ui.View{}, err
	}
	if r.List.Next == "" && ask.After == "" {
		byPlace(r.List.Rows)
	}
	if v.May("device.stat") {
		if err := v.Call("device.stat", nil, &r.Counts); err != nil {
			return ui.View{}, err
		}
	}
	for _, c := range r.Counts {
		if c.Kind == "not-adopted" {
			r.New = c.Count
		}
	}
	if v.May("overview.get") {
		var o service.Overview
		if err := v.Call("overview.get", nil, &o); err != nil {
			return ui.View{}, err
		}
		r.Channels = []ui.Option{{Value: "", Text: ui.T(ctx, "All channels")}}
		for _, c := range o.Channels {
			r.Channels = append(r.Channels, ui.Option{Value: string(c.ID), Text: called(c.Name, string(c.ID))})
		}
	}
	return ui.View{Title: ui.T(ctx, "Register"), Body: listPage(r), Actions: listActions(r), Styles: styles, Query: queryText(ctx)}, nil
}

// chips are the filters that have no field of their own, each with the address
// without it.
func chips(ctx context.Context) (out []ui.Link) {
	v := ui.From(ctx)
	without := func(name, value string) ui.Link {
		q := v.Request.URL.Query()
		q.Del("after")
		left := slices.DeleteFunc(slices.Clone(q[name]), func(s string) bool { return s == value })
		q.Del(name)
		for _, s := range left {
			q.Add(name, s)
		}
		return ui.Link{To: ui.To("/devices?", q.Encode())}
	}
	add := func(name, value, text string) {
		l := without(name, value)
		l.Text = text
		out = append(out, l)
	}
	if v.Query("new") != "" {
		add("new", v.Query("new"), ui.T(ctx, "Only new ones"))
	}
	if v.Query("outside") != "" {
		add("outside", v.Query("outside"), ui.T(ctx, "Software outside its profile's range"))
	}
	if p := v.Query("profile"); p != "" {
		add("profile", p, ui.T(ctx, "Read with %s", p))
	}
	if m := v.Query("model"); m != "" {
		add("model", m, ui.T(ctx, "Of one model"))
	}
	if r := v.Query("release"); r != "" {
		add("release", r, ui.T(ctx, "Of one release"))
	}
	for _, f := range v.Request.URL.Query()["fact"] {
		if name, value, ok := strings.Cut(f, "="); ok {
			add("fact", f, factName(ctx, name)+": "+called(valueText(ctx, name, value), ui.T(ctx, "nothing said")))
		}
	}
	return out
}

// csvLink is the file of what the list shows, the further pages included.
func csvLink(ctx context.Context) string {
	q := ui.From(ctx).Request.URL.Query()
	q.Del("after")
	q.Set("cols", keysOf(chosenColumns(ui.From(ctx))))
	return "/devices.csv?" + q.Encode()
}

// queryText is the address' query with the columns in it, for a saved view.
func queryText(ctx context.Context) string {
	v := ui.From(ctx)
	q := url.Values{}
	for name, values := range v.Request.URL.Query() {
		for _, s := range values {
			if s != "" && name != "after" {
				q.Add(name, s)
			}
		}
	}
	q.Set("cols", keysOf(chosenColumns(v)))
	return q.Encode()
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

// filterText is the filter of the address alone, for who does something with
// all devices that match.
func filterText(ctx context.Context) string {
	q := url.Values{}
	for name, values := range ui.From(ctx).Request.URL.Query() {
		if name != "after" && name != "cols" {
			q[name] = values
		}
	}
	return q.Encode()
}
