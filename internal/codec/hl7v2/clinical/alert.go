package clinical

import (
	"strings"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// alert is an alarm report that is still being put together from the OBX of
// one group (IHE PCD TF vol. 2, PCD-04: event, source, phase, state,
// inactivation, priority, type).
type alert struct {
	index  int // in Message.Alerts
	group  string
	order  int
	source string // OBX-4 of what it is about, to be found when all are read
}

// alertPart takes an OBX that belongs to an alarm report. Outside of one,
// only MDC_ATTR_AL_COND (and what stands beside it) reports an alarm.
func (d *decoder) alertPart(r *reading) bool {
	if d.event && isEvent(r) {
		d.openAlert(r)
		return true
	}
	if r.received.System == mdilAlert {
		d.mdilAlert(r)
		return true
	}
	if r.refid == "MDC_ATTR_AL_COND" && r.hasValue {
		d.openAlert(r)
		return true
	}
	if d.event && r.term != nil && r.term.Metric() && r.hasValue {
		d.sourceValue(r)
		return false // it is an observation as well
	}
	facet := r.refid
	if d.event && r.term == nil {
		if name := namedFacet(r.received.Code); name != "" {
			facet = name
		}
	}
	if r.term == nil && !strings.HasPrefix(facet, "MDC_ATTR_") {
		return false
	}
	a := d.groupOf(r)
	if a == nil {
		return false
	}
	out := &d.out.Alerts[a.index]
	text := strings.TrimSpace(d.plainValue(r))
	switch facet {
	case "MDC_ATTR_EVENT_PHASE":
		d.phase(out, text)
	case "MDC_ATTR_ALARM_STATE":
		d.alarmState(out, text)
	case "MDC_ATTR_ALARM_INACTIVATION_STATE":
		d.inactivation(out)
	case "MDC_ATTR_ALARM_PRIORITY":
		d.priority(out, text)
	case "MDC_ATTR_ALERT_TYPE":
		d.alertKind(out, text)
	case "MDC_ATTR_ALERT_TEXT":
		out.Text = text
	case "MDC_ATTR_ALERT_SOURCE":
		v, _ := d.value(d.f[5].Rep(1), r.kind)
		if t, _, ok := mdc.OfCoding(v.Coding); ok {
			out.Source = t.Meaning()
		} else if v.Kind == model.ValueCoded {
			out.Source = model.Code{Name: strings.TrimSpace(v.Coding.Code + " " + v.Coding.Text)}
		} else if v.Kind == model.ValueNumber { // the value of a source that is not named
			out.Value = v
		} else {
			a.source = text
		}
	default:
		return false
	}
	return true
}

// plainValue is OBX-5 as one text: of a coded value its text, else its code.
func (d *decoder) plainValue(r *reading) string {
	v, _ := d.value(d.f[5].Rep(1), r.kind)
	switch v.Kind {
	case model.ValueCoded:
		if v.Coding.Text != "" {
			return v.Coding.Text
		}
		return v.Coding.Code
	case model.ValueNumber:
		return v.Number.String()
	}
	return strings.Trim(v.Text, "^")
}

// group of an OBX: its place without the last part.
func group(sub string) string {
	if cut := strings.LastIndexByte(sub, '.'); cut >= 0 {
		return sub[:cut]
	}
	return ""
}

func (d *decoder) groupOf(r *reading) *alert {
	for i := len(d.alerts) - 1; i >= 0; i-- {
		a := &d.alerts[i]
		if a.order != len(d.out.Orders) {
			return nil
		}
		if a.group == group(r.sub) || a.group == "" || r.sub == "" || d.event && i == len(d.alerts)-1 {
			return a
		}
		if len(d.alerts)-i > fewNodes {
			return nil
		}
	}
	return nil
}

// openAlert begins an alert with its event.
func (d *decoder) openAlert(r *reading) {
	out := model.Alert{Field: r.place, Received: r.received, DeviceTime: model.Timestamp{Original: d.timeOf()}, Device: r.device, Limits: d.joined(d.f[7])}
	out.Heartbeat = r.refid == "MDC_EVT_ACTIVE" || r.refid == "MDC_EVT_WATCHDOG"
	if r.hasValue {
		d.eventValue(r, &out)
	}
	if d.event {
		out.ID, out.Update, out.Follows = d.named.id, d.named.update, d.named.follows
	}
	o := model.Observation{}
	d.flags(&o)
	out.Simulated = o.Simulated
	d.out.Alerts = append(d.out.Alerts, out)
	at := &d.out.Alerts[len(d.out.Alerts)-1]
	for _, flag := range o.Flags {
		if len(flag) == 2 && flag[0] == 'P' {
			d.priority(at, flag)
		} else if len(flag) == 2 && flag[0] == 'S' {
			d.alertKind(at, flag)
		}
	}
	d.alerts = append(d.alerts, alert{index: len(d.out.Alerts) - 1, group: group(r.sub), order: len(d.out.Orders)})
}

// finishAlerts finds what each alert is about and gives it an id.
func (d *decoder) finishAlerts() {
	for _, a := range d.alerts {
		out := &d.out.Alerts[a.index]
		if a.source != "" {
			d.resolveSource(out, a.source)
		}
		if out.ID == "" {
			t, _, ok := mdc.OfCoding(out.Received)
			id := out.Received.Code
			if ok {
				id = t.RefID
			}
			if ok && t.RefID == "MDC_EVT_ALARM" && out.Text != "" {
				id += " " + out.Text // that there is an alarm names none
			}
			if out.Source.Key() != "" {
				id += "@" + out.Source.Key()
			}
			out.ID = id
		}
	}
}

func (d *decoder) resolveSource(out *model.Alert, source string) {
	if n := d.tree.find(source, false); n != nil && n.term != nil {
		out.Source = n.term.Meaning()
		return
	}
	if n := d.tree.find(bare(source), true); n != nil {
		out.Device = n.device
		out.Source = d.out.Devices[n.device].Kind
		return
	}
	if t, _, ok := mdc.Resolve(source, source); ok {
		out.Source = t.Meaning()
		return
	}
	out.Source = model.Code{Name: source}
	d.out.Issues = append(d.out.Issues, model.Issue{Code: "decode.alert-source", Severity: model.Warning, Field: out.Field,
		Text: "the alert names a source that is not in the message; it was kept as sent", Hint: "the sender should give the OBX-4 or the code of the metric"})
}
