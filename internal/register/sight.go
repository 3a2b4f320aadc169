package register

import (
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/model"
	"thalamus/internal/register/state"
)

// tuple is how a message names a unit, as sent: the fast way to a known unit
// without building keys.
type tuple struct {
	channel            model.ChannelID
	v0, s0, t0         string // first identifier
	v1, s1, t1         string // second identifier
	udi, serial        string
	maker, model       string
	app, appID, places string // the sender, where the unit names nothing
}

// sight resolves the devices of one message. Called with r.mu held.
func (r *Register) sight(m *model.Message) {
	if len(m.Devices) == 0 {
		if len(m.Observations) == 0 && len(m.Waveforms) == 0 && len(m.Alerts) == 0 && len(m.AlertLists) == 0 {
			return // ADT and the like: the sender is no device
		}
		m.Devices = append(m.Devices, model.Device{Parent: -1})
	}
	nameless, wholes := 0, 0
	for i := range m.Devices {
		if whole(m.Devices, i) != i {
			continue
		}
		wholes++
		if !named(&m.Devices[namer(m.Devices, i)]) {
			nameless++
		}
	}
	var news []*unit // that the message was counted for
	for i := range m.Devices {
		if whole(m.Devices, i) != i {
			continue
		}
		suffix := ""
		if nameless > 1 {
			suffix = unitOfSubID(m.Devices[i].SubID, i)
		}
		u := r.find(m, i, suffix)
		h := r.head(u)
		if slices.Contains(news, h) { // the message names it more than once
			h.dev.Seen.count(m, i)
		} else if r.observe(h, u, m, i, wholes == 1) && wholes > 1 {
			news = append(news, h)
		}
		m.Devices[i].ID = h.dev.ID
	}
	for i := range m.Devices {
		m.Devices[i].ID = m.Devices[whole(m.Devices, i)].ID
	}
}

// Noticed counts issues that a message got after Sight had counted those it
// had, for each unit it names.
func (r *Register) Noticed(m *model.Message, issues int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range m.Devices {
		if whole(m.Devices, i) != i {
			continue
		}
		if u := r.unit(m.Devices[i].ID); u != nil {
			u.dev.Seen.Issues += uint64(issues)
			r.hear(u)
		}
	}
}

// whole gives the index of the unit that device i is part of. Parents out of
// range or in a circle count as none.
func whole(devices []model.Device, i int) int {
	at := i
	for range devices {
		p := devices[at].Parent
		if p < 0 || p >= len(devices) || p == at {
			return at
		}
		at = p
	}
	// A circle: its lowest member stands for all of it.
	low := at
	for range devices {
		at = devices[at].Parent
		low = min(low, at)
	}
	return low
}

func named(d *model.Device) bool {
	return len(d.Identifiers) > 0 || d.UDI != "" || d.Serial != ""
}

// namer gives the index of the device whose facts name the unit i: itself, or
// the one part that has identifiers where the whole has none. Several parts
// with identifiers of their own name no whole.
func namer(devices []model.Device, i int) int {
	if named(&devices[i]) || len(devices) == 1 {
		return i
	}
	found := i
	for j := range devices {
		if j == i || !named(&devices[j]) || whole(devices, j) != i {
			continue
		}
		if found != i {
			return i
		}
		found = j
	}
	return found
}

// unitOfSubID is the part of an OBX-4 that numbers the MDS: "2.1.0.0" is "2".
func unitOfSubID(sub string, i int) string {
	first, _, _ := strings.Cut(sub, ".")
	if first == "" {
		return "#" + strconv.Itoa(i)
	}
	return first
}

// find gives the unit that the whole at index i names, making it when it is
// new. It may be another name of a device: see head.
func (r *Register) find(m *model.Message, i int, suffix string) *unit {
	d := &m.Devices[namer(m.Devices, i)]
	t := tuple{channel: m.Channel, udi: d.UDI, serial: d.Serial, maker: d.Manufacturer, model: d.Model}
	if len(d.Identifiers) > 0 {
		one := &d.Identifiers[0]
		t.v0, t.s0, t.t0 = one.Value, one.System, one.Type
	}
	if len(d.Identifiers) > 1 {
		two := &d.Identifiers[1]
		t.v1, t.s1, t.t1 = two.Value, two.System, two.Type
	}
	if !named(d) {
		t.app, t.appID, t.places = m.Sender.Application, m.Sender.ApplicationID, suffix+"|"+m.Sender.Facility
	}
	short := len(d.Identifiers) <= 2
	if short {
		if u := r.fast[t]; u != nil {
			return u
		}
	}
	u, certain := r.identify(m, d, suffix)
	if short && certain {
		if len(r.fast) >= fastLimit {
			clear(r.fast)
		}
		r.fast[t] = u
	}
	return u
}

// identify finds or makes the unit by identity keys. certain is false when an
// issue was given, so that the next message gives it again.
func (r *Register) identify(m *model.Message, d *model.Device, suffix string) (u *unit, certain bool) {
	keys := keysOf(d, m.Channel)
	if len(keys) == 0 {
		keys = []string{senderKey(m, suffix)}
	}
	certain = true
	for _, k := range keys {
		other := r.byKey[k]
		switch {
		case other == nil:
		case u == nil:
			u = other
		case r.head(u) != r.head(other):
			certain = false
			issue(m, model.Issue{
				Code: "register.identity-conflict", Severity: model.Warning, Field: d.Field,
				Text: "the identifiers of this device belong to two units, " + string(r.head(u).dev.ID) + " and " + string(r.head(other).dev.ID) + "; the stronger one counts",
				Hint: "check whether an identifier was copied from another unit, or whether both are one and the same",
			})
		}
	}
	if u == nil {
		return r.introduce(m, d, keys)
	}
	if !certain {
		return u, false
	}
	for _, k := range keys {
		if r.byKey[k] == nil && len(u.dev.Keys) < 16 {
			r.byKey[k] = u
			u.dev.Keys = append(u.dev.Keys, k)
			u.changed = true
			r.hear(u)
		}
	}
	return u, true
}

// introduce makes a new unit, or gives the channel's overflow device when the
// channel brought too many that nobody adopted.
func (r *Register) introduce(m *model.Message, d *model.Device, keys []string) (*unit, bool) {
	certain := true
	if r.unknown[m.Channel] >= r.most {
		certain = false
		issue(m, model.Issue{
			Code: "register.too-many", Severity: model.Error, Field: d.Field,
			Text: "this channel has brought " + strconv.Itoa(r.most) + " devices that nobody adopted; further ones are counted as one",
			Hint: "adopt or remove the devices of this channel, and find out who sends under so many names",
		})
		keys = []string{"overflow|@" + string(m.Channel)}
		if u := r.byKey[keys[0]]; u != nil {
			return u, false
		}
		d = &model.Device{}
	}
	u := r.add(Device{
		ID:   idOf(keys[0]),
		Keys: keys,
		Observed: Observed{
			Identifiers:  append([]model.Identifier(nil), d.Identifiers[:min(len(d.Identifiers), 16)]...),
			Manufacturer: d.Manufacturer, Model: d.Model, Serial: d.Serial, UDI: d.UDI,
			Release: d.Release, Hardware: d.Hardware, Kind: d.Kind,
			Channel: m.Channel, FirstSeen: m.Arrived,
		},
	})
	r.made++
	r.fresh = append(r.fresh, u)
	return u, certain
}

func (r *Register) hear(u *unit) {
	if !u.heard {
		u.heard = true
		r.dirty = append(r.dirty, u)
	}
}

// observe keeps what the message says of unit u, whose whole stands at index
// i. Messages read again change nothing: counters go by the entry's number,
// facts by its arrival. via is the name under which it was heard: u itself, or
// what was merged into it. It says whether the message was news of it.
func (r *Register) observe(u, via *unit, m *model.Message, i int, only bool) bool {
	s := &u.dev.Seen
	if m.Ref.Seq != 0 && (m.Ref.Seq < s.Seq || m.Ref.Seq == s.Seq && m.Ref.Part <= s.Part && s.Messages > 0) {
		r.fillPlace(u, m, i)
		return false
	}
	s.Seq, s.Part = m.Ref.Seq, m.Ref.Part
	s.Messages++
	if only {
		s.Observations += uint64(len(m.Observations))
		s.Alerts += uint64(len(m.Alerts))
	} else {
		s.count(m, i)
	}
	s.Issues += uint64(len(m.Issues))
	r.heardAt(u, m.Arrived)
	if u.dev.Observed.FirstSeen.IsZero() { // it was entered before it was heard
		u.dev.Observed.FirstSeen, u.changed = m.Arrived, true
		u.glance.first = nanosOf(m.Arrived)
	}
	r.hear(u)
	if via != u {
		r.heardAs(via, m)
	}
	u.glance.messages, u.glance.looked = s.Messages, false
	if m.Ended != nil { // it is said of the device: not its voice
		r.ends(u, m.Arrived, *m.Ended)
		r.endsBelow(m)
		r.fillPlace(u, m, i)
		return true
	}
	if !m.Arrived.Before(s.LastSeen) {
		if s.Channel != m.Channel || s.Peer != m.Peer {
			u.glance.channel, u.glance.whence = m.Channel, 0
			r.surveys.news++
			r.over(u, m)
		}
		r.speaks(u, m.Arrived)
		s.LastSeen, s.Channel, s.Peer = m.Arrived, m.Channel, m.Peer
		u.glance.last = nanosOf(m.Arrived)
		r.facts(u, via, m, i, only)
		r.reading(u, m)
	}
	r.fillPlace(u, m, i)
	return true
}

// count counts what a message says of the unit whose whole stands at index i.
func (s *Sighting) count(m *model.Message, i int) {
	of := func(n int) bool { return n >= 0 && n < len(m.Devices) && whole(m.Devices, n) == i }
	for j := range m.Observations {
		if of(m.Observations[j].Device) {
			s.Observations++
		}
	}
	for j := range m.Alerts {
		if of(m.Alerts[j].Device) {
			s.Alerts++
		}
	}
}

// fillPlace gives a device its asserted place where the message has none.
func (r *Register) fillPlace(u *unit, m *model.Message, i int) {
	if m.Devices[i].Place == (model.Place{}) {
		m.Devices[i].Place = u.dev.Asserted.Place
	}
}

// facts compares what the message says of the unit with what is known. What
// names a machine stays with the name under which it was told, so that a device
// with two paths does not change its serial number with each message.
func (r *Register) facts(u, via *unit, m *model.Message, i int, only bool) {
	if len(u.dev.Keys) > 0 && strings.HasPrefix(u.dev.Keys[0], "overflow|") {
		return
	}
	d, o, own := &m.Devices[i], &u.dev.Observed, &via.dev.Observed
	r.fact(via, m, "manufacturer", &own.Manufacturer, d.Manufacturer)
	r.fact(via, m, "model", &own.Model, d.Model)
	r.fact(via, m, "serial", &own.Serial, d.Serial)
	r.fact(via, m, "udi", &own.UDI, d.UDI)
	r.fact(u, m, "release", &o.Release, d.Release)
	r.fact(u, m, "hardware", &o.Hardware, d.Hardware)
	if d.Battery != "" {
		u.dev.Seen.Battery = &Battery{Level: d.Battery, At: m.Arrived}
	}
	if n := namer(m.Devices, i); n != i {
		// The part that names the unit tells what the whole leaves out.
		part := &m.Devices[n]
		if own.Manufacturer == "" {
			r.fact(via, m, "manufacturer", &own.Manufacturer, part.Manufacturer)
		}
		if own.Model == "" {
			r.fact(via, m, "model", &own.Model, part.Model)
		}
		if d.Release == "" {
			r.fact(u, m, "release", &o.Release, part.Release)
		}
	}
	if d.Kind != (model.Code{}) && d.Kind != o.Kind {
		o.Kind = d.Kind
		u.changed = true
		r.touch(u, m.Arrived)
	}
	place := d.Place
	if place == (model.Place{}) && only && m.Visit != nil {
		place = m.Visit.Place
	}
	if place != (model.Place{}) && place != o.Place {
		r.note(u, m, "place", o.Place.String(), place.String())
		o.Place = place
	}
	for _, id := range d.Identifiers {
		if len(own.Identifiers) >= 16 {
			break
		}
		if !hasIdentifier(own.Identifiers, id) {
			own.Identifiers = append(own.Identifiers, id)
			r.contacts.behind(u, id)
			via.changed = true
			r.touch(via, m.Arrived)
		}
	}
}

func hasIdentifier(list []model.Identifier, id model.Identifier) bool {
	for i := range list {
		if list[i] == id {
			return true
		}
	}
	return false
}

// fact takes over one text; what a message leaves out stays as known.
func (r *Register) fact(u *unit, m *model.Message, name string, known *string, said string) {
	if said == "" || said == *known {
		return
	}
	r.note(u, m, name, *known, said)
	*known = said
}

// note keeps a change for the next flush. Between two flushes only the first
// and the last state of a fact count, so flapping costs a row a second at most.
func (r *Register) note(u *unit, m *model.Message, name, was, now string) {
	u.changed = true
	r.touch(u, m.Arrived)
	if name == "release" || name == "place" {
		turns := map[string]state.Turn{name: {Was: was, Now: now, At: m.Arrived}} // made anew: copies share it
		for k, t := range u.dev.Observed.Turns {
			if k != name {
				turns[k] = t
			}
		}
		u.dev.Observed.Turns = turns
	}
	for i := range u.changes {
		if u.changes[i].Fact == name {
			u.changes[i].Now, u.changes[i].At = now, m.Arrived
			return
		}
	}
	if was == "" {
		return // first told: no change
	}
	u.changes = append(u.changes, Change{Device: u.dev.ID, At: m.Arrived, Fact: name, Was: was, Now: now})
}

// first gives what a new unit told of itself when it was first heard.
func first(d *Device) []Change {
	var told []Change
	o := &d.Observed
	for _, f := range []struct{ name, text string }{
		{"manufacturer", o.Manufacturer}, {"model", o.Model}, {"serial", o.Serial}, {"udi", o.UDI},
		{"release", o.Release}, {"hardware", o.Hardware}, {"place", o.Place.String()},
	} {
		if f.text != "" {
			told = append(told, Change{Device: d.ID, At: o.FirstSeen, Fact: f.name, Now: f.text})
		}
	}
	return told
}

// issue adds an issue once, even when the message is seen again after a fault.
func issue(m *model.Message, one model.Issue) {
	for i := range m.Issues {
		if m.Issues[i] == one {
			return
		}
	}
	m.Issues = append(m.Issues, one)
}
