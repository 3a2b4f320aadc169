package register

import (
	"math"
	"slices"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// held is what somebody said of a device, as memory keeps it: a register of
// 100,000 devices holds a million of them. It takes a quarter of a fact.Fact,
// because what one change said in common is held once for all (decision 182).
type held struct {
	id          int64
	value       string
	from, until int64 // µs since 1970; 0: always, still
	by          *origin
	name        uint32 // in Register.names
	truth       uint8  // in truths
	confidence  uint8
}

// origin is what the facts of one change have in common.
type origin struct {
	source, change string
	by             model.ActorID
	believed       int64 // µs since 1970
}

var truths = [...]fact.Truth{fact.Observed, fact.Asserted, fact.Decided}

// names numbers the names of facts.
type names struct {
	list   []string
	number map[string]uint32
}

func (n *names) of(name string) uint32 {
	at, ok := n.number[name]
	if !ok {
		if n.number == nil {
			n.number = map[string]uint32{}
		}
		at = uint32(len(n.list))
		n.list = append(n.list, name)
		n.number[name] = at
	}
	return at
}

// have is the number of a name; one that nothing has where there is none.
func (n *names) have(name string) uint32 {
	if at, ok := n.number[name]; ok {
		return at
	}
	return math.MaxUint32
}

func microsOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func timeOfMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// hold makes of a fact what is kept. Called with r.mu held or before use.
func (r *Register) hold(f *fact.Fact) held {
	o := origin{source: f.Source, change: f.Change, by: f.By, believed: microsOf(f.Believed)}
	if r.origin == nil || *r.origin != o {
		r.origin = &o
	}
	return held{
		id: f.ID, value: f.Value, from: microsOf(f.From), until: microsOf(f.Until), by: r.origin,
		name: r.names.of(f.Name), truth: uint8(max(slices.Index(truths[:], f.Truth), 0)), confidence: uint8(f.Confidence),
	}
}

// holdAll is hold for many.
func (r *Register) holdAll(rows []fact.Fact) []held {
	if len(rows) == 0 {
		return nil
	}
	out := make([]held, len(rows))
	for i := range rows {
		out[i] = r.hold(&rows[i])
	}
	return out
}

// nameBit is the bit of a name of facts among those of glance.said; 0: it has
// none, because so many names came before it.
func nameBit(name uint32) uint64 {
	if name >= 64 {
		return 0
	}
	return 1 << name
}

// say keeps what is said of a unit. Called with r.mu held or before use.
func (u *unit) say(facts []held) {
	u.facts, u.glance.said = facts, 0
	for i := range facts {
		u.glance.said |= nameBit(facts[i].name)
	}
}

// told gives what is said of a unit as facts. Called with r.mu held.
func (r *Register) told(u *unit) []fact.Fact {
	if len(u.facts) == 0 {
		return nil
	}
	subject := fact.Of(fact.OfDevice, string(u.dev.ID))
	out := make([]fact.Fact, len(u.facts))
	for i := range u.facts {
		h := &u.facts[i]
		out[i] = fact.Fact{
			ID: h.id, Subject: subject, Name: r.names.list[h.name], Truth: truths[h.truth], Value: h.value, Source: h.by.source,
			Confidence: int(h.confidence), From: timeOfMicros(h.from), Until: timeOfMicros(h.until), Believed: timeOfMicros(h.by.believed),
			By: h.by.by, Change: h.by.change,
		}
	}
	return out
}

// trueAt says whether it holds at an instant, in µs since 1970.
func (h *held) trueAt(at int64) bool {
	return h.from <= at && (h.until == 0 || h.until > at)
}

// saidOf gives what is said of a subject. Called with r.mu held.
func (r *Register) saidOf(s fact.Subject) []fact.Fact {
	if s.Layer() == fact.OfDevice {
		if u := r.units[model.DeviceID(s.ID())]; u != nil {
			return r.told(u)
		}
	}
	return r.beliefs[s]
}

// loadFacts reads what is believed into memory, and when something of each
// subject changed last. The devices are there already.
func (r *Register) loadFacts(each func(said func(*fact.Fact), changed func(fact.Subject, time.Time)) error) error {
	var last *unit // facts of one device mostly stand together
	var subject fact.Subject
	unitOf := func(s fact.Subject) *unit {
		if s != subject || last == nil {
			subject, last = s, nil
			if s.Layer() == fact.OfDevice {
				last = r.units[model.DeviceID(s.ID())]
			}
		}
		return last
	}
	err := each(func(f *fact.Fact) {
		if f.Confidence < 0 || f.Confidence > 100 {
			f.Confidence = 0 // it was never more when it was said
		}
		if u := unitOf(f.Subject); u != nil {
			if u.facts == nil {
				u.facts = make([]held, 0, 10)
			}
			u.facts = append(u.facts, r.hold(f))
			return
		}
		r.beliefs[f.Subject] = append(r.beliefs[f.Subject], *f)
	}, func(s fact.Subject, at time.Time) {
		if u := unitOf(s); u != nil {
			u.filed.updated = later(u.filed.updated, at)
		} else if s.Layer() == fact.OfModel {
			r.catalogue.entered[s.ID()] = later(r.catalogue.entered[s.ID()], at)
		}
	})
	if err != nil {
		return err
	}
	for _, u := range r.order {
		u.say(slices.Clip(u.facts))
	}
	for id, at := range r.catalogue.entered { // of models that nothing is said of any more
		r.catalogue.noteModel(fact.Of(fact.OfModel, id), len(r.beliefs[fact.Of(fact.OfModel, id)]) > 0, at)
	}
	return nil
}
