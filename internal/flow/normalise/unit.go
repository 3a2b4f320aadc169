package normalise

import (
	"strings"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
	"thalamus/internal/ucum"
)

// unitOf finds the unit behind a coding; found is false when it has no unit,
// ok is false when it has one that nobody knows.
func unitOf(c model.Coding) (u *ucum.Unit, found, lenient, ok bool) {
	if c.Code == "" && c.Text == "" {
		return nil, false, false, false
	}
	if t, _, known := mdc.OfCoding(c); known {
		return t.Unit, true, false, t.Kind == mdc.Unit && t.Unit != nil
	}
	if strings.EqualFold(c.System, "UCUM") || c.System == "http://unitsofmeasure.org" {
		if u, ok := mdc.UnitOf(c.Code); ok {
			return u, true, false, true
		}
		if u, lenient, ok := ucum.Coded(c.Code); ok {
			return u, true, lenient, true
		}
		u, ok := ucum.Spelled(c.Text)
		return u, true, true, ok
	}
	if u, ok := ucum.Spelled(c.Code); ok {
		return u, true, false, true
	}
	u, ok = ucum.Spelled(c.Text)
	return u, true, false, ok
}

// unit finds the unit of the observation and converts its value to the
// quantity's preferred unit (R14).
func (n *normaliser) unit(o *model.Observation, q *mdc.Quantity) {
	u, found, lenient, ok := unitOf(o.UnitSent)
	other, found2, _, ok2 := unitOf(o.UnitOther)
	if o.Mapped != nil && o.Mapped.UnitUCUM != "" {
		if given, err := ucum.Parse(o.Mapped.UnitUCUM); err == nil {
			u, found, lenient, ok, ok2 = given, true, false, true, false
		}
	}
	switch {
	case ok && ok2 && u != other && !same(u, other):
		n.once(model.Issue{Code: prefix + "units-disagree", Severity: model.Error, Field: o.Field, Received: received(o.UnitSent),
			Text: "the unit is coded twice, and the two are not the same; the value was put aside", Hint: "the sender should correct OBX-6"}, o.Field)
		if numeric(o.Value) {
			o.PutAside("error")
		}
		return
	case !ok && ok2:
		u, found, ok = other, found2, true
	}
	if !numeric(o.Value) {
		if o.Value.Kind == model.ValueNone && replaces(o.Status) {
			o.UnitUCUM = unitReplaced(q, u, ok)
		}
		return
	}
	if lenient {
		n.once(model.Issue{Code: prefix + "unit-spelling", Severity: model.Warning, Field: o.Field, Received: received(o.UnitSent),
			Text: "the unit is said to be UCUM, but is not; it was read as " + u.Code(), Hint: "the sender should write UCUM"}, o.UnitSent.Code)
	}
	prefers := q != nil && q.Unit != nil
	switch {
	case !found:
		if prefers && !q.Unit.Dimensionless() {
			n.once(model.Issue{Code: prefix + "no-unit", Severity: model.Warning, Field: o.Field, Received: o.Code.Key(),
				Text: "the value comes without a unit", Hint: "the sender should fill OBX-6"}, o.Code.Key())
		}
	case !ok:
		n.once(model.Issue{Code: prefix + "unknown-unit", Severity: model.Error, Field: o.Field, Received: received(o.UnitSent),
			Text: "nobody knows this unit", Hint: "say which unit it is with `thalamus label map --ucum`, or in a device profile"}, received(o.UnitSent))
		if prefers {
			o.PutAside("error")
		}
	case !prefers:
		o.UnitUCUM = u.Code()
	default:
		n.convert(o, q, u)
	}
}

// replaces says whether a status stands for a new version of a result.
func replaces(s model.Status) bool {
	return s == model.StatusCorrected || s == model.StatusCancelled || s == model.StatusError
}

// unitReplaced is the unit that the earlier version of a withdrawn result was
// converted to: a result and its withdrawal belong together, and the latter
// often has neither value nor unit.
func unitReplaced(q *mdc.Quantity, u *ucum.Unit, known bool) string {
	switch {
	case q == nil || len(q.Units) == 0:
		if known {
			return u.Code()
		}
		return ""
	case known:
		for _, preferred := range q.Units {
			if _, err := ucum.Between(u, preferred); err == nil {
				return preferred.Code()
			}
		}
		return ""
	}
	return q.Unit.Code()
}

func same(a, b *ucum.Unit) bool {
	c, err := ucum.Between(a, b)
	return err == nil && c.Identity()
}

func numeric(v model.Value) bool {
	return v.Kind == model.ValueNumber || v.Kind == model.ValueRange
}

// convert brings the value to the first of the quantity's units that can
// hold it.
func (n *normaliser) convert(o *model.Observation, q *mdc.Quantity, u *ucum.Unit) {
	for _, preferred := range q.Units {
		if preferred == u || preferred.Code() == u.Code() {
			o.UnitUCUM = preferred.Code()
			return
		}
		if !ucum.Commensurable(u, preferred) {
			continue
		}
		c, err := ucum.Between(u, preferred)
		if err != nil {
			continue
		}
		if c.Identity() {
			o.UnitUCUM = preferred.Code()
			return
		}
		v := o.Value
		number, _, ok1 := c.Apply(v.Number)
		high, _, ok2 := v.High, false, true
		if v.Kind == model.ValueRange {
			high, _, ok2 = c.Apply(v.High)
		}
		if !ok1 || !ok2 {
			n.once(model.Issue{Code: prefix + "out-of-range", Severity: model.Error, Field: o.Field, Received: u.Code(),
				Text: "the value cannot be expressed in " + preferred.Code() + "; it was put aside", Hint: "check the value and its unit at the device"}, o.Field)
			o.PutAside("error")
			return
		}
		n.sent.Keep(o) // unless a number was sent as text
		v.Number, v.High = number, high
		o.Value, o.UnitUCUM = v, preferred.Code()
		return
	}
	n.once(model.Issue{Code: prefix + "unit-contradicts", Severity: model.Error, Field: o.Field, Received: received(o.UnitSent),
		Text: "the unit cannot be one of " + o.Code.Key() + ", which is measured in " + q.UCUM + "; the value was put aside",
		Hint: "check code and unit at the device"}, o.Field)
	o.PutAside("error")
}

// fitLOINC takes the LOINC code away where it means another property than the
// value has: a partial pressure is no share of the gas (R15).
func fitLOINC(o *model.Observation, q *mdc.Quantity) {
	if o.Code.LOINC == "" || o.Code.RefID == "" || q == nil || len(q.Units) < 2 || o.UnitUCUM == "" {
		return
	}
	known, ok := mdc.ByLOINC(o.Code.LOINC)
	if !ok || len(known.Units) == 0 {
		return
	}
	for _, u := range known.Units {
		if u.Code() == o.UnitUCUM {
			return
		}
	}
	o.Code.LOINC = ""
}

// waveform normalises a curve: its code and unit. Samples stay as they are;
// where the preferred unit differs only by a power of ten, the scale says so.
func (n *normaliser) waveform(w *model.Waveform) {
	l := n.labels.find(n.m, w.Device, w.UnitSent, w.Received)
	if l != nil {
		w.Code = l.code
	} else {
		w.Code, _ = n.code(&subject{first: &w.Received, second: none(), field: w.Field, unit: &w.UnitSent, metric: true})
	}
	w.DeviceTime = n.time(w.DeviceTime, w.Field)
	w.UnitUCUM = ""
	u, found, _, ok := unitOf(w.UnitSent)
	if !ok && l != nil && l.UCUM != "" {
		said, err := ucum.Parse(l.UCUM)
		u, found, ok = said, true, err == nil
	}
	switch {
	case !found:
		return
	case !ok && arbitrary(w.UnitSent):
		return // a unit of nobody else
	case !ok:
		n.once(model.Issue{Code: prefix + "unknown-unit", Severity: model.Error, Field: w.Field, Received: received(w.UnitSent),
			Text: "nobody knows this unit", Hint: "say which unit it is with `thalamus label map --ucum`, or in a device profile"}, received(w.UnitSent))
		return
	}
	w.UnitUCUM = u.Code()
	t, known := mdc.ByRefID(w.Code.RefID)
	if !known || t.Unit == nil || u.Dimensionless() {
		return
	}
	for _, preferred := range t.Units {
		if c, err := ucum.Between(u, preferred); err == nil {
			if c.Identity() {
				w.UnitUCUM = preferred.Code()
			}
			return
		}
	}
	n.once(model.Issue{Code: prefix + "unit-contradicts", Severity: model.Error, Field: w.Field, Received: received(w.UnitSent),
		Text: "the unit cannot be one of " + w.Code.Key() + ", which is measured in " + t.UCUM, Hint: "check code and unit at the device"}, w.Field)
}
