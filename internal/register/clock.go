package register

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Rules of what is done about a clock that is off, of a device or channel:
// ClockOffset corrects times by the estimated offset, ClockNone never does;
// where nothing is said, only times that cannot be (1970, 2036) are corrected.
const (
	ClockOffset = "offset"
	ClockNone   = "none"
)

// CheckClock refuses what is no rule.
func CheckClock(rule string) error {
	if rule != "" && rule != ClockOffset && rule != ClockNone {
		return fault.New(fault.Invalid, "register.clock", "%q is not done about a clock; expected offset or none", clip(rule)).At("clock")
	}
	return nil
}

func checkZone(zone string) error {
	if _, err := time.LoadLocation(zone); err != nil || zone == "Local" {
		return fault.New(fault.Invalid, "register.zone", "%q is not a time zone; expected an IANA name such as Europe/Berlin", clip(zone)).At("zone")
	}
	return nil
}

// SetClock says in which zone a device's times are that name none, and what is
// done about its clock; empty takes it back.
func (r *Register) SetClock(ctx context.Context, tx Tx, id model.DeviceID, zone, rule string, expect int64, mark Mark) (Device, error) {
	if err := CheckClock(rule); err != nil {
		return Device{}, err
	}
	if err := checkZone(zone); err != nil {
		return Device{}, err
	}
	return r.change(ctx, tx, id, expect, func(d *Device) []Change {
		now := d.Asserted
		now.Zone, now.Clock = zone, rule
		changes := differences(d.Asserted, now, Change{Device: id, At: mark.At, By: mark.By, Change: mark.Change})
		d.Asserted = now
		return changes
	})
}

// said takes over what people said of the unit's clock. Called with r.mu held
// or before use.
func (r *Register) said(u *unit) {
	had := u.zone != nil
	u.zone = nil
	if name := u.dev.Asserted.Zone; name != "" {
		if zone, err := time.LoadLocation(name); err == nil { // checked when it was said
			u.zone = zone
		}
	}
	switch has := u.zone != nil; {
	case has && !had:
		r.zoned.Add(1)
	case had && !has:
		r.zoned.Add(-1)
	}
}

// Zone gives the zone that people said the message's device has; nil where
// nobody said one, or its devices have different ones. It costs nothing while
// no device has a zone. The message is not changed: Sight has not seen it yet.
func (r *Register) Zone(m *model.Message) *time.Location {
	if r.zoned.Load() == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var zone *time.Location
	one := func(keys []string) bool {
		for _, k := range keys {
			if u := r.head(r.byKey[k]); u != nil {
				if zone != nil && zone != u.zone {
					return false
				}
				zone = u.zone
				return zone != nil
			}
		}
		return true
	}
	if len(m.Devices) == 0 {
		one([]string{senderKey(m, "")})
		return zone
	}
	for i := range m.Devices {
		if whole(m.Devices, i) != i {
			continue
		}
		d := &m.Devices[namer(m.Devices, i)]
		keys := keysOf(d, m.Channel)
		if len(keys) == 0 {
			keys = []string{senderKey(m, "")}
		}
		if !one(keys) {
			return nil
		}
	}
	return zone
}

// ClockRule gives what people said is done about a device's clock; empty where
// they said nothing.
func (r *Register) ClockRule(id model.DeviceID) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.unit(id); u != nil {
		return u.dev.Asserted.Clock
	}
	return ""
}
