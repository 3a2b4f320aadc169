package driver

import (
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Looker is what links have in common that nobody calls: a folder that is
// watched, an address that is asked. It goes its rounds one after another, at
// the hours they have, in one goroutine, and waits longer after each that
// failed. A driver embeds it and has its Stop and Status.
type Looker struct {
	Every  time.Duration // between two rounds
	Pauses Pauses        // after rounds that failed
	Peer   string        // what is looked at, for people
	Hint   string        // for the issue of a round that failed: what becomes of it
	Notes  Notes
	// Round looks once. It ends soon after ctx. wait is how long the other side
	// asks to be left alone.
	Round func(ctx context.Context) (wait time.Duration, err error)
	// Count says what was done up to now.
	Count func() model.Counts
	// Cut ends what the round under way waits for, from another goroutine, when
	// Stop's patience is over. Nil: ending its context does.
	Cut func()
	// Over is called when no round will come any more.
	Over func()

	hours  Hours
	zone   *time.Location
	cancel context.CancelFunc
	done   chan struct{}
	mu     sync.Mutex
	state  string
	why    error // of the last round, if it failed
}

// Pauses are the waiting times between tries: a second, then two, four … up to
// Longest, each by chance up to a half shorter or longer, so that not all come at once
// after an outage.
type Pauses struct {
	Longest time.Duration
	next    time.Duration
}

// Next is how long to wait now.
func (p *Pauses) Next() time.Duration {
	now := max(p.next, time.Second)
	p.next = min(2*now, p.Longest)
	return now/2 + rand.N(now)
}

// Reset begins anew, after a try that went well.
func (p *Pauses) Reset() { p.next = 0 }

// Keep sets the hours to keep, by the clock of a zone; none: this machine's.
// Faults are at the setting.
func (l *Looker) Keep(hours, zone string) (err error) {
	if l.hours, err = ParseHours(hours); err != nil {
		return err
	}
	if l.zone = time.Local; zone == "" {
		return nil
	}
	if l.zone, err = time.LoadLocation(zone); err != nil {
		return fault.New(fault.Invalid, "driver.zone", "there is no time zone of this name; expected one such as Europe/Berlin").At("zone")
	}
	return nil
}

// Begin starts the rounds.
func (l *Looker) Begin(ctx context.Context) {
	ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.done = make(chan struct{})
	l.say("trying", nil)
	go l.work(ctx)
}

// Stop ends after what is under way, which is cut when ctx ends.
func (l *Looker) Stop(ctx context.Context) error {
	if l.cancel == nil {
		return nil
	}
	l.cancel()
	if l.Cut != nil {
		defer context.AfterFunc(ctx, l.Cut)()
	}
	<-l.done
	l.say("stopped", nil)
	return nil
}

// Status implements Reporter.
func (l *Looker) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == "" {
		return Status{State: "stopped"}
	}
	s := Status{State: l.state, Counts: l.Count()}
	if l.why != nil {
		s.Text, s.Code = l.why.Error(), fault.CodeOf(l.why)
	}
	return s
}

func (l *Looker) say(state string, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state, l.why = state, why
}

func (l *Looker) work(ctx context.Context) {
	defer close(l.done)
	defer l.Over()
	for {
		wait := l.Every
		if !l.hours.Open(time.Now().In(l.zone)) {
			l.say("resting", nil)
			wait = max(wait, min(30*time.Second, 10*wait))
		} else if asked, err := l.Round(ctx); err != nil && ctx.Err() == nil {
			l.say("trying", err)
			l.Notes.Add(l.Peer, fault.CodeOf(err), err.Error(), l.Hint)
			wait = max(wait, asked, l.Pauses.Next())
		} else {
			l.Pauses.Reset()
			wait = max(wait, asked)
			l.say("connected", nil)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// Memory gives the folder in which a channel's driver keeps what it must
// remember, and the channel's entries of before the start (see Host.Recent).
func (h *Host) Memory(channel model.ChannelID) (folder string, recent func(each func(model.Entry)), err error) {
	if h.Folder == nil {
		return "", nil, fault.New(fault.Broken, "driver.memory", "there is no folder in which the channel can remember what it took")
	}
	recent = func(func(model.Entry)) {}
	if h.Recent != nil {
		recent = func(each func(model.Entry)) { h.Recent(channel, each) }
	}
	folder, err = h.Folder(channel)
	return folder, recent, err
}

// Secret is the first line of a file: a password or a token. It is read each
// time it is needed, so that a new one counts at once. Faults are at the
// setting place.
func Secret(file, place string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "driver.secret", "cannot read the file with the secret").At(place)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimRight(line, "\r"), nil
}
