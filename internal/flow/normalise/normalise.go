// Package normalise finds out what a message means: codes become MDC terms
// and LOINC, units become UCUM and values of known quantities one preferred
// unit, times become UTC (R13 to R17). It is pure and idempotent: what was
// sent stays beside what it means, and normalising again, with other zones or
// tomorrow's tables, starts from what was sent.
//
// What contradicts itself becomes an issue and no value: a heart rate in
// degrees is kept as ValueSent, with Absent saying that there is none.
package normalise

import (
	"strings"
	"time"

	"thalamus/internal/hl7time"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
	"thalamus/internal/profile"
)

// Context is what a message does not say: the zones of times without one, the
// profiles in force, and what people said that labels mean. Each may be nil.
type Context struct {
	Device   *time.Location // of the sending device, from the register
	Channel  *time.Location
	Site     *time.Location // nil means UTC
	Profiles *profile.Set
	Labels   *Labels
	Nearest  Nearest // a remembering mdc.Nearest
}

// Normalise fills Code, UnitUCUM, Value and all UTC times of the message, and
// replaces the issues that an earlier call made.
func Normalise(m *model.Message, c Context) {
	n := normaliser{m: m, zones: hl7time.Zones{Device: c.Device, Channel: c.Channel, Site: c.Site}, labels: c.Labels, nearest: c.Nearest}
	n.forget()
	n.hl7 = m.Codec == "hl7v2"
	if n.hl7 {
		n.zones.Message = hl7time.HeaderZone(m.DeviceTime.Original)
	}
	for i := range m.Observations {
		restore(&m.Observations[i])
	}
	p := n.profile(c.Profiles)
	n.times()
	for i := range m.Observations {
		n.observation(&m.Observations[i])
	}
	if p != nil {
		sent := len(m.Observations)
		p.Derived(m)
		for i := sent; i < len(m.Observations); i++ {
			n.observation(&m.Observations[i])
		}
	}
	for i := range m.Waveforms {
		n.waveform(&m.Waveforms[i])
	}
	for i := range m.Alerts {
		n.alert(&m.Alerts[i])
	}
}

// profile applies the device's profile, the version in force when the message
// arrived (R12).
func (n *normaliser) profile(set *profile.Set) *profile.Profile {
	if set == nil {
		return nil
	}
	p, outside := set.Find(profile.SenderOf(n.m))
	if n.m.Codec == "json" || n.m.Codec == "csv" {
		// It was read with a profile already, which may have been found by what
		// only the document says.
		if read := set.Get(n.m.ReadWith); read != nil && read != p {
			p, outside = read, false
		}
	}
	n.m.ReadWith = ""
	if p == nil {
		return nil
	}
	if n.m.ReadWith = p.Ref(); outside {
		n.once(model.Issue{Code: prefix + "profile-range", Severity: model.Warning, Received: p.Ref(),
			Text: "the device's software lies outside the range its profile was made for; the profile was used all the same",
			Hint: "try the profile on this software, then widen its range or make a version for it"}, p.Ref())
	}
	if n.zones.Device == nil {
		n.zones.Device = set.Zone(p)
	}
	if n.form = p.Form(); n.form != "" && !n.zones.Message.Known {
		n.zones.Message = hl7time.HeaderZoneAs(n.form, n.m.DeviceTime.Original)
	}
	p.Refine(n.m)
	return p
}

type normaliser struct {
	m       *model.Message
	zones   hl7time.Zones
	form    string // how the profile says that times are written, empty: as the codec does
	labels  *Labels
	nearest Nearest
	hl7     bool
	last    model.Timestamp // the time read last; most of a message share one
	fault   error           // why it cannot be read
	clear   bool            // there is nothing to say of it
	said    []about         // what was reported already
	sent    model.SentValues
	birth   time.Time // of the patient, where the day is known
	aged    bool      // birth was looked for
}

// about is what an issue says: its code, and of what.
type about struct{ code, subject string }

const prefix = "normalise."

// forget drops the issues of an earlier call.
func (n *normaliser) forget() {
	kept := n.m.Issues[:0]
	for _, i := range n.m.Issues {
		if !strings.HasPrefix(i.Code, prefix) {
			kept = append(kept, i)
		}
	}
	clear(n.m.Issues[len(kept):])
	n.m.Issues = kept
}

// maxSaid bounds how many subjects are reported one by one.
const maxSaid = 64

// once adds an issue unless one of that code was added about the subject.
func (n *normaliser) once(i model.Issue, subject string) {
	key := about{i.Code, subject}
	for _, s := range n.said {
		if s == key {
			return
		}
	}
	if len(n.said) >= maxSaid {
		if len(n.said) == maxSaid {
			n.said = append(n.said, about{})
			n.m.Issues = append(n.m.Issues, model.Issue{Code: prefix + "more-issues", Severity: model.Warning,
				Text: "more could not be understood than is listed", Hint: "correct the first issues, then look again"})
		}
		return
	}
	if n.said == nil {
		n.said = make([]about, 0, 8) // one is seldom alone
	}
	n.said = append(n.said, key)
	n.m.Issues = append(n.m.Issues, i)
}

// observation normalises one observation.
func (n *normaliser) observation(o *model.Observation) {
	q := n.meaning(o)
	n.valueAsNumber(o, q)
	n.unit(o, q)
	fitLOINC(o, q)
	if o.Value.Kind == model.ValueCoded {
		o.Value.Code = model.Code{}
		if t, _, ok := mdc.OfCoding(o.Value.Coding); ok {
			o.Value.Code = t.Meaning()
		}
	}
	if o.Value.Kind == model.ValueTime {
		n.valueTime(&o.Value, o.Field)
	}
	n.plausible(o, q)
}

// restore undoes an earlier call: the value as sent is the value again.
// A value that the sender itself called invalid stays aside.
func restore(o *model.Observation) {
	o.UnitUCUM = ""
	if o.Mapped != nil && strings.HasPrefix(o.Mapped.By, byPerson) {
		o.Mapped = nil
	}
	if o.ValueSent == nil || absentBySender(o.Flags) {
		return
	}
	o.Value, o.ValueSent, o.Absent = *o.ValueSent, nil, ""
}

// absentBySender knows the flags with which decode moves a value aside.
func absentBySender(flags []string) bool {
	for _, f := range flags {
		code, _, _ := strings.Cut(f, "^")
		switch code {
		case "INV", "NAV", "BUSY", "OFF", "NI":
			return true
		}
	}
	return false
}

// alert normalises an alert's code and value.
func (n *normaliser) alert(a *model.Alert) {
	if a.Code = a.Mapped.Code; a.Code == (model.Code{}) {
		if l := n.labels.find(n.m, a.Device, model.Coding{}, a.Received); l != nil {
			a.Code = l.code
		} else if a.Mapped.By == "" { // a profile may know that the standard has no code for it
			a.Code, _ = n.code(&subject{first: &a.Received, second: none(), field: a.Field, unit: none()})
		}
	}
	a.DeviceTime = n.time(a.DeviceTime, a.Field)
	a.Onset = n.time(a.Onset, a.Field)
	if a.Value.Kind == model.ValueTime {
		n.valueTime(&a.Value, a.Field)
	}
	n.about(a)
}

// about puts the value of the metric an alert names as its source beside it,
// where the same message has it, with its unit and limits.
func (n *normaliser) about(a *model.Alert) {
	source := a.Source.Key()
	if source == "" || a.Value.Kind != model.ValueNone {
		return
	}
	for i := len(n.m.Observations) - 1; i >= 0; i-- {
		o := &n.m.Observations[i]
		if o.Code.Key() != source || o.Device != a.Device || o.Absent != "" || o.Value.Kind == model.ValueNone {
			continue
		}
		a.Value, a.UnitUCUM = o.Value, o.UnitUCUM
		if a.Limits == "" {
			a.Limits = o.RangeText
		}
		return
	}
}
