package fhir

import (
	"strings"
	"time"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// Parts of a blood pressure.
const (
	systolic = iota
	diastolic
	mean
)

// panel is one blood pressure: places of its parts in Message.Observations,
// -1 for a part that was not sent.
type panel struct {
	family string
	part   [3]int
}

func (p *panel) lead() int { return min(p.part[systolic], p.part[diastolic]) }

// panels are the blood pressures of a message. Most messages have none or one.
type panels []panel

// leads tells whether observation i is where its panel is written.
func (ps panels) leads(i int) bool {
	for k := range ps {
		if ps[k].lead() == i {
			return true
		}
	}
	return false
}

// holds tells whether observation i is part of a panel.
func (ps panels) holds(i int) bool {
	for k := range ps {
		for _, at := range ps[k].part {
			if at == i {
				return true
			}
		}
	}
	return false
}

func (ps panels) of(i int) *panel {
	for k := range ps {
		if ps[k].lead() == i {
			return &ps[k]
		}
	}
	return nil
}

// pressure tells which part of which blood pressure a code is.
func pressure(c model.Code) (family string, part int, ok bool) {
	if profileOf(c) != "bp" {
		return "", 0, false
	}
	for i, suffix := range [...]string{"_SYS", "_DIA", "_MEAN"} {
		if f, ok := strings.CutSuffix(c.RefID, suffix); ok {
			return f, i, true
		}
	}
	if c.RefID == "" {
		switch c.LOINC {
		case loincSystolic:
			return "", systolic, true
		case loincDiastolic:
			return "", diastolic, true
		case loincMean:
			return "", mean, true
		}
	}
	return "", 0, false
}

// findPanels puts systolic, diastolic and mean together that are one
// measurement: same device, order, containment, time, status and kind. A
// panel needs systolic and diastolic; a lone one stays an Observation of its
// own, because nothing is invented.
func (b *builder) findPanels(m *model.Message, found panels) panels {
	for i := range m.Observations {
		o := &m.Observations[i]
		family, part, ok := pressure(o.Code)
		if !ok || !b.fitsPanel(o) {
			continue
		}
		placed := false
		for k := range found {
			p := &found[k]
			if p.family == family && p.part[part] < 0 && together(o, &m.Observations[p.first()]) {
				p.part[part], placed = i, true
				break
			}
		}
		if !placed {
			p := panel{family, [3]int{-1, -1, -1}}
			p.part[part] = i
			found = append(found, p)
		}
	}
	whole := found[:0]
	for _, p := range found {
		if p.part[systolic] >= 0 && p.part[diastolic] >= 0 {
			whole = append(whole, p)
		}
	}
	return whole
}

func (p *panel) first() int {
	for _, at := range p.part {
		if at >= 0 {
			return at
		}
	}
	return -1
}

// notes are the comments on any of the parts, those of a personal device with
// what else it says of them.
func (p *panel) notes(m *model.Message, personal bool) []string {
	var all []string
	for _, at := range p.part {
		switch {
		case at < 0:
		case personal:
			all = append(all, remarks(&m.Observations[at])...)
		default:
			all = append(all, m.Observations[at].Notes...)
		}
	}
	return all
}

// keepsCompound says whether a blood pressure keeps the guide's profile of a
// compound value: each part has what it asks, and one at least is a number.
func (b *builder) keepsCompound(p *panel, g *guided, whole model.Code) bool {
	numbers := 0
	for _, at := range p.part {
		if at < 0 {
			continue
		}
		o := &b.spoken.m.Observations[at]
		if whole.MDC == 0 || o.Parent != channelOf(o.SubID) || !b.keeps(g, o, o.Code, o.Received) || o.UnitUCUM == "" {
			return false
		}
		if o.Absent == "" {
			numbers++
		}
	}
	return numbers > 0
}

func (b *builder) fitsPanel(o *model.Observation) bool {
	return b.keepsVital(o) && (hasNoValue(o) || bp.takes(o.UnitUCUM))
}

func together(a, b *model.Observation) bool {
	return a.Device == b.Device && a.Order == b.Order && a.Status == b.Status && a.Simulated == b.Simulated &&
		sameTime(a.DeviceTime.UTC, b.DeviceTime.UTC) && channelOf(a.SubID) == channelOf(b.SubID)
}

func sameTime(a, b time.Time) bool { return a.Equal(b) }

// panel writes the blood pressure that observation i leads.
func (b *builder) panel(i int) {
	p := b.spoken.panels.of(i)
	m := b.spoken.m
	lead := &m.Observations[i]
	b.patient()
	code := model.Code{}
	if t, ok := mdc.ByRefID(p.family); ok {
		code = model.Code{MDC: t.Code, RefID: t.RefID, Name: t.Name}
	} else if p.family == "" {
		code.Name = "Blood pressure"
	}
	whole := code
	if whole.RefID == "" {
		whole.LOINC = bp.loinc
	}
	g, by, hasBy := b.measuredBy(lead.Device, lead.SubID, whole, model.Coding{}, "mm[Hg]", "measurement", lead.DeviceTime)
	id := b.observationIdentity(lead)
	claims := &bp
	if !b.spoken.hasWho { // nobody's pressures stand together as somebody's do, so that a correction is about the same resource
		claims = nil
	}
	if g.is && b.keepsCompound(p, &g, code) {
		g.profile = "PhdCompoundNumericObservation"
	}
	if !b.start(id, claims, &g, nil, lead.Simulated, lead.Status) {
		return
	}
	w := &b.w
	w.open("code", '{')
	b.concept(bp.loinc, "", code, model.Coding{}, model.Coding{})
	w.close('}')
	b.about()
	b.when(lead)
	b.notes(p.notes(m, g.is))
	b.plain("bodySite", lead.BodySite)
	b.plain("method", lead.Method)
	if hasBy {
		b.reference("device", by)
	}
	w.open("component", '[')
	for part, at := range p.part {
		if at < 0 {
			continue
		}
		o := &m.Observations[at]
		w.element()
		w.open("code", '{')
		b.concept([...]string{loincSystolic, loincDiastolic, loincMean}[part], "", o.Code, o.Received, o.Alternate)
		w.close('}')
		b.value(o, &bp)
		b.interpretation(o.Flags, g.is)
		b.referenceRange(o)
		w.close('}')
	}
	if g.is {
		b.supplements(lead, true)
	}
	w.close(']')
	b.requestByID(id, "Observation", b.o.Replace)
	b.said = append(b.said, id)
}
