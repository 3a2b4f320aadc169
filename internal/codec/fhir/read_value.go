package fhir

import (
	"math/big"
	"strings"

	"thalamus/internal/model"
)

// valueMember gives the member value[x]; nil when there is none.
func valueMember(n *Node) *Node {
	for i := range n.Len() {
		if name := n.Name(i); len(name) > 5 && strings.HasPrefix(name, "value") && name[5] >= 'A' && name[5] <= 'Z' {
			return n.At(i)
		}
	}
	return nil
}

// value reads value[x] or dataAbsentReason of an Observation or component n.
func (r *reading) value(p *part, o *model.Observation, n *Node, place string) {
	for i := range n.Len() {
		name, ok := strings.CutPrefix(n.Name(i), "value")
		if !ok || name == "" || name[0] < 'A' || name[0] > 'Z' {
			continue
		}
		o.ValueType = name
		v := n.At(i)
		if !r.oneValue(o, name, v) {
			o.Absent, o.Value = "error", model.Value{}
			if sent := v.Get("value"); sent.Sort() == Number {
				o.ValueSent = &model.Value{Kind: model.ValueText, Text: sent.Text()[:min(64, len(sent.Text()))]}
			}
			p.m.Issues = append(p.m.Issues, model.Issue{Code: "fhir.value", Severity: model.Error, Field: below(place, "value"+word(name)), Received: word(name),
				Text: "the value cannot be read; it was put aside", Hint: "the sender should give a number of at most 18 significant digits, or another value[x] of FHIR R4"})
		}
		return
	}
	o.Absent = "unknown"
	if reason := one(n.Get("dataAbsentReason")); reason.Code != "" {
		o.Absent = word(strings.ReplaceAll(reason.Code, "-", "_"))
		o.Absent = strings.ReplaceAll(o.Absent, "_", "-")
	}
}

// oneValue reads a value by its type; false when it is none (FHIR R4 §10.1.3,
// Observation.value[x]).
func (r *reading) oneValue(o *model.Observation, kind string, v *Node) bool {
	switch kind {
	case "Quantity":
		return quantityIn(o, v, &o.Value.Number)
	case "Integer", "Decimal":
		var err error
		o.Value.Number, err = model.ParseDecimal(v.Text())
		o.Value.Kind = model.ValueNumber
		return err == nil && v.Sort() == Number
	case "Range":
		low, high := v.Get("low"), v.Get("high")
		if low == nil || high == nil {
			// One end alone is a comparison.
			comparator, end := ">=", low
			if low == nil {
				comparator, end = "<=", high
			}
			ok := end != nil && quantityIn(o, end, &o.Value.Number)
			o.Value.Comparator = comparator
			return ok
		}
		ok := quantityIn(o, low, &o.Value.Number) && quantityIn(o, high, &o.Value.High)
		o.Value.Kind = model.ValueRange
		return ok
	case "Ratio":
		ok := quantityIn(o, v.Get("denominator"), &o.Value.High) && quantityIn(o, v.Get("numerator"), &o.Value.Number)
		o.Value.Kind = model.ValueRatio
		return ok
	case "CodeableConcept":
		o.Value = model.Value{Kind: model.ValueCoded, Coding: one(v)}
		return o.Value.Coding != model.Coding{}
	case "Boolean":
		o.Value = model.Value{Kind: model.ValueCoded, Coding: model.Coding{Code: v.Text()}}
		return v.Sort() == Bool
	case "String", "Time":
		o.Value = model.Value{Kind: model.ValueText, Text: v.Text()}
		return v.Sort() == Text
	case "DateTime", "Date", "Instant":
		o.Value = timeValue(v.Text())
		return v.Sort() == Text && v.Text() != ""
	case "Period":
		o.Value = timeValue(v.Get("start").Text())
		return o.Value.Timestamp().Original != ""
	}
	return false
}

func timeValue(text string) model.Value {
	at := timestamp(text)
	return model.Value{Kind: model.ValueTime, Time: &at}
}

// quantityIn reads a Quantity; its unit is that of the observation.
func quantityIn(o *model.Observation, q *Node, into *model.Decimal) bool {
	n := q.Get("value")
	if n.Sort() != Number {
		return false
	}
	d, err := model.ParseDecimal(n.Text())
	if err != nil {
		return false
	}
	*into = d
	o.Value.Kind = model.ValueNumber
	switch c := q.Get("comparator").Text(); c {
	case "<", "<=", ">=", ">":
		o.Value.Comparator = c
	}
	o.UnitSent = unitIn(q)
	return true
}

func unitIn(q *Node) model.Coding {
	return model.Coding{Code: q.Get("code").Text(), Text: q.Get("unit").Text(), System: q.Get("system").Text()}
}

// mostSamples bounds a run of samples.
const mostSamples = 10_000_000

// samples reads SampledData (FHIR R4 §2.24.0.12): value = origin + sample ×
// factor; "E" no value, "U" and "L" beyond what can be measured: gaps.
func (r *reading) samples(p *part, s *resource, base model.Observation, received model.Coding) {
	v := s.node.Get("valueSampledData")
	w := model.Waveform{Field: at(s), Received: received, UnitSent: unitIn(v.Get("origin")), DeviceTime: base.DeviceTime, Device: base.Device, Status: base.Status, Simulated: base.Simulated,
		Scale: model.Decimal{Coef: 1}}
	bad := func(name, text string) {
		p.m.Issues = append(p.m.Issues, model.Issue{Code: "fhir.samples", Severity: model.Error, Field: below(below(s.place, "valueSampledData"), name), Text: text, Hint: "the sender should correct it; the samples stay in the journal"})
	}
	var ok bool
	if w.PeriodNS, ok = nanoseconds(v.Get("period").Text()); !ok {
		bad("period", "the period between samples is no number of milliseconds above zero")
		return
	}
	if n := v.Get("dimensions"); n != nil && n.Text() != "1" {
		bad("dimensions", "samples of several quantities in one run are not read")
		return
	}
	for _, f := range []struct {
		node *Node
		into *model.Decimal
	}{{v.Get("origin", "value"), &w.Origin}, {v.Get("factor"), &w.Scale}} {
		if f.node == nil {
			continue
		}
		d, err := model.ParseDecimal(f.node.Text())
		if err != nil || f.node.Sort() != Number {
			bad("origin", "origin and factor must be numbers of at most 18 digits")
			return
		}
		*f.into = d
	}
	for _, l := range []struct {
		name string
		into **model.Decimal
	}{{"lowerLimit", &w.Low}, {"upperLimit", &w.High}} {
		if d, err := model.ParseDecimal(v.Get(l.name).Text()); err == nil && v.Get(l.name) != nil {
			*l.into = &d
		}
	}
	words := strings.Fields(v.Get("data").Text())
	if len(words) > mostSamples {
		bad("data", "too many samples in one run")
		return
	}
	places := 0 // decimal places of the samples
	for _, t := range words {
		if _, after, ok := strings.Cut(t, "."); ok {
			places = max(places, len(after))
		}
	}
	if places > 6 {
		bad("data", "samples with more than six decimal places are not read")
		return
	}
	w.Scale.Exp -= int8(places)
	w.Samples = make([]int32, len(words))
	for i, t := range words {
		n, ok := multiple(t, places)
		if !ok && t != "E" && t != "U" && t != "L" {
			bad("data", "a sample is neither a number nor E, U or L")
			return
		}
		w.Samples[i] = n
	}
	p.m.Waveforms = append(p.m.Waveforms, w)
}

// multiple reads a sample as a multiple of 10^-places; a gap when it is none.
func multiple(t string, places int) (int32, bool) {
	d, err := model.ParseDecimal(t)
	if err != nil {
		return model.Gap, false
	}
	n := d.Coef
	for e := int(d.Exp) + places; e != 0; {
		switch {
		case e > 0 && (n > 1<<40 || n < -1<<40):
			return model.Gap, false
		case e > 0:
			n, e = n*10, e-1
		case n%10 != 0:
			return model.Gap, false
		default:
			n, e = n/10, e+1
			if n == 0 {
				e = 0
			}
		}
	}
	if n <= model.Gap || n > 1<<31-1 {
		return model.Gap, false
	}
	return int32(n), true
}

// nanoseconds reads a decimal number of milliseconds.
func nanoseconds(text string) (int64, bool) {
	if text == "" || len(text) > 32 {
		return 0, false
	}
	if _, err := model.ParseDecimal(text); err != nil {
		return 0, false
	}
	f, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, false
	}
	f.Mul(f, big.NewRat(1_000_000, 1))
	n := new(big.Int).Quo(f.Num(), f.Denom())
	if !n.IsInt64() || n.Int64() <= 0 || n.Int64() > 1<<50 {
		return 0, false
	}
	return n.Int64(), true
}
