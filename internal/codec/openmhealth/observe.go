package openmhealth

import (
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// decoder reads the body of one data point.
type decoder struct {
	m              model.Message
	schema, family string // "omh/heart-rate-2.0", "omh/heart-rate"
	body           *node
	notes          []string
	partOfDay      string
}

func (d *decoder) issue(i model.Issue) { d.m.Issues = append(d.m.Issues, i) }

// observations reads what the body measures.
func (d *decoder) observations() {
	if d.family == "granola/hk-quantity-sample" {
		d.quantity()
	} else {
		for i := range measures {
			if x := &measures[i]; x.schema == d.family {
				d.observe(x, x.member)
			}
		}
	}
	if len(d.m.Observations) == 0 {
		d.issue(model.Issue{Code: "openmhealth.no-metric", Severity: model.Warning, Received: d.schema,
			Text: "the document is valid, but no metric of ours says what it measures; it was kept as it came", Hint: "read it from the journal, or ask for a metric"})
		return
	}
	if d.partOfDay != "" {
		d.circumstance("part_of_day", &node{kind: text, text: d.partOfDay})
	}
	for _, name := range circumstances {
		if v := d.body.member(name); v != nil {
			d.circumstance(name, v)
		}
	}
}

// quantity reads a sample of HealthKit.
func (d *decoder) quantity() {
	kind := d.body.at("quantity_type").string()
	x, ok := healthKit[kind]
	if !ok {
		return
	}
	member := "unit_value"
	if d.body.member(member) == nil {
		member = "count"
	}
	if d.observe(&x, member); len(d.m.Observations) == 1 {
		d.m.Observations[0].Received.Code, d.m.Observations[0].Received.Text = kind, kind
	}
}

// observe reads one measured value.
func (d *decoder) observe(x *measure, member string) {
	v, label := d.body, strings.ReplaceAll(d.family[strings.IndexByte(d.family, '/')+1:], "-", "_")
	place := "body"
	if member != "" {
		v, label, place = d.body.member(member), member, "body."+member
	}
	if v == nil {
		return
	}
	o := d.blank(label, place)
	o.SubID = strconv.Itoa(len(d.m.Observations) + 1)
	refid := x.refid
	if narrow, ok := x.narrow[d.body.at(x.by).string()]; ok && x.by != "" {
		refid = narrow
	}
	if t, ok := mdc.ByRefID(refid); ok {
		o.Mapped.Code = t.Meaning()
	} else {
		o.Mapped.Code = model.Code{LOINC: x.loinc, Name: x.name}
	}
	d.number(&o, v, x.unit)
	if name := d.body.at("descriptive_statistic").string(); name != "" {
		o.Method = model.Coding{Text: name}
		if spread(name) || name == "sum" && x.refid != "" {
			o.Mapped.Code = model.Code{Name: o.Mapped.Code.Name + ", " + name}
		}
		for _, s := range statistics {
			if s.name == name {
				o.Method.Code, o.Method.System = s.code, systemStatistic
			}
		}
	}
	for _, name := range sites {
		if site := d.body.at(name).string(); site != "" {
			o.BodySite.Text = site
		}
	}
	o.Notes = slices.Clone(d.notes)
	if words := strings.TrimSpace(d.body.at("user_notes").string()); words != "" {
		o.Notes = append(o.Notes, words)
	}
	d.m.Observations = append(d.m.Observations, o)
}

// spread says whether a statistic is no value of the quantity it is about: the
// variance of a heart rate must not be taken for a heart rate.
func spread(statistic string) bool {
	switch statistic {
	case "standard deviation", "variance", "quartile deviation", "count":
		return true
	}
	return false
}

// blank is an observation with the times of the document.
func (d *decoder) blank(label, place string) model.Observation {
	o := model.Observation{Field: place, Received: model.Coding{Code: label, Text: label, System: "https://w3id.org/openmhealth/schemas/" + d.schema},
		Status: model.StatusFinal, Device: -1, DeviceTime: d.m.DeviceTime, Mapped: &model.Mapping{By: Name}}
	if len(d.m.Orders) > 0 {
		r := &d.m.Orders[0]
		o.DeviceTime = r.Start
		if r.End.UTC.After(r.Start.UTC) {
			o.DeviceTimeEnd = r.End.UTC
		}
	}
	return o
}

// number reads a value with its unit, or a bare number.
func (d *decoder) number(o *model.Observation, v *node, bare string) {
	unit := bare
	if v.kind == object {
		sent := v.at("unit").string()
		o.UnitSent = model.Coding{Code: sent, Text: sent}
		unit, v = units[sent], v.member("value")
	}
	o.Mapped.UnitUCUM = unit
	o.ValueType = "number"
	var err error
	if o.Value.Number, err = model.ParseDecimal(v.text); err != nil {
		o.Value, o.Absent = model.Value{}, "error"
		o.ValueSent = &model.Value{Kind: model.ValueText, Text: clip(v.text)}
		d.issue(model.Issue{Code: "openmhealth.number", Severity: model.Error, Field: o.Field,
			Text: "the number has more digits than can be kept exactly; it was put aside", Hint: "the sender should write at most 18 significant digits"})
		return
	}
	o.Value.Kind = model.ValueNumber
}

// circumstance reads what qualifies the values of the document.
func (d *decoder) circumstance(name string, v *node) {
	first := d.m.Observations[0].SubID
	o := d.blank(name, "body."+name)
	o.SubID, o.Parent = first+"."+strconv.Itoa(len(d.m.Observations)), first
	switch {
	case v.kind == object:
		d.number(&o, v, "")
	default:
		o.ValueType = "string"
		o.Value = model.Value{Kind: model.ValueCoded, Coding: model.Coding{Code: v.text, Text: v.text, System: o.Received.System}}
	}
	// The schema says what it means, though no nomenclature of ours has a code.
	words := strings.ReplaceAll(name, "_", " ")
	o.Mapped.Code = model.Code{Name: strings.ToUpper(words[:1]) + words[1:]}
	if name == "body_posture" || name == "position_during_measurement" {
		o.Mapped.Code = model.Code{LOINC: loincOfPosture, Name: "Body position with respect to gravity"}
	}
	d.m.Observations = append(d.m.Observations, o)
}
