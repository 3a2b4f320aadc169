package fhir

import (
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// alert writes alert i as an Observation: at that time this device said that
// the condition began, goes on or ended (R21: reported, never invented).
// docs/decisions/0041 says why not Flag, DetectedIssue or Communication. One
// Observation a report keeps the whole life; all reports of one alert share
// the identifier under systemAlert.
func (b *builder) alert(i int) {
	a := &b.spoken.m.Alerts[i]
	b.patient()
	device, hasDevice := b.device(a.Device)
	code := a.Received.Code
	if code == "" {
		code = a.Received.Text
	}
	id := b.h.fieldIdentity('a', b.spoken.id, a.Field, a.ID, code, a.DeviceTime.Original)
	if !b.entry(id, "Observation") {
		return
	}
	w := &b.w
	b.meta("", a.Simulated || b.spoken.m.Test)
	b.ownIdentifier(id)
	if clean(a.ID) != "" {
		w.b = w.b[:len(w.b)-1]
		w.element()
		w.word("system", systemAlert)
		w.text("value", a.ID)
		w.b = append(w.b, "}]"...)
	}
	w.word("status", "final")
	w.open("code", '{')
	b.meaning(a.Code, a.Received, model.Coding{})
	w.close('}')
	b.about()
	w.dateTime("effectiveDateTime", b.timeOf(a.DeviceTime))
	b.issued()
	if clean(a.Phase) != "" {
		w.open("valueCodeableConcept", '{')
		w.text("text", a.Phase)
		w.close('}')
	} else {
		b.absent("unknown")
	}
	if hasDevice {
		b.reference("device", device)
	}
	b.notes([]string{a.Text})
	b.components(a)
	b.requestByID(id, "Observation", b.o.Replace)
	b.said = append(b.said, id)
}

// systemAlert is the identifier system of an alert over its life.
const systemAlert = "urn:id:alert"

// components writes what PCD-04 says of an alert beside its phase (IHE PCD
// TF-2 B.8, alert attributes), each under its MDC attribute.
func (b *builder) components(a *model.Alert) {
	w, open := &b.w, false
	begin := func(refid string) {
		if !open {
			w.open("component", '[')
			open = true
		}
		w.element()
		w.open("code", '{')
		c := model.Code{Name: refid}
		if t, ok := mdc.ByRefID(refid); ok {
			c = t.Meaning()
		}
		b.meaning(c, model.Coding{}, model.Coding{})
		w.close('}')
	}
	for _, attribute := range [...]struct{ refid, text string }{
		{"MDC_ATTR_ALARM_STATE", a.State},
		{"MDC_ATTR_ALARM_INACTIVATION_STATE", a.Muted},
		{"MDC_ATTR_ALARM_PRIORITY", a.Priority},
		{"MDC_ATTR_ALERT_TYPE", a.Kind},
	} {
		if clean(attribute.text) == "" {
			continue
		}
		begin(attribute.refid)
		w.open("valueCodeableConcept", '{')
		w.text("text", attribute.text)
		w.b = append(w.b, "}}"...)
	}
	if a.Source.Key() != "" {
		if hasNumber := a.Value.Kind == model.ValueNumber; hasNumber || a.Limits != "" {
			// The metric the alert is about, with its value at that time.
			if !open {
				w.open("component", '[')
				open = true
			}
			o := model.Observation{Value: a.Value, UnitUCUM: a.UnitUCUM, RangeText: a.Limits}
			w.element()
			w.open("code", '{')
			b.meaning(a.Source, model.Coding{}, model.Coding{})
			w.close('}')
			b.value(&o, nil)
			b.referenceRange(&o)
			w.close('}')
		} else {
			begin("MDC_ATTR_ALERT_SOURCE")
			w.open("valueCodeableConcept", '{')
			b.meaning(a.Source, model.Coding{}, model.Coding{})
			w.b = append(w.b, "}}"...)
		}
	}
	if open {
		w.close(']')
	}
}
