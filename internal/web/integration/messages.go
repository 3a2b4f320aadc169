package integration

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// The filters of the message list as they stand in its address. None of them
// is a patient's name or number (R44).
const (
	byPatient = "patient"
	byDevice  = "device"
	byChannel = "channel"
	byType    = "type"
	byCode    = "code"
	byControl = "control"
	from      = "from"
	until     = "until"
	issues    = "issues"
	alerts    = "alerts"
	refused   = "refused"
)

var filterNames = [...]string{byPatient, byDevice, byChannel, byType, byCode, byControl, from, until, issues, alerts, refused}

// messageList is what the page of messages shows.
type messageList struct {
	rows     []service.Summary
	next     string
	chips    []chip
	channels []ui.Option
	devices  []ui.Option
	patient  bool // patients may be looked up
}

// chip is one filter that is set.
type chip struct {
	text   string
	remove string // address without it
}

// mostChoices bounds a choice; where there are more, an id is typed.
const mostChoices = 200

func messages(v *ui.Visit) (ui.View, error) {
	ask, err := asked(v, v.Request.URL.Query())
	if err != nil {
		return ui.View{}, err
	}
	var l service.List[service.Summary]
	if err := v.Call("message.search", ask, &l); err != nil {
		return ui.View{}, err
	}
	page := messageList{rows: l.Rows, next: l.Next}
	if err := choices(v, &page); err != nil {
		return ui.View{}, err
	}
	page.chips = chips(v, page)
	return ui.View{Title: ui.T(v.Context(), "Messages"), Body: messagesPage(page), Actions: newer(), Wide: true}, nil
}

// asked reads the filters of an address.
func asked(v *ui.Visit, q url.Values) (service.MessageSearch, error) {
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	ask := service.MessageSearch{
		Patient: model.PatientID(get(byPatient)), Device: model.DeviceID(get(byDevice)), Channel: model.ChannelID(get(byChannel)),
		Type: get(byType), Code: get(byCode), Control: get(byControl),
		Issues: get(issues) != "", Alerts: get(alerts) != "", Refused: get(refused) != "",
	}
	for name, into := range map[string]*time.Time{from: &ask.From, until: &ask.Until} {
		text := get(name)
		if text == "" {
			continue
		}
		t, err := service.ParseTime(text, v.Now.In(v.Zone))
		if err != nil {
			return ask, fault.Wrap(err, fault.Invalid, "web.time", `expected a time such as "14:30", "2026-11-21 14:30" or "-15m"`).At(name)
		}
		*into = t
	}
	if after := get("after"); after != "" {
		if err := ask.After.UnmarshalText([]byte(after)); err != nil {
			return ask, fault.Wrap(err, fault.Invalid, "web.place", "this is no place in the list; go to its first page").At("after")
		}
	}
	return ask, nil
}

// choices fills what the filters offer.
func choices(v *ui.Visit, page *messageList) error {
	any := ui.Option{Text: ui.T(v.Context(), "Any")}
	page.patient = v.May("patient.search")
	if v.May("channel.list") {
		var rows []service.ChannelRow
		if err := v.Call("channel.list", nil, &rows); err != nil {
			return err
		}
		page.channels = append(page.channels, any)
		for _, r := range rows {
			page.channels = append(page.channels, ui.Option{Value: string(r.ID), Text: called(r.Name, string(r.ID))})
		}
	}
	if v.May("device.list") {
		var l service.List[service.DeviceRow]
		if err := v.Call("device.list", service.DeviceAsk{Limit: mostChoices}, &l); err != nil {
			return err
		}
		if l.Next == "" {
			page.devices = append(page.devices, any)
			for _, d := range l.Rows {
				page.devices = append(page.devices, ui.Option{Value: string(d.ID), Text: deviceName(d)})
			}
			slices.SortFunc(page.devices[1:], func(a, b ui.Option) int { return strings.Compare(a.Text, b.Text) })
		}
	}
	// What the address asks for is among the choices even when it is unknown.
	for _, c := range []struct {
		name string
		all  *[]ui.Option
	}{{byChannel, &page.channels}, {byDevice, &page.devices}} {
		set := v.Query(c.name)
		if set != "" && len(*c.all) > 0 && !slices.ContainsFunc(*c.all, func(o ui.Option) bool { return o.Value == set }) {
			*c.all = append(*c.all, ui.Option{Value: set, Text: set})
		}
	}
	return nil
}

func deviceName(d service.DeviceRow) string {
	name := d.Name
	if name == "" {
		name = strings.TrimSpace(d.Manufacturer + " " + d.Model)
	}
	if name == "" {
		name = string(d.ID)
	}
	if d.Place != "" {
		name = ui.PlaceText(d.Place) + " – " + name
	}
	if d.Serial != "" {
		name += " (" + d.Serial + ")"
	}
	return name
}

// chips names the filters that are set, each with the address without it.
func chips(v *ui.Visit, page messageList) []chip {
	ctx := v.Context()
	var out []chip
	choice := func(all []ui.Option, value string) string {
		for _, o := range all {
			if o.Value == value {
				return o.Text
			}
		}
		return value
	}
	for _, name := range filterNames {
		value := v.Query(name)
		if value == "" {
			continue
		}
		text := ""
		switch name {
		case byPatient:
			text = ui.T(ctx, "Patient: %s", patientName(v, page.rows, value))
		case byDevice:
			text = ui.T(ctx, "Device: %s", choice(page.devices, value))
		case byChannel:
			text = ui.T(ctx, "Channel: %s", choice(page.channels, value))
		case byType:
			text = ui.T(ctx, "Type: %s", value)
		case byCode:
			text = ui.T(ctx, "Code: %s", value)
		case byControl:
			text = ui.T(ctx, "Control id: %s", value)
		case from:
			text = ui.T(ctx, "From %s", value)
		case until:
			text = ui.T(ctx, "Until %s", value)
		case issues:
			text = ui.T(ctx, "With issues")
		case alerts:
			text = ui.T(ctx, "With alerts")
		case refused:
			text = ui.T(ctx, "Refused to a destination")
		}
		out = append(out, chip{text, v.Here(name, "", "after", "")})
	}
	return out
}

// patientName finds a name without asking for the patient where the list
// tells it already.
func patientName(v *ui.Visit, rows []service.Summary, id string) string {
	for _, r := range rows {
		if string(r.Patient) == id && r.PatientName != "" {
			return r.PatientName
		}
	}
	var page service.PatientPage
	if v.May("patient.get") && v.Call("patient.get", service.ID{ID: id}, &page) == nil {
		return page.Patient.DisplayName()
	}
	return id
}

// patientChoice is shown when a name fits several patients.
type patientChoice struct {
	patient service.Patient
	to      string
}

// findMessages takes the form of the filters: a patient's name or number
// becomes an id before it gets into an address.
func findMessages(v *ui.Visit) (ui.Done, error) {
	q := url.Values{}
	for _, name := range filterNames {
		if value := v.Typed(name); value != "" {
			q.Set(name, value)
		}
	}
	if _, err := asked(v, q); err != nil {
		return ui.Done{}, err
	}
	text := v.Typed("who")
	if text == "" {
		return ui.Done{To: address("/messages", q)}, nil
	}
	var found []service.Patient
	if err := v.Call("patient.search", service.PatientAsk{Text: text, Limit: 25}, &found); err != nil {
		return ui.Done{}, err
	}
	choices := make([]patientChoice, len(found))
	for i, p := range found {
		q.Set(byPatient, string(p.ID))
		choices[i] = patientChoice{p, address("/messages", q)}
	}
	switch len(found) {
	case 0:
		return ui.Done{}, fault.New(fault.Invalid, "web.no-patient", "no patient's name or number begins so").At("who")
	case 1:
		return ui.Done{To: choices[0].to}, nil
	}
	return ui.Done{View: &ui.View{
		Title: ui.T(v.Context(), "Which patient?"), Body: patientChoices(choices),
		Trail: []ui.Link{{Text: ui.T(v.Context(), "Messages"), To: "/messages"}},
	}}, nil
}

// findAgain shows the form once more, with what was typed and what is wrong
// with it.
func findAgain(v *ui.Visit) (ui.View, error) {
	page := messageList{}
	err := choices(v, &page)
	return ui.View{Title: ui.T(v.Context(), "Messages"), Body: messagesPage(page), Wide: true}, err
}

func address(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// filtered says whether any filter is in force.
func filtered(v *ui.Visit) bool {
	return slices.ContainsFunc(filterNames[:], func(name string) bool { return v.Query(name) != "" })
}

// moreSet says whether one of the filters is set that are folded away.
func moreSet(v *ui.Visit) bool {
	for _, name := range []string{byChannel, byCode, byControl, issues, alerts, refused} {
		if v.Query(name) != "" || v.Typed(name) != "" {
			return true
		}
	}
	return false
}

// short is a message's type without its structure: ORU^R01.
func short(kind string) string {
	parts := strings.Split(kind, "^")
	return strings.Join(parts[:min(2, len(parts))], "^")
}

// on says whether a box is ticked: as it was sent, else as the address says.
func on(v *ui.Visit, name string) bool {
	if v.Form != nil {
		return v.Typed(name) != ""
	}
	return v.Query(name) != ""
}

func ids(all []model.DestinationID) string {
	texts := make([]string, len(all))
	for i, id := range all {
		texts[i] = string(id)
	}
	return strings.Join(texts, ", ")
}
