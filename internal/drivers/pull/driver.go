// Package pull asks an address for what is new, by itself and at its hours (R3):
// a gateway, a cloud of a maker, a FHIR server. It remembers from where on to
// ask, follows pages, and takes nothing twice; the cursor moves only after what
// came was durable (R23).
package pull

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "pull",
		Doc:      "Asks an HTTP address for what is new, at its hours.",
		Codecs:   []string{"json", "csv", "fhir", "hl7v2", "openmhealth"},
		Settings: &Settings{},
		New:      func(ch model.Channel) (driver.Driver, error) { return New(ch) },
	}
}

// Driver asks one address. One goroutine does all its work.
type Driver struct {
	channel  model.ChannelID
	codec    string
	zone     *time.Location
	settings Settings
	hours    driver.Hours
	base     *url.URL

	host   driver.Host
	notes  driver.Notes
	http   *http.Client
	memory *remembered
	now    func() time.Time

	cancel     context.CancelFunc
	done       chan struct{}
	mu         sync.Mutex
	state, why string

	answers, entries, again atomic.Uint64
}

var _ driver.Reporter = (*Driver)(nil)

// New checks the channel's settings.
func New(ch model.Channel) (*Driver, error) {
	d := &Driver{channel: ch.ID, codec: ch.Codec, zone: time.Local, now: time.Now, state: "stopped"}
	if d.codec == "" {
		d.codec = "json"
	}
	err := conf.Decode(ch.Settings, &d.settings)
	if err != nil {
		return nil, err
	}
	if d.hours, err = driver.ParseHours(d.settings.Hours); err != nil {
		return nil, err
	}
	if ch.Zone != "" {
		if d.zone, err = time.LoadLocation(ch.Zone); err != nil {
			return nil, fault.New(fault.Invalid, "pull.setting", "there is no zone of this name").At("zone")
		}
	}
	d.base, err = url.Parse(d.settings.URL)
	return d, err
}

// Start reads from where on to ask. A server that cannot be reached is tried
// again.
func (d *Driver) Start(ctx context.Context, host driver.Host) error {
	d.host, d.notes.To = host, host.Note
	if host.Folder == nil {
		return fault.New(fault.Broken, "pull.state", "there is no folder in which to remember from where on to ask")
	}
	folder, err := host.Folder(d.channel)
	if err != nil {
		return err
	}
	var recent func(func(model.Entry))
	if host.Recent != nil {
		recent = func(each func(model.Entry)) { host.Recent(d.channel, each) }
	}
	if d.memory, err = load(folder, recent); err != nil {
		return err
	}
	if d.http, err = d.client(); err != nil {
		return err
	}
	ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.done = make(chan struct{})
	d.say("waiting", "asks for the first time")
	go d.work(ctx)
	return nil
}

// Stop breaks off what is asked; what came whole is offered or asked for again.
func (d *Driver) Stop(context.Context) error {
	if d.cancel == nil {
		return nil
	}
	d.cancel()
	<-d.done
	d.http.CloseIdleConnections()
	d.say("stopped", "")
	return nil
}

// Status says how the link is.
func (d *Driver) Status() driver.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	text := fmt.Sprintf("%d answers with something new, %d entries taken, %d had been taken before", d.answers.Load(), d.entries.Load(), d.again.Load())
	if d.why != "" {
		text = d.why + "; " + text
	}
	return driver.Status{State: d.state, Text: text}
}

func (d *Driver) say(state, why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state, d.why = state, why
}

// Encrypted implements driver.Encrypter.
func (d *Driver) Encrypted() bool { return d.base.Scheme == "https" }

// Waiting times after a round that failed.
const (
	firstPause = time.Second
	mostPause  = 15 * time.Minute
)

func (d *Driver) work(ctx context.Context) {
	defer close(d.done)
	pause := firstPause
	for {
		wait := d.settings.Every
		if !d.hours.Open(d.now().In(d.zone)) {
			d.say("waiting", "outside its hours")
			wait = max(wait, min(30*time.Second, 10*wait))
		} else if asked, err := d.round(ctx); ctx.Err() == nil && err != nil {
			d.say("waiting", err.Error())
			d.notes.Add(d.base.Host, fault.CodeOf(err), err.Error(), "It is asked again by itself.")
			wait = max(wait, asked, pause/2+rand.N(pause))
			pause = min(2*pause, mostPause)
		} else {
			pause, wait = firstPause, max(wait, asked)
			d.say("connected", "")
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// round asks until there is no further page. wait is what the server asks for.
func (d *Driver) round(ctx context.Context) (wait time.Duration, err error) {
	began, address, first := d.now(), d.memory.Next, false
	if address == "" {
		address, first = d.address(), true
	}
	cursor := ""
	for range d.settings.Pages {
		a, err := d.ask(ctx, address, first)
		if err != nil {
			if fault.KindOf(err) == fault.Invalid && !first {
				d.memory.Next = "" // a page that is no more: begin anew
			}
			return a.until, err
		}
		if a.body == nil {
			return a.until, nil
		}
		if err := d.take(ctx, a, address); err != nil {
			return a.until, err
		}
		if value := d.cursorOf(a); value != "" {
			cursor = value
		}
		following, err := d.next(a, address)
		if err != nil {
			return a.until, err
		}
		if following == address {
			following = ""
		}
		if first {
			d.memory.ETag, d.memory.Modified = a.head.Get("ETag"), a.head.Get("Last-Modified")
		}
		if d.memory.Next = following; following == "" {
			if d.settings.Cursor.From == "time" {
				cursor = since(began, d.settings.Cursor.Overlap)
			}
			if cursor != "" && cursor != d.memory.Cursor {
				d.memory.Cursor, d.memory.ETag, d.memory.Modified = cursor, "", "" // another address from now on
			}
		}
		if err := d.memory.save(); err != nil {
			return a.until, err
		}
		if wait = a.until; following == "" {
			return wait, nil
		}
		address, first = following, false
	}
	return wait, nil
}

// address is the first page's, from the cursor on.
func (d *Driver) address() string {
	u := *d.base
	if d.memory.Cursor != "" {
		q := u.Query()
		q.Set(d.settings.Cursor.Parameter, d.settings.Cursor.Prefix+d.memory.Cursor)
		u.RawQuery = q.Encode()
	}
	return u.String()
}

// take makes durable what an answer holds and was not taken before.
func (d *Driver) take(ctx context.Context, a answer, address string) error {
	frames := d.frames(a, address)
	hashes := make([]string, 0, len(frames))
	here := make(map[string]bool, len(frames))
	frames = slices.DeleteFunc(frames, func(f model.Frame) bool {
		hash := hashOf(f.Bytes)
		if d.memory.known[hash] || here[hash] {
			d.again.Add(1)
			return true
		}
		hashes, here[hash] = append(hashes, hash), true
		return false
	})
	if len(frames) == 0 {
		return nil
	}
	d.answers.Add(1)
	for batch := range slices.Chunk(frames, mostOffer) {
		if _, err := d.host.Intake.Offer(ctx, batch); err != nil {
			if fault.KindOf(err) != fault.Invalid {
				return err
			}
			d.notes.Add(d.base.Host, "pull.refused", "something that was fetched cannot be taken: "+err.Error(), "Have the server send smaller parts, or say each: line.")
			continue
		}
		d.entries.Add(uint64(len(batch)))
	}
	for _, hash := range hashes {
		d.memory.took(hash)
	}
	return nil
}

// mostOffer is how many entries share a commit.
const mostOffer = 256
