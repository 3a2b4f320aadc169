package fhir

import (
	"time"

	"thalamus/internal/model"
)

// systemStatistics is the code system of what Observation/$stats answers with
// (FHIR R4, observation-statistics, version 4.0.1).
const systemStatistics = "http://terminology.hl7.org/CodeSystem/observation-statistics"

// Grid is what was made of the values of one code on a grid of time
// (decision 0081). R19.
type Grid struct {
	// Message brought one of the values, its Observations[Of]: they tell whose
	// and of what the numbers are.
	Message *model.Message
	Of      int
	Method  string // in words, for Observation.method
	Issued  time.Time
	Steps   []GridStep
}

// GridStep is one step of a grid.
type GridStep struct {
	From, Until time.Time
	Count       int  // numbers in the step
	Open        bool // the step was not over when this was asked
	Values      []Statistic
}

// Statistic is one number made of the values of a step.
type Statistic struct {
	Code       string // of the code system observation-statistics; empty where it has none
	Text       string
	Value      model.Decimal
	Comparator string
	Simple     bool // a plain count, without the unit of the values
}

// DerivedBundle gives numbers on a grid as a transaction of Observations, one
// for each step, in the form in which FHIR R4 itself gives statistics
// (Observation/$stats): the code that was observed, the step as
// effectivePeriod, each number a component whose code names the statistic, and
// no value, so that nobody takes what is derived for what was measured.
// Sending it again overwrites what it says. Options.Provenance is not used.
func DerivedBundle(grids []Grid, o Options) []byte {
	b := &builder{o: o}
	messages := make([]*model.Message, len(grids))
	n := 4096
	for i := range grids {
		messages[i] = grids[i].Message
		n += 2048 + 1400*len(grids[i].Steps)
	}
	b.chooseTellers(messages)
	b.begin(n)
	for i := range grids {
		b.grid(&grids[i])
	}
	if b.finish(); len(b.done) == 0 {
		return nil
	}
	return b.done[0].JSON
}

func (b *builder) grid(g *Grid) {
	m := g.Message
	s := &b.spoken
	*s = speaker{m: m, id: b.h.messageIdentity(m), devices: s.devices[:0]}
	s.patient, s.hasWho = b.patientIdentity(m.Patient)
	b.placeDevices(m)
	o := m.Observations[g.Of]
	o.Absent, o.Value = "unknown", model.Value{} // the steps have their own
	b.patient()
	category := "measurement"
	if o.Setting {
		category = "setting"
	}
	metric, hasMetric := b.metric(o.Device, o.SubID, o.Code, o.Received, o.UnitUCUM, category)
	v := b.vitalOf(&o)
	for i := range g.Steps {
		b.gridStep(g, &g.Steps[i], &o, v, metric, hasMetric)
	}
}

func (b *builder) gridStep(g *Grid, step *GridStep, o *model.Observation, v *vital, metric Identity, hasMetric bool) {
	id := b.stepIdentity(g, step, o, metric)
	if !b.entry(id, "Observation") {
		return
	}
	w := &b.w
	b.meta("", o.Simulated || b.spoken.m.Test)
	b.ownIdentifier(id)
	if step.Open {
		w.word("status", string(model.StatusPreliminary))
	} else {
		w.word("status", string(model.StatusFinal))
	}
	if v != nil {
		// What has a vital sign's code is one (R4, vitalsigns); no profile is
		// claimed, for those speak of values.
		w.b = append(w.b, categoryVitalSigns...)
	}
	w.open("code", '{')
	if v != nil {
		b.concept(v.loinc, v.second, o.Code, o.Received, o.Alternate)
	} else {
		b.meaning(o.Code, o.Received, o.Alternate)
	}
	w.close('}')
	if b.spoken.hasWho {
		b.reference("subject", b.spoken.patient)
	}
	w.open("effectivePeriod", '{')
	w.instant("start", step.From)
	w.instant("end", step.Until)
	w.close('}')
	w.instant("issued", g.Issued)
	w.open("method", '{')
	w.text("text", g.Method)
	w.close('}')
	if hasMetric {
		b.reference("device", metric)
	}
	w.open("component", '[')
	counted := false
	for i := range step.Values {
		counted = counted || step.Values[i].Code == "count"
		b.statistic(&step.Values[i], o)
	}
	if !counted {
		b.statistic(&Statistic{Code: "count", Text: "count", Value: model.Decimal{Coef: int64(step.Count)}, Simple: true}, o)
	}
	w.close(']')
	// What was derived before is overwritten: a correction or a late value may
	// have changed it.
	b.requestByID(id, "Observation", true)
}

// statistic writes one component. FHIR R4 wants its code to be understood with
// the Observation's.
func (b *builder) statistic(s *Statistic, o *model.Observation) {
	w := &b.w
	w.element()
	w.open("code", '{')
	if s.Code != "" {
		w.coding(systemStatistics, s.Code, "")
		w.close(']')
	}
	w.text("text", s.Text)
	w.close('}')
	w.open("valueQuantity", '{')
	if s.Simple {
		w.decimal("value", s.Value)
		w.word("unit", "1")
		w.word("system", systemUCUM)
		w.word("code", "1")
	} else {
		b.quantity(s.Value, s.Comparator, o)
	}
	w.close('}')
	w.close('}')
}

// stepIdentity follows from whose and which numbers were asked for how and
// when, so that the same question has the same resources for an answer.
func (b *builder) stepIdentity(g *Grid, step *GridStep, o *model.Observation, metric Identity) Identity {
	h := &b.h
	h.start('g')
	h.raw(b.spoken.patient[:])
	h.raw(metric[:])
	h.add(o.Code.Key())
	h.add(o.Received.Code)
	h.add(o.UnitUCUM)
	if o.Simulated {
		h.add("simulated")
	}
	h.add(g.Method)
	h.number(uint64(step.From.Unix()))
	h.number(uint64(step.Until.Unix()))
	for i := range step.Values {
		h.add(step.Values[i].Text)
	}
	return h.sum()
}
