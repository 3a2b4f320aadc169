package encode

import (
	"strconv"
	"strings"

	"thalamus/internal/model"
)

// facets of an alert as PCD-04 has them (IHE PCD TF-2 §3.4.4.1.2.10): place in
// OBX-4, term, and the text.
func facets(a *model.Alert) []facet {
	return []facet{
		{3, 68481, "MDC_ATTR_EVENT_PHASE", a.Phase},
		{4, 68482, "MDC_ATTR_ALARM_STATE", a.State},
		{5, 68483, "MDC_ATTR_ALARM_INACTIVATION_STATE", a.Muted}, // several are repetitions
		{6, 68484, "MDC_ATTR_ALARM_PRIORITY", priorities[a.Priority]},
		{7, 68485, "MDC_ATTR_ALERT_TYPE", kinds[a.Kind]},
		{8, 68546, "MDC_ATTR_ALERT_TEXT", a.Text},
	}
}

type facet struct {
	sub  int
	code uint32
	name string
	text string
}

var (
	// priorities of HL7 table 0078 as PCD-04 uses it.
	priorities = map[string]string{"high": "PH", "medium": "PM", "low": "PL", "none": "PN"}
	// kinds: physiological, technical, advisory.
	kinds = map[string]string{"physiological": "SP", "technical": "ST", "advisory": "SA"}
)

// alarm is the service of every OBR of an alarm report.
var alarm = model.Coding{Code: "196616", Text: "MDC_EVT_ALARM", System: "MDC"}

// alerts writes each report under an OBR of its own. The first one of an alert
// has the alert's id as OBR-3; those that go on have an id of their own there
// and name the first one in OBR-29 (IHE PCD TF-2, PCD-04 OBR-3 and OBR-29).
func (w *writer) alerts() {
	for i := range w.m.Alerts {
		a := &w.m.Alerts[i]
		filler, parent := a.ID, ""
		if w.goesOn(a) {
			filler, parent = w.m.ControlID, a.ID
			if i > 0 {
				filler += "." + strconv.Itoa(i)
			}
		}
		w.order(&model.Order{Code: alarm}, filler, parent, a.DeviceTime)
		sub := func(n int) string { return "1.0.0.0." + strconv.Itoa(n) }
		if a.Heartbeat {
			w.begin("ST", a.Code, a.Received, sub(1))
			w.Field(5, a.Text)
		} else {
			w.begin("CWE", model.Code{MDC: 196616, RefID: "MDC_EVT_ALARM"}, model.Coding{}, sub(1))
			received := a.Received
			if received.Text == "" {
				received.Text = a.Text
			}
			w.code(5, a.Code, received)
		}
		w.end(a, priorities[a.Priority], kinds[a.Kind])

		w.source(a, sub(2))
		for _, f := range facets(a) {
			if f.text == "" {
				continue
			}
			w.begin("ST", model.Code{MDC: f.code, RefID: f.name}, model.Coding{}, sub(f.sub))
			if f.sub == 5 {
				for n, one := range strings.Fields(f.text) {
					if n == 0 {
						w.Field(5, one)
					} else {
						w.Rep(one)
					}
				}
			} else {
				w.Field(5, f.text)
			}
			w.end(a)
		}
	}
}

// goesOn says whether a report is not the first one of its alert.
func (w *writer) goesOn(a *model.Alert) bool {
	if a.Life.First != (model.MessageRef{}) && a.Life.First != w.m.Ref {
		return true
	}
	return a.Phase != "start" && a.Phase != "tpoint"
}

// source writes what the alert is about: the metric with its value, or its
// name alone.
func (w *writer) source(a *model.Alert, sub string) {
	if a.Source == (model.Code{}) {
		return
	}
	if a.Value.Kind == model.ValueNone {
		w.begin("CWE", model.Code{MDC: 68480, RefID: "MDC_ATTR_ALERT_SOURCE"}, model.Coding{}, sub)
		w.code(5, a.Source, model.Coding{})
	} else {
		w.begin(valueType(&model.Observation{Value: a.Value}), a.Source, model.Coding{}, sub)
		w.value(&a.Value)
		w.unit(a.UnitUCUM, model.Coding{})
		w.Field(7, a.Limits)
	}
	w.end(a)
}

// end writes what every OBX of an alert ends with; flags are for OBX-8, which
// the event's own OBX has.
func (w *writer) end(a *model.Alert, flags ...string) {
	if a.Simulated {
		flags = append(flags, "DEMO")
	}
	first := true
	for _, f := range flags {
		switch {
		case f == "":
		case first:
			w.Field(8, f)
			first = false
		default:
			w.Rep(f)
		}
	}
	w.Field(11, "R")
	w.Field(14, stamp(a.DeviceTime))
	w.equipment(a.Device)
}
