package openmhealth

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"thalamus/internal/model"
)

// fields is a JSON object that keeps its order.
type fields []field

type field struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (f fields) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range f {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// timeFrame is an instant or a span; a day's part where no more is known.
type timeFrame struct {
	At       string  `json:"date_time,omitempty"`
	Interval *fields `json:"time_interval,omitempty"`
}

// time is when an observation was, zero where nobody says.
func (e *encoder) time(o *model.Observation) time.Time {
	t := o.DeviceTime.UTC
	if t.IsZero() && o.Order >= 0 && o.Order < len(e.m.Orders) {
		t = e.m.Orders[o.Order].Start.UTC
	}
	if t.IsZero() {
		t = e.m.DeviceTime.UTC
	}
	return t
}

// frame gives the effective time frame, nil where nobody says when it was. A
// time that is only a day is the span of that day, or its part where the
// document said one and the schema can say it.
func (e *encoder) frame(f *form, o *model.Observation) *timeFrame {
	t := e.time(o)
	if t.IsZero() || !sane(t) {
		return nil
	}
	end := o.DeviceTimeEnd
	switch o.DeviceTime.Precision {
	case "year", "month":
		return nil
	case "day":
		part := e.said("part_of_day")
		in := timeFrame{Interval: &fields{{"date", o.DeviceTime.Original}, {"part_of_day", part}}}
		if part != "" && f.allows("effective_time_frame", in) {
			return &in
		}
		if !end.After(t) {
			end = t.AddDate(0, 0, 1)
		}
	}
	if end.After(t) && sane(end) {
		return &timeFrame{Interval: &fields{{"start_date_time", rfc3339(t)}, {"end_date_time", rfc3339(end)}}}
	}
	return &timeFrame{At: rfc3339(t)}
}

// allows says whether the schema has a member and the value fits it.
func (f *form) allows(member string, v any) bool {
	s := schemas[schemaName("omh", f.name, f.version)]
	raw, err := json.Marshal(v)
	if err != nil {
		return false
	}
	n, err := parse(raw)
	if err != nil {
		return false
	}
	for i, name := range s.names {
		if name == member {
			return len(s.parts[i].violations(n, "")) == 0
		}
	}
	return false
}

// circumstances adds what qualifies the value, as far as the schema can say it.
func (e *encoder) circumstances(f *form, o *model.Observation, body fields) fields {
	add := func(member string, v any) {
		if v != "" && f.allows(member, v) {
			body = append(body, field{member, v})
		}
	}
	if o.Method.System == systemStatistic {
		for _, s := range statistics {
			if s.code == o.Method.Code {
				add("descriptive_statistic", s.name)
			}
		}
	}
	for _, site := range sites {
		add(site, o.BodySite.Text)
	}
	for refid, said := range places[f.name] {
		if refid == o.Code.RefID && !body.has(said.name) {
			add(said.name, said.value)
		}
	}
	for _, name := range circumstances {
		c := e.circumstance(name)
		switch {
		case c == nil || body.has(name):
		case c.Value.Kind == model.ValueCoded:
			add(name, c.Value.Coding.Code)
		case c.Value.Kind == model.ValueNumber:
			add(name, unitValue{c.Value.Number, c.UnitSent.Code})
		}
	}
	if posture := e.said("position_during_measurement"); posture != "" && !body.has("body_posture") {
		add("body_posture", posture) // as newer versions call it
	}
	return body
}

func (f fields) has(name string) bool {
	return slices.ContainsFunc(f, func(m field) bool { return m.name == name })
}

// places are what a metric says that a schema says in a member of its own.
var places = map[string]map[string]field{
	"blood-glucose": {"MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD": {"specimen_source", "capillary blood"}},
	"body-temperature": {"MDC_TEMP_AXIL": {"measurement_location", "axillary"}, "MDC_TEMP_ORAL": {"measurement_location", "oral"},
		"MDC_TEMP_RECT": {"measurement_location", "rectal"}, "MDC_TEMP_TYMP": {"measurement_location", "tympanic"}},
	"minute-volume": {"MDC_VOL_MINUTE_AWAY_INSP": {"minute_volume_type", "inspiratory"}, "MDC_VOL_MINUTE_AWAY_EXP": {"minute_volume_type", "expiratory"}},
}

// sane are the years that RFC 3339 can write.
func sane(t time.Time) bool { return t.Year() > 0 && t.Year() < 10000 }

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func has(list []string, s string) bool { return slices.Contains(list, s) }

// circumstance finds what qualifies the observations of a data point.
func (e *encoder) circumstance(name string) *model.Observation {
	if e.m.Codec != Name {
		return nil
	}
	for i := range e.m.Observations {
		c := &e.m.Observations[i]
		if c.Parent != "" && c.Parent == e.m.Observations[0].SubID && c.Received.Code == name {
			return c
		}
	}
	return nil
}

// said is the text of a circumstance, empty where there is none.
func (e *encoder) said(name string) string {
	if c := e.circumstance(name); c != nil && c.Value.Kind == model.ValueCoded {
		return c.Value.Coding.Code
	}
	return ""
}
