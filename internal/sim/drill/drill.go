package drill

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/service"
	"thalamus/internal/sim"
	"thalamus/internal/sim/bluez"
	"thalamus/internal/sim/cloud"
	"thalamus/internal/sim/faults"
)

// Options of a drill.
type Options struct {
	// Caller is a server that runs on this machine; nil: one is started in
	// Folder. Faults that need a server of their own are left out then.
	Caller service.Caller
	// Authority is whom devices of that server believe; nil: faults of
	// certificates are left out.
	Authority *x509.CertPool
	Folder    string // empty: a temporary one
	Version   string
	Log       *slog.Logger
	Faults    []string // names; none: the whole catalogue
	Short     bool     // without Faults: only some of each place
	// Done, when set, is told of each result as it comes; by one goroutine.
	Done func(r Result)
	// Patience is how long anything may take; 0: a minute.
	Patience time.Duration
}

// Result is what came of one fault.
type Result struct {
	Fault        string   `json:"fault"`
	Kind         string   `json:"kind"` // of the devices
	OK           bool     `json:"ok"`
	Sent         int      `json:"sent"`
	Acknowledged int      `json:"acknowledged"`
	Lost         int      `json:"lost"` // acknowledged and not there, or not delivered
	Sees         []string `json:"sees"` // what was to be seen, and was
	After        float64  `json:"afterSeconds"`
	Also         []string `json:"also,omitempty"` // what else there was to be seen
	Problem      string   `json:"problem,omitempty"`
	Skipped      string   `json:"skipped,omitempty"` // why it could not be tried
}

// Report is what came of a drill.
type Report struct {
	Seconds float64  `json:"seconds"`
	Faults  int      `json:"faults"` // different ones that were tried
	Skipped int      `json:"skipped"`
	Lost    int      `json:"lost"`
	Unseen  int      `json:"unseen"`
	Results []Result `json:"results"`
}

// Good says whether nothing was lost and everything seen.
func (r *Report) Good() bool {
	return r.Lost == 0 && r.Unseen == 0 && !slices.ContainsFunc(r.Results, func(x Result) bool { return !x.OK && x.Skipped == "" })
}

// drill is a running one.
type drill struct {
	o     Options
	house *house // nil: not ours
	run   string

	mu     sync.Mutex
	report Report
}

// atOnce is how many faults are tried at the same time.
const atOnce = 3

// Run runs a drill. An error means that it could not be run.
func Run(ctx context.Context, o Options) (Report, error) {
	for _, name := range o.Faults {
		if _, ok := faults.Find(name); !ok {
			meant := ""
			if near := fault.Nearest(name, names()); near != "" {
				meant = fmt.Sprintf("; did you mean %q?", near)
			}
			return Report{}, fault.New(fault.Invalid, "sim.fault", "there is no fault %q%s", name, meant).At("--fault")
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Patience <= 0 {
		o.Patience = time.Minute
	}
	if o.Short && len(o.Faults) == 0 {
		o.Faults = short
	}
	d := &drill{o: o, run: fmt.Sprintf("%x", time.Now().UnixMilli())}
	began := time.Now()
	if o.Caller == nil {
		h, err := open(ctx, o.Folder, o)
		if err != nil {
			return Report{}, err
		}
		d.house = h
		d.o.Authority = h.running().Authority().Pool()
		defer h.close()
	} else if err := d.alone(ctx); err != nil {
		return Report{}, err
	}
	d.onDevices(ctx)
	d.onSite(ctx)
	d.report.Seconds = time.Since(began).Seconds()
	tried := map[string]bool{}
	for _, r := range d.report.Results {
		if r.Skipped == "" {
			tried[r.Fault] = true
		}
	}
	d.report.Faults = len(tried)
	return d.report, ctx.Err()
}

func names() (out []string) {
	for _, f := range faults.Catalogue() {
		out = append(out, f.Name)
	}
	return out
}

func (d *drill) wants(name string) bool {
	return len(d.o.Faults) == 0 || slices.Contains(d.o.Faults, name)
}

func (d *drill) done(r Result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.OK = r.Lost == 0 && r.Problem == "" && r.Skipped == ""
	d.report.Lost += r.Lost
	switch {
	case r.Skipped != "":
		d.report.Skipped++
	case r.Problem != "":
		d.report.Unseen++
	}
	d.report.Results = append(d.report.Results, r)
	if d.o.Done != nil {
		d.o.Done(r)
	}
}

// onDevices tries the faults of links and contents, some at a time.
func (d *drill) onDevices(ctx context.Context) {
	next := make(chan Exercise)
	var work sync.WaitGroup
	for range atOnce {
		work.Go(func() {
			for e := range next {
				d.done(d.try(ctx, e))
			}
		})
	}
	for _, e := range exercises {
		if d.wants(e.Fault) && ctx.Err() == nil {
			next <- e
		}
	}
	close(next)
	work.Wait()
}

// try lets devices have a fault until it came once, and looks what became of it.
func (d *drill) try(ctx context.Context, e Exercise) Result {
	r := Result{Fault: e.Fault, Kind: e.Kind}
	set, err := faults.Parse(e.Kind, []string{e.Fault})
	if err != nil {
		return r.failed(err)
	}
	var where map[string]any
	folder := ""
	if e.Kind == "file" {
		if d.house == nil {
			r.Skipped = "it needs a server that the drill starts itself: another may not read its folders"
			return r
		}
		if folder, err = os.MkdirTemp("", "thalamus-drill-"); err != nil {
			return r.failed(err)
		}
		defer os.RemoveAll(folder)
		where = map[string]any{"folder": folder}
	}
	var near *bluez.Ward
	if e.Kind == "ble" {
		if d.house == nil {
			r.Skipped = "it needs a server that the drill starts itself: another may not reach its D-Bus"
			return r
		}
		var end func()
		if near, end, err = bluetooth(fmt.Sprintf("D%x", nameOf(e.Fault)), set); fault.KindOf(err) == fault.Absent {
			r.Skipped = err.Error()
			return r
		} else if err != nil {
			return r.failed(err)
		}
		defer end()
		where = map[string]any{"bus": near.Bus}
	}
	asked := &cloud.Ward{Listen: "127.0.0.1:0", Beds: 1, Every: rhythm, Page: 5, Mark: fmt.Sprintf("%s-%x", d.run, nameOf(e.Fault)), Faults: set}
	if e.Kind == "pull" {
		if err := asked.Open(); err != nil {
			return r.failed(err)
		}
		where = map[string]any{"url": asked.URL()}
	}
	ch, err := d.open(ctx, e.Fault, e.Kind, where)
	if err != nil {
		return r.failed(err)
	}
	defer d.shut(ch.ID)
	dev := d.devices(e.Kind, ch, set)
	dev.folder, dev.near, dev.cloud = folder, near, asked
	if near != nil {
		defer d.remove(ch.ID) // or it would look for its D-Bus until the end
		dev.consent = func(ctx context.Context, near []bluez.Near) { d.consent(ctx, ch.ID, near) }
	}
	if e.Kind == "rest" {
		made, err := d.admit(ctx, dev, ch.ID)
		if err != nil {
			return r.failed(err)
		}
		defer d.revoke(made)
	}
	target := enough
	switch e.Kind {
	case "rest", "pull":
		target *= 3 // a home measures three things at a time
	case "ble":
		target *= 3 // a meter has ten records at the start
	}
	if e.Fault == faults.Flood {
		target += 30
	}
	if err := d.until(ctx, "the devices were told that enough was acknowledged", d.working(ctx, dev), func() (bool, error) {
		return dev.told.acknowledged() >= target, nil
	}); err != nil {
		r.Problem = err.Error()
	}
	d.look(ctx, &r, ch.ID, dev.told, e.Sees)
	return r
}

// admit gives homes a credential, and the address of their channel.
func (d *drill) admit(ctx context.Context, dev *devices, id model.ChannelID) (credential string, err error) {
	made, err := d.credential(ctx, service.CredentialCreate{ID: "drill-" + dev.name})
	dev.homes.URL = "http://" + dev.address + "/ingest/" + string(id)
	dev.homes.Name, dev.homes.Secret = made.Credential.ID, made.Secret
	return made.Credential.ID, err
}

// working lets devices send and gives what ends that and waits for what is
// under way.
func (d *drill) working(ctx context.Context, dev *devices) (end func()) {
	sending, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); dev.work(sending) }()
	return func() { cancel(); <-done }
}

// until waits for a condition, at most for the drill's patience, and then calls
// end.
func (d *drill) until(ctx context.Context, what string, end func(), is func() (bool, error)) error {
	if end != nil {
		defer end()
	}
	pause := 20 * time.Millisecond
	for give := time.Now().Add(d.o.Patience); ; {
		ok, err := is()
		if ok || err != nil {
			return err
		}
		if time.Now().After(give) || ctx.Err() != nil {
			return fmt.Errorf("waited in vain until %s", what)
		}
		time.Sleep(pause)
		pause = min(2*pause, 250*time.Millisecond) // looking is work for the server too
	}
}

// look waits until everything is recorded and one of what is to be seen is
// there, and counts what is lost.
func (d *drill) look(ctx context.Context, r *Result, id model.ChannelID, t *told, want []string) {
	var seen sights
	err := d.until(ctx, fmt.Sprintf("one of %v is to be seen", want), nil, func() (ok bool, err error) {
		seen, err = d.channel(ctx, id, ofMessages(want))
		return seen.any(want), err
	})
	d.saw(r, t, seen, want)
	if err == nil {
		err = d.recorded(ctx)
	}
	if err == nil {
		r.Lost, err = d.lost(ctx, id, t)
	}
	if err != nil {
		r.Problem = err.Error()
	}
}

// saw enters what is to be seen, and what else there is.
func (d *drill) saw(r *Result, t *told, seen sights, want []string) {
	_, r.Sent = t.all()
	r.Acknowledged = t.acknowledged()
	if at := t.since(); !at.IsZero() && len(want) > 0 {
		r.After = time.Since(at).Seconds()
	}
	for _, s := range seen.list() {
		if slices.Contains(want, s) {
			r.Sees = append(r.Sees, s)
		} else {
			r.Also = append(r.Also, s)
		}
	}
}

func (r Result) failed(err error) Result {
	r.Problem = err.Error()
	return r
}

// alone sees that no receiver of a server that is not ours gets what simulated
// devices send: a route that names no channels takes from every one.
func (d *drill) alone(ctx context.Context) error {
	var routes []model.Route
	if err := d.call(ctx, "route.list", nil, &routes); err != nil {
		return err
	}
	for _, r := range routes {
		if len(r.Channels) == 0 && !r.Disabled {
			return fault.New(fault.Conflict, "sim.drill-routes", "the route %s takes from every channel, so its receivers would get what simulated devices send", r.ID)
		}
	}
	return nil
}

// recorded waits until everything that is durable now is recorded; others may
// send meanwhile.
func (d *drill) recorded(ctx context.Context) error {
	var durable model.Seq
	return d.until(ctx, "everything received is recorded", nil, func() (bool, error) {
		var o service.Overview
		err := d.call(ctx, "overview.get", nil, &o)
		if durable == 0 {
			durable = o.Journal
		}
		return o.Recorded >= durable, err
	})
}

func (d *drill) call(ctx context.Context, name string, request, response any) error {
	if d.house != nil {
		return d.house.door().Call(ctx, name, request, response)
	}
	return d.o.Caller.Call(ctx, name, request, response)
}

// open makes a channel of its own for a fault and gives its row.
func (d *drill) open(ctx context.Context, name, kind string, more map[string]any) (service.ChannelRow, error) {
	link := links[kind]
	settings := map[string]any{}
	for k, v := range link.settings {
		settings[k] = v
	}
	for k, v := range more {
		settings[k] = v
	}
	// The run is in the name: what an earlier drill left in the record is not
	// taken for this one's.
	ch := model.Channel{ID: model.ChannelID("drill-" + name + "-" + kind + "-" + d.run), Name: "Drill: " + name, Driver: link.driver, Codec: link.codec, Zone: zone, Settings: settings}
	if err := d.call(ctx, "channel.put", service.Put[model.Channel]{Value: ch, Reason: "drill"}, &register.Versioned[model.Channel]{}); err != nil {
		return service.ChannelRow{}, err
	}
	var row service.ChannelRow
	err := d.until(ctx, "the channel listens", nil, func() (ok bool, err error) {
		row, err = d.row(ctx, ch.ID)
		return row.Address != "" || row.State == "connected" || kind == "ble" || kind == "pull", err // a person must agree first; who is asked waits for us
	})
	return row, err
}

// shut takes a channel away again from a server that is not ours.
func (d *drill) shut(id model.ChannelID) {
	if d.house == nil {
		d.remove(id)
	}
}

func (d *drill) remove(id model.ChannelID) {
	_ = d.call(context.Background(), "channel.remove", service.Remove{ID: string(id), Reason: "drill"}, nil) // it is only in the way
}

func (d *drill) row(ctx context.Context, id model.ChannelID) (service.ChannelRow, error) {
	var rows []service.ChannelRow
	if err := d.call(ctx, "channel.list", nil, &rows); err != nil {
		return service.ChannelRow{}, err
	}
	for _, r := range rows {
		if r.ID == id {
			return r, nil
		}
	}
	return service.ChannelRow{}, fault.New(fault.Absent, "sim.drill", "the channel %s is gone", id)
}

func (d *drill) devices(kind string, ch service.ChannelRow, set faults.Set) *devices {
	return &devices{kind: kind, address: ch.Address, name: "D" + fmt.Sprintf("%x", nameOf(string(ch.ID))), run: d.run, set: set, told: &told{}, ledger: sim.NewLedger()}
}

// nameOf makes a short number of a channel's id.
func nameOf(id string) uint16 {
	h := uint32(2166136261)
	for _, c := range id {
		h = (h ^ uint32(c)) * 16777619
	}
	return uint16(h>>16) ^ uint16(h)
}
