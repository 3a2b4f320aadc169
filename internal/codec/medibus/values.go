package medibus

import (
	"fmt"
	"strings"

	"thalamus/internal/codec"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

type pair struct {
	code byte
	text string
}

// pairs cuts a response into codes of two hexadecimal digits and values of width
// characters.
func pairs(b []byte, width int) (out []pair, whole bool) {
	whole = true
	for len(b) >= 2+width {
		code, ok := hexByte(b)
		if ok {
			out = append(out, pair{code, text(b[2 : 2+width])})
		}
		whole, b = whole && ok, b[2+width:]
	}
	return out, whole && len(b) == 0
}

// blank is an observation of a code of a page.
func (d *decoder) blank(page, code byte) model.Observation {
	o := model.Observation{Field: fmt.Sprintf("%02X.%02X", page, code), Received: received(page, code), Status: model.StatusFinal, Setting: page == Settings}
	if !d.e.Arrived.IsZero() { // the device gives no time with its values; they are those of now
		o.DeviceTime = model.Timestamp{UTC: d.e.Arrived.UTC(), Precision: "fraction"}
	}
	if t := terms[codeOf{page, code}]; t != nil {
		o.UnitSent, o.Alternate = unit(t.ucum), standard(t.code)
		if t.code == nil {
			o.Mapped = &model.Mapping{Code: model.Code{Name: t.name}, By: Name}
		}
	}
	return o
}

func (d *decoder) add(o model.Observation) { d.m.Observations = append(d.m.Observations, o) }

// value reads a value: a number, a missing one, or a text.
func (d *decoder) value(o *model.Observation, t *term, s string) {
	s = strings.TrimSpace(s)
	shown := strings.ReplaceAll(s, " ", "") // a sign may stand apart
	if strings.Trim(shown, "-*#?.") == "" {
		o.Absent, o.Flags = "unknown", []string{"NAV"}
		o.ValueType = "number"
		return
	}
	if t == nil || t.ucum != "text" {
		if n, err := model.ParseDecimal(shown); err == nil {
			if t != nil {
				n.Exp += t.shift
			}
			o.ValueType, o.Value = "number", model.Value{Kind: model.ValueNumber, Number: n}
			return
		}
		d.issue("medibus.value", model.Warning, o.Field, o.Received.Code, "a value is no number; it was kept as text", "what the device sent is kept")
	}
	o.ValueType, o.Value, o.UnitSent = "string", model.Value{Kind: model.ValueText, Text: s}, model.Coding{}
}

func (d *decoder) measured(m Message) {
	all, whole := pairs(m.Text, 4)
	if !whole {
		d.cut(m.Code)
	}
	low, high := d.limits("low"), d.limits("high")
	for _, one := range all {
		o := d.blank(m.Code, one.code)
		d.value(&o, terms[codeOf{m.Code, one.code}], one.text)
		if l, h := low[one.code], high[one.code]; l != "" || h != "" {
			o.RangeText = l + "-" + h
			if l == "" {
				o.RangeText = "<" + h
			} else if h == "" {
				o.RangeText = ">" + l
			}
		}
		d.add(o)
	}
}

// limits reads the alarm limits that are with the frame.
func (d *decoder) limits(name string) map[byte]string {
	m, ok := d.said(name)
	if !ok {
		return nil
	}
	out := map[byte]string{}
	all, _ := pairs(m.Text, 4)
	for _, one := range all {
		if s := strings.ReplaceAll(one.text, " ", ""); strings.Trim(s, "-*#?.") != "" {
			out[one.code] = s
		}
	}
	return out
}

func (d *decoder) settings(m Message) {
	all, whole := pairs(m.Text, 5)
	if !whole {
		d.cut(m.Code)
	}
	for _, one := range all {
		o := d.blank(m.Code, one.code)
		d.value(&o, terms[codeOf{m.Code, one.code}], one.text)
		d.add(o)
	}
}

// alarms tells what changed since the response before.
func (d *decoder) alarms(m Message) {
	now, whole := d.list(m)
	if !whole {
		d.cut(m.Code)
	}
	before, known := d.said("before")
	var was []model.Alert
	if known = known && before.Code == m.Code; known {
		was, _ = d.list(before)
	}
	d.m.Alerts = codec.Changes(now, was, known)
}

// list reads alarms of 15 characters: priority, code and phrase.
func (d *decoder) list(m Message) (out []model.Alert, whole bool) {
	b := m.Text
	for ; len(b) >= 15; b = b[15:] {
		code, ok := hexByte(b[1:])
		if !ok {
			return out, false
		}
		a := model.Alert{Field: fmt.Sprintf("%02X.%02X", m.Code, code), ID: fmt.Sprintf("medibus %02X.%02X", m.Code, code), Text: strings.TrimSpace(text(b[3:15]))}
		a.Priority, a.Kind = priority(int(b[0]) - '0')
		if !d.e.Arrived.IsZero() {
			a.DeviceTime = model.Timestamp{UTC: d.e.Arrived.UTC(), Precision: "fraction"}
		}
		t := terms[codeOf{m.Code, code}]
		event, known := mdc.ByRefID("MDC_EVT_ALARM")
		switch {
		case t != nil && t.code != nil:
			event = t.code
			if a.Kind == "" {
				a.Kind = "physiological"
			}
		case t != nil && a.Text == "":
			a.Text = t.name
		}
		if known {
			a.Received = standard(event)
		}
		if t != nil && t.source != nil {
			a.Source = t.source.Meaning()
		}
		if t != nil && t.name != "" && a.Text != t.name {
			a.Text = strings.TrimSpace(a.Text + ": " + t.name)
		}
		if a.Kind == "" {
			a.Kind = "technical"
		}
		out = append(out, a)
	}
	return out, len(b) == 0
}

// priority reads the priority of an alarm: 1 to 10 are advisories, of which 7 and
// above are heard, 11 to 24 cautions, 25 to 31 warnings.
func priority(n int) (priority, kind string) {
	switch {
	case n >= 25:
		return "high", ""
	case n >= 11:
		return "medium", ""
	case n >= 7:
		return "low", ""
	}
	return "none", "advisory"
}
