package clinical

import (
	"strconv"
	"strings"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// isEvent says whether an OBX of an alarm report names the event: by name, or
// by a number of partition 3, events (ISO/IEEE 11073-10101).
func isEvent(r *reading) bool {
	if r.term != nil {
		return r.term.Kind == mdc.Alert
	}
	if strings.HasPrefix(r.refid, "MDC_EVT_") || strings.HasPrefix(r.refid, "MDCX_EVT_") {
		return true
	}
	n, err := strconv.ParseUint(r.received.Code, 10, 32)
	return err == nil && n>>16 == 3 && (r.received.System == "MDC" || r.received.System == "")
}

// namedFacet gives the attribute that the first supplements of IHE PCD ACM (rev.
// 1.2, 2011) call by a plain name.
func namedFacet(code string) string {
	switch code {
	case "EVENT_PHASE":
		return "MDC_ATTR_EVENT_PHASE"
	case "ALARM_STATE":
		return "MDC_ATTR_ALARM_STATE"
	case "INACTIVATION_STATE":
		return "MDC_ATTR_ALARM_INACTIVATION_STATE"
	}
	return ""
}

// eventValue reads OBX-5 of the event: the event itself under MDC_EVT_ALARM and
// MDC_ATTR_AL_COND, what it is about, the text for people, or a value.
func (d *decoder) eventValue(r *reading, out *model.Alert) {
	first := d.f[5].Rep(1)
	v, _ := d.value(first, r.kind)
	if v.Kind == model.ValueText {
		// Some send the event as ST with the components of a CWE.
		if c := d.coding(first); c.System != "" {
			v = model.Value{Kind: model.ValueCoded, Coding: c}
			out.Text = d.text(first.Component(9))
		}
	}
	switch v.Kind {
	case model.ValueCoded:
		t, _, ok := mdc.OfCoding(v.Coding)
		general := r.refid == "MDC_EVT_ALARM" || r.refid == "MDC_ATTR_AL_COND"
		switch {
		case ok && t.Kind != mdc.Alert: // the source, as the guide for dialysis machines has it
			out.Source = t.Meaning()
		case !ok && !general:
			out.Text = v.Coding.Text
		default:
			out.Received = v.Coding
			out.Heartbeat = out.Heartbeat || ok && t.RefID == "MDC_EVT_ACTIVE"
		}
	case model.ValueText:
		out.Text = v.Text
	default:
		out.Value = v
	}
}

// sourceValue takes what an alert is about from the OBX of facet 2: the metric
// and its limits (PCD-04 "source"). Its value is an observation of the message,
// which normalise puts beside the alert with its unit.
func (d *decoder) sourceValue(r *reading) {
	if len(d.alerts) == 0 {
		return
	}
	a := &d.alerts[len(d.alerts)-1]
	out := &d.out.Alerts[a.index]
	if a.order != len(d.out.Orders) || out.Source != (model.Code{}) || r.sub == "" || a.group != group(r.sub) {
		return
	}
	out.Source = r.term.Meaning()
	if out.Limits == "" {
		out.Limits = d.joined(d.f[7])
	}
}

// phase of the event (PCD-04 facet 3).
func (d *decoder) phase(out *model.Alert, text string) {
	out.Phase = strings.ToLower(text)
	switch out.Phase {
	case "start", "update", "continue", "escalate", "de-escalate", "end", "present", "reset", "tpoint", "":
	case "deescalate":
		out.Phase = "de-escalate"
	default:
		d.issueAt(d.f[5], "decode.alert-phase", model.Warning, "not a phase of an alarm that we know; it was kept as sent", "the sender should write start, continue, update, escalate, de-escalate or end")
	}
}

// alarmState is facet 4: inactive, active, latched; off is how the guide for
// dialysis machines says that there is no alarm.
func (d *decoder) alarmState(out *model.Alert, text string) {
	out.State = strings.ToLower(text)
	switch out.State {
	case "", "inactive", "active", "latched", "off":
	default:
		d.issueAt(d.f[5], "decode.alert-state", model.Warning, "not a state of an alarm that we know; it was kept as sent", "the sender should write inactive, active or latched")
	}
}

// inactivation is facet 5. Several states at once are kept side by side; what
// keeps the alert from being heard comes first.
func (d *decoder) inactivation(out *model.Alert) {
	var states []string
	for _, rep := range d.f[5].Reps() {
		if s := strings.ToLower(strings.TrimSpace(d.text(rep.Component(1)))); s != "" && len(states) < 4 {
			states = append(states, s)
		}
	}
	if len(states) > 1 {
		kept := states[:0]
		for _, s := range states {
			if s != "enabled" {
				kept = append(kept, s)
			}
		}
		states = kept
	}
	out.Muted = strings.Join(states, " ")
	for _, s := range states {
		switch s {
		case "enabled", "audio-paused", "audio-off", "alarm-paused", "alarm-off", "alert-acknowledged":
		default:
			d.issueAt(d.f[5], "decode.alert-inactivation", model.Warning, "not an inactivation state that we know; it was kept as sent", "the sender should write enabled, audio-paused, audio-off, alarm-paused, alarm-off or alert-acknowledged")
		}
	}
}

// priority by the POCD guide's table of OBX-8: PN PL PM PH, PI (information)
// and PU (unknown) of the guide for dialysis machines, and the words.
func (d *decoder) priority(out *model.Alert, text string) {
	switch strings.ToUpper(text) {
	case "":
	case "PH", "H", "HIGH", "HI":
		out.Priority = "high"
	case "PM", "M", "MEDIUM", "MED":
		out.Priority = "medium"
	case "PL", "L", "LOW":
		out.Priority = "low"
	case "PN", "PI", "N", "NONE", "NO-ALARM", "NOT-INDICATED":
		out.Priority = "none"
	case "PU":
		out.Priority = ""
	default:
		out.Priority = strings.ToLower(text)
		d.issueAt(d.f[5], "decode.alert-priority", model.Warning, "not a priority of IHE PCD-04; it was kept as sent", "the sender should write PN, PL, PM or PH")
	}
}

// alertKind: SP, ST, SA of IHE PCD-04.
func (d *decoder) alertKind(out *model.Alert, text string) {
	switch strings.ToUpper(text) {
	case "":
	case "SP", "PHYSIOLOGICAL":
		out.Kind = "physiological"
	case "ST", "TECHNICAL":
		out.Kind = "technical"
	case "SA", "ADVISORY":
		out.Kind = "advisory"
	default:
		out.Kind = strings.ToLower(text)
		d.issueAt(d.f[5], "decode.alert-type", model.Warning, "not a type of IHE PCD-04; it was kept as sent", "the sender should write SP, ST or SA")
	}
}

// mdilAlert is the coding system of alarms of the Philips Efficia CM: an OBX of
// an ORU^R01 whose text is the alarm and whose code is its colour (Data Export
// Guide, "Alarms"). The monitor tells that an alarm occurred and never that it
// ended, so it is a point in time.
const mdilAlert = "MDIL-ALERT"

func (d *decoder) mdilAlert(r *reading) {
	d.openAlert(r)
	out := &d.out.Alerts[len(d.out.Alerts)-1]
	out.Phase, out.Kind = "tpoint", "physiological"
	switch colour, _, _ := strings.Cut(strings.ToLower(r.received.Text), " "); colour {
	case "red":
		out.Priority = "high"
	case "yellow":
		out.Priority = "medium"
	}
	out.ID = strings.TrimSpace(r.received.Code + " " + out.Text)
}
