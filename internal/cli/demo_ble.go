package cli

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/sim"
	"thalamus/internal/sim/bluez"
)

// The channel of the demo's Bluetooth devices, and where its values go; BUS stands
// for the D-Bus.
const (
	demoBLE = `  - id: bluetooth
    name: Bluetooth LE devices (BlueZ, simulated)
    driver: ble
    codec: gatt
    settings: {bus: "BUS", retry: 2s}
`
	demoBLERoute = `  - id: bluetooth
    channels: [bluetooth]
    destinations: [ehr]
`
)

// openBLE plays BlueZ on a D-Bus of the demo's own, with the devices of the last bed
// near it. An error says why there is none.
func (d *demo) openBLE(beds int) error {
	bus, err := bluez.StartBus(filepath.Join(d.folder, "bluetooth"))
	if err != nil {
		return err
	}
	near := &bluez.Ward{Bus: bus.Address(), Name: "ICU", Beds: beds, Only: beds, Every: 5 * time.Second}
	if err := near.Open(); err != nil {
		bus.Close()
		return err
	}
	d.bus, d.near = bus, near
	return nil
}

func (d *demo) channelBLE() string {
	if d.bus == nil {
		return ""
	}
	return strings.Replace(demoBLE, "BUS", d.bus.Address(), 1)
}

func (d *demo) routeBLE() string {
	if d.bus == nil {
		return ""
	}
	return demoBLERoute
}

// stranger is the device that is left to whoever looks at the demo.
func (d *demo) stranger() (out []bluez.Near) {
	if d.near == nil {
		return nil
	}
	for _, one := range d.near.Near() {
		if one.Kind == bluez.Pressure {
			out = append(out, one)
		}
	}
	return out
}

// runBLE lets the devices work until ctx ends. A nurse takes them in, all but one,
// and puts them on the patient of their bed.
func (d *demo) runBLE(ctx context.Context) {
	if d.near == nil {
		return
	}
	devices := map[string]bluez.Near{} // that are not on the patient yet, by address
	for _, one := range d.near.Near() {
		if one.Kind != bluez.Pressure {
			devices[one.Address] = one
		}
	}
	var nurse sync.WaitGroup
	nurse.Go(func() {
		for ; ctx.Err() == nil && len(devices) > 0; pauseFor(ctx, 300*time.Millisecond) {
			d.consent(ctx, devices)
			d.putOn(ctx, devices)
		}
	})
	d.near.Run(ctx, settle/2)
	nurse.Wait()
}

// consent takes in the devices that wait, as a person does who stands before them:
// where a number is to be compared, it is.
func (d *demo) consent(ctx context.Context, devices map[string]bluez.Near) {
	var near service.PairingList
	if d.door.Call(ctx, "pairing.list", service.PairingAsk{Channel: "bluetooth"}, &near) != nil {
		return // it is tried again
	}
	for _, row := range near.Rows {
		one, ours := devices[row.ID]
		waits := row.State == model.PairingWaits || row.State == model.PairingFailed
		if ours && (waits || row.State == model.PairingConfirm && row.Passkey == one.Shows) {
			_ = d.door.Call(ctx, "pairing.accept", service.PairingAccept{ID: row.ID, Channel: row.Channel, Reason: "demo"}, nil)
		}
	}
}

// wornFor is for how long the patient had the devices before the demo began: meters
// have records of then.
const wornFor = 15 * time.Minute

// putOn scans the wristband of the bed's patient and the label of each device, once
// both are known.
func (d *demo) putOn(ctx context.Context, devices map[string]bluez.Near) {
	beds := sim.Beds(d.near.Name, d.near.Beds)
	patient := beds[len(beds)-1].Patient
	for address, one := range devices {
		scan := service.AssociationStart{Wristband: patient.MRN + "^^^SIMHOSP", Barcode: one.Serial, From: d.began.Add(-wornFor), Reason: "demo"}
		if d.door.Call(ctx, "association.start", scan, nil) == nil {
			delete(devices, address)
		}
	}
}
