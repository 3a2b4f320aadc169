package intellivue

import "fmt"

// alarm is an alert that is active now.
type alarm struct {
	source, code uint16
	kind         uint16 // alert type: priorityYellow, priorityTech
	words        string
	instance     uint16
	object       uint16 // handle of the numeric
	fresh        bool
}

// Limits of the simulated monitor; tighter than usual, so that a ward shows an
// alarm now and then.
const (
	lowSpO2, lowHR, highHR = 94, 50, 100
	lowSys, highSys        = 95, 150
)

// watch compares what is measured with the limits.
func (m *Monitor) watch() {
	v := m.vitals
	var now []alarm
	add := func(source, code, kind, object uint16, words string) {
		a := alarm{source: source, code: code, kind: kind, object: object, words: words, fresh: true}
		for _, b := range m.alarms {
			if b.source == a.source && b.code == a.code {
				a.instance, a.fresh = b.instance, false
			}
		}
		if a.fresh {
			m.sequence++
			a.instance = m.sequence
		}
		now = append(now, a)
	}
	if m.off {
		add(physSpO2, alertSensorOff, priorityTech, 0x0103, "SpO₂ SENSOR OFF")
	} else if v.SpO2Percent < lowSpO2 {
		add(physSpO2, alertLow, priorityYellow, 0x0103, fmt.Sprintf("** SpO₂ %d<%d", v.SpO2Percent, lowSpO2))
	}
	switch {
	case v.HeartPerMin > highHR:
		add(physHR, alertHigh, priorityYellow, 0x0101, fmt.Sprintf("** HR %d>%d", v.HeartPerMin, highHR))
	case v.HeartPerMin < lowHR:
		add(physHR, alertLow, priorityYellow, 0x0101, fmt.Sprintf("** HR %d<%d", v.HeartPerMin, lowHR))
	}
	switch {
	case v.SysMmHg > highSys:
		add(physABP+1, alertHigh, priorityYellow, 0x0106, fmt.Sprintf("** ABPs %d>%d", v.SysMmHg, highSys))
	case v.SysMmHg < lowSys:
		add(physABP+1, alertLow, priorityYellow, 0x0106, fmt.Sprintf("** ABPs %d<%d", v.SysMmHg, lowSys))
	}
	if len(now) != len(m.alarms) {
		m.turned++
	}
	m.alarms = now
}

// entry is a DevAlarmEntry with its text (PIPG p. 98, 99).
func (a alarm) entry() []byte {
	state := uint16(0)
	if a.fresh {
		state = 0x0008
	}
	words := join(u16(a.instance), u32(labelOf(a.source)), u16(1, 0x6000), text(a.words))
	return join(u16(a.source, a.code, a.kind, state), object(classNumeric, a.object), u16(alertText), sized(words))
}

// alertAttributes are those of the Alert Monitor, of one group or of all.
func (m *Monitor) alertAttributes(group uint16) (out [][]byte) {
	if group == 0 || group == groupStatic {
		out = append(out, attribute(attrHandle, u16(0x0401)), attribute(attrType, u16(partObject, classAlerts)))
	}
	if group == 0 || group == groupAlerts {
		var patient, technical [][]byte
		var worstP, worstT uint16
		for _, a := range m.alarms {
			if a.kind == priorityTech {
				technical, worstT = append(technical, a.entry()), max(worstT, a.kind)
			} else {
				patient, worstP = append(patient, a.entry()), max(worstP, a.kind)
			}
		}
		audible := max(worstP, worstT)
		out = append(out, attribute(attrAlarmState, u16(0, uint16(m.turned), worstP, worstT, audible)),
			attribute(attrTAlarms, list(technical...)), attribute(attrPAlarms, list(patient...)))
	}
	return out
}
