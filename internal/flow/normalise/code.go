package normalise

import (
	"strings"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
	"thalamus/internal/ucum"
)

// meaning fills the observation's code and gives what is known of the
// quantity, nil when nothing is. What a profile or a person says counts more
// than what the tables say.
func (n *normaliser) meaning(o *model.Observation) *mdc.Quantity {
	o.Code = model.Code{}
	if o.Mapped != nil {
		o.Code = o.Mapped.Code
	}
	if o.Code == (model.Code{}) {
		o.Code = n.mapped(o)
	}
	if o.Code == (model.Code{}) {
		var t *mdc.Term
		if o.Code, t = n.code(&subject{first: &o.Received, second: &o.Alternate, field: o.Field, unit: &o.UnitSent, metric: true, value: &o.Value}); t != nil {
			return asMapped(&t.Quantity, o.Mapped)
		}
	}
	var q *mdc.Quantity
	if t, ok := mdc.ByRefID(o.Code.RefID); ok {
		q = &t.Quantity
	} else if known, ok := mdc.ByLOINC(o.Code.LOINC); ok {
		q = known
	}
	return asMapped(q, o.Mapped)
}

// asMapped is a quantity with the unit and limits that a profile gives it.
func asMapped(q *mdc.Quantity, m *model.Mapping) *mdc.Quantity {
	if m == nil || m.Wanted == "" && m.Low == nil && m.High == nil {
		return q
	}
	var own mdc.Quantity
	if q != nil {
		own = *q
	}
	if u, err := ucum.Parse(m.Wanted); m.Wanted != "" && err == nil {
		own.UCUM, own.Unit, own.Units, own.Low, own.High = m.Wanted, u, []*ucum.Unit{u}, nil, nil
	}
	if m.Low != nil {
		own.Low = m.Low
	}
	if m.High != nil {
		own.High = m.High
	}
	own.Ages = nil
	return &own
}

// mapped gives the code of the label that a person mapped, and says in Mapped
// who did, unless that tells of a profile.
func (n *normaliser) mapped(o *model.Observation) model.Code {
	if n.labels == nil {
		return model.Code{}
	}
	l := n.labels.find(n.m, o.Device, o.UnitSent, o.Received, o.Alternate)
	if l == nil {
		return model.Code{}
	}
	m := o.Mapping()
	if m.By != "" {
		return l.code
	}
	m.Code, m.By = l.code, l.by
	if l.UCUM != "" {
		if _, _, _, known := unitOf(o.UnitSent); !known {
			if _, _, _, known = unitOf(o.UnitOther); !known {
				m.UnitUCUM = l.UCUM
			}
		}
	}
	o.Mapped = &m
	return l.code
}

// subject is what code finds the meaning of.
type subject struct {
	first, second *model.Coding
	field         string
	unit          *model.Coding
	metric        bool         // something observed or sampled
	value         *model.Value // of an observation
}

// none is a coding that says nothing.
func none() *model.Coding { return new(model.Coding) }

// code finds what a coding means, and its term if the table has one; the second
// counts where the first says nothing (R15).
func (n *normaliser) code(s *subject) (model.Code, *mdc.Term) {
	if *s.first == (model.Coding{}) && *s.second == (model.Coding{}) {
		return model.Code{}, nil
	}
	t, disagree, ok := mdc.OfCoding(*s.first)
	sent := s.first
	if !ok {
		t2, disagree2, ok2 := mdc.OfCoding(*s.second)
		if ok2 || !disagree && disagree2 {
			t, disagree, ok, sent = t2, disagree2, ok2, s.second
		}
	}
	if disagree {
		n.disagreement(*sent, s.field, ok)
	}
	if ok {
		return t.Meaning(), t
	}
	for _, c := range [...]*model.Coding{s.first, s.second} {
		if isLOINC(*c) {
			code := model.Code{LOINC: c.Code, Name: c.Text}
			if q, ok := mdc.ByLOINC(c.Code); ok {
				code.Name = q.Name
			}
			return code, nil
		}
	}
	code := asSent(*s.first, *s.second, disagree)
	if code == (model.Code{}) && !disagree {
		if t := n.byLabel(s); t != nil {
			return t.Meaning(), t
		}
	}
	if s.value != nil && s.value.Kind == model.ValueBinary && s.first.Code == "" && s.second.Code == "" {
		return code, nil // a document is what its title says
	}
	n.unknown(s)
	return code, nil
}

// byLabel finds the metric that a vendor's label stands for (R15). A label is
// weak evidence, so the rest must agree: the sender uses no standard's codes,
// the value is a number, and its unit can be one of the metric.
func (n *normaliser) byLabel(s *subject) *mdc.Term {
	if s.value == nil && s.metric {
		return n.byCurve(s)
	}
	if s.value == nil || s.value.Kind != model.ValueNumber && s.value.Kind != model.ValueRange {
		return nil
	}
	u, _, _, ok := unitOf(*s.unit)
	if !ok || u.Dimensionless() && u.Code() != "%" {
		return nil
	}
	for _, c := range [...]model.Coding{*s.first, *s.second} {
		if standard(c.System) {
			continue
		}
		for _, text := range [...]string{c.Text, c.Code} {
			t, ok := mdc.ByLabel(text)
			if !ok || len(t.Units) == 0 || !t.Fits(u) || t.Kind != mdc.Numeric && t.Kind != mdc.Setting {
				continue
			}
			n.foundByLabel(s, c, t)
			return t
		}
	}
	return nil
}

func (n *normaliser) foundByLabel(s *subject, c model.Coding, t *mdc.Term) {
	n.once(model.Issue{Code: prefix + "code-by-label", Severity: model.Warning, Field: s.field, Received: received(c),
		Text: byLabelTexts[t],
		Hint: "confirm it with `thalamus label map`, or say what it means"}, t.RefID)
}

// byCurve finds the waveform that a label stands for, as byLabel finds a number.
func (n *normaliser) byCurve(s *subject) *mdc.Term {
	t, ok := curveOf(*s.first, *s.unit)
	if !ok {
		return nil
	}
	n.foundByLabel(s, *s.first, t)
	return t
}

// curveOf finds the waveform that a label stands for: the sender uses no
// standard's codes, and the unit is one of the waveform. The code counts, and a
// text only where the code is none of the sender's labels but a number of its own
// system: beside a label stands what the sensor is called.
func curveOf(c, unit model.Coding) (t *mdc.Term, ok bool) {
	u, found, _, known := unitOf(unit)
	switch {
	case standard(c.System):
		return nil, false
	case !known:
		u = nil
		if found && !arbitrary(unit) {
			return nil, false
		}
	}
	if t, ok = mdc.ByCurve(c.Code, u); !ok && (c.Code == "" || c.System != "") {
		t, ok = mdc.ByCurve(c.Text, u)
	}
	return t, ok
}

// arbitrary knows the words by which files say that samples have no unit: NU of
// PhysioNet (normalised units), adu of WFDB (steps of the converter).
func arbitrary(unit model.Coding) bool {
	word := unit.Code
	if word == "" {
		word = unit.Text
	}
	return strings.EqualFold(word, "NU") || strings.EqualFold(word, "adu")
}

// byLabelTexts are what is said of each metric found by its label: made once,
// because devices with labels send them all day.
var byLabelTexts = func() map[*mdc.Term]string {
	texts := map[*mdc.Term]string{}
	for _, t := range mdc.Terms() {
		if t.Kind == mdc.Numeric || t.Kind == mdc.Setting || t.Kind == mdc.Waveform {
			texts[t] = "the code is not in our tables; it was read as " + t.RefID + ", whose label it has"
		}
	}
	return texts
}()

// standard knows the coding systems whose codes are no vendor's labels.
func standard(system string) bool {
	switch system {
	case "":
		return false
	case "LN", "LOINC", "MDC", "SCT", "SNM", "SNM3", "SNOMED", "I10", "I10C", "I9", "I9C", "ICD10", "C4", "C5", "CPT", "CPTM", "NDC", "CVX", "MVX", "UCUM", "RXNORM", "NLN", "NPU", "ICPC", "UB04":
		return true
	}
	for _, p := range [...]string{"http", "urn:", "1.", "2.", "HL7", "ISO", "IBT"} {
		if strings.HasPrefix(system, p) {
			return true
		}
	}
	return false
}

// unknown says that nobody knows a code, and what is most like it.
func (n *normaliser) unknown(s *subject) {
	label := s.first.Code
	if label == "" {
		label = s.first.Text
	}
	i := model.Issue{Code: prefix + "unknown-code", Severity: model.Warning, Field: s.field, Received: received(*s.first),
		Text: "the code is not in our tables, so nobody knows what this means", Hint: "map it in a device profile, or report it"}
	if s.metric {
		i.Text = "the code is not in our tables, so nobody knows what this observation means"
		i.Hint = "say what it means with `thalamus label map`, or in a device profile"
		if like := n.like(s); like != "" {
			i.Hint = "most like it: " + like + "; " + i.Hint
		}
	}
	n.once(i, label)
}

// asSent is the code of an MDC term that the table lacks, as the sender names
// it, so that its values are at least kept together.
func asSent(first, second model.Coding, disagree bool) model.Code {
	for _, c := range [...]model.Coding{first, second} {
		if strings.HasPrefix(c.Text, "MDC") && !disagree {
			code := model.Code{RefID: c.Text}
			if number, ok := mdc.Number(c.Code); ok && number >= 1<<16 {
				code.MDC = number
			}
			return code
		}
	}
	return model.Code{}
}

func (n *normaliser) disagreement(c model.Coding, field string, resolved bool) {
	i := model.Issue{Code: prefix + "code-disagrees", Severity: model.Warning, Field: field, Received: received(c),
		Text: "the number is not the one of the name; the name counts", Hint: "the sender should correct the number"}
	if !resolved {
		i.Code, i.Severity = prefix+"code-unclear", model.Error
		i.Text = "the number belongs to another term than the name, which we do not know; neither was taken"
	}
	n.once(i, c.Code+"^"+c.Text)
}

// received is a coding as an issue may show it.
func received(c model.Coding) string {
	s := c.Code + "^" + c.Text + "^" + c.System
	if len(s) > 120 {
		s = s[:120]
	}
	return strings.ToValidUTF8(strings.Trim(s, "^"), "")
}

// isLOINC recognises a LOINC code: the system says so and the form is right.
func isLOINC(c model.Coding) bool {
	switch c.System {
	case "LN", "LOINC", "http://loinc.org", "2.16.840.1.113883.6.1":
	default:
		return false
	}
	right, form := mdc.LOINCForm(c.Code)
	return form && right == c.Code
}
