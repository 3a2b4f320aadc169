package ble

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Pairings lists the devices near us, those that wait for a person first.
func (d *Driver) Pairings() []model.Pairing {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]model.Pairing, 0, len(d.peers))
	for _, p := range d.peers {
		one := model.Pairing{ID: p.address, Name: p.name, Signal: p.signal, State: p.state, Passkey: p.passkey, Text: p.text, Since: p.since, Services: []string{}}
		for _, s := range p.offers {
			one.Services = append(one.Services, services[s])
		}
		out = append(out, one)
	}
	rank := map[string]int{model.PairingConfirm: 0, model.PairingWaits: 1, model.PairingRuns: 2, model.PairingFailed: 3}
	slices.SortFunc(out, func(a, b model.Pairing) int {
		ra, ok := rank[a.State]
		if !ok {
			ra = 9
		}
		rb, ok := rank[b.State]
		if !ok {
			rb = 9
		}
		if ra != rb {
			return ra - rb
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// Decide takes a person's decision about a device: to take it in, to confirm
// that the numbers are the same, or to have nothing to do with it.
func (d *Driver) Decide(ctx context.Context, id string, accept bool, passkey string) error {
	if passkey != "" {
		if n, err := strconv.ParseUint(passkey, 10, 32); err != nil || n > 999999 {
			return fault.New(fault.Invalid, "ble.passkey", "a passkey has up to six digits").At("passkey")
		}
	}
	if address := d.memory.accepted(id); address != "" && !accept {
		if err := d.keep(address, false); err != nil {
			return err
		}
		d.mu.Lock()
		there := d.near(id) != nil
		d.mu.Unlock()
		if !there { // it may be lost, or stolen
			return nil
		}
	}
	d.mu.Lock()
	p := d.near(id)
	if p == nil {
		d.mu.Unlock()
		return fault.New(fault.Absent, "ble.no-device", "no device %q is near; bring it into pairing mode, and look at the list again", id)
	}
	confirming := p.state == model.PairingConfirm
	d.mu.Unlock()
	if err := d.keep(p.address, accept); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	p.accepted = accept
	if confirming {
		answer := passkey
		if !accept {
			answer = "no"
		}
		select {
		case p.decision <- answer:
		default:
		}
		if accept {
			p.state, p.passkey, p.since = model.PairingRuns, "", time.Now().UTC()
			return nil
		}
	}
	if !accept {
		if p.end != nil {
			p.end()
		}
		p.state, p.passkey, p.text, p.since = model.PairingRefused, "", "", time.Now().UTC()
		path := p.path
		d.working.Go(func() { // without holding the lock: BlueZ asks back
			d.bus.call(d.ctx, path, ifDevice+".CancelPairing", nil)
			d.bus.call(d.ctx, path, ifDevice+".Disconnect", nil)
		})
		return nil
	}
	if !p.running || p.state == model.PairingRefused {
		p.state, p.text, p.since = model.PairingAccepted, "", time.Now().UTC()
	}
	if !p.running && !d.stopped { // one that still ends is begun again by refresh
		d.work(p)
	}
	return nil
}

// near gives the device with an address, nil where there is none; d.mu is held.
func (d *Driver) near(id string) *peer {
	for _, p := range d.peers {
		if strings.EqualFold(p.address, id) {
			return p
		}
	}
	return nil
}

// keep keeps a decision.
func (d *Driver) keep(address string, accept bool) error {
	if err := d.memory.put(address, func(r *remembered) { r.Accepted, r.Refused = accept, !accept }); err != nil {
		return fault.Wrap(err, fault.Transient, "ble.memory", "the decision could not be kept; make room, and decide again")
	}
	return nil
}

// agent is what BlueZ asks while a device is paired (org.bluez.Agent1). It says
// yes to nothing that a person did not agree to.
type agent struct{ d *Driver }

func rejected() *dbus.Error {
	return dbus.NewError("org.bluez.Error.Rejected", []any{"no person agreed to this"})
}

func (a *agent) peer(path dbus.ObjectPath) (*peer, bool) {
	a.d.mu.Lock()
	defer a.d.mu.Unlock()
	p := a.d.peers[path]
	return p, p != nil && p.accepted
}

// person waits for somebody to answer.
func (a *agent) person(p *peer, passkey, text string) (string, bool) {
	for len(p.decision) > 0 {
		<-p.decision // of before
	}
	p.look(func() {
		p.state, p.passkey, p.text, p.since = model.PairingConfirm, passkey, text, time.Now().UTC()
	})
	select {
	case answer := <-p.decision:
		return answer, answer != "no"
	case <-time.After(a.d.settings.Confirm):
	case <-a.d.ctx.Done():
	}
	return "", false
}

// RequestConfirmation has a person compare numbers.
func (a *agent) RequestConfirmation(path dbus.ObjectPath, passkey uint32) *dbus.Error {
	p, ok := a.peer(path)
	if !ok {
		return rejected()
	}
	if _, yes := a.person(p, fmt.Sprintf("%06d", passkey), "compare the number with the device's display, and accept once more if it is the same"); !yes {
		return rejected()
	}
	return nil
}

// RequestPasskey has a person read a number from the device.
func (a *agent) RequestPasskey(path dbus.ObjectPath) (uint32, *dbus.Error) {
	p, ok := a.peer(path)
	if !ok {
		return 0, rejected()
	}
	answer, yes := a.person(p, "", "read the number from the device, and accept once more with it as passkey")
	n, err := strconv.ParseUint(answer, 10, 32)
	if !yes || err != nil {
		return 0, rejected()
	}
	return uint32(n), nil
}

// RequestPinCode is of pairing before Bluetooth 2.1, which no health device of
// today needs.
func (a *agent) RequestPinCode(dbus.ObjectPath) (string, *dbus.Error) { return "", rejected() }

// DisplayPasskey shows a number that is typed into the device.
func (a *agent) DisplayPasskey(path dbus.ObjectPath, passkey uint32, _ uint16) *dbus.Error {
	p, ok := a.peer(path)
	if !ok {
		return rejected()
	}
	p.look(func() {
		p.state, p.passkey, p.text = model.PairingRuns, fmt.Sprintf("%06d", passkey), "type this number into the device"
	})
	return nil
}

// DisplayPinCode is of pairing before Bluetooth 2.1.
func (a *agent) DisplayPinCode(dbus.ObjectPath, string) *dbus.Error { return rejected() }

// RequestAuthorization asks whether a device may be paired that shows nothing.
func (a *agent) RequestAuthorization(path dbus.ObjectPath) *dbus.Error {
	if _, ok := a.peer(path); !ok {
		return rejected()
	}
	return nil
}

// AuthorizeService asks whether a device may use a service.
func (a *agent) AuthorizeService(path dbus.ObjectPath, _ string) *dbus.Error {
	return a.RequestAuthorization(path)
}

// Cancel says that BlueZ does not wait any more.
func (a *agent) Cancel() *dbus.Error { return nil }

// Release says that we are no agent any more; refresh registers us again.
func (a *agent) Release() *dbus.Error { return nil }
