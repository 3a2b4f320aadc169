package fhir

import (
	"cmp"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// alert writes the alert that report i is about, as it stands with that report:
// one Observation an alert, found by its identifier and updated through its
// life (R21: reported, never invented). It is preliminary as long as no end was
// reported and final then; its period is that of the alert. Decision 96 says
// why not Flag, DetectedIssue or Communication. A report that never was in the
// record (a trial) stands for itself.
func (b *builder) alert(i int) {
	a := &b.spoken.m.Alerts[i]
	if a.Heartbeat {
		return
	}
	id, lived := b.alertIdentity(a)
	life := a.Life
	if lived {
		n := b.newest[id]
		if n.alert != nil && n.alert != a {
			return // a later report of the bundle says how it stands
		}
		if n.alert != nil {
			life = n.life
		}
	}
	b.patient()
	device, hasDevice := b.device(a.Device)
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
	if lived && life.Stage != model.AlertEnded {
		w.word("status", "preliminary")
	} else {
		w.word("status", "final")
	}
	w.b = append(w.b, `,"category":[{"text":"Device alert"}]`...)
	w.open("code", '{')
	b.meaning(a.Code, a.Received, model.Coding{})
	w.close('}')
	if b.about(); !b.spoken.hasWho && hasDevice {
		b.reference("subject", device)
	}
	b.alertTime(a, &life)
	b.issued()
	if state := clean(cmp.Or(life.Stage, a.Phase)); state != "" {
		w.open("valueCodeableConcept", '{')
		w.text("text", state)
		w.close('}')
	} else {
		b.absent("unknown")
	}
	if hasDevice {
		b.reference("device", device)
	}
	b.notes([]string{a.Text})
	b.components(a, &life)
	b.requestByID(id, "Observation", lived || b.o.Replace)
	b.said = append(b.said, id)
}

// alertIdentity names an alert over its life; a report that no life is known
// of names itself.
func (b *builder) alertIdentity(a *model.Alert) (id Identity, lived bool) {
	if a.Life.First == (model.MessageRef{}) {
		code := a.Received.Code
		if code == "" {
			code = a.Received.Text
		}
		return b.h.fieldIdentity('a', b.spoken.id, a.Field, a.ID, code, a.DeviceTime.Original), false
	}
	b.h.start('l')
	if d := a.Device; d >= 0 && d < len(b.spoken.m.Devices) {
		b.h.add(string(b.spoken.m.Devices[d].ID))
	}
	b.h.add(a.ID)
	b.h.number(uint64(a.Life.First.Seq))
	b.h.number(uint64(a.Life.First.Part))
	return b.h.sum(), true
}

// newestReport is what the reports of one alert in a bundle come to.
type newestReport struct {
	alert *model.Alert    // the newest of them by the source's own order
	life  model.AlertLife // as the last that came left it
}

// findNewest finds for each alert the report that is written: the last one
// that did not come late.
func (b *builder) findNewest(messages []*model.Message) {
	b.newest = nil
	for _, m := range messages {
		for i := range m.Alerts {
			a := &m.Alerts[i]
			b.spoken.m = m
			id, lived := b.alertIdentity(a)
			if !lived || a.Heartbeat {
				continue
			}
			if b.newest == nil {
				b.newest = map[Identity]newestReport{}
			}
			n := b.newest[id]
			if n.alert == nil || !a.Life.Late {
				n.alert = a
			}
			n.life = a.Life
			b.newest[id] = n
		}
	}
}

// alertTime writes the period of an alert, as far as it is known.
func (b *builder) alertTime(a *model.Alert, life *model.AlertLife) {
	w := &b.w
	if life.Began.IsZero() || !sane(life.Began) {
		w.dateTime("effectiveDateTime", b.timeOf(a.DeviceTime))
		return
	}
	w.open("effectivePeriod", '{')
	w.instant("start", life.Began)
	if life.Began.Equal(a.DeviceTime.UTC) {
		w.beside("start", &a.DeviceTime)
	}
	if sane(life.Ended) && !life.Ended.Before(life.Began) {
		w.instant("end", life.Ended)
		if life.Ended.Equal(a.DeviceTime.UTC) {
			w.beside("end", &a.DeviceTime)
		}
	}
	w.close('}')
}

// systemAlert is the identifier system of an alert over its life.
const systemAlert = "urn:id:alert"

// components writes what PCD-04 says of an alert beside its phase (IHE PCD
// TF-2 B.8, alert attributes), each under its MDC attribute.
func (b *builder) components(a *model.Alert, life *model.AlertLife) {
	w, open := &b.w, false
	phase, state, muted, priority := a.Phase, a.State, a.Muted, a.Priority
	if life.Stage != "" {
		phase, state, muted, priority = life.Phase, life.State, life.Muted, life.Priority
	}
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
		{"MDC_ATTR_EVENT_PHASE", phase},
		{"MDC_ATTR_ALARM_STATE", state},
		{"MDC_ATTR_ALARM_INACTIVATION_STATE", muted},
		{"MDC_ATTR_ALARM_PRIORITY", priority},
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
		if hasNumber := a.Value.Kind == model.ValueNumber && !a.Life.Late; hasNumber || a.Limits != "" {
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
