package register

import (
	"context"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Adopt takes a device into use, in the caller's transaction. Adopting an
// adopted device again changes nothing.
func (r *Register) Adopt(ctx context.Context, tx Tx, id model.DeviceID, expect int64, mark Mark) (Device, error) {
	return r.change(ctx, tx, id, expect, func(d *Device) []Change {
		if d.Adoption != nil {
			return nil
		}
		d.Adoption = &Adoption{By: mark.By, At: mark.At}
		return []Change{{Device: id, At: mark.At, Fact: "adoption", Was: "unknown", Now: "adopted", By: mark.By, Change: mark.Change}}
	})
}

// Release undoes an adoption: the device is unknown again, and quarantined
// where its channel says so.
func (r *Register) Release(ctx context.Context, tx Tx, id model.DeviceID, expect int64, mark Mark) (Device, error) {
	return r.change(ctx, tx, id, expect, func(d *Device) []Change {
		if d.Adoption == nil {
			return nil
		}
		d.Adoption = nil
		return []Change{{Device: id, At: mark.At, Fact: "adoption", Was: "adopted", Now: "unknown", By: mark.By, Change: mark.Change}}
	})
}

// Assert sets what people say of a device: its name, place and note.
func (r *Register) Assert(ctx context.Context, tx Tx, id model.DeviceID, a Asserted, expect int64, mark Mark) (Device, error) {
	if len(a.Name) > 200 || len(a.Note) > 4000 || len(a.Place.String()) > longestPlace {
		return Device{}, fault.New(fault.Invalid, "register.incomplete", "a name and a place have at most 200 bytes, a note at most 4000").At(clip(string(id)))
	}
	return r.change(ctx, tx, id, expect, func(d *Device) []Change {
		a.Zone, a.Clock = d.Asserted.Zone, d.Asserted.Clock // SetClock says these
		changes := differences(d.Asserted, a, Change{Device: id, At: mark.At, By: mark.By, Change: mark.Change})
		d.Asserted = a
		return changes
	})
}

func differences(was, now Asserted, c Change) []Change {
	var changes []Change
	for _, f := range []struct{ fact, was, now string }{
		{"name", was.Name, now.Name}, {"place", was.Place.String(), now.Place.String()}, {"note", was.Note, now.Note},
		{"zone", was.Zone, now.Zone}, {"clock", was.Clock, now.Clock},
	} {
		if f.was != f.now {
			c.Fact, c.Was, c.Now = f.fact, f.was, f.now
			changes = append(changes, c)
		}
	}
	return changes
}

// change reads, changes and stores the asserted part of a device.
func (r *Register) change(ctx context.Context, tx Tx, id model.DeviceID, expect int64, work func(*Device) []Change) (Device, error) {
	d, err := tx.Device(ctx, id)
	if err != nil {
		return Device{}, err
	}
	if err := onlyName(&d); err != nil {
		return Device{}, err
	}
	if expect != AnyVersion && expect != d.Version {
		return Device{}, deviceVersionFault(id, d.Version, expect)
	}
	changes := work(&d)
	if len(changes) == 0 {
		return r.merged(d), nil
	}
	return r.keep(ctx, tx, d, changes)
}

// keep stores the asserted part under the next version and, after the commit,
// takes it into memory.
func (r *Register) keep(ctx context.Context, tx Tx, d Device, changes []Change) (Device, error) {
	d.Version++
	if err := tx.SaveDevice(ctx, d, changes); err != nil {
		return Device{}, err
	}
	at := time.Time{}
	for _, c := range changes {
		at = later(at, c.At)
	}
	tx.OnCommit(func() { r.take(d.copy(), at) })
	return r.merged(d), nil
}

// take brings the asserted part of d, which changed at an instant, into memory.
func (r *Register) take(d Device, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.own(d.ID)
	if u == nil {
		r.add(d)
		clear(r.fast) // its keys may name what was a stranger until now
		return
	}
	switch {
	case u.dev.Merged != nil || d.Merged != nil: // what is merged is not counted
	case u.dev.Adoption == nil && d.Adoption != nil:
		r.unknown[u.dev.Observed.Channel]--
	case u.dev.Adoption != nil && d.Adoption == nil:
		r.unknown[u.dev.Observed.Channel]++
	}
	switch {
	case u.dev.Block == nil && d.Block != nil:
		r.blocks.Add(1)
	case u.dev.Block != nil && d.Block == nil:
		r.blocks.Add(-1)
	}
	was := u.dev.Merged
	r.touch(u, at)
	u.dev.Asserted, u.dev.Adoption, u.dev.Version, u.dev.Merged, u.dev.Block = d.Asserted, d.Adoption, d.Version, d.Merged, d.Block
	r.said(u)
	switch {
	case was == nil && d.Merged != nil:
		r.putAside(u, at)
	case was != nil && d.Merged == nil:
		r.putBackAgain(u, at)
	}
}

// merged gives d with what memory observed of it meanwhile.
func (r *Register) merged(d Device) Device {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.own(d.ID); u != nil {
		d.Observed, d.Seen, d.Keys = u.dev.Observed, u.dev.Seen, u.dev.Keys
	}
	return d.copy()
}

// deviceVersionFault: a device that nobody said anything of is there, at
// version 0.
func deviceVersionFault(id model.DeviceID, have, expected int64) error {
	return fault.New(fault.Conflict, "register.version", "device %q is at version %d, not %d: somebody changed it meanwhile; read it again", clip(string(id)), have, expected)
}

// VersionFault says that a thing has another version than expected.
func VersionFault(kind, id string, have, expected int64) error {
	if expected == NoVersion {
		return fault.New(fault.Conflict, "register.version", "there is a %s %q already, at version %d; change that one, or take another id", kind, clip(id), have)
	}
	if have == NoVersion {
		return fault.New(fault.Absent, "register.absent", "there is no %s %q; list them to see their ids", kind, clip(id))
	}
	return fault.New(fault.Conflict, "register.version", "%s %q is at version %d, not %d: somebody changed it meanwhile; read it again", kind, clip(id), have, expected)
}

// Text gives an adopted device as export writes it.
func (d Device) Text() DeviceText {
	return DeviceText{
		ID: d.ID, Name: d.Asserted.Name, Note: d.Asserted.Note, Place: d.Asserted.Place.String(),
		Zone: d.Asserted.Zone, Clock: d.Asserted.Clock,
		Manufacturer: d.Observed.Manufacturer, Model: d.Observed.Model, Serial: d.Observed.Serial,
		Keys: append([]string(nil), d.Keys...),
	}
}

// Put brings an exported device in force: it is adopted and asserted as the
// text says, and made when this installation has never heard it.
func (r *Register) Put(ctx context.Context, tx Tx, t DeviceText, expect int64, mark Mark) (Device, error) {
	if err := CheckID("device", string(t.ID)); err != nil {
		return Device{}, err
	}
	place, err := ParsePlace(t.Place)
	if err != nil {
		return Device{}, err
	}
	if err := CheckClock(t.Clock); err != nil {
		return Device{}, err
	}
	if err := checkZone(t.Zone); err != nil {
		return Device{}, err
	}
	d, err := tx.Device(ctx, t.ID)
	switch {
	case fault.KindOf(err) == fault.Absent:
		d = Device{ID: t.ID, Keys: t.Keys, Observed: Observed{
			Manufacturer: t.Manufacturer, Model: t.Model, Serial: t.Serial, FirstSeen: mark.At,
		}}
	case err != nil:
		return Device{}, err
	}
	if err := onlyName(&d); err != nil {
		return Device{}, err
	}
	if expect != AnyVersion && expect != d.Version {
		return Device{}, deviceVersionFault(t.ID, d.Version, expect)
	}
	now := Asserted{Name: t.Name, Note: t.Note, Place: place, Zone: t.Zone, Clock: t.Clock}
	changes := differences(d.Asserted, now, Change{Device: d.ID, At: mark.At, By: mark.By, Change: mark.Change})
	d.Asserted = now
	if d.Adoption == nil {
		d.Adoption = &Adoption{By: mark.By, At: mark.At}
		changes = append(changes, Change{Device: d.ID, At: mark.At, Fact: "adoption", Was: "unknown", Now: "adopted", By: mark.By, Change: mark.Change})
	}
	if len(changes) == 0 {
		return r.merged(d), nil
	}
	return r.keep(ctx, tx, d, changes)
}

// ParsePlace reads "ICU^2^23" or "ICU^2^23^HOSP", the text form of a place.
func ParsePlace(s string) (model.Place, error) {
	part := append(strings.SplitN(s, "^", 5), "", "", "")
	p := model.Place{PointOfCare: part[0], Room: part[1], Bed: part[2], Facility: part[3]}
	if len(part) > 7 || len(p.String()) > longestPlace {
		return model.Place{}, fault.New(fault.Invalid, "register.place", "%q is not a place; expected point of care, room, bed and facility as in ICU^2^23^HOSP, at most %d bytes", clip(s), longestPlace)
	}
	return p, nil
}

// longestPlace is the longest text form of an asserted place.
const longestPlace = 200

// Find gives the unit that a device's identifiers name, or a fault.Absent.
// Identifiers that hold on one channel only need the channel.
func (r *Register) Find(d model.Device, channel model.ChannelID) (Device, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range keysOf(&d, channel) {
		if u := r.head(r.byKey[k]); u != nil {
			return u.dev.copy(), nil
		}
	}
	return Device{}, fault.New(fault.Absent, "register.no-device", "no device has these identifiers")
}

// History gives what changed of a device, newest first.
func (r *Register) History(ctx context.Context, id model.DeviceID, limit int) ([]Change, error) {
	return r.store.DeviceChanges(ctx, id, limit)
}
