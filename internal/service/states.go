package service

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/state"
)

// clockTolerance is how far a clock may be off, beside what is not known of it,
// before it is a state.
const clockTolerance = 5 * time.Second

// statesOf gives how a device is, and why. The first says whether it speaks.
func (s *Service) statesOf(ctx context.Context, v *register.View, now time.Time) ([]state.State, error) {
	var since time.Time
	if v.Seen.Messages > 0 {
		who, ok, err := s.onDevice(ctx, v.ID, now)
		if err != nil {
			return nil, err
		}
		if ok {
			since = who.From
		}
	}
	return s.statesWith(v, since, now), nil
}

// statesWith is statesOf where it is known since when a patient is connected;
// zero: none is.
func (s *Service) statesWith(v *register.View, patientSince, now time.Time) []state.State {
	d := s.knownOf(v, now)
	d.PatientSince = patientSince
	return state.Of(d, now)
}

// patientsSince gives since when somebody is connected to each device of a page.
func (s *Service) patientsSince(ctx context.Context, page []register.View, now time.Time) (map[model.DeviceID]time.Time, error) {
	ids := make([]model.DeviceID, 0, len(page))
	for i := range page {
		if page[i].Seen.Messages > 0 {
			ids = append(ids, page[i].ID)
		}
	}
	all, err := s.onDevices(ctx, ids, now)
	out := make(map[model.DeviceID]time.Time, len(all))
	for id, who := range all {
		out[id] = who.From
	}
	return out, err
}

// knownOf is what is known of a device without who is connected.
func (s *Service) knownOf(v *register.View, now time.Time) state.Device {
	d := state.Device{
		Heard: heardOf(&v.Device), Adopted: v.Adopted(),
		Life: saidOf(v.Said, "life", now), ReturnBy: dayOf(saidOf(v.Said, "return-by", now)),
		Release: v.Observed.Turns["release"], ReleaseSaid: saidOf(v.Said, "release", now), Outside: v.Observed.Reading.Outside,
		Place: v.Observed.Turns["place"], PlaceSaid: v.Asserted.Place.String(),
	}
	d.Release.Now, d.Place.Now = v.Observed.Release, v.Observed.Place.String()
	s.acceptanceOf(v, &d, now)
	if v.Block.InForce(now) {
		d.BlockedSince, d.BlockedUntil, d.BlockedWhy = v.Block.At, v.Block.End(), v.Block.Reason
	}
	if d.Place.At.IsZero() {
		d.Place.At = v.Observed.FirstSeen
	}
	if e, ok := s.Clock(v.ID); ok {
		d.ClockOffset, d.ClockSince = time.Duration(e.OffsetNS), e.Since
		d.ClockBound = clockTolerance + time.Duration(e.UncertaintyNS)
		d.Corrected = v.Asserted.Clock == register.ClockOffset
	}
	if dues := s.Register.Dues(v, s.lastUse(v, now), now); len(dues) > 0 {
		d.MaintenanceOn, d.MaintenanceOf = dues[0].On.Time(), dues[0].Name
	}
	for _, said := range [][]fact.Fact{v.ReleaseSaid, v.ModelSaid} { // the release knows better than its model
		ends, phase := saidOf(said, "support-until", now), saidOf(said, "support", now)
		if ends == "" && phase == "" {
			continue
		}
		d.SupportEnds, d.SupportEnded = dayOf(ends), phase == "ended"
		break
	}
	return d
}

// heardOf is how a device was heard, and how its link is.
func heardOf(d *register.Device) state.Heard {
	h := state.Heard{First: d.Observed.FirstSeen, Last: d.Seen.LastSeen, Messages: d.Seen.Messages, Contact: d.Seen.Contact}
	if c := d.Seen.Contact; c != nil {
		h.Down, h.Polite = c.Down, c.Polite()
	}
	return h
}

// lastUse gives when a device was last in use and is no more, where a plan asks
// for work after use; a store that cannot be read now says nothing.
func (s *Service) lastUse(v *register.View, now time.Time) time.Time {
	if v.Seen.Messages == 0 || !s.Register.CaredAfterUse(v) {
		return time.Time{}
	}
	used, err := s.usedBefore(context.Background(), v.ID, now)
	if err != nil {
		s.Log.Error("uses of a device cannot be read", "device", v.ID, "fault", fault.CodeOf(err), "error", err)
	}
	return used
}

// saidOf gives what is said of a name at an instant, a decision first.
func saidOf(facts []fact.Fact, name string, now time.Time) string {
	value, decided := "", false
	for i := range facts {
		f := &facts[i]
		if f.Name != name || !f.TrueAt(now) || decided && f.Truth != fact.Decided {
			continue
		}
		value, decided = f.Value, f.Truth == fact.Decided
	}
	return value
}

// dayOf reads a day; zero for none.
func dayOf(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// inState gives the devices that are in a state, from q.After on.
func (s *Service) inState(ctx context.Context, q register.Query, kind state.Kind) (out []register.View, err error) {
	known := false
	for _, k := range state.Kinds() {
		known = known || k == kind
	}
	if !known {
		return nil, fault.New(fault.Invalid, "service.argument", "there is no state %q; expected one of %v", clip(string(kind), 40), state.Kinds()).At("state")
	}
	now := s.now()
	if kind == state.InUse {
		return s.inUse(ctx, q, now)
	}
	var ids []model.DeviceID
	voiced := state.OfVoice(kind)
	s.survey(q, now, func(d *register.Surveyed) bool {
		if d.Marks.Has(kind) || voiced && marksOf(d).Has(kind) {
			ids = append(ids, d.ID)
		}
		return len(ids) < q.Limit
	})
	return s.views(ids), nil
}

// inUse gives the devices that a patient is connected to.
func (s *Service) inUse(ctx context.Context, q register.Query, now time.Time) (out []register.View, err error) {
	list, err := s.Patients.Connected(ctx, now)
	if err != nil {
		return nil, err
	}
	for len(list) > 0 {
		var part []model.DeviceID
		for len(list) > 0 && len(part) < max(q.Limit, 100) {
			id := list[0].Device
			if id > q.After && s.counts(list[0], now) && s.Register.Matches(&q, id) {
				part = append(part, id)
			}
			list = list[1:]
		}
		on, err := s.onDevices(ctx, part, now)
		if err != nil {
			return nil, err
		}
		for _, id := range part {
			if _, ok := on[id]; !ok {
				continue
			}
			if v, err := s.Register.View(id); err == nil && v.Seen.Messages > 0 {
				out = append(out, v)
			}
			if len(out) >= q.Limit {
				return out, nil
			}
		}
	}
	return out, nil
}

// counts says whether what is known of a device's patient may count now: what
// its messages alone tell does as long as it speaks.
func (s *Service) counts(one patients.MayConnect, now time.Time) bool {
	if !one.Told {
		return true
	}
	heard, ok := s.Register.HeardOf(one.Device)
	return ok && isHeard(&heard, now)
}

// StateCount is how many devices are in a state.
type StateCount struct {
	Kind  state.Kind  `json:"kind"`
	Grade state.Grade `json:"grade"` // the worst among them
	Count int         `json:"count"`
}

func stateOps() []Op {
	return []Op{
		define(Reads, "device.stat", "Count the devices in each state: silent, moved, due, not adopted.", "", func(_ context.Context, c *call, _ None) ([]StateCount, error) {
			return c.s.countStates(), nil
		}),
	}
}

// stateCounts counts devices by their states: how many have just these.
type stateCounts map[state.Marks]int

// list gives the counts of the states that are wanted.
func (c stateCounts) list(wanted func(*state.State) bool) (out []StateCount) {
	counts := map[state.Kind]*StateCount{}
	for marks, devices := range c {
		marks.Each(func(k state.Kind, g state.Grade) {
			if wanted != nil && !wanted(&state.State{Kind: k, Grade: g}) {
				return
			}
			n := counts[k]
			if n == nil {
				n = &StateCount{Kind: k, Grade: g}
				counts[k] = n
			}
			n.Count += devices
			n.Grade = state.Worse(n.Grade, g)
		})
	}
	for _, k := range state.Kinds() {
		if n := counts[k]; n != nil {
			out = append(out, *n)
		}
	}
	return out
}

// countStates counts from memory; who is connected is not counted.
func (s *Service) countStates() []StateCount { return s.tally(s.now()).states.list(nil) }
