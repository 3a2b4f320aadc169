package profile

import (
	"slices"
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
	r := reading{p: p, w: walk{document: document, left: maxLook}, frame: frame}
	rows := []node{{value: document}}
	if len(p.Each) > 0 {
		rows = r.w.rows(p.Each, document)
	} else if list, ok := document.([]any); ok {
		rows = nil
		children(node{value: list}, func(v any, at string) bool { rows = append(rows, node{v, at}); return len(rows) < maxRows })
	}
	if len(rows) == 0 {
		return nil, fault.New(fault.Invalid, "profile.no-rows", "nothing lies where the profile %s looks for rows (each)", p.Ref())
	}
	for _, row := range rows {
		r.row(row)
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
}

// message is the one of the row's patient.
func (r *reading) message(row any) *applying {
	rule := &r.p.Patient
	var patient *model.Patient
	if id := r.text(rule.ID, row); id != "" {
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
// names none.
func (r *reading) device(m *model.Message, row any) int {
	rule := &r.p.Device
	d := model.Device{Parent: -1, Manufacturer: r.text(rule.Manufacturer, row), Model: r.text(rule.Model, row),
		Serial: r.text(rule.Serial, row), Release: r.text(rule.Software, row), UDI: r.text(rule.UDI, row), Battery: r.text(rule.Battery, row)}
	if id := r.text(rule.ID, row); id != "" {
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

func (r *reading) row(row node) {
	a := r.message(row.value)
	device := r.device(a.m, row.value)
	field := func(name string) any {
		if m, ok := row.value.(map[string]any); ok {
			if v, ok := m[name]; ok {
				return v
			}
		}
		if name == "document" {
			return r.w.document
		}
		return nil
	}
	made, failed := 0, false
	for i := range r.p.Observe {
		rule := &r.p.Observe[i]
		if rule.when != nil {
			ok, err := rule.when.holds(field)
			failed = failed || err != nil
			if err != nil || !ok {
				continue
			}
		}
		if r.observe(a, rule, row, device, field) {
			made++
		}
	}
	if made == 0 {
		why := "no rule of the profile fits this row, so it has no observation"
		if failed {
			why = "no rule of the profile fits this row: a condition failed with it"
		}
		a.issue("profile.row", model.Warning, row.at, "", why, "add a rule to the profile, or leave such rows out with each")
	}
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
	o.Mapped.Meaning = rule.Meaning
	if l.Code != "" {
		a.p.give(&o, l)
	}
	a.m.Observations = append(a.m.Observations, o)
	return true
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
