package record

import (
	"context"
	"maps"
	"sync"

	"thalamus/internal/clock"
	"thalamus/internal/model"
)

// Rules of Options.Clock: what is done about a clock that is off.
const (
	ClockOffset = "offset" // its times are corrected by the estimated offset
	ClockNone   = "none"   // nothing, whatever it says
	// ClockImpossible, the default: only times that cannot be (1970, 2036) are
	// corrected, so that they count from about when they arrived.
	ClockImpossible = ""
)

// clocks holds what is known of the devices' clocks. It is fed by one
// goroutine, message by message in order of the journal, and keeps what a
// batch changes apart until the batch is in the record: so its state is always
// that of the record's cursor. After a start it is made of the sightings of the
// store, which feeds its own in the same order (R16, R18).
type clocks struct {
	mu      sync.RWMutex
	states  map[model.DeviceID]clock.State
	changed map[model.DeviceID]clock.State // by the batch in work
}

// load takes over what the store knows; once.
func (c *clocks) load(ctx context.Context, store Store) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.states != nil {
		return nil
	}
	states := map[model.DeviceID]clock.State{}
	if s, ok := store.(interface {
		Sightings(ctx context.Context) ([]Sighting, error)
	}); ok {
		all, err := s.Sightings(ctx)
		if err != nil {
			return err
		}
		for i := range all {
			if all[i].Clock.Samples > 0 {
				states[all[i].Device] = all[i].Clock
			}
		}
	}
	c.states, c.changed = states, map[model.DeviceID]clock.State{}
	return nil
}

// feed judges a message's times by the clocks of its devices, and corrects
// them where the rule says so.
func (c *clocks) feed(m *model.Message, rule func(*model.Message, model.DeviceID) string) {
	for r := range clock.Readings(m) {
		s, ok := c.changed[r.Device]
		if !ok {
			s = c.states[r.Device]
		}
		s, verdict := s.Next(r.Sample)
		c.changed[r.Device] = s
		r.Tell(m, s, verdict)
		switch rule(m, r.Device) {
		case ClockOffset:
		case ClockImpossible:
			if !s.Unset {
				continue
			}
		default:
			continue
		}
		offset, uncertainty := s.Offset()
		r.Correct(m, offset, uncertainty)
	}
}

// mark gives the states that a message may change, for back.
func (c *clocks) mark(m *model.Message) map[model.DeviceID]clock.State {
	if m.Repeated() == 0 {
		return nil // nothing is ever taken back
	}
	before := map[model.DeviceID]clock.State{}
	for i := range m.Devices {
		id := m.Devices[i].ID
		s, ok := c.changed[id]
		if !ok {
			s = c.states[id]
		}
		before[id] = s
	}
	return before
}

// back undoes what was fed since a mark.
func (c *clocks) back(before map[model.DeviceID]clock.State) { maps.Copy(c.changed, before) }

// settle takes over what the batch changed once it is in the record.
func (c *clocks) settle() {
	c.mu.Lock()
	for id, s := range c.changed {
		c.states[id] = s
	}
	c.mu.Unlock()
	clear(c.changed)
}

// Ready reads the clocks of all devices, so that who asks first does not wait
// for that.
func (s *Stage) Ready(ctx context.Context) error { return s.clocks.load(ctx, s.store) }

// Clock gives what is known of a device's clock; ok is false when it was never
// heard. It may be called from anywhere.
func (s *Stage) Clock(id model.DeviceID) (e clock.Estimate, ok bool) {
	if s.clocks.load(context.Background(), s.store) != nil {
		return clock.Estimate{}, false // the store cannot be read now; Record says so
	}
	s.clocks.mu.RLock()
	defer s.clocks.mu.RUnlock()
	return s.clocks.states[id].Estimate()
}

// HearClocks brings a sighting's clock up to a message of its device that is in
// the record: what a store does to rebuild, or to go on with, the states that
// Stage feeds.
func HearClocks(m *model.Message, sighting func(model.DeviceID) *Sighting) {
	for r := range clock.Readings(m) {
		if s := sighting(r.Device); s != nil {
			s.Clock, _ = s.Clock.Next(r.Sample)
		}
	}
}
