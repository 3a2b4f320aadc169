package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// links runs one driver for each channel in force.
type links struct {
	kinds map[string]driver.Kind
	host  driver.Host
	log   *slog.Logger
	line  func(profile string) (model.Line, error) // how a profile says that a line is set

	applying sync.Mutex
	mu       sync.Mutex
	running  map[model.ChannelID]*link
}

// link is a channel and its driver; driver is nil when it could not start,
// and why says so.
type link struct {
	channel model.Channel
	driver  driver.Driver
	why     error
	notes   *notes
}

func newLinks(kinds []driver.Kind, host driver.Host, line func(profile string) (model.Line, error)) *links {
	l := &links{kinds: map[string]driver.Kind{}, host: host, log: host.Log, line: line, running: map[model.ChannelID]*link{}}
	for _, k := range kinds {
		l.kinds[k.Name] = k
	}
	return l
}

// stopGrace is how long a link may take to answer what is under way.
const stopGrace = 5 * time.Second

// Check says whether a channel could be put in force, without starting it.
func (l *links) Check(c model.Channel) error {
	c, err := l.whole(c)
	if err == nil {
		_, err = l.make(c)
	}
	return err
}

// whole is a channel with how its profile says that its line is set.
func (l *links) whole(c model.Channel) (model.Channel, error) {
	name := c.LineProfile()
	if name == "" {
		return c, nil
	}
	line, err := l.line(name)
	if err != nil {
		return c, ofChannel(err, c)
	}
	return c.WithLine(line), nil
}

func (l *links) make(c model.Channel) (driver.Driver, error) {
	kind, ok := l.kinds[c.Driver]
	if !ok {
		return nil, fault.New(fault.Invalid, "app.unknown-driver", "there is no driver %q; there are %v", c.Driver, slices.Sorted(maps.Keys(l.kinds))).At("driver")
	}
	if !slices.Contains(kind.Codecs, c.Codec) {
		return nil, fault.New(fault.Invalid, "app.unknown-codec", "frames of driver %s are read with %v, not with %q", c.Driver, kind.Codecs, c.Codec).At("codec")
	}
	d, err := kind.New(c)
	if err != nil {
		return nil, ofChannel(err, c)
	}
	return d, nil
}

// ofChannel says whose fault it is.
func ofChannel(err error, c model.Channel) error {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f.At(fmt.Sprintf("channel %s: %s", c.ID, f.Place))
	}
	return err
}

// Apply brings the channels in force: what is gone stops, what is new starts,
// whose link changed stops and starts. A channel that cannot start (its port is in
// use) does not hold the others back: it stands as failed with the reason, and
// the first such reason is returned.
func (l *links) Apply(ctx context.Context, channels []model.Channel) error {
	l.applying.Lock()
	defer l.applying.Unlock()
	want := map[model.ChannelID]model.Channel{}
	for _, c := range channels {
		if c.Disabled {
			continue
		}
		if whole, err := l.whole(c); err == nil {
			c = whole
		} // else start says why
		want[c.ID] = c
	}
	var stop []*link
	l.mu.Lock()
	for id, have := range l.running {
		if c, ok := want[id]; !ok || have.why != nil || !sameLink(c, have.channel) {
			stop = append(stop, have)
			delete(l.running, id)
		} else {
			delete(want, id)
		}
	}
	l.mu.Unlock()
	l.stop(ctx, stop)
	var failed error
	for _, id := range slices.Sorted(maps.Keys(want)) {
		k := l.start(ctx, want[id])
		if k.why != nil {
			l.log.Error("channel cannot start", "channel", id, "fault", fault.CodeOf(k.why), "error", k.why)
			if failed == nil {
				failed = k.why
			}
		}
		l.mu.Lock()
		l.running[id] = k
		l.mu.Unlock()
	}
	return failed
}

// sameLink says whether a link can stay as it is: a channel that got another
// name, or that reads its messages in another way, must not cut off devices.
func sameLink(a, b model.Channel) bool {
	return a.Driver == b.Driver && a.Codec == b.Codec && reflect.DeepEqual(a.Settings, b.Settings)
}

func (l *links) start(ctx context.Context, c model.Channel) *link {
	k := &link{channel: c, notes: &notes{}}
	var d driver.Driver
	c, err := l.whole(c)
	if err == nil {
		d, err = l.make(c)
	}
	if err == nil {
		host := l.host
		host.Log = l.log.With("channel", c.ID)
		host.Note = k.notes.add
		if err = d.Start(ctx, host); err != nil {
			err = ofChannel(err, c)
		}
	}
	if err != nil {
		k.why = err
		return k
	}
	k.driver = d
	return k
}

func (l *links) stop(ctx context.Context, all []*link) {
	ctx, cancel := context.WithTimeout(ctx, stopGrace)
	defer cancel()
	var stopping sync.WaitGroup
	for _, k := range all {
		if k.driver != nil {
			stopping.Go(func() {
				if err := k.driver.Stop(ctx); err != nil {
					l.log.Warn("channel did not stop in time", "channel", k.channel.ID, "error", err)
				}
			})
		}
	}
	stopping.Wait()
}

// Close stops every link.
func (l *links) Close(ctx context.Context) {
	l.applying.Lock()
	defer l.applying.Unlock()
	l.mu.Lock()
	all := slices.Collect(maps.Values(l.running))
	l.running = map[model.ChannelID]*link{}
	l.mu.Unlock()
	l.stop(ctx, all)
}

// Status tells how each channel's link is.
func (l *links) Status() map[model.ChannelID]service.LinkStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[model.ChannelID]service.LinkStatus, len(l.running))
	for id, k := range l.running {
		s := service.LinkStatus{State: "running", Notes: k.notes.list()}
		if k.why != nil {
			s.State, s.Text, s.Code, s.Why = "failed", k.why.Error(), fault.CodeOf(k.why), k.why
		}
		if r, ok := k.driver.(driver.Reporter); ok && k.driver != nil {
			st := r.Status()
			s.State, s.Peers, s.Text, s.Code, s.Counts = st.State, st.Peers, st.Text, st.Code, st.Counts
		}
		if a, ok := k.driver.(driver.Listener); ok && k.driver != nil && a.Addr() != nil {
			s.Address = a.Addr().String()
		}
		out[id] = s
	}
	return out
}

// notes keeps what happened on a link and is no frame: the latest of each
// code, with how often.
type notes struct {
	mu   sync.Mutex
	kept []service.LinkNote
}

// mostNotes bounds the kinds of notes kept; codes are few.
const mostNotes = 64

func (n *notes) add(peer string, issue model.Issue) {
	now := time.Now().UTC()
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.kept {
		if n.kept[i].Issue.Code == issue.Code {
			n.kept[i].Issue, n.kept[i].Peer, n.kept[i].Last = issue, peer, now
			n.kept[i].Count++
			return
		}
	}
	if len(n.kept) < mostNotes {
		n.kept = append(n.kept, service.LinkNote{Issue: issue, Peer: peer, First: now, Last: now, Count: 1})
	}
}

func (n *notes) list() []service.LinkNote {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.kept)
}
