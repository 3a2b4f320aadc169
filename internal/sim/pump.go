package sim

import (
	"fmt"
	"time"
)

// Pump is a large-volume infusion pump: PCD-01 every ten seconds, PCD-04 when
// its volume is nearly given and when a new bag hangs.
type Pump struct {
	Bed Bed

	terms    Terms
	run, id  string
	count    int
	due      time.Time
	left     float64 // mL still to be infused
	given    float64 // mL since the bag was hung
	rate     float64 // mL/h
	alert    string  // id of the alert that is on
	hungTime int     // seconds the empty bag has waited
}

const (
	pumpRhythm = 10 * time.Second
	bag        = 250.0 // mL
)

// NewPump makes the pump of a bed.
func NewPump(b Bed, terms Terms, run string, seed uint64) *Pump {
	rate := 60 + float64((seed+uint64(b.Number)*37)%90)
	// Bags are hung at different times, some nearly empty: an alarm comes soon.
	left := 0.6 + float64((b.Number*29)%100)/100*bag*0.4
	if b.Number%3 == 1 {
		left = 0.5
	}
	return &Pump{Bed: b, terms: terms, run: run, id: eui64("02", b.Ward, b.Number), rate: rate, left: left, given: bag - left}
}

// Name implements Source.
func (p *Pump) Name() string { return fmt.Sprintf("SIMPUMP-%s%02d", p.Bed.Ward, p.Bed.Number) }

// Next implements Source.
func (p *Pump) Next(now time.Time) []Message {
	if now.Before(p.due) {
		return nil
	}
	p.due = now.Truncate(pumpRhythm).Add(pumpRhythm)
	step := min(p.left, p.rate*pumpRhythm.Hours())
	p.left -= step
	p.given += step
	out := []Message{p.status(now)}
	switch {
	case p.left <= 0.5 && p.alert == "":
		p.alert = fmt.Sprintf("%s-%s-A%d", p.Name(), p.run, p.count)
		out = append(out, p.alarm(now, "start", "active"))
	case p.alert != "" && p.hungTime < 2:
		p.hungTime++
		out = append(out, p.alarm(now, "continue", "active"))
	case p.alert != "":
		out = append(out, p.alarm(now, "end", "inactive"))
		p.alert, p.hungTime = "", 0
		p.left, p.given = bag, 0
	}
	return out
}

func (p *Pump) next() string {
	p.count++
	return fmt.Sprintf("%s-%s-%d", p.Name(), p.run, p.count)
}

func (p *Pump) status(now time.Time) Message {
	control := p.next()
	w := writer{terms: p.terms, at: stamp(now)}
	w.head(p.Name()+"^"+p.id+"^EUI-64", "ORU^R01^ORU_R01", control, pcd01)
	w.line(p.Bed.pid())
	w.line("PV1|1|I|" + p.Bed.place())
	w.line(fmt.Sprintf("OBR|1|%s^SIM|%s^SIM|%s|||%s", control, control, w.terms["MDC_DEV_PUMP_INFUS_LVP_MDS"], w.at))
	w.device("MDC_DEV_PUMP_INFUS_LVP_MDS", "1.0.0.0", p.id)
	w.text("MDC_ATTR_ID_MODEL", "1.0.0.1", "Thalamus Simulation^Pump P2")
	w.device("MDC_DEV_PUMP_INFUS_LVP_VMD", "1.1.0.0", "")
	w.number("MDC_FLOW_FLUID_PUMP", "1.1.1.1", fmt.Sprintf("%.1f", p.rate), "MDC_DIM_MILLI_L_PER_HR")
	w.number("MDC_VOL_FLUID_DELIV_TOTAL", "1.1.1.2", fmt.Sprintf("%.2f", p.given), "MDC_DIM_MILLI_L")
	w.number("MDC_VOL_FLUID_TBI_REMAIN", "1.1.1.3", fmt.Sprintf("%.2f", p.left), "MDC_DIM_MILLI_L")
	w.text("MDC_DRUG_NAME_LABEL", "1.1.1.4", "Sodium chloride 0.9 %")
	return Message{ControlID: control, Stream: p.Bed.Patient.MRN + "/" + p.Name(), Bytes: w.bytes()}
}

// alarm follows IHE PCD TF-2 §3.4 (ACM Report Alert).
func (p *Pump) alarm(now time.Time, phase, state string) Message {
	control := p.next()
	w := writer{terms: p.terms, at: stamp(now)}
	w.head(p.Name()+"^"+p.id+"^EUI-64", "ORU^R40^ORU_R40", control, pcd04)
	w.line(p.Bed.pid())
	w.line("PV1|1|I|" + p.Bed.place())
	w.line(fmt.Sprintf("OBR|1||%[1]s^SIM|%[2]s|||%[3]s||||||||||||||||||||||%[4]s^%[4]s", control, w.terms["MDC_EVT_ALARM"], w.at, p.alert+"&SIM"))
	w.device("MDC_DEV_PUMP_INFUS_LVP_MDS", "1.0.0.0", p.id)
	w.device("MDC_DEV_PUMP_INFUS_LVP_VMD", "1.1.0.0", "")
	facet := func(n int, refid, kind, value string) {
		w.obx++
		w.line(fmt.Sprintf("OBX|%d|%s|%s|1.1.0.0.%d|%s||||||R|||%s", w.obx, kind, w.terms[refid], n, value, w.at))
	}
	facet(1, "MDC_EVT_ALARM", "CWE", w.terms["MDC_EVT_VOL_INFUS_NEAR_COMP"]+"^^^^^^Infusion near complete")
	facet(2, "MDC_ATTR_ALERT_SOURCE", "CWE", w.terms["MDC_VOL_FLUID_TBI_REMAIN"])
	facet(3, "MDC_ATTR_EVENT_PHASE", "ST", phase)
	facet(4, "MDC_ATTR_ALARM_STATE", "ST", state)
	facet(5, "MDC_ATTR_ALARM_INACTIVATION_STATE", "ST", "enabled")
	facet(6, "MDC_ATTR_ALARM_PRIORITY", "ST", "PM")
	facet(7, "MDC_ATTR_ALERT_TYPE", "ST", "ST")
	return Message{ControlID: control, Stream: p.Bed.Patient.MRN + "/" + p.Name(), Bytes: w.bytes()}
}
