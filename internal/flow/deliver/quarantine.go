package deliver

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// What comes from a device that nobody has adopted, on a channel that asks for
// it, waits (R11, R29): each destination keeps it in its store with the place
// it has in the order of its key, beside the queue. The register alone knows
// who is adopted. A runner asks it when it starts, when it is told that
// somebody was adopted, and before it takes a later message of the same key;
// so what waited is queued before what came after the adoption, and nothing
// has to be remembered between the two stores when the power goes in between.
// docs/decisions/0060 says more.

// waits is what waits at one destination, counted.
type waits struct {
	rows int
	by   map[string]*waitingFor // by the devices waited for
	keys map[string][]string    // of a key: the devices it waits for
}

type waitingFor struct {
	rows   int
	oldest time.Time
	keys   map[string]int // rows of each
}

func newWaits() waits {
	return waits{by: map[string]*waitingFor{}, keys: map[string][]string{}}
}

func (w *waits) add(who, key string, rows int, oldest time.Time) {
	one := w.by[who]
	if one == nil {
		one = &waitingFor{keys: map[string]int{}}
		w.by[who] = one
	}
	if one.keys[key] == 0 {
		w.keys[key] = append(w.keys[key], who)
	}
	one.keys[key] += rows
	one.rows += rows
	w.rows += rows
	if one.oldest.IsZero() || oldest.Before(one.oldest) {
		one.oldest = oldest
	}
}

// take forgets what waits for some devices and gives it.
func (w *waits) take(who string) *waitingFor {
	one := w.by[who]
	delete(w.by, who)
	w.rows -= one.rows
	for key := range one.keys {
		rest := slices.DeleteFunc(w.keys[key], func(s string) bool { return s == who })
		if w.keys[key] = rest; len(rest) == 0 {
			delete(w.keys, key)
		}
	}
	return one
}

// waitsFor names what must become of devices before the message goes to a
// destination; empty when it may go.
func (o *Options) waitsFor(m *model.Message, dest model.DestinationID) string {
	for i := range m.Routed {
		if one := &m.Routed[i]; one.Destination == dest && one.Waits() {
			return o.strangers(m, one.Refused)
		}
	}
	return ""
}

// strangers are the whole devices of a message that nobody has adopted, or,
// where that is what it waits for, that are not accepted.
func (o *Options) strangers(m *model.Message, refused string) string {
	var who []string
	for i := range m.Devices {
		d := &m.Devices[i]
		if d.Parent >= 0 || d.ID == "" {
			continue
		}
		one := string(d.ID)
		if refused == model.RefusedAcceptance {
			one = acceptance + string(m.Channel) + "/" + one
		}
		if refused == model.RefusedBlocked {
			one = blocked + string(m.Channel) + "/" + one
		}
		if !o.known(one) {
			who = append(who, one)
		}
	}
	slices.Sort(who)
	return strings.Join(slices.Compact(who), " ")
}

// acceptance begins what waits for a device to be accepted for use, as the
// channel asks for it: "accept/icu/dev-1". What waits for a device to be
// adopted is its id.
const acceptance = "accept/"

// blocked begins what is set aside because a device is blocked:
// "blocked/icu/dev-1".
const blocked = "blocked/"

// known says whether what somebody waits for has come to be.
func (o *Options) known(who string) bool {
	if rest, ok := strings.CutPrefix(who, blocked); ok {
		channel, id, _ := strings.Cut(rest, "/")
		return o.Freed(model.ChannelID(channel), model.DeviceID(id))
	}
	rest, ok := strings.CutPrefix(who, acceptance)
	if !ok {
		return o.Adopted(model.DeviceID(who))
	}
	channel, id, _ := strings.Cut(rest, "/")
	return o.Accepted(model.ChannelID(channel), model.DeviceID(id))
}

// deviceOf gives the device that is waited for.
func deviceOf(who string) model.DeviceID {
	return model.DeviceID(who[strings.LastIndexByte(who, '/')+1:])
}

// devicesOf gives the devices that are waited for.
func devicesOf(who string) (ids []model.DeviceID) {
	for one := range strings.SplitSeq(who, " ") {
		ids = append(ids, deviceOf(one))
	}
	return ids
}

// WaitsReason says for what a quarantined delivery waits.
func WaitsReason(who string) string {
	if strings.HasPrefix(who, blocked) {
		text := "set aside, because blocked:"
		for _, id := range devicesOf(who) {
			text += " " + string(id)
		}
		return text
	}
	if !strings.HasPrefix(who, acceptance) {
		return "waits until somebody adopts " + who
	}
	text := "waits until accepted for use:"
	for _, id := range devicesOf(who) {
		text += " " + string(id)
	}
	return text
}

func (r *runner) waitsFor(m *model.Message) string { return r.o.waitsFor(m, r.id) }

// hold keeps a message in quarantine.
func (r *runner) hold(m *model.Message, key, who string) {
	decided := func(j Reject) bool { return j.For == who }
	released := func(x Release) bool { return x.For == who }
	if slices.ContainsFunc(r.pending.Released, released) || slices.ContainsFunc(r.pending.Rejected, decided) {
		r.flush() // that was about what waited before
	}
	owed := owedSince(m)
	r.ledger.settle(r.ledger.add(m.Ref, owed, key))
	if l := r.lanes[key]; l != nil && l.spilled == 0 {
		r.park(l) // what stands before it has a lower place in the store, too
	}
	r.lastOrd++
	r.pending.Wait = append(r.pending.Wait, Detained{Ord: r.lastOrd, Key: key, Ref: m.Ref, Owed: owed, For: who})
	r.touched()
	r.waits.add(who, key, 1, owed)
}

func (r *runner) allAdopted(who string) bool {
	for id := range strings.SplitSeq(who, " ") {
		if !r.o.known(id) {
			return false
		}
	}
	return true
}

// releaseAdopted queues all that waits for nobody any more.
func (r *runner) releaseAdopted() {
	for who := range r.waits.by {
		if r.allAdopted(who) {
			r.letGo(who)
		}
	}
}

// releaseOf does the same for one key.
func (r *runner) releaseOf(key string) {
	for _, who := range slices.Clone(r.waits.keys[key]) {
		if r.allAdopted(who) {
			r.letGo(who)
		}
	}
}

// letGo queues what waits for some devices, each at its place in the order of
// its key: the lanes begin again at the front of what the store has of them.
func (r *runner) letGo(who string) {
	one := r.waits.take(who)
	release := Release{For: who}
	for key := range one.keys {
		if now := r.o.keyNow(key); now != key {
			if release.Moved == nil {
				release.Moved = map[string]string{}
			}
			release.Moved[key] = now
		}
	}
	r.pending.Released = append(r.pending.Released, release)
	r.parked += one.rows
	r.touched()
	for key, rows := range one.keys {
		l := r.lane(r.o.keyNow(key))
		r.rewind(l)
		l.spilled += rows
		if l.state == idle {
			r.wake(l, false)
		}
	}
	r.o.Host.Log.Info("released from quarantine", "destination", r.id, "devices", who, "deliveries", one.rows)
}

// keyNow is the key under which a message comes by now: that of the device
// into which its own was merged.
func (o *Options) keyNow(key string) string {
	id, ok := strings.CutPrefix(key, deviceKey)
	if !ok || o.Head == nil {
		return key
	}
	return deviceKey + string(o.Head(model.DeviceID(id)))
}

// rewind gives a lane back to the store, which knows the order: what is in
// memory goes, but for a call under way, and is read again from the front.
func (r *runner) rewind(l *lane) {
	if l.spilled == 0 { // else all of it has rows already
		r.park(l)
	}
	for _, p := range l.parcels[l.flying:] {
		r.unload(p)
	}
	l.spilled += len(l.parcels) - l.flying
	clear(l.parcels[l.flying:])
	l.parcels = l.parcels[:l.flying:l.flying]
	l.rewound = l.flying > 0
	l.loading, l.loads, l.loadedTo = false, l.loads+1, math.MinInt64
	l.parkedIn = r.generation // the rows that go and come with this batch
}

// Adopted tells all destinations that devices were adopted or accepted: what
// waited for them is queued now.
func (d *Deliver) Adopted() {
	runners, err := d.targets(nil)
	if err != nil {
		return // there are no destinations
	}
	for _, r := range runners {
		r.do(r.releaseAdopted)
	}
}

// Quarantine is what waits at one destination for the same devices.
type Quarantine struct {
	Destination model.DestinationID `json:"destination"`
	Devices     []model.DeviceID    `json:"devices"` // all of them must be adopted, or accepted
	For         string              `json:"for"`     // adoption; acceptance for use; block: somebody's decision to send it
	Deliveries  int                 `json:"deliveries"`
	Oldest      time.Time           `json:"oldest"` // since when the oldest is owed
}

// Quarantined lists what waits for devices to be adopted, by destination and
// devices.
func (d *Deliver) Quarantined(ctx context.Context) ([]Quarantine, error) {
	runners, err := d.targets(nil)
	if err != nil {
		return nil, nil
	}
	var all []Quarantine
	for _, r := range runners {
		err := r.ask(ctx, func(done func(error)) {
			for who, one := range r.waits.by {
				q := Quarantine{Destination: r.id, Devices: devicesOf(who), For: "adoption", Deliveries: one.rows, Oldest: one.oldest}
				if strings.HasPrefix(who, acceptance) {
					q.For = "acceptance"
				}
				if strings.HasPrefix(who, blocked) {
					q.For = "block"
				}
				all = append(all, q)
			}
			done(nil)
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b Quarantine) int {
		if c := strings.Compare(string(a.Destination), string(b.Destination)); c != 0 {
			return c
		}
		if c := strings.Compare(a.For, b.For); c != 0 {
			return -c // adoption comes first
		}
		return slices.Compare(a.Devices, b.Devices)
	})
	return all, nil
}

// Reject sets aside for good what waits for a device, with a reason, at every
// destination, and gives how many deliveries that were. It returns when that
// is durable.
func (d *Deliver) Reject(ctx context.Context, device model.DeviceID, reason string) (int, error) {
	if reason == "" {
		return 0, fault.New(fault.Invalid, "deliver.no-reason", "rejecting what waits for a device needs a reason; say why nobody needs it")
	}
	runners, err := d.targets(nil)
	if err != nil {
		return 0, err
	}
	rejected := 0
	for _, r := range runners {
		count := 0
		if err := r.ask(ctx, func(done func(error)) {
			for who := range r.waits.by {
				if !slices.Contains(devicesOf(who), device) {
					continue
				}
				rows := r.waits.take(who).rows
				r.pending.Rejected = append(r.pending.Rejected, Reject{For: who, Reason: clip(reason), At: time.Now()})
				r.numbers.Discarded += int64(rows)
				count += rows
				r.touched()
			}
			r.waiters = append(r.waiters, done)
		}); err != nil {
			return rejected, err
		}
		rejected += count
	}
	return rejected, nil
}
