package encode

import (
	"strconv"

	"thalamus/internal/model"
)

// facets of an alert as PCD-04 has them (IHE PCD TF-2 §3.4.4.1.2.10): place in
// OBX-4, term, and the text.
func facets(a *model.Alert) []facet {
	return []facet{
		{3, 68481, "MDC_ATTR_EVENT_PHASE", a.Phase},
		{4, 68482, "MDC_ATTR_ALARM_STATE", a.State},
		{5, 68483, "MDC_ATTR_ALARM_INACTIVATION_STATE", a.Muted},
		{6, 68484, "MDC_ATTR_ALARM_PRIORITY", priorities[a.Priority]},
		{7, 68485, "MDC_ATTR_ALERT_TYPE", kinds[a.Kind]},
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

func (w *writer) alerts() {
	for i := range w.m.Alerts {
		a := &w.m.Alerts[i]
		w.order(nil, w.m.ControlID, a.ID, a.DeviceTime)
		sub := func(n int) string { return "1.0.0.0." + strconv.Itoa(n) }

		w.begin("CWE", model.Code{MDC: 196616, RefID: "MDC_EVT_ALARM"}, model.Coding{}, sub(1))
		received := a.Received
		if received.Text == "" {
			received.Text = a.Text
		}
		w.code(5, a.Code, received)
		w.end(a)

		w.source(a, sub(2))
		for _, f := range facets(a) {
			if f.text == "" {
				continue
			}
			w.begin("ST", model.Code{MDC: f.code, RefID: f.name}, model.Coding{}, sub(f.sub))
			w.Field(5, f.text)
			w.end(a)
		}
	}
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

// end writes what every OBX of an alert ends with.
func (w *writer) end(a *model.Alert) {
	if a.Simulated {
		w.Field(8, "DEMO")
	}
	w.Field(11, "R")
	w.Field(14, stamp(a.DeviceTime))
	w.equipment(a.Device)
}
