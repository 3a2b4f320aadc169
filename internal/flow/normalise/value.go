package normalise

import (
	"math/big"
	"strings"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// valueAsNumber reads a number that was sent as a text, where the code says
// that it is one.
func (n *normaliser) valueAsNumber(o *model.Observation, q *mdc.Quantity) {
	if o.Value.Kind != model.ValueText || q == nil || q.Unit == nil {
		return
	}
	d, err := model.ParseDecimal(strings.TrimSpace(o.Value.Text))
	if err != nil {
		return
	}
	n.once(model.Issue{Code: prefix + "number-as-text", Severity: model.Warning, Field: o.Field, Received: o.ValueType,
		Text: "a number was sent as text; it was read as a number", Hint: "the sender should use the value type NM"}, o.Code.Key())
	o.ValueSent = o.Value
	o.Value = model.Value{Kind: model.ValueNumber, Number: d}
}

// sentinels are the numbers with which devices say that there is no value:
// the ends of 16, 24 and 32 bits (R17).
var sentinels = [...]int64{32767, -32768, 8388607, -8388608, 2147483647, -2147483648}

// plausible checks a number against what is possible at all. Implausible
// values stay, with an issue; a sentinel outside of the range is no value.
func (n *normaliser) plausible(o *model.Observation, q *mdc.Quantity) {
	if q == nil || q.Unit == nil || o.Value.Kind != model.ValueNumber {
		return
	}
	raw := o.Value.Number
	if o.ValueSent.Kind == model.ValueNumber {
		raw = o.ValueSent.Number
	}
	low := q.Low != nil && o.UnitUCUM == q.Unit.Code() && compare(o.Value.Number, *q.Low) < 0
	high := q.High != nil && o.UnitUCUM == q.Unit.Code() && compare(o.Value.Number, *q.High) > 0
	if !low && !high {
		return
	}
	if raw.Exp == 0 {
		for _, s := range sentinels {
			if raw.Coef == s {
				n.once(model.Issue{Code: prefix + "invalid-marker", Severity: model.Warning, Field: o.Field, Received: o.Code.Key(),
					Text: "the number is one that devices send when there is no value; it was put aside", Hint: "the sender should leave OBX-5 empty and say why in OBX-8"}, o.Field)
				aside(o, "error")
				return
			}
		}
	}
	n.once(model.Issue{Code: prefix + "implausible", Severity: model.Warning, Field: o.Field, Received: o.Code.Key(),
		Text: "the value is outside of what is possible for this quantity", Hint: "check the sensor, the code and the unit at the device"}, o.Field)
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
