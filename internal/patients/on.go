package patients

import (
	"context"
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
	c, err := p.connectedAt(ctx, device, t)
	if err != nil {
		return a, false, err
	}
	if c != nil {
		return model.Association{Device: device, Patient: c.Patient, Source: c.Source, From: c.From, Until: c.Until}, true, nil
	}
	span, ok, err := p.store.DeviceSpan(ctx, device)
	if err != nil || !ok || span.From.After(t) || !span.Until.IsZero() && !span.Until.After(t) {
		return a, false, err
	}
	if one, err := p.root(ctx, span.Patient); err == nil && one != nil {
		span.Patient = one.ID
	}
	return span.Association, true, nil
}

// Connected gives the devices that somebody may be connected to at t, sorted:
// On says of each whether it is so.
func (p *Patients) Connected(ctx context.Context, t time.Time) ([]model.DeviceID, error) {
	if err := p.Flush(ctx); err != nil {
		return nil, err
	}
	return p.store.ConnectedDevices(ctx, t)
}
