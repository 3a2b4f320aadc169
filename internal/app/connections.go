package app

import (
	"context"
	"net/netip"
	"reflect"
	"sync"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
	"thalamus/internal/register/flows"
	"thalamus/internal/store/sqlite/registerdb"
)

// watcher keeps who connects to our channels and whom our destinations reach,
// for the map of connections (R33). It costs something for each connection,
// nothing for a message, and writes once a minute.
type watcher struct {
	codec func(model.ChannelID) string

	mu      sync.Mutex
	seen    map[met]*model.Flow // since the last write
	dropped int
	reach   map[model.DestinationID]reached
}

// met is one flow of our own.
type met struct {
	from, to string
	port     uint16
	end      string
}

// reached is what a destination in force connects to.
type reached struct {
	made      model.Destination
	reach     destination.Reach
	ok        bool
	delivered int64
	last      time.Time
}

// Bounds of the watcher.
const (
	mostMet   = 10_000 // pairs between two writes: what is more is counted and said
	metRhythm = time.Minute
)

func newWatcher(codec func(model.ChannelID) string) *watcher {
	return &watcher{codec: codec, seen: map[met]*model.Flow{}, reach: map[model.DestinationID]reached{}}
}

// met notes a connection to a channel; new says that it was just made.
func (w *watcher) met(channel model.ChannelID, c driver.Connection, at time.Time, count uint64) {
	local, err := netip.ParseAddrPort(c.Local)
	from := flows.HostOf(c.Peer)
	if err != nil || from == "" {
		return
	}
	f := model.Flow{
		From: from, To: flows.HostOf(c.Local), Port: local.Port(), Protocol: "tcp", App: w.codec(channel), Encrypted: yesNo(c.Encrypted),
		End: "channel/" + string(channel), First: at, Last: at, Count: count, Source: model.FromOwn,
	}
	w.add(f)
}

func (w *watcher) add(f model.Flow) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := met{f.From, f.To, f.Port, f.End}
	have := w.seen[k]
	switch {
	case have != nil:
		have.Last, have.Encrypted, have.Count = f.Last, f.Encrypted, have.Count+f.Count
	case len(w.seen) >= mostMet:
		w.dropped++
	default:
		w.seen[k] = &f
	}
}

// reaches sets what the destinations in force connect to.
func (w *watcher) reaches(list []model.Destination, kinds map[string]destination.Kind, host destination.Host) {
	fresh := map[model.DestinationID]reached{}
	w.mu.Lock()
	before := w.reach
	w.mu.Unlock()
	for _, d := range list {
		r := before[d.ID]
		if r.made.Kind != d.Kind || !reflect.DeepEqual(r.made.Settings, d.Settings) {
			r.made = d
			r.reach, r.ok = reachOf(d, kinds, host)
		}
		fresh[d.ID] = r
	}
	w.mu.Lock()
	w.reach = fresh
	w.mu.Unlock()
}

// reachOf asks a destination made for the purpose: making one dials nothing.
func reachOf(d model.Destination, kinds map[string]destination.Kind, host destination.Host) (destination.Reach, bool) {
	kind, ok := kinds[d.Kind]
	if !ok {
		return destination.Reach{}, false
	}
	made, err := kind.New(d, host)
	if err != nil {
		return destination.Reach{}, false
	}
	defer made.Close()
	r, ok := made.(destination.Reacher)
	if !ok {
		return destination.Reach{}, false
	}
	reach := r.Reach()
	return reach, reach.Host != ""
}

// Reaches gives the destinations that connect to another machine.
func (w *watcher) Reaches() map[model.DestinationID]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[model.DestinationID]bool{}
	for id, r := range w.reach {
		if r.ok {
			out[id] = true
		}
	}
	return out
}

// delivered notes destinations that acknowledged something since it was last
// asked.
func (w *watcher) delivered(stats []deliver.Stats, started time.Time) {
	for i := range stats {
		st := &stats[i]
		w.mu.Lock()
		r := w.reach[st.Destination]
		w.mu.Unlock()
		if !r.ok || st.LastTime.IsZero() || !st.LastTime.After(r.last) || st.LastTime.Before(started) {
			continue
		}
		first, count := st.LastTime, uint64(1)
		if !r.last.IsZero() {
			first, count = r.last, uint64(max(st.Delivered-r.delivered, 1))
		}
		w.add(model.Flow{
			From: model.FlowSelf, To: r.reach.Host, Port: r.reach.Port, Protocol: "tcp", App: r.reach.App, Encrypted: yesNo(r.reach.Encrypted),
			End: "destination/" + string(st.Destination), First: first, Last: st.LastTime, Count: count, Source: model.FromOwn,
		})
		r.delivered, r.last = st.Delivered, st.LastTime
		w.mu.Lock()
		if _, ok := w.reach[st.Destination]; ok {
			w.reach[st.Destination] = r
		}
		w.mu.Unlock()
	}
}

// list gives what was seen since it was last taken.
func (w *watcher) list() (list []model.Flow) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.seen {
		list = append(list, *f)
	}
	return list
}

// take gives what was seen since it was last taken.
func (w *watcher) take() (list []model.Flow, dropped int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.seen {
		list = append(list, *f)
	}
	w.seen, dropped, w.dropped = map[met]*model.Flow{}, w.dropped, 0
	return list, dropped
}

func (w *watcher) putBack(list []model.Flow) {
	for i := range list {
		w.add(list[i])
	}
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// codecOf says what is spoken on a channel; empty where it is not in force.
func (a *App) codecOf(id model.ChannelID) string {
	if all := a.routing.channels.Load(); all != nil {
		return (*all)[id].channel.Codec
	}
	return ""
}

func (a *App) startConnections(context.Context) error {
	a.work.Go(a.runConnections)
	return nil
}

// runConnections writes what was seen once a minute, until it is told to stop.
func (a *App) runConnections() {
	tick := time.NewTicker(metRhythm)
	defer tick.Stop()
	for {
		if err := a.service.KeepFlows(a.background); err != nil && a.background.Err() == nil {
			a.report("connections")(err)
		}
		select {
		case <-a.background.Done():
			return
		case <-tick.C:
			if err := a.writeConnections(a.background); err != nil && a.background.Err() == nil {
				a.report("connections")(err)
			}
		}
	}
}

// lookConnections notes what is connected now, and what was reached.
func (a *App) lookConnections(ctx context.Context) error {
	now := time.Now().UTC()
	for channel, list := range a.links.connections() {
		for _, c := range list {
			a.watcher.met(channel, c, now, 0)
		}
	}
	stats, err := a.deliver.Stats(ctx)
	if err != nil {
		return err
	}
	a.watcher.delivered(stats, a.started)
	return nil
}

// flowsNow gives what was seen and is not written yet.
func (a *App) flowsNow(ctx context.Context) ([]model.Flow, error) {
	if err := a.lookConnections(ctx); err != nil {
		return nil, err
	}
	return a.watcher.list(), nil
}

// writeConnections writes what was seen since it was last written.
func (a *App) writeConnections(ctx context.Context) error {
	if err := a.lookConnections(ctx); err != nil {
		return err
	}
	list, dropped := a.watcher.take()
	if dropped > 0 {
		a.report("connections")(fault.New(fault.Transient, "flow.too-many", "more than %d pairs connected within a minute; %d connections are not on the map", mostMet, dropped))
	}
	if len(list) == 0 {
		return nil
	}
	err := a.governed.Update(ctx, func(tx registerdb.Tx) error { return tx.SaveFlows(ctx, list) })
	if err != nil {
		a.watcher.putBack(list)
	}
	return err
}

// connections lists the connections there are now, by channel.
func (l *links) connections() map[model.ChannelID][]driver.Connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[model.ChannelID][]driver.Connection{}
	for id, k := range l.running {
		if c, ok := k.driver.(driver.Connected); ok && k.driver != nil {
			out[id] = c.Connections()
		}
	}
	return out
}
