package intellivue

import (
	"fmt"
	"strings"

	"thalamus/internal/codec/mder"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// Bits of an alert's state (AlertState).
const (
	alertInhibited = 0x8000
	alertSuspended = 0x4000
	alertLatched   = 0x2000
	alertSilenced  = 0x1000
	alertTest      = 0x0400
	alertDemo      = 0x0100
	alertNew       = 0x0008
)

// alarm is an active alarm (DevAlarmEntry).
type alarm struct {
	source, code, kind, state uint16
	object                    Object
	instance                  uint16
	text                      string
}

// Forms of what is told of an alarm beside its code.
const (
	infoGeneral = 513 // GEN_ALMON_INFO
	infoText    = 516 // STR_ALMON_INFO
)

func alarmsOf(b []byte) (all []alarm, err error) {
	r := read(b)
	r.List("the alarms", 16, func(r *mder.Reader) {
		a := alarm{source: r.U16("an alarm"), code: r.U16("an alarm"), kind: r.U16("an alarm"), state: r.U16("an alarm"), object: readObject(r, "an alarm")}
		form := r.U16("an alarm")
		in := read(r.Octets("an alarm"))
		if r.Err == nil && (form == infoGeneral || form == infoText) {
			a.instance = in.U16("an alarm's text")
			in.U32("an alarm's text") // text id
			in.U16("an alarm's text") // priority among texts
			in.U16("an alarm's text") // flags
			if form == infoText && in.Err == nil {
				a.text = wide(in.Rest())
			}
			r.Err = in.Err
		}
		all = append(all, a)
	})
	return all, r.End("the alarms")
}

// partition of the source: the last bit of the code tells it.
func (a *alarm) partition() uint32 {
	if a.code&1 != 0 {
		return partObject
	}
	return partSCADA
}

// id names the alert over its life: what, of what, from which object.
func (a *alarm) id() string {
	return fmt.Sprintf("%04x-%04x@%04x-%04x/%d.%d.%d", partEvent, a.code&^1, a.partition(), a.source, a.object.Class, a.object.Context, a.object.Handle)
}

// alerts reads the alarms that are active, against those of the reply before:
// what is new has begun, what is missing is over, what is as it was is not told
// again (R21).
func (d *decoder) alerts(p *Polled) {
	o := Object{ClassAlerts, p.Context, p.Handle}
	field, _ := place(o)
	for _, list := range [...]struct {
		id   uint16
		name string
	}{{AttrPatientAlarms, " physiological"}, {AttrTechnicalAlarms, " technical"}} {
		b := find(p.Attributes, list.id)
		if b == nil {
			continue
		}
		now, err := alarmsOf(b)
		if err != nil {
			d.fault(err, field+list.name)
			continue
		}
		was := find(d.known[o], list.id)
		before, _ := alarmsOf(was) // its own message told what is wrong with it
		d.compare(field+list.name, now, before, was != nil)
	}
}

func (d *decoder) compare(field string, now, before []alarm, known bool) {
	old := make(map[string]*alarm, len(before))
	for i := range before {
		old[before[i].id()] = &before[i]
	}
	named := map[string]bool{}
	for i := range now {
		a := &now[i]
		id := a.id()
		if named[id] { // one alarm more than once, with other texts
			continue
		}
		named[id] = true
		phase := "start"
		if was := old[id]; was != nil {
			if was.kind == a.kind && was.state&^alertNew == a.state&^alertNew && was.text == a.text && was.instance == a.instance {
				continue
			}
			phase = "update"
		} else if !known && a.state&alertNew == 0 {
			phase = "continue" // it began before we asked
		}
		d.alert(field, a, phase)
	}
	for i := range before {
		if id := before[i].id(); !named[id] {
			named[id] = true
			d.alert(field, &before[i], "end")
		}
	}
}

func (d *decoder) alert(field string, a *alarm, phase string) {
	out := model.Alert{Field: field, ID: a.id(), Received: coding(partEvent, a.code), Text: strings.TrimLeft(a.text, "*! "), Phase: phase, State: "active", Muted: "enabled",
		DeviceTime: d.at, Simulated: d.demo || a.state&(alertTest|alertDemo) != 0}
	switch {
	case phase == "end":
		out.State = "inactive"
	case a.state&alertLatched != 0:
		out.State = "latched"
	}
	switch {
	case a.state&alertInhibited != 0:
		out.Muted = "alarm-off"
	case a.state&alertSuspended != 0:
		out.Muted = "alarm-paused"
	case a.state&alertSilenced != 0:
		out.Muted = "alert-acknowledged"
	}
	switch {
	case a.kind&0x0404 != 0:
		out.Priority = "high"
	case a.kind&0x0202 != 0:
		out.Priority = "medium"
	case a.kind&0x0101 != 0:
		out.Priority = "low"
	default:
		out.Priority = "none"
	}
	out.Kind = "physiological"
	if a.kind&0xFF00 == 0 {
		out.Kind = "technical"
	}
	if t, ok := mdc.ByCode(partEvent<<16 | uint32(a.code)); ok {
		out.Code = t.Meaning()
	}
	out.Source = meaning(a.partition(), a.source)
	d.m.Alerts = append(d.m.Alerts, out)
}

// meaning of a code in a partition, or its number where the table does not have
// it.
func meaning(partition uint32, code uint16) model.Code {
	if t, ok := mdc.ByCode(partition<<16 | uint32(code)); ok && code < 0xF000 {
		return t.Meaning()
	}
	c := coding(partition, code)
	if c.System == SystemPrivate {
		name := c.Text
		if name == "" {
			name = c.Code
		}
		return model.Code{Name: name}
	}
	return model.Code{MDC: partition<<16 | uint32(code)}
}
