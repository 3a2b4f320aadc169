// Package pull asks an address for what is new, by itself and at its hours (R3):
// a gateway, a cloud of a maker, a FHIR server. It remembers from where on to
// ask, follows pages, and takes nothing twice; the cursor moves only after what
// came was durable (R23).
package pull

import (
	"context"
	"net/http"
	"net/url"
	"slices"
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
	driver.Looker
	channel  model.ChannelID
	codec    string
	settings Settings
	base     *url.URL

	host   driver.Host
	http   *http.Client
	memory *remembered

	answers, entries, again atomic.Uint64
}

var _ driver.Reporter = (*Driver)(nil)

// longestPause is between two tries while the server is away.
const longestPause = 15 * time.Minute

// New checks the channel's settings.
func New(ch model.Channel) (*Driver, error) {
	d := &Driver{channel: ch.ID, codec: ch.Codec}
	if d.codec == "" {
		d.codec = "json"
	}
	err := conf.Decode(ch.Settings, &d.settings)
	if err != nil {
		return nil, err
	}
	if d.base, err = url.Parse(d.settings.URL); err != nil {
		return nil, err
	}
	d.Looker = driver.Looker{Every: d.settings.Every, Pauses: driver.Pauses{Longest: longestPause}, Peer: d.base.Host,
		Hint: "It is asked again by itself.", Round: d.round, Count: d.count, Over: func() { d.http.CloseIdleConnections() }}
	if err := d.Keep(d.settings.Hours, ch.Zone); err != nil {
		return nil, err
	}
	return d, nil
}

// Start reads from where on to ask. A server that cannot be reached is tried
// again. Stop breaks off what is asked; what came whole is offered or asked for
// again.
func (d *Driver) Start(ctx context.Context, host driver.Host) error {
	d.host = host
	d.Notes.Begin(host, d.channel)
	folder, recent, err := host.Memory(d.channel)
	if err != nil {
		return err
	}
	if d.memory, err = load(folder, recent); err != nil {
		return err
	}
	if d.http, err = d.client(); err != nil {
		return err
	}
	d.Begin(ctx)
	return nil
}

func (d *Driver) count() model.Counts {
	return model.Counts{{Of: "answers with something new", N: d.answers.Load()}, {Of: "entries taken", N: d.entries.Load()}, {Of: "taken before", N: d.again.Load()}}
}

// Encrypted implements driver.Encrypter.
func (d *Driver) Encrypted() bool { return d.base.Scheme == "https" }

// round asks until there is no further page. wait is what the server asks for.
func (d *Driver) round(ctx context.Context) (wait time.Duration, err error) {
	began, address, first := time.Now(), d.memory.Next, false
	if address == "" {
		address, first = d.address(), true
		d.memory.Began = began
	} else if !d.memory.Began.IsZero() {
		began = d.memory.Began // these pages are of what there was then
	}
	cursor, asked := "", map[string]bool{}
	for range d.settings.Pages {
		asked[address] = true
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
		if first {
			began = a.before(began)
			d.memory.Began = began
		}
		if err := d.take(ctx, a, address); err != nil {
			return a.until, err
		}
		if a.cut(d.settings.Each == "line", d.codec) {
			return a.until, fault.New(fault.Transient, "pull.unsound", "an answer ends in the middle; it was kept and is asked for again")
		}
		if value := d.cursorOf(a); value != "" {
			cursor = value
		}
		following, err := d.next(a, address)
		if err != nil {
			return a.until, err
		}
		if asked[following] {
			if following != address {
				d.Notes.Add(d.Peer, "pull.page", "the server names a page as the next one that was asked for already in this round", "Have the server's pages end; those that came were taken.")
			}
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
		d.Pauses.Reset() // it went on: a server that fails at every tenth page is not away
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
	for len(frames) > 0 {
		n := min(len(frames), mostOffer)
		if err := d.offer(ctx, frames[:n]); err != nil {
			return err
		}
		for _, hash := range hashes[:n] { // now: what follows may fail, and the whole answer come again
			d.memory.took(hash)
		}
		frames, hashes = frames[n:], hashes[n:]
	}
	return nil
}

// offer makes a batch durable. One that is never acceptable spoils no other.
func (d *Driver) offer(ctx context.Context, batch []model.Frame) error {
	_, err := d.host.Intake.Offer(ctx, batch)
	switch {
	case err == nil:
		d.entries.Add(uint64(len(batch)))
		return nil
	case fault.KindOf(err) != fault.Invalid:
		return err
	case len(batch) == 1:
		d.Notes.Add(d.Peer, "pull.refused", "something that was fetched cannot be taken: "+err.Error(), "Have the server send smaller parts, or say each: line.")
		return nil
	}
	half := len(batch) / 2
	if err := d.offer(ctx, batch[:half]); err != nil {
		return err
	}
	return d.offer(ctx, batch[half:])
}

// mostOffer is how many entries share a commit.
const mostOffer = 256
