package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/sim"
	"thalamus/internal/sim/bluez"
	"thalamus/internal/sim/faults"
)

// bonded is what was done with simulated Bluetooth devices.
type bonded struct {
	Seconds float64 `json:"seconds"`
	bluez.Count
}

// simulateBLE plays BlueZ with simulated devices near it.
func (c *program) simulateBLE() *cobra.Command {
	var w bluez.Ward
	cmd := &cobra.Command{
		Use: "ble", Short: "Play BlueZ on a D-Bus, with simulated Bluetooth LE devices near it",
		Long: "Play BlueZ (org.bluez with the adapter hci0) on a D-Bus, with simulated Bluetooth LE health devices near it: at each bed " + strings.Join(bluez.Kinds(), ", ") +
			". There is no radio: a channel of the driver ble whose setting bus is the same address finds them. They wait for a person's consent, as real ones do; " + bluez.Pressure + " and " + bluez.Glucose + " have a number compared. " +
			"Exits with 1 when nobody connected to any.",
		Example: "  dbus-daemon --session --nofork --print-address --address=unix:path=/run/user/1000/simulated-bluez &\n" +
			"  thalamus simulate ble --bus unix:path=/run/user/1000/simulated-bluez --beds 2 --for 5m\n" +
			"  thalamus simulate ble --bus unix:path=/run/user/1000/simulated-bluez --devices glucose,cgm --fault reset,wrong-checksum",
	}
	f := cmd.Flags()
	f.StringVar(&w.Bus, "bus", "", "address of a D-Bus without a BlueZ; system: this machine's own")
	f.StringVar(&w.Name, "ward", "SIM", "name of the ward")
	f.IntVar(&w.Beds, "beds", 1, "number of beds")
	f.StringSliceVar(&w.Devices, "devices", bluez.Kinds(), "kinds of devices")
	f.DurationVar(&w.Every, "every", 5*time.Second, "time between measurements of a device")
	return c.simulates(simulation{Command: cmd, kind: "ble", number: &w.Beds, flag: "beds",
		devices: func(set faults.Set) (sim.Devices, error) {
			w.Faults = set
			return &w, nil
		},
		outcome: func(seconds float64) (any, error) {
			count := w.Counts()
			if w.Gone() {
				return bonded{seconds, count}, fault.New(fault.Transient, "sim.bus", "the D-Bus went away").At(w.Bus)
			}
			return bonded{seconds, count}, unheard(count.Connections, "nobody connected to the devices; they wait for consent: `thalamus pairing list`", w.Bus)
		}})
}
