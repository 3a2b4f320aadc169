package normalise

import (
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
	"thalamus/internal/ucum"
)

// Labels are the mappings of labels in force, as people made them: an input
// like the message itself, so that the same message and the same labels give
// the same meaning. Make them with NewLabels; they are immutable.
type Labels struct {
	byLabel map[string][]label // folded; the narrowest scope first
}

// VersionedLabel is a label with the version that is in force.
type VersionedLabel struct {
	model.Label
	Version int64
}

// label is a Label, ready for use.
type label struct {
	model.Label
	unit, maker, kind string // folded
	code              model.Code
	by                string // "label ID@version"
	narrow            int
}

// byPerson begins Mapping.By of what a label mapped.
const byPerson = "label "

// NewLabels makes the labels in force. CheckLabel says beforehand what is
// wrong with one; a label that is wrong maps nothing.
func NewLabels(all []VersionedLabel) *Labels {
	l := &Labels{byLabel: map[string][]label{}}
	for _, v := range all {
		code, _, ok := LabelCode(v.Code)
		folded := mdc.Fold(v.Label.Label)
		if !ok || folded == "" {
			continue
		}
		one := label{Label: v.Label, unit: foldUnit(v.Unit), maker: mdc.Fold(v.Manufacturer), kind: mdc.Fold(v.Model), code: code,
			by: byPerson + string(v.ID) + "@" + strconv.FormatInt(v.Version, 10)}
		for i, s := range [...]string{string(v.Channel), v.Manufacturer, v.Profile, v.Model, v.Unit} {
			if s != "" {
				one.narrow += 1 << i // what is later in the list is narrower
			}
		}
		l.byLabel[folded] = append(l.byLabel[folded], one)
	}
	for _, same := range l.byLabel {
		slices.SortFunc(same, func(a, b label) int {
			if a.narrow != b.narrow {
				return b.narrow - a.narrow
			}
			return strings.Compare(string(a.ID), string(b.ID))
		})
	}
	return l
}

// LabelCode reads what a label is mapped to: a term of the table by its name
// or number, or a LOINC code with the right check digit.
func LabelCode(text string) (code model.Code, q *mdc.Quantity, ok bool) {
	t, known := mdc.ByRefID(text)
	if !known {
		if n, isNumber := mdc.Number(text); isNumber && n != 0 {
			t, known = mdc.ByCode(n)
		}
	}
	if known {
		return t.Meaning(), &t.Quantity, t.Metric()
	}
	if !isLOINC(model.Coding{Code: text, System: "LN"}) {
		return model.Code{}, nil, false
	}
	code.LOINC = text
	if q, ok := mdc.ByLOINC(text); ok {
		code.Name = q.Name
		return code, q, true
	}
	return code, nil, true
}

// CheckLabel says what is wrong with a label before it is in force.
func CheckLabel(l model.Label) error {
	if mdc.Fold(l.Label) == "" {
		return fault.New(fault.Invalid, "normalise.label", "a label has letters or digits").At("label")
	}
	_, q, ok := LabelCode(l.Code)
	if !ok {
		hint := ""
		if near := mdc.Nearest(l.Code, nil, 1); len(near) > 0 {
			hint = "; did you mean " + near[0].Term.RefID + "?"
		}
		return fault.New(fault.Invalid, "normalise.label", "%q is no metric of the table, nor a LOINC code%s", clip(l.Code), hint).At("code")
	}
	if l.UCUM == "" {
		return nil
	}
	u, err := ucum.Parse(l.UCUM)
	if err != nil {
		return err
	}
	if q != nil && !q.Fits(u) {
		return fault.New(fault.Invalid, "normalise.label", "%s is measured in %s; %s cannot be converted to that", l.Code, q.UCUM, l.UCUM).At("ucum")
	}
	return nil
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}

// What a person should say of an observation: what its code means, whether the
// label it was read by is meant so, what its unit is.
const (
	UnknownCode  = "code"
	UnknownLabel = "label"
	UnknownUnit  = "unit"
)

// Called is something of a normalised message that its sender calls by a label:
// an observation or a waveform.
type Called struct {
	Received, Unit model.Coding
	Device         int
	Now            string        // RefID that it was read as
	Unknown        string        // of it, one of the above; empty: it is clear, or a profile or a person said it
	Label          model.LabelID // that is in force for it, whatever else may say what it means
	Number         string        // as sent, of a number: what is none may be a text with a name in it
}

// Called gives all of a message that its sender calls by a label, with the
// labels in force.
func (l *Labels) Called(m *model.Message) []Called {
	out := make([]Called, 0, len(m.Observations)+len(m.Waveforms))
	for i := range m.Observations {
		o := &m.Observations[i]
		c := Called{Received: o.Received, Unit: o.UnitSent, Device: o.Device, Now: o.Code.RefID, Unknown: unknown(o)}
		if found := l.find(m, o.Device, o.UnitSent, o.Received, o.Alternate); found != nil {
			c.Label = found.ID
		}
		for _, v := range [...]model.Value{o.Sent(), o.Value} {
			if v.Kind == model.ValueNumber {
				c.Number = v.Comparator + v.Number.String()
				break
			}
		}
		out = append(out, c)
	}
	for i := range m.Waveforms {
		w := &m.Waveforms[i]
		c := Called{Received: w.Received, Unit: w.UnitSent, Device: w.Device, Now: w.Code.RefID}
		found := l.find(m, w.Device, w.UnitSent, w.Received)
		if found != nil {
			c.Label = found.ID
		}
		if found == nil || found.code != w.Code {
			c.Unknown = unknownCurve(w)
		}
		out = append(out, c)
	}
	return out
}

// unknownCurve gives what nobody knows of a normalised waveform.
func unknownCurve(w *model.Waveform) string {
	if w.Received == (model.Coding{}) {
		return ""
	}
	_, _, known := mdc.OfCoding(w.Received)
	if !known && !isLOINC(w.Received) {
		if w.Code == (model.Code{}) {
			return UnknownCode
		}
		if t, is := curveOf(w.Received, w.UnitSent); is && t.RefID == w.Code.RefID {
			return UnknownLabel
		}
	}
	if _, found, _, ok := unitOf(w.UnitSent); found && !ok && w.UnitUCUM == "" && !arbitrary(w.UnitSent) {
		return UnknownUnit
	}
	return ""
}

// unknown gives what nobody knows of a normalised observation; empty when
// everything is clear, or when a profile or a person said it.
func unknown(o *model.Observation) string {
	if o.Received == (model.Coding{}) && o.Alternate == (model.Coding{}) {
		return ""
	}
	mapped := o.Mapping()
	known := mapped.Code != (model.Code{})
	for _, c := range [...]model.Coding{o.Received, o.Alternate} {
		_, _, ok := mdc.OfCoding(c)
		known = known || ok || isLOINC(c)
	}
	if !known {
		if o.Code.RefID != "" && !strings.HasPrefix(o.Received.Text, "MDC") && !strings.HasPrefix(o.Alternate.Text, "MDC") {
			return UnknownLabel
		}
		return UnknownCode
	}
	if (numeric(o.Value) || numeric(o.Sent())) && mapped.UnitUCUM == "" {
		_, found, _, ok := unitOf(o.UnitSent)
		_, _, _, other := unitOf(o.UnitOther)
		if found && !ok && !other {
			return UnknownUnit
		}
	}
	return ""
}

// NearestTo gives the metrics most like a label, which issues name: the text
// is asked first, then the code.
func NearestTo(text, code, unit string) []mdc.Candidate {
	u, ok := ucum.Spelled(unit)
	if !ok {
		u = nil
	}
	if found := nearest(text, u); len(found) > 0 || code == "" {
		return found
	}
	return nearest(code, u)
}

// FindMetric gives the metrics that a text names, and where none is named so,
// those most like it, the best first; at most most.
func FindMetric(text, unit string, most int) []mdc.Candidate {
	var out []mdc.Candidate
	for _, t := range mdc.Find(strings.TrimSpace(text)) {
		if t.Metric() && len(out) < most {
			out = append(out, mdc.Candidate{Term: t, Score: 1000, Label: t.Name})
		}
	}
	u, ok := ucum.Spelled(unit)
	if !ok {
		u = nil
	}
	for _, c := range mdc.Nearest(text, u, most) {
		same := func(o mdc.Candidate) bool { return o.Term == c.Term }
		if len(out) < most && !slices.ContainsFunc(out, same) {
			out = append(out, c)
		}
	}
	return out
}

// Fits says whether a metric can have a unit as senders write it; known is
// false where the unit is none, or the table tells no unit of the metric.
func Fits(q *mdc.Quantity, unit string) (fits, known bool) {
	u, ok := ucum.Spelled(unit)
	known = ok && len(q.Units) > 0
	return known && q.Fits(u), known
}

// foldUnit keeps what stands between letters too: m/s is not ms.
func foldUnit(s string) string { return strings.ReplaceAll(s, " ", "") }

// find gives the label that holds for a coding of a message, nil for none.
func (l *Labels) find(m *model.Message, device int, unit model.Coding, codings ...model.Coding) *label {
	if l == nil || len(l.byLabel) == 0 {
		return nil
	}
	var buf [128]byte
	for _, c := range codings {
		for _, text := range [...]string{c.Text, c.Code} {
			if text == "" {
				continue
			}
			same := l.byLabel[string(mdc.AppendFold(buf[:0], text))]
			for i := range same {
				if same[i].holds(m, device, unit) {
					return &same[i]
				}
			}
		}
	}
	return nil
}

// holds says whether the scope of a label takes in a value of a message.
func (l *label) holds(m *model.Message, device int, unit model.Coding) bool {
	if l.Channel != "" && l.Channel != m.Channel {
		return false
	}
	if l.Profile != "" {
		if name, _, _ := strings.Cut(m.ReadWith, "@"); name != l.Profile {
			return false
		}
	}
	if l.unit != "" && l.unit != foldUnit(unit.Code) && l.unit != foldUnit(unit.Text) {
		return false
	}
	return (l.maker == "" || l.ofDevice(m, device, l.maker, func(d *model.Device) string { return d.Manufacturer })) &&
		(l.kind == "" || l.ofDevice(m, device, l.kind, func(d *model.Device) string { return d.Model }))
}

// ofDevice looks at the device that a value is of and at what it is part of;
// where the value names none, at all devices of the message.
func (l *label) ofDevice(m *model.Message, device int, want string, fact func(*model.Device) string) bool {
	var buf [128]byte
	is := func(i int) bool { return string(mdc.AppendFold(buf[:0], fact(&m.Devices[i]))) == want }
	if device < 0 || device >= len(m.Devices) {
		for i := range m.Devices {
			if is(i) {
				return true
			}
		}
		return false
	}
	for range len(m.Devices) { // bounded: a device may not be part of itself
		if is(device) {
			return true
		}
		if device = m.Devices[device].Parent; device < 0 || device >= len(m.Devices) {
			return false
		}
	}
	return false
}

// Nearest gives the metrics most like a label, for an issue. What it gives
// must be what mdc.Nearest gives; a caller may remember it.
type Nearest func(label string, u *ucum.Unit) []mdc.Candidate

// Candidate is a metric that a label may mean.
type Candidate = mdc.Candidate

// Candidates is how many an issue names.
const Candidates = 3

func nearest(label string, u *ucum.Unit) []mdc.Candidate { return mdc.Nearest(label, u, Candidates) }

// like names the metrics most like a label in words. A name says more than a
// code, so the text is asked first.
func (n *normaliser) like(s *subject) string {
	near := n.nearest
	if near == nil {
		near = nearest
	}
	u, _, _, ok := unitOf(*s.unit)
	if !ok {
		u = nil
	}
	var found []mdc.Candidate
	for _, text := range [...]string{s.first.Text, s.first.Code} {
		if found = near(text, u); len(found) > 0 {
			break
		}
	}
	var b strings.Builder
	for i, c := range found {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.Term.RefID + " (" + c.Term.Name + ")")
	}
	return b.String()
}
