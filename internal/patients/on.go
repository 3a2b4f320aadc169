package patients

import (
	"context"
	"slices"
	"time"

	"thalamus/internal/model"
)

// On gives who is connected to a device at t: whom somebody connected by scan
// or by hand, else the last one its messages named. ok is false when nobody
// is. A device that fell silent may have been taken off the patient its
// messages named last; whoever asks knows how it is heard.
func (p *Patients) On(ctx context.Context, device model.DeviceID, t time.Time) (a model.Association, ok bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ever, err := p.everConnected(ctx, device); !ever {
		return a, false, err
	}
	c, err := p.connectedAt(ctx, device, t)
	if err != nil {
		return a, false, err
	}
	if c != nil {
		return model.Association{Device: device, Patient: c.Patient, Source: c.Source, From: c.From, Until: c.Until}, true, nil
	}
	span, ok, err := p.store.DeviceSpan(ctx, device)
	if err != nil || !ok || !span.holds(t) {
		return a, false, err
	}
	if one, err := p.root(ctx, span.Patient); err == nil && one != nil {
		span.Patient = one.ID
	}
	return span.Association, true, nil
}

// onAtOnce is of how many devices one query asks.
const onAtOnce = 250

// OnAll is On of many devices, those that somebody is connected to: two
// queries for some hundred of them.
func (p *Patients) OnAll(ctx context.Context, devices []model.DeviceID, t time.Time) (map[model.DeviceID]model.Association, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[model.DeviceID]model.Association{}
	var asked []model.DeviceID
	for _, id := range devices {
		ever, err := p.everConnected(ctx, id)
		if err != nil {
			return nil, err
		}
		if ever {
			asked = append(asked, id)
		}
	}
	for part := range slices.Chunk(asked, onAtOnce) {
		if err := p.onSome(ctx, part, t, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// onSome adds to out who is connected to some devices. Called with p.mu held.
func (p *Patients) onSome(ctx context.Context, devices []model.DeviceID, t time.Time, out map[model.DeviceID]model.Association) error {
	made, err := p.store.Connections(ctx, ConnectionQuery{Devices: devices, At: t, Limit: 4 * onAtOnce})
	if err != nil {
		return err
	}
	for i := range made { // the last made first
		if c := &made[i]; out[c.Device].Patient == "" {
			out[c.Device] = model.Association{Device: c.Device, Patient: c.Patient, Source: c.Source, From: c.From, Until: c.Until}
		}
	}
	spans, err := p.store.DeviceSpans(ctx, slices.DeleteFunc(slices.Clone(devices), func(id model.DeviceID) bool { return out[id].Patient != "" }))
	if err != nil {
		return err
	}
	for _, span := range spans {
		if !span.holds(t) {
			continue
		}
		if one, err := p.root(ctx, span.Patient); err == nil && one != nil {
			span.Patient = one.ID
		}
		out[span.Device] = span.Association
	}
	return nil
}

// holds says whether an association holds at t.
func (s *Span) holds(t time.Time) bool {
	return !s.From.After(t) && (s.Until.IsZero() || s.Until.After(t))
}

// everConnected says whether a device ever had a connection or an association:
// most of a house never have, and each message of one that names no patient
// asks (decision 184). Called with p.mu held.
func (p *Patients) everConnected(ctx context.Context, device model.DeviceID) (bool, error) {
	if p.ever == nil {
		list, err := p.store.EverConnected(ctx)
		if err != nil {
			return false, err
		}
		p.ever = make(map[model.DeviceID]struct{}, len(list))
		for _, id := range list {
			p.ever[id] = struct{}{}
		}
		for i := range p.pending.Devices { // not stored yet
			p.note(p.pending.Devices[i].Device)
		}
	}
	_, ok := p.ever[device]
	return ok, nil
}

// note remembers that a device has a connection or an association. Called with
// p.mu held.
func (p *Patients) note(device model.DeviceID) {
	if p.ever != nil {
		p.ever[device] = struct{}{}
	}
}

// MayConnect is a device that somebody may be connected to.
type MayConnect struct {
	Device model.DeviceID
	// Told says that nothing but its own messages say so, which counts as long as
	// it speaks.
	Told bool
}

// Connected gives the devices that somebody may be connected to at t, sorted:
// On says of each whether it is so.
func (p *Patients) Connected(ctx context.Context, t time.Time) ([]MayConnect, error) {
	if err := p.Flush(ctx); err != nil {
		return nil, err
	}
	return p.store.ConnectedDevices(ctx, t)
}
