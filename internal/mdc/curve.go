package mdc

import "thalamus/internal/ucum"

// What signals are called in files and by monitors: II, ABP, PLETH. These names
// are short, and alone mean other things as well (ABP is a number and a curve, V a
// lead and a volume): they are asked for curves only, and the unit must agree.
// A name that says more than any term does is none of them: MLII is not lead II,
// and EEG Fpz-Cz is one of several signals that a term for all EEG would mix
// (decision 0301).

// ByCurve finds the waveform that a name of a signal stands for: a label of the
// term, or what files call it. u is the unit of the samples, nil where they have
// none or one of the sender's own (arbitrary units). A term with a unit needs one
// that can be converted to it, a term without takes none or one without a
// dimension. ok is false where none fits, or several do.
func ByCurve(label string, u *ucum.Unit) (*Term, bool) {
	f := Fold(label)
	if f == "" {
		return nil, false
	}
	candidates := loaded.curves[f]
	if t, ok := loaded.labels[f]; ok && t.Kind == Waveform {
		candidates = append(candidates[:len(candidates):len(candidates)], t)
	}
	var found *Term
	for _, t := range candidates {
		if t == found || !curveFits(t, u) {
			continue
		}
		if found != nil {
			return nil, false
		}
		found = t
	}
	return found, found != nil
}

func curveFits(t *Term, u *ucum.Unit) bool {
	if len(t.Units) == 0 {
		return u == nil || u.Dimensionless()
	}
	return u != nil && t.Fits(u)
}
