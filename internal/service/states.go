package service

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/state"
)

// clockTolerance is how far a clock may be off, beside what is not known of it,
// before it is a state.
const clockTolerance = 5 * time.Second

// statesOf gives how a device is, and why. The first says whether it speaks.
func (s *Service) statesOf(ctx context.Context, v *register.View, now time.Time) ([]state.State, error) {
	d := s.knownOf(v, now)
	if v.Seen.Messages > 0 {
		who, ok, err := s.onDevice(ctx, v.ID, now)
		if err != nil {
			return nil, err
		}
		if ok {
			d.PatientSince = who.From
		}
	}
	if s.Register.CaredAfterUse(v) {
		dues, err := s.duesOf(ctx, v, now)
		if err != nil {
			return nil, err
		}
		if len(dues) > 0 {
			d.MaintenanceOn, d.MaintenanceOf = dues[0].On.Time(), dues[0].Name
		}
	}
	return state.Of(d, now), nil
}

// knownOf is what memory knows of a device: everything but who is connected.
func (s *Service) knownOf(v *register.View, now time.Time) state.Device {
	d := state.Device{
		First: v.Observed.FirstSeen, Last: v.Seen.LastSeen, Messages: v.Seen.Messages, Adopted: v.Adopted(),
		Life: saidOf(v.Said, "life", now), ReturnBy: dayOf(saidOf(v.Said, "return-by", now)),
		Release: v.Observed.Turns["release"], ReleaseSaid: saidOf(v.Said, "release", now), Outside: v.Observed.Reading.Outside,
		Place: v.Observed.Turns["place"], PlaceSaid: v.Asserted.Place.String(),
	}
	d.Release.Now, d.Place.Now = v.Observed.Release, v.Observed.Place.String()
	s.acceptanceOf(v, &d, now)
	if d.Place.At.IsZero() {
		d.Place.At = v.Observed.FirstSeen
	}
	if e, ok := s.Clock(v.ID); ok {
		d.ClockOffset, d.ClockSince = time.Duration(e.OffsetNS), e.Since
		d.ClockBound = clockTolerance + time.Duration(e.UncertaintyNS)
		d.Corrected = v.Asserted.Clock == register.ClockOffset
	}
	if dues := s.Register.Dues(v, time.Time{}, now); len(dues) > 0 {
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
	now, limit := s.now(), q.Limit
	s.walk(q, func(v *register.View) bool {
		states := state.Of(s.knownOf(v, now), now)
		if kind == state.InUse && v.Seen.Messages > 0 {
			if states, err = s.statesOf(ctx, v, now); err != nil {
				return false
			}
		}
		for _, one := range states {
			if one.Kind == kind {
				out = append(out, *v)
				break
			}
		}
		return len(out) < limit
	})
	return out, err
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

// countStates counts from memory; who is connected is not counted.
func (s *Service) countStates() []StateCount {
	now := s.now()
	counts := map[state.Kind]*StateCount{}
	s.walk(register.Query{}, func(v *register.View) bool {
		for _, one := range state.Of(s.knownOf(v, now), now) {
			c := counts[one.Kind]
			if c == nil {
				c = &StateCount{Kind: one.Kind, Grade: one.Grade}
				counts[one.Kind] = c
			}
			c.Count++
			c.Grade = state.Worst([]state.State{{Grade: c.Grade}, one})
		}
		return true
	})
	var out []StateCount
	for _, k := range state.Kinds() {
		if c := counts[k]; c != nil {
			out = append(out, *c)
		}
	}
	return out
}
