package normalise

import (
	"math/big"
	"strings"
	"time"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// valueAsNumber reads a number that was sent as a text, where the code says
// that it is one; a text that says that there is none is no value.
func (n *normaliser) valueAsNumber(o *model.Observation, q *mdc.Quantity) {
	if o.Value.Kind != model.ValueText || q == nil || q.Unit == nil {
		return
	}
	text := strings.TrimSpace(o.Value.Text)
	d, err := model.ParseDecimal(text)
	if err != nil {
		if why := noValue(text); why != "" {
			n.invalid(o, why)
		} else if text != "" && !n.judged(o) {
			n.once(model.Issue{Code: prefix + "text-for-number", Severity: model.Warning, Field: n.valuePlace(o), Received: o.ValueType,
				Text: "the code stands for a number, and a text was sent; it was kept as text and counts for no trend", Hint: "the sender should send a number with its unit, or another code for what it says in words"}, o.Code.Key())
		}
		return
	}
	n.once(model.Issue{Code: prefix + "number-as-text", Severity: model.Warning, Field: o.Field, Received: o.ValueType,
		Text: "a number was sent as text; it was read as a number", Hint: "the sender should use the value type NM"}, o.Code.Key())
	o.ValueSent = nil
	n.sent.Keep(o)
	o.Value = model.Value{Kind: model.ValueNumber, Number: d}
}

// judged says whether decode looked for a number and has said that there is none.
func (n *normaliser) judged(o *model.Observation) bool {
	if n.hl7 {
		switch o.ValueType {
		case "NM", "SN", "NR", "CQ", "MO":
			return true
		}
		return false
	}
	for i := range n.m.Issues {
		if is := &n.m.Issues[i]; is.Field == o.Field && !strings.HasPrefix(is.Code, prefix) {
			return true
		}
	}
	return false
}

// valuePlace is where the value stands in the message.
func (n *normaliser) valuePlace(o *model.Observation) string {
	if !n.hl7 || strings.Contains(o.Field, "-") {
		return o.Field
	}
	return o.Field + "-5"
}

// noValue knows the texts with which devices say that there is no value, and
// gives FHIR's reason; empty for any other text (R17).
func noValue(text string) string {
	if text != "" && strings.Trim(text, "-*?._#/+<> ") == "" {
		return "unknown"
	}
	switch strings.ToUpper(text) {
	case "NAN":
		return "not-a-number"
	case "INF", "+INF", "INFINITY":
		return "positive-infinity"
	case "-INF", "-INFINITY":
		return "negative-infinity"
	case "NRES", "INVALID", "INV", "ERR", "ERROR":
		return "error"
	case "NULL", "NIL", "NA", "N/A", "NONE", "UNKNOWN", "UNDEFINED":
		return "unknown"
	}
	return ""
}

// marker is a number with which devices say that there is no value.
type marker struct {
	number int64
	reason string // FHIR data-absent-reason
	sure   bool   // also where nothing is known of what is possible
}

// markers are the ends of 16, 24 and 32 bits and the codes of SFLOAT and FLOAT
// (ISO/IEEE 11073-20601 annex F.8): not a number, not at this resolution,
// beyond what can be said (R17).
var markers = [...]marker{
	{32767, "error", true}, {-32768, "error", true}, {2147483647, "error", true}, {-2147483648, "error", true},
	{8388607, "not-a-number", true}, {-8388608, "error", true}, {8388608, "error", true}, {8388606, "positive-infinity", true}, {8388610, "negative-infinity", true}, {-8388606, "negative-infinity", true},
	{2047, "not-a-number", false}, {2048, "error", false}, {-2048, "error", false}, {2046, "positive-infinity", false}, {2050, "negative-infinity", false}, {-2046, "negative-infinity", false},
}

// plausible checks a number against what is possible at all, for the
// patient's age where it is known. Implausible values stay, with an issue; a
// marker outside of the range is no value.
func (n *normaliser) plausible(o *model.Observation, q *mdc.Quantity) {
	if q == nil || o.Value.Kind != model.ValueNumber {
		return
	}
	raw := o.Value.Number
	if sent := o.ValueSent; sent != nil {
		switch sent.Kind {
		case model.ValueNumber:
			raw = sent.Number
		case model.ValueText:
			if d, err := model.ParseDecimal(strings.TrimSpace(sent.Text)); err == nil {
				raw = d
			}
		}
	}
	low, high := q.Low, q.High
	if len(q.Ages) > 0 {
		low, high = q.Range(n.age(o.DeviceTime.UTC))
	}
	// Limits hold in the preferred unit; those without one hold as they stand.
	here := q.Unit == nil || o.UnitUCUM == q.Unit.Code()
	under := low != nil && here && compare(o.Value.Number, *low) < 0
	over := high != nil && here && compare(o.Value.Number, *high) > 0
	open := low == nil && raw.Coef < 0 || high == nil && raw.Coef > 0 || !here
	if raw.Exp == 0 && (under || over || open) {
		for i := range markers {
			if m := &markers[i]; raw.Coef == m.number && (m.sure || under || over) {
				n.invalid(o, m.reason)
				return
			}
		}
	}
	if !under && !over {
		return
	}
	n.once(model.Issue{Code: prefix + "implausible", Severity: model.Warning, Field: o.Field, Received: o.Code.Key(),
		Text: "the value is outside of what is possible for this quantity", Hint: "check the sensor, the code and the unit at the device"}, o.Field)
}

// invalid puts a marker aside.
func (n *normaliser) invalid(o *model.Observation, why string) {
	n.once(model.Issue{Code: prefix + "invalid-marker", Severity: model.Warning, Field: o.Field, Received: o.Code.Key(),
		Text: "the value is one that devices send when there is none (" + why + "); it was put aside", Hint: "the sender should leave OBX-5 empty and say why in OBX-8"}, o.Field)
	o.PutAside(why)
}

// age gives the patient's age in days at a time, -1 where it is not known.
// Where the message says no time, its arrival counts.
func (n *normaliser) age(at time.Time) int {
	if !n.aged {
		n.aged = true
		if p := n.m.Patient; p != nil {
			n.birth, _ = time.Parse(time.DateOnly, p.BirthDate)
		}
	}
	if at.IsZero() {
		at = n.m.Arrived
	}
	if n.birth.IsZero() || at.Before(n.birth) {
		return -1
	}
	return int(at.Sub(n.birth) / (24 * time.Hour))
}

// compare gives -1, 0 or 1.
func compare(a, b model.Decimal) int {
	if a.Exp == b.Exp {
		switch {
		case a.Coef < b.Coef:
			return -1
		case a.Coef > b.Coef:
			return 1
		}
		return 0
	}
	// Small numbers, as nearly all are, without big ones.
	x, y := a.Coef, b.Coef
	for e := a.Exp; e > b.Exp && x < 1e15 && x > -1e15; e-- {
		if x *= 10; e-1 == b.Exp {
			return compare(model.Decimal{Coef: x}, model.Decimal{Coef: y})
		}
	}
	x = a.Coef
	for e := b.Exp; e > a.Exp && y < 1e15 && y > -1e15; e-- {
		if y *= 10; e-1 == a.Exp {
			return compare(model.Decimal{Coef: x}, model.Decimal{Coef: y})
		}
	}
	return exact(a).Cmp(exact(b))
}

func exact(d model.Decimal) *big.Rat {
	r := new(big.Rat).SetInt64(d.Coef)
	e := int64(d.Exp)
	if e < 0 {
		e = -e
	}
	p := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(e), nil))
	if d.Exp < 0 {
		return r.Quo(r, p)
	}
	return r.Mul(r, p)
}
