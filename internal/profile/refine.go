package profile

import (
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/model"
)

// Refine applies the profile to a message that its codec, or Read, understood:
// quirks first, then labels and enumerations. Where a
// rule does not fit, an issue says so and the observation stays as it was
// sent. What an earlier Refine did is undone first, except for values, which
// normalise puts back.
func (p *Profile) Refine(m *model.Message) {
	a := applying{p: p, m: m, document: p.isDocument()}
	m.Issues = slices.DeleteFunc(m.Issues, func(i model.Issue) bool { return slices.Contains(refined, i.Code) })
	m.Observations = slices.DeleteFunc(m.Observations, func(o model.Observation) bool { return strings.HasPrefix(o.Field, derived) })
	p.nobody(m)
	for i := range m.Devices {
		a.facts(&m.Devices[i])
	}
	if !a.document {
		undoAlerts(m)
	}
	var before []model.Observation
	if !a.document && slices.ContainsFunc(p.Alerts, func(r AlertRule) bool { return r.Of == "rows" }) {
		before = slices.Clone(m.Observations)
	}
	for i := range m.Observations {
		a.refine(&m.Observations[i])
	}
	if !a.document && len(p.Alerts) > 0 {
		a.alerts(before)
	}
}

// nobody takes the ids off a message that its device writes where it knows no
// patient: else all patients without a name would be one (R13).
func (p *Profile) nobody(m *model.Message) {
	if len(p.Patient.Nobody) == 0 || m.Patient == nil {
		return
	}
	known := slices.DeleteFunc(slices.Clone(m.Patient.Identifiers), func(i model.Identifier) bool { return p.Patient.Nobody.like(i.Value) > 0 })
	switch {
	case len(known) == len(m.Patient.Identifiers):
	case len(known) == 0:
		m.Patient = nil
	default:
		patient := *m.Patient
		patient.Identifiers, m.Patient = known, &patient
	}
}

// facts fills what a device leaves unsaid with what the profile says of all
// its units: texts in quotes under device.
func (a *applying) facts(d *model.Device) {
	if d.Parent >= 0 {
		return
	}
	for _, f := range [...]struct {
		to   *string
		from Fields
	}{{&d.Manufacturer, a.p.Device.Manufacturer}, {&d.Model, a.p.Device.Model}} {
		if *f.to == "" && len(f.from) > 0 && f.from[0].literal {
			*f.to = f.from[0].text
		}
	}
}

// refined are the issues that Refine makes.
var refined = []string{"profile.missing-marker", "profile.quirk", "profile.quirk-failed", "profile.derive", "profile.alert-word"}

// derived begins the field of a derived observation.
const derived = "derive["

// applying is one profile at one message.
type applying struct {
	p        *Profile
	m        *model.Message
	document bool // the message was made by Read
	said     []string
}

// maxSaid bounds how many subjects get issues of their own.
const maxSaid = 32

func (a *applying) issue(code string, severity model.Severity, field, received, text, hint string) {
	key := code + " " + received
	for _, s := range a.said {
		if s == key {
			return
		}
	}
	if len(a.said) == maxSaid {
		return
	}
	a.said = append(a.said, key)
	a.m.Issues = append(a.m.Issues, model.Issue{Code: code, Severity: severity, Field: field, Received: received, Text: text, Hint: hint})
}

// askable are the names that field knows.
var askable = []string{"channel", "code", "flags", "label", "message_type", "method", "range", "sender", "site", "status", "sub_id", "system", "text", "time", "type", "unit", "value", "value_text"}

// field gives what expressions over an observation of a message call it.
func (a *applying) field(o *model.Observation) func(name string) any {
	return func(name string) any {
		switch name {
		case "label":
			return label(o)
		case "code":
			return o.Received.Code
		case "text":
			return o.Received.Text
		case "system":
			return o.Received.System
		case "value":
			switch o.Value.Kind {
			case model.ValueNumber:
				return o.Value.Number.Float64()
			case model.ValueCoded:
				return o.Value.Coding.Code
			case model.ValueNone:
				return nil
			}
			return o.Value.Text
		case "value_text":
			return first(o.Value.Coding.Text, o.Value.Text)
		case "unit":
			return first(o.UnitSent.Code, o.UnitSent.Text)
		case "sub_id":
			return o.SubID
		case "type":
			return o.ValueType
		case "status":
			return string(o.Status)
		case "flags":
			out := make([]any, len(o.Flags))
			for i, f := range o.Flags {
				out[i] = f
			}
			return out
		case "range":
			return o.RangeText
		case "method":
			return first(o.Method.Code, o.Method.Text)
		case "site":
			return first(o.BodySite.Code, o.BodySite.Text)
		case "time":
			return o.DeviceTime.Original
		case "message_type":
			return a.m.Type
		case "sender":
			return a.m.Sender.Application
		case "channel":
			return string(a.m.Channel)
		}
		return nil
	}
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// label is what a table row is looked up by: the text of the code, else the
// code.
func label(o *model.Observation) string { return first(o.Received.Text, o.Received.Code) }

func (a *applying) refine(o *model.Observation) {
	field := a.field(o)
	if by := o.Mapping().By; !a.document && (by == "" || strings.Contains(by, "@")) { // what a codec says itself stays
		o.Mapped = nil
	}
	for i := range a.p.Quirks {
		a.mend(&a.p.Quirks[i], o, field)
	}
	if !a.document {
		a.rule(o, field)
	}
	if l := a.p.lookup(o.Received.Text, o.Received.Code); l != nil {
		a.label(o, l)
	}
	a.p.mean(o)
}

// mapping gives an observation a mapping of its own to write to.
func mapping(o *model.Observation) *model.Mapping {
	m := o.Mapping()
	o.Mapped = &m
	return o.Mapped
}

// meant says by which enumeration the value is read.
func meant(o *model.Observation, enumeration string) {
	if enumeration != o.Mapping().Meaning {
		mapping(o).Meaning = enumeration
	}
}

// rule applies the first rule of Observe that fits.
func (a *applying) rule(o *model.Observation, field func(string) any) {
	for i := range a.p.Observe {
		r := &a.p.Observe[i]
		if r.when != nil {
			if ok, err := r.when.holds(field); err != nil || !ok {
				continue
			}
		}
		if r.Code != "" {
			a.p.give(o, &Label{Code: r.Code})
		}
		if u := r.Unit; len(u) == 1 && u[0].literal && o.UnitSent == (model.Coding{}) {
			m := mapping(o)
			m.UnitUCUM, m.By = u[0].text, a.p.Ref()
		}
		meant(o, r.Meaning)
		o.Setting = o.Setting || truth(r.setting, field)
		o.Simulated = o.Simulated || truth(r.simulated, field)
		return
	}
}

// lookup finds the row of the first text that is a label.
func (p *Profile) lookup(texts ...string) *Label {
	for _, t := range texts {
		if t == "" || len(p.labels) == 0 {
			continue
		}
		if l := p.labels[t]; l != nil { // squeezed as it is: numbers
			return l
		}
		if l := p.labels[squeeze(t)]; l != nil {
			return l
		}
	}
	return nil
}

// label gives an observation what its row of the table says.
func (a *applying) label(o *model.Observation, l *Label) {
	if o.Mapping().Code == (model.Code{}) {
		a.p.give(o, l)
	}
	if l.UnitIn != "" && o.Mapping().UnitUCUM == "" && o.UnitSent == (model.Coding{}) {
		mapping(o).UnitUCUM = l.UnitIn
	}
	if l.Kind == "setting" {
		o.Setting = true
	}
	if l.Meaning != "" {
		m := mapping(o)
		m.Meaning, m.By = l.Meaning, a.p.Ref()
	}
	shown := shownText(o.Value)
	for _, none := range l.Missing {
		if shown == none && shown != "" {
			o.PutAside("error")
			a.issue("profile.missing-marker", model.Warning, o.Field, l.Label, "the value is the marker with which this device says that it has none", "look after the sensor, if it lasts")
		}
	}
}

// give maps an observation to the code of a row.
func (p *Profile) give(o *model.Observation, l *Label) {
	code, ok := meaning(l.Code)
	if !ok {
		return // kind ignore: the label is known to say nothing
	}
	m := mapping(o)
	m.Code, m.Wanted, m.By = code, l.Unit, p.Ref()
	if d, err := model.ParseDecimal(l.Min); err == nil && l.Min != "" {
		m.Low = &d
	}
	if d, err := model.ParseDecimal(l.Max); err == nil && l.Max != "" {
		m.High = &d
	}
}

// mean reads a value by its enumeration: what a device writes as 1 may be "on"
// or a code of the table.
func (p *Profile) mean(o *model.Observation) {
	if o.Mapped == nil || o.Mapped.Meaning == "" || o.Value.Kind == model.ValueNone {
		return
	}
	sent := shownText(o.Value)
	means, ok := p.Enumerations[o.Mapped.Meaning][sent]
	if !ok {
		return
	}
	o.KeepSent()
	o.Value = model.Value{Kind: model.ValueCoded, Coding: model.Coding{Code: sent, Text: means, System: p.Name + "/" + o.Mapped.Meaning}}
	if code, ok := meaning(means); ok && code.RefID != "" {
		o.Value.Code = code
		o.Value.Coding = model.Coding{Code: strconv.FormatUint(uint64(code.MDC), 10), Text: code.RefID, System: "MDC"}
	}
}

// shownText is a value as a table or enumeration would write it.
func shownText(v model.Value) string {
	switch v.Kind {
	case model.ValueNumber:
		return v.Comparator + v.Number.String()
	case model.ValueCoded:
		return first(v.Coding.Code, v.Coding.Text)
	}
	return strings.TrimSpace(v.Text)
}

func (a *applying) mend(q *Quirk, o *model.Observation, field func(string) any) {
	ok, err := q.when.holds(field)
	if err != nil || !ok {
		return
	}
	for i := range q.set {
		c := &q.set[i]
		v, err := c.value.value(field)
		if err != nil {
			a.issue("profile.quirk-failed", model.Warning, o.Field, q.ID, "a quirk of the profile could not be mended: its expression failed", "correct the quirk in the profile")
			continue
		}
		a.change(o, c.field, v)
	}
	if !q.Silent {
		a.issue("profile.quirk", model.Warning, o.Field, q.ID, q.Says, "nothing to do: the profile mends it")
	}
}

// change sets one field that quirks may set.
func (a *applying) change(o *model.Observation, field string, v any) {
	t := text(v)
	switch field {
	case "label":
		o.Received.Text = t
	case "unit":
		m := mapping(o)
		m.UnitUCUM, m.By = t, a.p.Ref()
	case "status":
		o.Status = model.Status(t)
	case "simulated":
		o.Simulated = v == true
	case "setting":
		o.Setting = v == true
	case "time":
		o.DeviceTime = model.Timestamp{Original: t, Format: a.p.Time.Format}
	case "absent":
		if t != "" {
			o.PutAside(t)
		}
	case "value":
		o.KeepSent()
		o.Value = scalar(v)
	}
}

// scalar is a value of a document: a number where it is one.
func scalar(v any) model.Value {
	if d, ok := number(v); ok {
		return model.Value{Kind: model.ValueNumber, Number: d}
	}
	t := strings.TrimSpace(text(v))
	if t == "" {
		return model.Value{}
	}
	if comparator, rest := cutComparator(t); rest != "" {
		if d, err := model.ParseDecimal(rest); err == nil {
			return model.Value{Kind: model.ValueNumber, Number: d, Comparator: comparator}
		}
	}
	return model.Value{Kind: model.ValueText, Text: t}
}

func cutComparator(t string) (comparator, rest string) {
	for _, c := range [...]string{"<=", ">=", "<", ">"} {
		if rest, ok := strings.CutPrefix(t, c); ok {
			return c, strings.TrimSpace(rest)
		}
	}
	return "", t
}

// Derived adds the values that are made of others of the message. It wants
// them normalised, so that expressions count in preferred units, and leaves
// what it adds to be normalised.
func (p *Profile) Derived(m *model.Message) {
	if len(p.Derive) == 0 {
		return
	}
	a := applying{p: p, m: m}
	numbers := map[string]any{}
	var from *model.Observation
	for i := range a.m.Observations {
		o := &a.m.Observations[i]
		if o.Value.Kind != model.ValueNumber || o.Absent != "" {
			continue
		}
		if from == nil {
			from = o
		}
		for _, key := range [...]string{o.Code.RefID, o.Code.LOINC, o.Received.Text, o.Received.Code} {
			if _, taken := numbers[key]; key != "" && !taken {
				numbers[key] = o.Value.Number.Float64()
			}
		}
	}
	if from == nil {
		return
	}
	field := func(name string) any {
		if name == "v" {
			return numbers
		}
		return nil
	}
	for i := range a.p.Derive {
		d := &a.p.Derive[i]
		if d.when != nil {
			if ok, err := d.when.holds(field); err != nil || !ok {
				continue
			}
		}
		v, err := d.value.value(field)
		if err != nil {
			continue // one of its parts did not come: nothing can be derived
		}
		n, ok := rounded(v, d.Digits)
		if !ok {
			a.issue("profile.derive", model.Warning, "", d.Code, "a derived value is no number", "correct the expression in the profile")
			continue
		}
		code, _ := meaning(d.Code)
		a.m.Observations = append(a.m.Observations, model.Observation{
			Field: derived + strconv.Itoa(i) + "]", Received: model.Coding{Code: d.Code, Text: code.Name, System: a.p.Name},
			Mapped: &model.Mapping{Code: code, UnitUCUM: d.Unit, By: a.p.Ref()}, Value: model.Value{Kind: model.ValueNumber, Number: n},
			DeviceTime: from.DeviceTime, Status: from.Status, Device: from.Device, Order: from.Order, Simulated: from.Simulated,
			Method: model.Coding{Code: "derived", Text: d.Value, System: a.p.Ref()},
		})
	}
}
