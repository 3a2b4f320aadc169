package profile

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Read makes the messages of a document, one for each patient it speaks of:
// what is said of two patients never comes into one message (R13). frame
// carries what is known of the entry; its Type and ControlID stay.
// What the labels and values mean, Refine says. A fault says that the document
// holds no row at all; rows that are not understood become issues.
func (p *Profile) Read(document any, frame model.Message) ([]model.Message, error) {
	r := reading{p: p, w: walk{document: document, topic: levels(frame.Topic), left: maxLook}, frame: frame}
	rows := []node{{value: document}}
	if len(p.Each) > 0 {
		rows = r.w.rows(p.Each, document)
	} else if list, ok := document.([]any); ok {
		rows = nil
		children(node{value: list}, func(v any, at string) bool { rows = append(rows, node{v, at}); return len(rows) < maxRows })
	}
	if !p.common {
		rows = nil
	}
	for _, row := range rows {
		r.row(row)
	}
	for i := range p.Observe {
		if rule := &p.Observe[i]; len(rule.Each) > 0 {
			for _, row := range r.w.rows(rule.Each, document) {
				r.apply(rule, row)
			}
		}
	}
	for i := range p.Alerts {
		if rule := &p.Alerts[i]; len(rule.Each) > 0 {
			for _, row := range r.w.rows(rule.Each, document) {
				r.alert(rule, row)
			}
		}
	}
	r.complete()
	if len(r.out) == 0 {
		return nil, fault.New(fault.Invalid, "profile.no-rows", "nothing lies where the profile %s looks for rows (each)", p.Ref())
	}
	if r.w.left <= 0 {
		r.out[0].Issues = append(r.out[0].Issues, model.Issue{Code: "profile.too-large", Severity: model.Error,
			Text: "the document has more values than are looked at; the rest was not read", Hint: "send smaller documents"})
	}
	return r.out, nil
}

type reading struct {
	p     *Profile
	w     walk
	frame model.Message
	out   []model.Message
	told  bool // of a row without device
	// unread are rules that found an alert that they could not read.
	unread map[*AlertRule]bool
}

// message is the one of the row's patient; id are the fields that name it.
func (r *reading) message(row any, id Fields) *applying {
	rule := &r.p.Patient
	var patient *model.Patient
	if id := r.text(id, row); id != "" && rule.Nobody.like(id) == 0 {
		patient = &model.Patient{Identifiers: []model.Identifier{{Value: id, System: rule.System}}}
		if family, given := r.text(rule.Family, row), r.text(rule.Given, row); family != "" || given != "" {
			patient.Family, patient.Given = family, strings.Fields(given)
		}
	}
	same := func(m model.Message) bool {
		if m.Patient == nil || patient == nil {
			return m.Patient == nil && patient == nil
		}
		return m.Patient.Identifiers[0] == patient.Identifiers[0]
	}
	i := slices.IndexFunc(r.out, same)
	if i < 0 {
		m := r.frame
		m.ReadWith, m.Patient = r.p.Ref(), patient
		if v := r.text(rule.Visit, row); v != "" {
			m.Visit = &model.Visit{Number: model.Identifier{Value: v, System: rule.System}}
		}
		m.DeviceTime = r.time(r.p.Time.From, row)
		r.out = append(r.out, m)
		i = len(r.out) - 1
	}
	return &applying{p: r.p, m: &r.out[i]}
}

func (r *reading) text(f Fields, row any) string {
	v, _, _ := r.w.first(f, row)
	return strings.TrimSpace(text(v))
}

// time reads the first field of a time; none is the time of arrival.
func (r *reading) time(f Fields, row any) model.Timestamp {
	for i := range f {
		if f[i].text == "arrived" {
			break
		}
		if t := r.text(f[i:i+1], row); t != "" {
			return model.Timestamp{Original: t, Format: first(r.p.Time.Format, "auto")}
		}
	}
	return model.Timestamp{}
}

// device is the index of the row's device in the message, -1 when the row
// names none; id are the fields of its identifier.
func (r *reading) device(m *model.Message, row any, id Fields) int {
	rule := &r.p.Device
	d := model.Device{Parent: -1, Manufacturer: r.text(rule.Manufacturer, row), Model: r.text(rule.Model, row),
		Serial: r.text(rule.Serial, row), Release: r.text(rule.Software, row), UDI: r.text(rule.UDI, row), Battery: inPercent(r.text(rule.Battery, row))}
	if id := r.text(id, row); id != "" {
		d.Identifiers = []model.Identifier{{Value: id, System: r.p.Name}}
	}
	if d.Serial == "" && d.UDI == "" && d.Identifiers == nil {
		return -1
	}
	for i := range m.Devices {
		k := &m.Devices[i]
		if k.Serial == d.Serial && k.UDI == d.UDI && k.Model == d.Model && slices.Equal(k.Identifiers, d.Identifiers) {
			return i
		}
	}
	m.Devices = append(m.Devices, d)
	return len(m.Devices) - 1
}

// row reads one of the profile's rows by all rules that have none of their own.
func (r *reading) row(row node) {
	made, failed := false, false
	for i := range r.p.Observe {
		if rule := &r.p.Observe[i]; len(rule.Each) == 0 {
			did, wrong := r.apply(rule, row)
			made, failed = made || did, failed || wrong
		}
	}
	for i := range r.p.Alerts {
		if rule := &r.p.Alerts[i]; len(rule.Each) == 0 {
			did, wrong := r.alert(rule, row)
			made, failed = made || did, failed || wrong
		}
	}
	if !made {
		why := "no rule of the profile fits this row, so it has no observation"
		if failed {
			why = "no rule of the profile fits this row: a condition failed with it"
		}
		r.message(row.value, r.p.Patient.ID).issue("profile.row", model.Warning, row.at, "", why, "add a rule to the profile, or leave such rows out with each")
	}
}

// fields gives what expressions over a row call its fields.
func (r *reading) fields(row node) func(name string) any {
	return func(name string) any {
		if m, ok := row.value.(map[string]any); ok {
			if v, ok := m[name]; ok {
				return v
			}
		}
		switch name {
		case "row":
			return row.value
		case "document":
			return r.w.document
		}
		return nil
	}
}

// apply reads one row by one rule. made: something came of it, be it an issue;
// failed: its condition could not be told.
func (r *reading) apply(rule *Observe, row node) (made, failed bool) {
	if rule.match != nil && !rule.match.holds(&r.w, row.value) {
		return false, false
	}
	field := r.fields(row)
	if rule.when != nil {
		if ok, err := rule.when.holds(field); err != nil || !ok {
			return false, err != nil
		}
	}
	patient, id := rule.Patient, rule.Device
	if len(patient) == 0 {
		patient = r.p.Patient.ID
	}
	if len(id) == 0 {
		id = r.p.Device.ID
	}
	a := r.message(row.value, patient)
	for n := range rule.Needs {
		if r.text(rule.Needs[n:n+1], row.value) == "" {
			same := func(i model.Issue) bool {
				return i.Code == "profile.needed" && i.Field == row.at && i.Received == rule.Needs[n].text
			}
			if slices.ContainsFunc(a.m.Issues, same) {
				return true, false // another rule of the row said so
			}
			a.issue("profile.needed", model.Error, row.at, rule.Needs[n].text, "the row lacks a field without which the profile does not read it", "correct what sends it, or take the field out of needs")
			return true, false
		}
	}
	return r.observe(a, rule, row, r.device(a.m, row.value, id), field), false
}

func (r *reading) observe(a *applying, rule *Observe, row node, device int, field func(string) any) bool {
	l := &Label{Code: rule.Code}
	received := model.Coding{Code: rule.Code, System: r.p.Name}
	if len(rule.Label) > 0 {
		name := r.text(rule.Label, row.value)
		if name == "" {
			return false
		}
		received = model.Coding{Code: name, System: r.p.Name}
		if known := r.p.lookup(name); known != nil {
			l = known
		}
		if l.Kind == "ignore" {
			return true
		}
	}
	if len(rule.Samples) > 0 {
		return r.samples(a, rule, row, device, received, l)
	}
	v, at, ok := r.w.first(rule.Value, row.value)
	if rule.compute != nil {
		var err error
		v, err = rule.compute.value(field)
		if f, is := v.(float64); err != nil || is && (math.IsNaN(f) || math.IsInf(f, 0)) {
			a.issue("profile.compute", model.Error, row.at, rule.Compute, "the value could not be computed of this row", "correct the expression in the profile, or say when it fits (when)")
			return true
		}
		v, ok = decimal(v), v != nil
	}
	if !ok {
		return false
	}
	o := model.Observation{Field: below(row.at, "value"), Received: received, Value: scalar(v), Device: device, Status: model.StatusFinal}
	if at != "" {
		o.Field = joinAt(row.at, at)
	}
	if u := r.text(rule.Unit, row.value); u != "" {
		o.UnitSent = model.Coding{Code: u}
	}
	if s := r.text(rule.Status, row.value); s != "" {
		o.Status = model.Status(s)
	}
	o.DeviceTime = a.m.DeviceTime
	if len(rule.Time) > 0 || len(r.out) > 0 {
		if t := r.time(rule.Time, row.value); t.Original != "" {
			o.DeviceTime = t
		} else if t := r.time(r.p.Time.From, row.value); t.Original != "" {
			o.DeviceTime = t
		}
	}
	o.Setting, o.Simulated = truth(rule.setting, field), truth(rule.simulated, field)
	if o.Value.Kind == model.ValueNone {
		o.Absent = "unknown"
	}
	meant(&o, rule.Meaning)
	if l.Code != "" {
		a.p.give(&o, l)
	}
	a.m.Observations = append(a.m.Observations, o)
	r.nameless(a, rule, row, device)
	return true
}

// nameless says, of the first such row of a document, that it names no device
// although the profile knows where it should (R17): its values belong to
// nobody's device.
func (r *reading) nameless(a *applying, rule *Observe, row node, device int) {
	d := &r.p.Device
	if device < 0 && !r.told && (d.ID.asks() || d.Serial.asks() || d.UDI.asks() || rule.Device.asks()) {
		r.told = true
		a.issue("profile.no-device", model.Warning, row.at, "", "the row names no device where the profile looks for it", "correct what sends it, or the paths under device: those of a row begin at the row, those of the document with $")
	}
}

// asks says whether one of the fields lies in the document.
func (f Fields) asks() bool {
	return slices.ContainsFunc(f, func(one path) bool { return !one.literal })
}

// decimal writes a computed number with the 15 digits that a double keeps of
// any decimal, so that 1.9811999999999999 is what it means: 1.9812.
func decimal(v any) any {
	if f, ok := v.(float64); ok {
		return json.Number(strconv.FormatFloat(f, 'g', 15, 64))
	}
	return v
}

func joinAt(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "" || b[0] == '[':
		return a + b
	}
	return a + "." + b
}

func truth(g *guard, field func(string) any) bool {
	if g == nil {
		return false
	}
	b, err := g.holds(field)
	return b && err == nil
}

// samples makes a waveform of a row with a list of samples.
func (r *reading) samples(a *applying, rule *Observe, row node, device int, received model.Coding, l *Label) bool {
	v, at, ok := r.w.first(rule.Samples, row.value)
	list, isList := v.([]any)
	if !ok || !isList {
		return false
	}
	rate, err := model.ParseDecimal(r.text(rule.Rate, row.value))
	hertz := rate.Float64()
	if err != nil || hertz < 0.001 || hertz > 1e6 {
		a.issue("profile.rate", model.Error, joinAt(row.at, at), "", "the samples have no rate between 0.001 and 1,000,000 a second, so they were not read", "correct the field rate in the profile")
		return true
	}
	w := model.Waveform{Field: joinAt(row.at, at), Received: received, Device: device, Status: model.StatusFinal,
		PeriodNS: int64(1e9/hertz + 0.5), UnitSent: model.Coding{Code: r.text(rule.Unit, row.value)}, DeviceTime: a.m.DeviceTime}
	if code, ok := meaning(l.Code); ok {
		w.Code = code
	}
	if t := r.time(rule.Time, row.value); t.Original != "" {
		w.DeviceTime = t
	}
	var lost bool
	if w.Samples, w.Scale, lost = scaled(list); lost {
		a.issue("profile.samples", model.Warning, w.Field, "", "some samples are no numbers; they stand as gaps", "")
	}
	a.m.Waveforms = append(a.m.Waveforms, w)
	return true
}

// scaled brings decimals to whole numbers and the scale they share.
func scaled(list []any) (samples []int32, scale model.Decimal, lost bool) {
	numbers := make([]model.Decimal, len(list))
	valid := make([]bool, len(list))
	exp := int8(0)
	for i, v := range list {
		if numbers[i], valid[i] = number(v); valid[i] {
			exp = min(exp, numbers[i].Exp)
		}
	}
	exp = max(exp, -6)
	samples = make([]int32, len(list))
	for i, d := range numbers {
		samples[i] = model.Gap
		c := d.Coef
		for e := d.Exp; valid[i] && e > exp; e-- {
			if c > 1<<40 || c < -1<<40 {
				valid[i] = false
			}
			c *= 10
		}
		for e := d.Exp; valid[i] && e < exp; e++ {
			c /= 10
		}
		if !valid[i] || c <= model.Gap || c > 1<<31-1 {
			lost = true
			continue
		}
		samples[i] = int32(c)
	}
	return samples, model.Decimal{Coef: 1, Exp: exp}, lost
}

// inPercent says the unit of a state of charge, where the sender said a number alone.
func inPercent(charge string) string {
	if charge == "" || charge[len(charge)-1] < '0' || charge[len(charge)-1] > '9' {
		return charge
	}
	return charge + " %"
}
