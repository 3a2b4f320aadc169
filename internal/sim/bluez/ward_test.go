package bluez

import (
	"context"
	"log/slog"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/gatt"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/drivers/ble"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
	"thalamus/internal/peertest"
	"thalamus/internal/sim/faults"
)

// bus gives the address of a D-Bus of its own.
func bus(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath(busDaemon); err != nil {
		peertest.Missing(t, busDaemon)
	}
	b, err := StartBus(filepath.Join(t.TempDir(), "bus"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b.Address()
}

// listen starts a driver that looks for devices.
func listen(t *testing.T, address string, intake *drivertest.Intake, notes *drivertest.Notes) *ble.Driver {
	t.Helper()
	d, err := ble.New(model.Channel{ID: "ward", Settings: map[string]any{"bus": address, "retry": "200ms"}})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := d.Start(t.Context(), driver.Host{Intake: intake, Log: slog.New(slog.DiscardHandler), Note: notes.Note, Folder: func(model.ChannelID) (string, error) { return folder, nil }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
		defer cancel()
		d.Stop(ctx)
	})
	return d
}

// consent takes in every device that waits, as a person does who compares numbers.
func consent(t *testing.T, d *ble.Driver) {
	for _, p := range d.Pairings() {
		if p.State == model.PairingWaits || p.State == model.PairingConfirm {
			if err := d.Decide(t.Context(), p.ID, true, ""); err != nil {
				t.Error(err)
			}
		}
	}
}

func read(intake *drivertest.Intake) (out []model.Message) {
	for _, f := range intake.Taken() {
		for _, m := range gatt.New().Decode(model.Entry{Frame: f}, codec.Context{}) {
			normalise.Normalise(&m, normalise.Context{Channel: time.Local})
			out = append(out, m)
		}
	}
	return out
}

// R8, R58: the driver finds every simulated device, takes it in with a person's
// consent, and everything is understood that they tell.
func TestUnderstood(t *testing.T) {
	w := Ward{Bus: bus(t), Name: "SIM", Beds: 2, Every: 100 * time.Millisecond}
	if err := w.Open(); err != nil {
		t.Fatal(err)
	}
	if other := (&Ward{Bus: w.Bus, Beds: 1, Every: time.Second}).Open(); other == nil {
		t.Error("two play BlueZ on one bus")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx, 0) }()
	defer func() { cancel(); <-done }()
	intake, notes := &drivertest.Intake{}, &drivertest.Notes{}
	d := listen(t, w.Bus, intake, notes)
	want := map[string]bool{}
	for _, id := range []string{"MDC_TEMP_BODY", "MDC_PRESS_BLD_NONINV_SYS", "MDC_PULS_OXIM_SAT_O2", "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", "MDC_CONC_GLU_ISF", "MDC_HF_HR", "MDC_MASS_BODY_ACTUAL", "MDC_BODY_FAT"} {
		want[id] = true
	}
	devices, at := map[string]bool{}, 0
	defer func() {
		if t.Failed() {
			t.Logf("missing %v; told by %v; %+v", slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(devices)), w.Counts())
			for _, p := range d.Pairings() {
				t.Logf("%s %s %s %s", p.ID, p.Name, p.State, p.Text)
			}
			for _, one := range w.all {
				one.look(func() {
					t.Logf("%s paired %v connected %v since %s told %v telling %s stored %d durable %d", one.address, one.paired, one.connected, time.Since(one.since), one.told, one.telling, len(one.stored), one.durable)
				})
			}
		}
	}()
	drivertest.Until(t, "all that is wanted was told", func() bool {
		consent(t, d)
		all := read(intake)
		for _, m := range all[at:] {
			for _, i := range m.Issues {
				t.Errorf("%s: %s %s %s %s", m.Type, i.Code, i.Field, i.Received, i.Text)
			}
			for _, o := range m.Observations {
				delete(want, o.Code.RefID)
			}
			devices[m.Devices[0].Serial] = true
		}
		at = len(all)
		return len(want) == 0 && len(devices) == 16 && w.Counts().Kept >= 2*before || t.Failed()
	})
	if len(want) > 0 {
		t.Errorf("never told: %v", slices.Sorted(maps.Keys(want)))
	}
	if c := w.Counts(); c.Pairings != 16 {
		t.Errorf("%+v", c)
	}
	for _, n := range notes.All() { // that a meter went to sleep meanwhile is nothing to tell
		// Word of an end that comes late makes the driver ask once more over the same
		// connection; the meter says that it tells already.
		if n.Code != "ble.records" || !strings.HasSuffix(n.Text, "InProgress") {
			t.Errorf("%s: %s", n.Code, n.Text)
		}
	}
}

// R58: what goes wrong is seen as itself, and no record of a meter is lost.
func TestFaultsAreSeen(t *testing.T) {
	kind, _ := faults.KindOf("ble")
	want := map[string]string{
		faults.Unplugged: "", faults.Reset: "", faults.Flood: "", faults.Duplicate: "twice", faults.HalfFrame: "gatt.short", faults.Garbage: "gatt.", faults.WrongChecksum: "gatt.crc",
		faults.ClockJump: "time", faults.OutOfRange: "normalise.implausible", faults.NaN: "absent",
	}
	for _, name := range kind.All() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := Ward{Bus: bus(t), Name: "SIM", Beds: 1, Devices: []string{Pressure, Glucose, Continuous}, Every: 50 * time.Millisecond, Faults: faults.Set{name}}
			if err := w.Open(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); w.Run(ctx, 0) }()
			defer func() { cancel(); <-done }()
			intake := &drivertest.Intake{}
			d := listen(t, w.Bus, intake, &drivertest.Notes{})
			drivertest.Until(t, "it is seen, and all of what meters kept is there", func() bool {
				consent(t, d)
				seen, records := map[string]bool{"": true}, map[string]bool{}
				bytes := map[string]bool{}
				for _, f := range intake.Taken() {
					seen["twice"] = seen["twice"] || f.Topic != "" && strings.Contains(f.Topic, "2a35") && bytes[string(f.Bytes)]
					bytes[string(f.Bytes)] = true
				}
				for _, m := range read(intake) {
					for _, i := range m.Issues {
						seen[i.Code] = true
						seen["gatt."] = seen["gatt."] || strings.HasPrefix(i.Code, "gatt.")
					}
					for _, o := range m.Observations {
						seen["absent"] = seen["absent"] || o.Absent != ""
						seen["time"] = seen["time"] || !o.DeviceTime.UTC.IsZero() && o.DeviceTime.UTC.Before(time.Now().Add(-20*time.Hour))
					}
					if m.Type == "glucose measurement" {
						records[m.ControlID] = true
					}
				}
				code, listed := want[name]
				return listed && seen[code] && len(records) >= before+2
			})
		})
	}
}
