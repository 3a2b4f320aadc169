package drill

import (
	"cmp"
	"context"
	"sync"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/bluez"
	"thalamus/internal/sim/cloud"
	"thalamus/internal/sim/faults"
	"thalamus/internal/sim/files"
	"thalamus/internal/sim/home"
	"thalamus/internal/sim/lab"
	"thalamus/internal/sim/phdagent"
	"thalamus/internal/sim/wearable"
)

const (
	rhythm = 50 * time.Millisecond // between messages of a device
	grace  = 20 * time.Second      // for what is under way when a round ends
	before = 4                     // messages come before the one that goes wrong
	enough = 8                     // messages show a fault once
)

// told is what devices were told was acknowledged. It is safe for any number of
// goroutines.
type told struct {
	mu    sync.Mutex
	marks []string // what an entry that holds the message holds
	count int      // of those that have no mark
	sent  int
	wrong time.Time // since when something may be wrong
}

func (t *told) mark(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.marks = append(t.marks, text)
	if len(t.marks) == before {
		t.wrong = time.Now()
	}
}

func (t *told) acknowledged() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.marks) + t.count
}

// wrongNow says that something is wrong from now on.
func (t *told) wrongNow() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wrong = time.Now()
}

func (t *told) since() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wrong
}

func (t *told) all() (marks []string, sent int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.marks...), max(t.sent, len(t.marks)+t.count)
}

// devices are one or two simulated devices of a kind on a channel.
type devices struct {
	kind    string
	address string
	name    string // of their ward; tells rounds apart
	run     string
	set     faults.Set
	told    *told
	ledger  *sim.Ledger // of HL7 v2
	mqtt    wearable.Ward
	homes   home.Homes
	folder  string      // they file into
	near    *bluez.Ward // of Bluetooth
	consent func(ctx context.Context, near []bluez.Near)
	cloud   *cloud.Ward   // that is asked
	grace   time.Duration // for what is under way at the end; 0: as ever
}

// driver and codec of the channel that a kind sends to, and its settings.
var links = map[string]struct {
	driver, codec string
	settings      map[string]any
}{
	"hl7":    {"mllp", "hl7v2", map[string]any{"listen": "127.0.0.1:0"}},
	"mqtt":   {"mqtt", "json", map[string]any{"listen": "127.0.0.1:0", "anonymous": true, "tls": map[string]any{"enabled": false}}},
	"phd":    {"phd", "phd", map[string]any{"listen": "127.0.0.1:0"}},
	"astm":   {"astm", "astm", map[string]any{"link": map[string]any{"listen": "127.0.0.1:0"}}},
	"poct1a": {"poct1a", "poct1a", map[string]any{"link": map[string]any{"listen": "127.0.0.1:0"}}},
	"file":   {"filedrop", "hl7v2", map[string]any{"complete": "renamed", "every": "100ms"}},
	"ble":    {"ble", "gatt", map[string]any{"retry": "200ms"}},
	"pull":   {"pull", "fhir", map[string]any{"every": "100ms", "accept": "application/fhir+json", "cursor": map[string]any{"parameter": "_lastUpdated", "from": "time", "prefix": "ge"}}},
	"rest":   {"rest", "fhir", map[string]any{"listen": "127.0.0.1:0", "requests_per_second": 0}},
}

// work lets them send until ctx ends.
func (d *devices) work(ctx context.Context) {
	switch d.kind {
	case "hl7":
		w := sim.NewWard(d.address, nil, d.name, 1, sim.NewTerms(), d.run)
		if w.Only([]string{sim.KindMonitor}) != nil {
			return
		}
		w.Ledger, w.Rate, w.Faults = d.ledger, float64(time.Second/rhythm), d.set
		w.Acknowledged = func(m sim.Message) { d.told.mark("|" + m.ControlID + "|") }
		w.Run(ctx, cmp.Or(d.grace, grace))
		d.sent(w)
	case "mqtt":
		d.mqtt.Address, d.mqtt.Name, d.mqtt.Beds, d.mqtt.Rhythm, d.mqtt.Faults = d.address, d.name, 1, rhythm, d.set
		d.mqtt.Acknowledged = d.told.mark
		d.mqtt.Run(ctx, cmp.Or(d.grace, grace))
		d.sent(&d.mqtt)
	case "phd":
		w := phdagent.Ward{Address: d.address, Beds: 1, Devices: []string{"oximeter"}, Every: rhythm, Faults: d.set}
		d.counted(ctx, &w)
	case "ble":
		d.pair(ctx)
	case "file":
		w := files.Ward{Folder: d.folder, Name: d.name, Beds: 1, Devices: []string{files.Batch}, Every: rhythm, Mark: d.run, Faults: d.set, Acknowledged: d.told.mark}
		w.Run(ctx, cmp.Or(d.grace, grace))
		d.sent(&w)
	case "pull":
		d.cloud.Name, d.cloud.Acknowledged = d.name, d.told.mark
		d.cloud.Run(ctx, cmp.Or(d.grace, grace))
		d.sent(d.cloud)
	case "rest":
		h := &d.homes
		h.Ward, h.Number, h.Rate, h.Mark, h.Faults = d.name, 1, float64(time.Second/rhythm), d.run, d.set
		if h.Open() == nil {
			d.counted(ctx, h)
		}
	case "astm":
		o := lab.NewOutcome(func(id string) { d.told.mark("|" + id + "|") })
		(&lab.Analyser{Address: d.address, Number: 1, Run: d.name, Rhythm: rhythm, Faults: d.set, Outcome: o}).Work(ctx)
		d.sent(o)
	case "poct1a":
		o := lab.NewOutcome(func(id string) { d.told.mark(`"` + id + `"`) })
		(&lab.Meter{Address: d.address, Number: 1, Run: d.name, Rhythm: rhythm, Faults: d.set, Outcome: o}).Work(ctx)
		d.sent(o)
	}
}

// counted lets devices work whose messages have no mark: what they were told is
// counted.
func (d *devices) counted(ctx context.Context, all sim.Senders) {
	done := make(chan struct{})
	go func() { defer close(done); all.Run(ctx, cmp.Or(d.grace, grace)) }()
	for over := false; !over; {
		select {
		case <-done:
			over = true
		case <-time.After(rhythm):
		}
		t := all.Told()
		d.told.mu.Lock()
		d.told.sent, d.told.count = t.Sent, t.Acknowledged
		if t.Acknowledged >= before && d.told.wrong.IsZero() {
			d.told.wrong = time.Now()
		}
		d.told.mu.Unlock()
	}
}

func (d *devices) sent(all interface{ Told() sim.Told }) {
	n := all.Told().Sent
	d.told.mu.Lock()
	defer d.told.mu.Unlock()
	d.told.sent = n
}
