package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/fault"
	"thalamus/internal/sim/bluez"
)

// bonded is what was done with simulated Bluetooth devices.
type bonded struct {
	Seconds float64 `json:"seconds"`
	bluez.Count
}

// simulateBLE plays BlueZ with simulated devices near it.
func (c *program) simulateBLE() *cobra.Command {
	var w bluez.Ward
	var length time.Duration
	var wrong faultFlag
	cmd := &cobra.Command{
		Use: "ble", Short: "Play BlueZ on a D-Bus, with simulated Bluetooth LE devices near it", Args: cobra.NoArgs,
		Long: "Play BlueZ (org.bluez with the adapter hci0) on a D-Bus, with simulated Bluetooth LE health devices near it: at each bed " + strings.Join(bluez.Kinds(), ", ") +
			". There is no radio: a channel of the driver ble whose setting bus is the same address finds them. They wait for a person's consent, as real ones do; " + bluez.Pressure + " and " + bluez.Glucose + " have a number compared. " +
			"Exits with 1 when nobody connected to any.",
		Example: "  dbus-daemon --session --nofork --print-address --address=unix:path=/run/user/1000/simulated-bluez &\n" +
			"  thalamus simulate ble --bus unix:path=/run/user/1000/simulated-bluez --beds 2 --for 5m\n" +
			"  thalamus simulate ble --bus unix:path=/run/user/1000/simulated-bluez --devices glucose,cgm --fault reset,wrong-checksum",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, shown, err := wrong.set(c)
			if err != nil || shown {
				return err
			}
			w.Faults = set
			if err := checkBeds(w.Beds); err != nil {
				return err
			}
			if err := w.Open(); err != nil {
				return err
			}
			for _, one := range w.Near() {
				fmt.Fprintf(c.err, "%s is near\n", one)
			}
			ctx := cmd.Context()
			if length > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, length)
				defer cancel()
			}
			began := time.Now()
			w.Run(ctx)
			out := bonded{Seconds: time.Since(began).Seconds(), Count: w.Counts()}
			if err := c.print(out); err != nil {
				return err
			}
			if out.Connections == 0 {
				return fault.New(fault.Transient, "sim.unheard", "nobody connected to the devices; they wait for consent: `thalamus pairing list`").At(w.Bus)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&w.Bus, "bus", "", "address of a D-Bus without a BlueZ; system: this machine's own")
	f.StringVar(&w.Name, "ward", "SIM", "name of the ward")
	f.IntVar(&w.Beds, "beds", 1, "number of beds")
	f.StringSliceVar(&w.Devices, "devices", bluez.Kinds(), "kinds of devices")
	f.DurationVar(&w.Every, "every", 5*time.Second, "time between measurements of a device")
	wrong.add(cmd, "ble")
	f.DurationVar(&length, "for", 0, "stop after this long; 0: until interrupted")
	return cmd
}
