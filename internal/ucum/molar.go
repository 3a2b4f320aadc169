package ucum

import (
	"strconv"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Molar says that one of two units counts moles of what the other weighs, as
// mmol/L and mg/dL do: only the molar mass of the substance leads from one to
// the other.
func Molar(from, to *Unit) bool {
	_, _, ok := molar(from, to, "g/mol")
	return ok
}

// BetweenMolar makes the conversion between two units of which one counts
// moles and the other weighs, by the substance's molar mass in g/mol. It is as
// exact as Between. Errors are fault.Invalid.
func BetweenMolar(from, to *Unit, gramsPerMole model.Decimal) (Conversion, error) {
	if gramsPerMole.Coef <= 0 {
		return Conversion{}, fault.New(fault.Invalid, "ucum.molar-mass", "a molar mass is a number of grams per mole greater than zero, such as 180.156 of glucose")
	}
	ratio := strconv.FormatInt(gramsPerMole.Coef, 10) + ".10*" + strconv.Itoa(int(gramsPerMole.Exp)) + ".g/mol"
	a, b, ok := molar(from, to, ratio)
	if !ok {
		return Conversion{}, fault.New(fault.Invalid, "ucum.molar-mass", "a molar mass leads from moles to grams, and neither %s nor %s counts moles of what the other weighs", from.code, to.code)
	}
	return Between(a, b)
}

// molar gives from and to made commensurable by a ratio of mass to amount.
func molar(from, to *Unit, ratio string) (a, b *Unit, ok bool) {
	for _, by := range [...]string{".(" + ratio + ")", "/(" + ratio + ")"} {
		if u := counted(from, by); u != nil && Commensurable(u, to) {
			return u, to, true
		}
		if u := counted(to, by); u != nil && Commensurable(from, u) {
			return from, u, true
		}
	}
	return nil, nil, false
}

// counted is the unit with a ratio of mass to amount behind it, nil where it
// does not count moles.
func counted(u *Unit, by string) *Unit {
	t, err := syntax(u.code, false)
	if err != nil || !t.moles() {
		return nil
	}
	if u, err = Parse("(" + u.code + ")" + by); err != nil {
		return nil
	}
	return u
}

// moles says whether a term counts moles.
func (t *term) moles() bool {
	for i := range t.parts {
		if c := &t.parts[i]; c.atom != nil && c.atom.code == "mol" || c.group != nil && c.group.moles() {
			return true
		}
	}
	return false
}
