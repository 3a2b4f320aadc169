package route

import (
	"strings"
	"time"

	"thalamus/internal/model"
)

// Decide gives a decision for every destination that some route names for m,
// each destination once, in the order of the routes. Where several routes lead
// to one destination, one that passes the message wins over one that refuses
// it, and one that lets it wait over one that never passes it. waits says for
// what the message must wait (see Waits), empty for nothing; simulated values
// do not wait for what would not pass them afterwards either (R17).
// Nothing is allocated when no route matches.
func (t *Table) Decide(m *model.Message, waits string) []model.Decision {
	var decisions []model.Decision
	refused := waits
	if m.Duplicate != (model.MessageRef{}) {
		refused = RefusedDuplicate
	}
	simulated := refused != RefusedDuplicate && Simulated(m)
	for i := range t.routes {
		r := &t.routes[i]
		if !r.matches(m) {
			continue
		}
		why := refused
		if simulated && !r.simulated {
			why = RefusedSimulated
		}
	next:
		for _, d := range r.destinations {
			for j := range decisions {
				if decisions[j].Destination != d {
					continue
				}
				if had := decisions[j].Refused; had != "" && why == "" || had == RefusedSimulated && why != had {
					decisions[j].Route, decisions[j].Refused = r.id, why
				}
				continue next
			}
			if decisions == nil {
				decisions = make([]model.Decision, 0, len(t.destinations))
			}
			decisions = append(decisions, model.Decision{Route: r.id, Destination: d, Refused: why})
		}
	}
	return decisions
}

// Known is what the register knows of devices. It is asked for each message of
// a channel that wants something of them.
type Known struct {
	Adopted  func(model.DeviceID) bool
	Blocked  func(id model.DeviceID, arrived time.Time) bool // nil: none is
	Accepted func(id model.DeviceID, strict bool) bool       // adopted and accepted for use
}

// Waits says for what a message of channel c waits: one of its devices is
// blocked, whatever the channel; or the channel asks for it and
// one of the whole devices that the message names (not its parts) is not
// accepted (R32), or adopted by nobody (R11). Who is accepted is adopted. A
// message that names no device is never held.
func Waits(c model.Channel, m *model.Message, known Known) string {
	if known.Blocked != nil {
		for i := range m.Devices {
			if d := &m.Devices[i]; d.Parent < 0 && d.ID != "" && known.Blocked(d.ID, m.Arrived) {
				return RefusedBlocked
			}
		}
	}
	if c.Accept != "" {
		for i := range m.Devices {
			d := &m.Devices[i]
			if d.Parent < 0 && d.ID != "" && !known.Accepted(d.ID, c.Accept == model.AcceptStrict) {
				return RefusedAcceptance
			}
		}
	}
	if quarantined(c, m, known.Adopted) {
		return RefusedQuarantine
	}
	return ""
}

// quarantined says whether a message of channel c waits for a device to be
// adopted: the channel asks for it and one of the whole devices that the
// message names (not its parts) is adopted by nobody. A message that names no
// device is never held (R11).
func quarantined(c model.Channel, m *model.Message, adopted func(model.DeviceID) bool) bool {
	if c.Unknown != "quarantine" {
		return false
	}
	for i := range m.Devices {
		d := &m.Devices[i]
		if d.Parent < 0 && d.ID != "" && !adopted(d.ID) {
			return true
		}
	}
	return false
}

// Simulated says whether a message holds simulated values, or was sent as a
// test or for training as a whole (HL7 v2.5.1 §2.15.9.11, MSH-11; R17).
func Simulated(m *model.Message) bool {
	if m.Test {
		return true
	}
	for i := range m.Observations {
		if m.Observations[i].Simulated {
			return true
		}
	}
	for i := range m.Waveforms {
		if m.Waveforms[i].Simulated {
			return true
		}
	}
	for i := range m.Alerts {
		if m.Alerts[i].Simulated {
			return true
		}
	}
	return false
}

func (r *rule) matches(m *model.Message) bool {
	return (r.channels == nil || contains(r.channels, m.Channel)) &&
		(r.types == nil || r.matchesType(m.Type)) &&
		(r.classes == nil || r.matchesClass(m.Visit)) &&
		(r.devices == nil || r.matchesDevice(m)) &&
		(r.models == nil || r.matchesModel(m)) &&
		(r.places == nil || r.matchesPlace(m)) &&
		(r.codes == nil && r.terms == nil || r.matchesCode(m))
}

// matchesType compares by components: "ADT" matches "ADT^A01^ADT_A01",
// "ORU^R01" does not match "ORU^R011".
func (r *rule) matchesType(have string) bool {
	for _, want := range r.types {
		if strings.HasPrefix(have, want) && (len(have) == len(want) || have[len(want)] == '^') {
			return true
		}
	}
	return false
}

func (r *rule) matchesClass(v *model.Visit) bool {
	if v == nil {
		return false
	}
	for _, want := range r.classes {
		if strings.EqualFold(v.Class, want) {
			return true
		}
	}
	return false
}

func (r *rule) matchesDevice(m *model.Message) bool {
	for i := range m.Devices {
		if _, ok := r.devices[m.Devices[i].ID]; ok {
			return true
		}
	}
	return false
}

func (r *rule) matchesModel(m *model.Message) bool {
	for i := range m.Devices {
		d := &m.Devices[i]
		for _, want := range r.models {
			if strings.EqualFold(d.Model, want.whole) {
				return true
			}
			if strings.EqualFold(d.Model, want.model) && strings.EqualFold(d.Manufacturer, want.manufacturer) {
				return true
			}
		}
	}
	return false
}

func (r *rule) matchesPlace(m *model.Message) bool {
	for _, want := range r.places {
		if m.Visit != nil && within(m.Visit.Place, want) {
			return true
		}
		for i := range m.Devices {
			if within(m.Devices[i].Place, want) {
				return true
			}
		}
	}
	return false
}

// within compares the components that are wanted; an empty one is any.
func within(have, want model.Place) bool {
	return (want.PointOfCare == "" || have.PointOfCare == want.PointOfCare) &&
		(want.Room == "" || have.Room == want.Room) &&
		(want.Bed == "" || have.Bed == want.Bed) &&
		(want.Facility == "" || have.Facility == want.Facility)
}

func (r *rule) matchesCode(m *model.Message) bool {
	for i := range m.Observations {
		if r.holds(&m.Observations[i].Code) {
			return true
		}
	}
	for i := range m.Waveforms {
		if r.holds(&m.Waveforms[i].Code) {
			return true
		}
	}
	for i := range m.Alerts {
		if r.holds(&m.Alerts[i].Code) || r.holds(&m.Alerts[i].Source) {
			return true
		}
	}
	return false
}

func (r *rule) holds(c *model.Code) bool {
	if c.MDC != 0 && len(r.terms) > 0 {
		if _, ok := r.terms[c.MDC]; ok {
			return true
		}
	}
	if len(r.codes) == 0 {
		return false
	}
	if c.RefID != "" {
		if _, ok := r.codes[c.RefID]; ok {
			return true
		}
	}
	if c.LOINC != "" {
		_, ok := r.codes[c.LOINC]
		return ok
	}
	return false
}
