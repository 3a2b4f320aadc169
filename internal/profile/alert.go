package profile

import (
	"fmt"
	"slices"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// AlertRule says which part of a message is an alert, and what of it tells the
// parts of an alert's life (R21). In json and csv the rows are those of each;
// elsewhere the rows are the message's observations, with the fields that
// conditions know: label, code, text, value, value_text, flags[0], notes[0] …,
// $ is the message (its rows are $.observations), and beside are the rows of
// the same group: under the same OBR, with the same OBX-4 up to its last dot.
// What is read as an alert is no observation any more.
type AlertRule struct {
	Of      string `yaml:"of" json:"of,omitempty" default:"rows" doc:"rows: alerts are made of the rows that fit; alerts: those that the codec itself knows (IHE PCD-04) are read further, by what they leave open"`
	Each    Fields `yaml:"each" json:"each,omitempty" doc:"rows of this rule alone (json, csv); those of the profile unless told"`
	Match   string `yaml:"match" json:"match,omitempty" doc:"condition that a row must fulfil (json, csv), as in a path's filter"`
	When    string `yaml:"when" json:"when,omitempty" doc:"CEL expression that must be true; in hl7v2, astm and poct1a without it every row would be an alert, so it is needed"`
	Needs   Fields `yaml:"needs" json:"needs,omitempty" doc:"fields without which a row is no alert"`
	Device  Fields `yaml:"device" json:"device,omitempty" doc:"id of the device (json, csv), where another field than device.id tells it"`
	Patient Fields `yaml:"patient" json:"patient,omitempty" doc:"id of the patient (json, csv), where another field than patient.id tells it"`

	ID       Fields `yaml:"id" json:"id,omitempty" doc:"the device's own name of this alert, the same from its start to its end; what alarms and the source unless told"`
	Label    Fields `yaml:"label" json:"label,omitempty" doc:"what alarms: looked up in alert_table"`
	Code     string `yaml:"code" json:"code,omitempty" doc:"the event itself, MDC refid, where all such rows are one"`
	Text     Fields `yaml:"text" json:"text,omitempty" doc:"the text for people"`
	Source   Fields `yaml:"source" json:"source,omitempty" doc:"what it is about: MDC refid, or a label of table"`
	Priority Fields `yaml:"priority" json:"priority,omitempty" doc:"high, medium, low or none"`
	Kind     Fields `yaml:"kind" json:"kind,omitempty" doc:"physiological, technical or advisory"`
	Phase    Fields `yaml:"phase" json:"phase,omitempty" doc:"start, update, continue, escalate, de-escalate or end; tpoint for what is told once and has no end"`
	State    Fields `yaml:"state" json:"state,omitempty" doc:"active, inactive or latched"`
	Muted    Fields `yaml:"muted" json:"muted,omitempty" doc:"inactivation: enabled, audio-paused, audio-off, alarm-paused, alarm-off or alert-acknowledged"`
	Limits   Fields `yaml:"limits" json:"limits,omitempty" doc:"the limits that were left, as text"`
	Time     Fields `yaml:"time" json:"time,omitempty" doc:"when this was reported; the row's time unless told"`
	Onset    Fields `yaml:"onset" json:"onset,omitempty" doc:"when the alert began, where each report says it"`
	Update   Fields `yaml:"update" json:"update,omitempty" doc:"the device's count of reports of this alert, from 1"`

	Complete Fields `yaml:"complete" json:"complete,omitempty" doc:"where the message has this (from $, or a text in quotes: always), it names every alert of this rule that its device has: one that was named before and is not there any more has ended. Unless told, nothing is concluded from what is missing"`

	Simulate  string            `yaml:"simulated" json:"simulated,omitempty" doc:"CEL expression: true for alerts of a demonstration or test"`
	Heartbeat string            `yaml:"heartbeat" json:"heartbeat,omitempty" doc:"CEL expression: true where the row only says that the source of alerts is there"`
	Meaning   map[string]string `yaml:"meaning" json:"meaning,omitempty" doc:"field of the alert -> enumeration by which it is read: {priority: colours, state: states}"`

	when, simulated, heartbeat *guard
	match                      *filter
	root, beside               bool // some path begins at the message, or at the rows beside
}

// AlertLabel is one row of a profile's table of alarms.
type AlertLabel struct {
	Label    string `json:"label"`
	Code     string `json:"code,omitempty"`     // MDC refid of the event; empty: the standard has none
	Source   string `json:"source,omitempty"`   // MDC refid of what it is about
	Priority string `json:"priority,omitempty"` // where the message does not tell it
	Kind     string `json:"kind,omitempty"`     // physiological technical advisory
	Text     string `json:"text,omitempty"`     // where the message has none
}

// alertWords are the words of an alert's fields (IHE PCD TF-2, PCD-04; ISO/IEEE
// 11073-10201 AlertState); what else a device writes, an enumeration tells.
var alertWords = map[string][]string{
	"kind":     {"physiological", "technical", "advisory"},
	"muted":    {"enabled", "audio-paused", "audio-off", "alarm-paused", "alarm-off", "alert-acknowledged"},
	"phase":    {"start", "update", "continue", "escalate", "de-escalate", "end", "tpoint"},
	"priority": {"high", "medium", "low", "none"},
	"state":    {"active", "inactive", "latched"},
}

// alertFields are the fields of an alert that an enumeration may read.
var alertFields = []string{"kind", "muted", "phase", "priority", "source", "state", "text"}

// fields of the rule that are told by fields of the row.
func (r *AlertRule) fields() []namedFields {
	return []namedFields{{"id", r.ID}, {"label", r.Label}, {"text", r.Text}, {"source", r.Source}, {"priority", r.Priority}, {"kind", r.Kind}, {"phase", r.Phase},
		{"state", r.State}, {"muted", r.Muted}, {"limits", r.Limits}, {"time", r.Time}, {"onset", r.Onset}, {"update", r.Update}, {"needs", r.Needs}}
}

type namedFields struct {
	name   string
	fields Fields
}

func (p *Profile) checkAlert(r *AlertRule, place string) error {
	document := p.isDocument()
	if r.Of == "" {
		r.Of = "rows"
	}
	switch {
	case r.Of != "rows" && r.Of != "alerts":
		return wrong(place+".of", "expected rows or alerts")
	case r.Of == "alerts" && document:
		return wrong(place+".of", "in json and csv no alert is known before the profile says so; leave it out")
	case !document && (r.Match != "" || len(r.Each)+len(r.Device)+len(r.Patient) > 0):
		return wrong(place, "each, match, device and patient are for json and csv; elsewhere the rows are the message's observations")
	case !document && r.Of == "rows" && r.When == "":
		return wrong(place+".when", "say which observations are alerts")
	case len(r.Complete) > 0 && r.Of == "alerts":
		return wrong(place+".complete", "alerts that the codec knows tell their ends themselves")
	case len(r.Complete) > 0 && slices.ContainsFunc(r.Complete, func(one path) bool { return !one.literal && !one.root }):
		return wrong(place+".complete", "begin with $: whether the list is complete, the message tells, not a row of it")
	case len(r.Complete) > 0 && document && (p.ofRows() || len(r.Device)+len(r.Patient) > 0):
		return wrong(place+".complete", "a complete list is that of one device and patient: under device and patient of the profile, tell them by paths from $, and leave them out of the rule")
	case r.Of == "rows" && len(r.Label)+len(r.Text) == 0 && r.Code == "" && r.Heartbeat == "":
		return wrong(place, "say by label, code or text what alarms")
	}
	if r.Code != "" {
		if err := checkEvent(r.Code); err != nil {
			return err.At(place + ".code")
		}
	}
	for _, f := range r.fields() {
		for _, one := range f.fields {
			r.root = r.root || one.root
			r.beside = r.beside || len(one.steps) > 0 && !one.root && one.steps[0].name == "beside"
			if words := alertWords[f.name]; one.literal && words != nil && !slices.Contains(words, one.text) {
				return wrong(place+"."+f.name, "expected one of %s", strings.Join(words, ", "))
			}
			if f.name == "source" && one.literal {
				if err := checkCode(one.text); err != nil {
					return err.At(place + ".source")
				}
			}
		}
	}
	r.root = r.root || slices.ContainsFunc(r.Complete, func(one path) bool { return one.root })
	for _, field := range sortedKeys(r.Meaning) {
		if err := p.checkAlertMeaning(field, r.Meaning[field]); err != nil {
			return err.At(place + ".meaning." + field)
		}
	}
	for _, e := range []struct {
		key    string
		source string
		to     **guard
	}{{"when", r.When, &r.when}, {"simulated", r.Simulate, &r.simulated}, {"heartbeat", r.Heartbeat, &r.heartbeat}} {
		err := compileInto(e.source, e.to)
		if err == nil && !document {
			err = (*e.to).ask(alertAskable)
		}
		if err != nil {
			return err.At(place + "." + e.key)
		}
	}
	var f *fault.Fault
	if r.match, f = parseMatch(r.Match); f != nil {
		return f.At(place + ".match")
	}
	return nil
}

// ofRows says whether the rows of a document may be of several devices or
// patients.
func (p *Profile) ofRows() bool {
	d := &p.Device
	for _, f := range [...]Fields{d.Manufacturer, d.Model, d.Serial, d.Software, d.UDI, d.ID, p.Patient.ID} {
		if slices.ContainsFunc(f, func(one path) bool { return !one.literal && !one.root && !one.topic }) {
			return true
		}
	}
	return false
}

// list is the name of the rule's list where it is complete, "" elsewhere.
func (p *Profile) list(r *AlertRule) string {
	if len(r.Complete) == 0 {
		return ""
	}
	return p.Name + " " + r.Complete.String()
}

// checkAlertMeaning makes sure that an enumeration gives words that the field
// knows.
func (p *Profile) checkAlertMeaning(field, name string) *fault.Fault {
	list, ok := p.Enumerations[name]
	switch {
	case !slices.Contains(alertFields, field):
		return fault.New(fault.Invalid, "profile.wrong", "no enumeration reads this field; those that one may read: %s", strings.Join(alertFields, ", "))
	case !ok:
		return fault.New(fault.Invalid, "profile.wrong", "there is no such enumeration; known here: %s", strings.Join(p.lists, ", "))
	}
	for _, key := range sortedKeys(list) {
		means := list[key]
		if words := alertWords[field]; words != nil && !slices.Contains(words, means) {
			return fault.New(fault.Invalid, "profile.wrong", "%q of the enumeration %s is no %s; expected one of %s", means, name, field, strings.Join(words, ", "))
		}
		if field == "source" {
			if err := checkCode(means); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkEvent tells whether a code is an event of our table.
func checkEvent(code string) *fault.Fault {
	if _, ok := event(code); !ok {
		return fault.New(fault.Invalid, "profile.unknown-code", "%q is no event (MDC_EVT_…) of the table; `thalamus code find` searches it", code)
	}
	return nil
}

func event(code string) (model.Code, bool) {
	t, ok := mdc.ByRefID(code)
	if !ok || t.Kind != mdc.Alert {
		return model.Code{}, false
	}
	return t.Meaning(), true
}

// alertColumns of a table of alarms; the order in the file is free.
var alertColumns = []string{"code", "kind", "label", "priority", "source", "text"}

// parseAlertTable reads label;code;source;… with a heading.
func parseAlertTable(name string, raw []byte) (map[string]*AlertLabel, error) {
	t, err := openTable(name, raw, alertColumns)
	if err != nil {
		return nil, err
	}
	labels := map[string]*AlertLabel{}
	for {
		row, err := t.next()
		if row == nil || err != nil {
			return labels, err
		}
		l := &AlertLabel{}
		for i, cell := range row {
			if text := l.put(t.heading[i], strings.TrimSpace(cell)); text != "" {
				return nil, t.wrong(i, "%s", text)
			}
		}
		key := squeeze(l.Label)
		switch {
		case key == "":
			return nil, t.wrong(0, "the label is empty")
		case labels[key] != nil:
			return nil, t.wrong(0, "the label %q stands twice", l.Label)
		case len(labels) >= maxLabels:
			return nil, t.wrong(0, "the table has more than %d rows", maxLabels)
		}
		labels[key] = l
	}
}

// put fills one cell; it gives what is wrong with it.
func (l *AlertLabel) put(column, cell string) string {
	if words := alertWords[column]; words != nil && cell != "" && !slices.Contains(words, cell) {
		return fmt.Sprintf("expected %s, not %q", strings.Join(words, ", "), cell)
	}
	switch column {
	case "label":
		l.Label = cell
	case "code":
		if l.Code = cell; cell != "" {
			if err := checkEvent(cell); err != nil {
				return err.Text
			}
		}
	case "source":
		if l.Source = cell; cell != "" {
			if err := checkCode(cell); err != nil {
				return err.Text
			}
		}
	case "priority":
		l.Priority = cell
	case "kind":
		l.Kind = cell
	case "text":
		l.Text = cell
	}
	return ""
}

// AlertLabels lists the rows of the table of alarms, sorted by label.
func (p *Profile) AlertLabels() []AlertLabel {
	out := make([]AlertLabel, 0, len(p.alarms))
	for _, k := range sortedKeys(p.alarms) {
		out = append(out, *p.alarms[k])
	}
	return out
}

// Says tells the rule in one line: which rows it takes, and what tells what.
func (r *AlertRule) Says() string {
	var b strings.Builder
	b.WriteString(r.Of)
	for _, f := range [...]struct{ name, text string }{{"in", r.Each.String()}, {"that match", r.Match}, {"when", r.When}, {"code", r.Code}} {
		if f.text != "" {
			b.WriteString(" " + f.name + " " + f.text)
		}
	}
	for _, f := range r.fields() {
		if text := f.fields.String(); text != "" {
			fmt.Fprintf(&b, ", %s by %s", f.name, text)
			if list := r.Meaning[f.name]; list != "" {
				b.WriteString(" (" + list + ")")
			}
		}
	}
	if list := r.Complete.String(); list != "" {
		b.WriteString(", all there are where there is " + list)
	}
	return b.String()
}
