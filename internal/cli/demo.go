package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thalamus/internal/app"
	"thalamus/internal/conf"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/sim"
	"thalamus/internal/sim/bluez"
	"thalamus/internal/sim/cloud"
	"thalamus/internal/sim/fhirserver"
	"thalamus/internal/sim/home"
	"thalamus/internal/sim/lab"
	"thalamus/internal/sim/phdagent"
)

// demoReport is what `demo --json` prints at its end. Lost and duplicated are
// counted by the destinations themselves against what the simulators were told
// was acknowledged; what a meter still holds, or waits for consent, is sent and
// not acknowledged.
type demoReport struct {
	Seconds      float64                           `json:"seconds"`
	Sent         int                               `json:"sent"`         // by the simulators
	Received     uint64                            `json:"received"`     // frames, durable
	Acknowledged int                               `json:"acknowledged"` // as the simulators were told
	Recorded     uint64                            `json:"recorded"`
	Observations uint64                            `json:"observations"`
	Deliveries   map[model.DestinationID]int64     `json:"deliveries"`
	Queued       int64                             `json:"queued"`
	DeadLetters  int64                             `json:"deadLetters"`
	Issues       uint64                            `json:"issues"`
	Devices      int                               `json:"devicesSeen"`
	Lost         int                               `json:"lost"`
	Duplicated   int                               `json:"duplicated"`
	Destinations map[model.DestinationID]sim.Tally `json:"destinations"`
}

func (c *program) demo() *cobra.Command {
	var (
		folder         string
		listen         string
		length         time.Duration
		beds, ecg      int
		clean, checked bool
	)
	cmd := &cobra.Command{
		Use: "demo", Short: "Run a living ward: simulated devices, the real server, two receivers", GroupID: groupRun, Args: cobra.NoArgs,
		Long:    "Run a living ward. The real server starts in a folder of its own; simulated monitors, infusion pumps and a patient feed send to it over real sockets; it delivers to a real HL7 v2 and a real FHIR listener. It prints the console's address with a sign-in that works once.",
		Example: "  thalamus demo\n  thalamus demo --for 30s --json\n  thalamus demo --clean",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkNumber(beds, "beds"); err != nil {
				return err
			}
			if err := checkECG(ecg); err != nil {
				return err
			}
			if clean {
				if err := removeDemo(folder); err != nil {
					return err
				}
				if length == 0 {
					fmt.Fprintf(c.out, "%s is removed\n", folder)
					return nil
				}
			}
			ctx := cmd.Context()
			d, err := c.startDemo(ctx, folder, listen, beds, ecg)
			if err != nil {
				return err
			}
			defer d.close()
			if length > 0 { // counted from when the ward lives, however long that took
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, length)
				defer cancel()
			}
			d.run(ctx)
			report, err := d.report()
			if err != nil {
				return err
			}
			if err := c.print(report); err != nil {
				return err
			}
			if clean {
				d.close()
				if err := removeDemo(folder); err != nil {
					return err
				}
			}
			if checked && (report.Lost > 0 || report.Duplicated > 0 || report.DeadLetters > 0 || report.Acknowledged == 0) {
				return errSilent
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&folder, "folder", "./thalamus-demo", "folder of the demo")
	f.StringVar(&listen, "listen", "127.0.0.1:8443", "address of the console; a free port when it is taken")
	f.DurationVar(&length, "for", 0, "stop by itself after this long, e.g. 30s; 0: until interrupted")
	f.IntVar(&beds, "beds", 8, "number of beds")
	f.IntVar(&ecg, "ecg", 125, "samples a second of the monitors' ECG")
	f.BoolVar(&clean, "clean", false, "remove the folder; with --for, before and after the run")
	f.BoolVar(&checked, "check", false, "exit with 1 when anything was lost, duplicated or given up")
	return cmd
}

// checkECG bounds how fast a simulated monitor samples.
func checkECG(perSecond int) error {
	if perSecond < 1 || perSecond > 1000 {
		return fault.New(fault.Invalid, "cli.argument", "expected a number of samples from 1 to 1000").At("--ecg")
	}
	return nil
}

// ehrKeeps is how many resources the simulated FHIR server of the demo holds: it
// may run for days, and of those older only that they came is of use.
const ehrKeeps = 20_000

const demoMark = "made-by-thalamus-demo"

// removeDemo removes the demo's folder, and no other.
func removeDemo(folder string) error {
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(folder, demoMark)); err != nil {
		return fault.New(fault.Invalid, "cli.not-demo", "this folder was not made by the demo and is left alone").At(folder)
	}
	if err := os.RemoveAll(folder); err != nil {
		return fault.Wrap(err, fault.Broken, "cli.file", "cannot remove the folder").At(folder)
	}
	return nil
}

// demo is a running demo.
type demo struct {
	app    *app.App
	ward   *sim.Ward
	his    *sim.Receiver
	ehr    *fhirserver.Server
	began  time.Time
	folder string
	door   *service.Door
	lab    *lab.Outcome   // what the laboratory was told, at the end
	home   *phdagent.Ward // the same of personal health devices
	remote *home.Homes    // the same of patients at home
	wires  *wires         // the same of the further wires
	drop   string         // folder that batches are filed into
	bus    *bluez.Bus     // on which the Bluetooth devices are; nil: there are none
	near   *bluez.Ward
	cloud  *cloud.Ward // that is asked
	closed bool
}

func (c *program) startDemo(ctx context.Context, folder, listen string, beds, ecg int) (*demo, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Broken, "app.folder", "cannot make the demo's folder").At(folder)
	}
	if err := os.WriteFile(filepath.Join(folder, demoMark), nil, 0o600); err != nil {
		return nil, fault.Wrap(err, fault.Broken, "app.folder", "cannot write into the demo's folder").At(folder)
	}
	boot := conf.Default()
	boot.Data, boot.Site.Name, boot.Site.Authority = folder, "Demo ward", "SIMHOSP"
	boot.Journal.Floor = 64 << 20
	console, err := net.Listen("tcp", listen)
	if err != nil {
		if console, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, fault.Wrap(err, fault.Conflict, "app.listen", "no free port on this machine")
		}
	}
	d := &demo{began: time.Now(), folder: folder}
	ok := false
	defer func() {
		if !ok {
			d.close()
		}
	}()
	if d.his, err = sim.Listen("127.0.0.1:0", nil); err != nil {
		return nil, fault.Wrap(err, fault.Conflict, "app.listen", "no free port on this machine")
	}
	if d.ehr, err = fhirserver.Listen(fhirserver.Options{MaxResources: ehrKeeps}); err != nil {
		return nil, fault.Wrap(err, fault.Conflict, "app.listen", "no free port on this machine")
	}
	logs := conf.Log{Level: "warn", Format: "text"}
	if d.app, err = app.Start(ctx, boot, app.Options{Version: c.version, Log: c.logger(logs), Console: console}); err != nil {
		return nil, err
	}
	d.door = d.app.Service().OnThisMachine("demo")
	if err := d.openBLE(beds); err != nil {
		fmt.Fprintf(c.err, "The ward has no Bluetooth devices: %v\n", err)
	}
	if err := d.configure(ctx); err != nil {
		return nil, err
	}
	if err := c.invite(ctx, d); err != nil {
		return nil, err
	}
	run := fmt.Sprintf("%x", time.Now().Unix())
	d.ward = sim.NewWard(d.app.ChannelAddress("ward"), nil, "ICU", beds, sim.NewTerms(), run)
	d.ward.SampleRate(ecg)
	ok = true
	return d, nil
}

// configure applies the demo's channel, destinations and route as text, the
// way a user would.
func (d *demo) configure(ctx context.Context) error {
	drop, err := filepath.Abs(filepath.Join(d.folder, "drop"))
	if err == nil {
		err = os.MkdirAll(drop, 0o700)
	}
	if err != nil {
		return fault.Wrap(err, fault.Broken, "app.folder", "cannot write into the demo's folder").At(d.folder)
	}
	d.drop, d.cloud = drop, &cloud.Ward{Listen: "127.0.0.1:0", Form: cloud.Lines, Name: "MAKER", Beds: 2, Every: 3 * time.Second}
	if err := d.cloud.Open(); err != nil {
		return err
	}
	text := strings.NewReplacer("HIS", d.his.Address(), "EHR", d.ehr.URL(), "DROP", drop, "CLOUD", d.cloud.URL()).Replace(`channels:
  - id: ward
    name: Bedside devices
    driver: mllp
    codec: hl7v2
    settings: {listen: "127.0.0.1:0"}
` + demoLab + demoHome + demoGateways + demoWires + d.channelBLE() + `destinations:
  - id: his
    name: Hospital information system (HL7 v2)
    kind: hl7v2
    settings: {address: "HIS"}
  - id: ehr
    name: Electronic health record (FHIR R4)
    kind: fhir
    settings: {base_url: "EHR"}
routes:
  - id: everything
    channels: [ward]
    destinations: [his, ehr]
` + demoOthers + d.routeBLE())
	return d.door.Call(ctx, "config.apply", service.ConfigText{Name: "demo.yaml", Text: text, Reason: "demo"}, nil)
}

// invite prints where the console is, with a sign-in that works once.
func (c *program) invite(ctx context.Context, d *demo) error {
	var users []service.Account
	if err := d.door.Call(ctx, "user.list", nil, &users); err != nil {
		return err
	}
	var link service.SignInLink
	var err error
	if len(users) == 0 {
		link, err = firstAccount(ctx, d.door, "demo")
	} else {
		err = d.door.Call(ctx, "user.link", service.UserName{Name: users[0].Name, Reason: "demo"}, &link)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.err, "A ward lives. Look at it: %s%s\n", d.app.ConsoleURL(), link.Path)
	fmt.Fprintf(c.err, "(The link signs in once. The browser asks about the certificate: it is this machine's own.)\n")
	for _, one := range d.stranger() {
		fmt.Fprintf(c.err, "A Bluetooth device waits for your consent: %s%s (%s, it shows %s)\n", d.app.ConsoleURL(), "/pairings", one.Serial, one.Shows)
	}
	fmt.Fprintf(c.err, "Devices send to %s. On the command line: thalamus live watch --data %s\n", d.app.ChannelAddress("ward"), d.folder)
	fmt.Fprintf(c.err, "Stop with Ctrl-C; `thalamus demo --clean` removes the folder.\n")
	return nil
}

// settle is how long the demo waits at its end for what is under way.
const settle = 10 * time.Second

func (d *demo) run(ctx context.Context) {
	laboratory := make(chan *lab.Outcome, 1)
	go func() { laboratory <- d.runLab(ctx) }()
	home := make(chan *phdagent.Ward, 1)
	go func() { home <- d.runHome(ctx) }()
	gateways := make(chan struct{})
	go func() { d.remote = d.runGateways(ctx); close(gateways) }()
	bluetooth := make(chan struct{})
	go func() { d.runBLE(ctx); close(bluetooth) }()
	further := make(chan *wires, 1)
	go func() { further <- d.runWires(ctx) }()
	d.ward.Run(ctx, settle/2)
	d.lab, d.home, d.wires = <-laboratory, <-home, <-further
	<-gateways
	<-bluetooth
	until := time.Now().Add(settle)
	for time.Now().Before(until) {
		report, err := d.report()
		if err != nil || report.Queued == 0 && report.Lost == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (d *demo) report() (demoReport, error) {
	var o service.Overview
	if err := d.door.Call(context.Background(), "overview.get", nil, &o); err != nil {
		return demoReport{}, err
	}
	r := demoReport{
		Seconds: time.Since(d.began).Seconds(), Devices: o.Devices, Deliveries: map[model.DestinationID]int64{},
		Destinations: map[model.DestinationID]sim.Tally{"his": d.his.Tally(d.ward.Ledger), "ehr": d.ehr.Tally(d.ward.Ledger)},
	}
	r.Sent, r.Acknowledged, _ = d.ward.Ledger.Counts()
	if d.lab != nil {
		t := d.lab.Told()
		r.Sent, r.Acknowledged = r.Sent+t.Sent, r.Acknowledged+t.Acknowledged
	}
	if d.home != nil {
		t := d.home.Told()
		r.Sent, r.Acknowledged = r.Sent+t.Sent, r.Acknowledged+t.Acknowledged
	}
	if d.remote != nil {
		t := d.remote.Told()
		r.Sent, r.Acknowledged = r.Sent+t.Sent, r.Acknowledged+t.Acknowledged
	}
	if d.near != nil {
		t := d.near.Counts()
		r.Sent, r.Acknowledged = r.Sent+t.Records, r.Acknowledged+t.Kept
	}
	if d.wires != nil {
		r.Sent, r.Acknowledged = r.Sent+d.wires.sent, r.Acknowledged+d.wires.acknowledged
	}
	for _, ch := range o.Channels {
		r.Received += ch.Received
		r.Recorded += ch.Recorded
		r.Observations += ch.Observations
		r.Issues += ch.Issues
	}
	for _, dest := range o.Destinations {
		r.Deliveries[dest.ID] = dest.Delivered
		r.Queued += dest.Queued
		r.DeadLetters += dest.Dead
	}
	for _, t := range r.Destinations {
		r.Lost += t.Lost
		r.Duplicated += t.Duplicated
	}
	return r, nil
}

func (d *demo) close() {
	if d.closed {
		return
	}
	d.closed = true
	if d.app != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		_ = d.app.Stop(ctx) // the report is out; what matters is durable
	}
	if d.bus != nil {
		d.bus.Close()
	}
	if d.his != nil {
		d.his.Close()
	}
	if d.ehr != nil {
		d.ehr.Close()
	}
}
