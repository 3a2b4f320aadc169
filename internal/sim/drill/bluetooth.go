package drill

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/sim/bluez"
	"thalamus/internal/sim/faults"
)

// bluetooth plays BlueZ on a D-Bus of the drill's own, with devices near it. An error
// of the kind Absent says that there can be none here. close ends the bus.
func bluetooth(name string, set faults.Set) (near *bluez.Ward, close func(), err error) {
	folder, err := os.MkdirTemp("", "thalamus-drill-")
	if err != nil {
		return nil, nil, err
	}
	bus, err := bluez.StartBus(filepath.Join(folder, "bus"))
	if err != nil {
		os.RemoveAll(folder)
		return nil, nil, err
	}
	close = func() { bus.Close(); os.RemoveAll(folder) }
	near = &bluez.Ward{Bus: bus.Address(), Name: name, Beds: 1, Devices: []string{bluez.Pressure, bluez.Glucose, bluez.Continuous}, Every: rhythm, Faults: set}
	if err := near.Open(); err != nil {
		close()
		return nil, nil, err
	}
	return near, close, nil
}

// pair lets the devices work until ctx ends, and a person take them in who stands
// before them. What counts as acknowledged is a record that a meter is not asked for
// any more.
func (d *devices) pair(ctx context.Context) {
	d.near.Acknowledged = func(value []byte) { d.told.mark(string(value)) }
	var person sync.WaitGroup
	person.Go(func() {
		for ; ctx.Err() == nil; time.Sleep(rhythm) {
			d.consent(ctx, d.near.Near())
		}
	})
	d.near.Run(ctx, grace)
	person.Wait()
	d.told.mu.Lock()
	defer d.told.mu.Unlock()
	d.told.sent = d.near.Counts().Records
}

// consent accepts the devices of a channel that wait, where a number is to be
// compared if it is the same.
func (d *drill) consent(ctx context.Context, id model.ChannelID, near []bluez.Near) {
	var list service.PairingList
	if d.call(ctx, "pairing.list", service.PairingAsk{Channel: id}, &list) != nil {
		return // it is asked again
	}
	for _, row := range list.Rows {
		for _, one := range near {
			waits := row.State == model.PairingWaits || row.State == model.PairingFailed
			if row.ID == one.Address && (waits || row.State == model.PairingConfirm && row.Passkey == one.Shows) {
				_ = d.call(ctx, "pairing.accept", service.PairingAccept{ID: row.ID, Channel: id, Reason: "drill"}, nil) // it is asked again
			}
		}
	}
}
