package bulk

import (
	"net/url"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/devices"
	"thalamus/internal/web/ui"
)

// editView is what is said of all devices that match, and whom it concerns.
type editView struct {
	Query string // filters of the register, as an address has them
	Kinds []ui.Option
	Check *service.EditCheck // when it was counted
	Set   string             // owner=ICU
	Names map[string]string
}

func edit(v *ui.Visit) (ui.View, error) {
	p := editView{Query: v.Request.URL.RawQuery}
	if v.Form != nil {
		p.Query = v.Form.Get("query")
	}
	return p.view(v)
}

func (p editView) view(v *ui.Visit) (ui.View, error) {
	ctx := v.Context()
	var kinds []service.FactKind
	if err := v.Call("fact.kinds", service.FactKindAsk{Layer: "device"}, &kinds); err != nil {
		return ui.View{}, err
	}
	for _, k := range kinds {
		if k.Own == "" && k.Name != "serial" && k.Name != "udi" && k.Name != "mac" && k.Name != "asset" { // these name one device
			p.Kinds = append(p.Kinds, ui.Option{Value: k.Name, Text: devices.FactName(ctx, k.Name)})
		}
	}
	q, err := url.ParseQuery(p.Query)
	if err != nil {
		return ui.View{}, fault.New(fault.Invalid, "web.form", "the filter in the address is damaged; filter the register again")
	}
	q.Del("after")
	p.Query = q.Encode()
	return ui.View{
		Title: ui.T(ctx, "Edit many devices"), Body: editBody(p), Styles: styles,
		Trail: []ui.Link{{Text: ui.T(ctx, "Register"), To: ui.To("/devices?", p.Query)}},
	}, nil
}

// editOf reads what is to be said of which devices.
func editOf(v *ui.Visit) (ask service.EditAsk, set string, err error) {
	q, err := url.ParseQuery(v.Form.Get("query"))
	if err != nil {
		return ask, "", fault.New(fault.Invalid, "web.form", "the filter in the address is damaged; filter the register again")
	}
	if set = v.Typed("set"); set == "" {
		set = v.Typed("fact") + "=" + v.Typed("value")
	}
	ask.DeviceAsk, ask.Set = devices.Filter(q), []string{set}
	return ask, set, nil
}

// count says what an edit would do; nothing is written.
func count(v *ui.Visit) (ui.Done, error) {
	ask, set, err := editOf(v)
	if err != nil {
		return ui.Done{}, err
	}
	p := editView{Query: v.Form.Get("query"), Set: set, Check: &service.EditCheck{}}
	if err := v.Call("device.edit", ask, p.Check); err != nil {
		return ui.Done{}, err
	}
	ids := make([]string, len(p.Check.Sample))
	for i, row := range p.Check.Sample {
		ids[i] = string(row.ID)
	}
	if err := v.Call("name.list", service.CalledAsk{IDs: ids}, &p.Names); err != nil {
		return ui.Done{}, err
	}
	view, err := p.view(v)
	return ui.Done{View: &view}, err
}

func beginEdit(v *ui.Visit) (ui.Done, error) {
	ask, _, err := editOf(v)
	if err != nil {
		return ui.Done{}, err
	}
	ask.Begin, ask.Digest, ask.Reason = true, v.Typed("digest"), v.Typed("reason")
	var c service.EditCheck
	if err := v.Call("device.edit", ask, &c); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/jobs/" + c.Job.ID, Toast: &ui.Toast{Text: ui.T(v.Context(), "The edit has begun.")}}, nil
}

// said splits what is to be said into a fact and its value.
func (p *editView) said() (name, value string) {
	name, value, _ = strings.Cut(p.Set, "=")
	return name, value
}

func (p *editView) factChosen() string {
	if name, _ := p.said(); name != "" {
		return name
	}
	return "owner"
}

func (p *editView) valueChosen() string {
	_, value := p.said()
	return value
}
