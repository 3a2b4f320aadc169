// Package filedrop takes files out of a folder of this machine or behind SFTP
// (R10): HL7 v2 batches, CSV and JSON, PDF reports, EDF and WFDB records. A
// file is taken when it is whole, once for each name and content, also over
// restarts and crashes; it is moved away when it is durable and not before
// (R23). What cannot be taken is moved aside with a report that says why.
package filedrop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
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
		Name:     "filedrop",
		Doc:      "Takes files out of a folder, on this machine or behind SFTP.",
		Codecs:   []string{auto, "hl7v2", "csv", "json", "pdf", "edf", "wfdb", "openmhealth"},
		Settings: &Settings{},
		New:      func(ch model.Channel) (driver.Driver, error) { return New(ch) },
	}
}

// Driver watches one folder. One goroutine does all its work.
type Driver struct {
	channel  model.ChannelID
	codec    string
	zone     *time.Location
	settings Settings
	hours    driver.Hours
	names    *names

	host   driver.Host
	notes  driver.Notes
	place  place
	taken  *taken
	now    func() time.Time
	looked map[string]looked
	forgot time.Time

	cancel     context.CancelFunc
	done       chan struct{}
	mu         sync.Mutex
	state, why string

	files, refused, again atomic.Uint64
	waiting               atomic.Int64
}

var _ driver.Reporter = (*Driver)(nil)

// New checks the channel's settings.
func New(ch model.Channel) (*Driver, error) {
	d := &Driver{channel: ch.ID, codec: ch.Codec, zone: time.Local, now: time.Now, looked: map[string]looked{}, state: "stopped"}
	if d.codec == "" {
		d.codec = auto
	}
	err := conf.Decode(ch.Settings, &d.settings)
	if err != nil {
		return nil, err
	}
	if d.hours, err = driver.ParseHours(d.settings.Hours); err != nil {
		return nil, err
	}
	if d.names, err = parseNames(d.settings.Name); err != nil {
		return nil, err
	}
	if ch.Zone != "" {
		if d.zone, err = time.LoadLocation(ch.Zone); err != nil {
			return nil, fault.New(fault.Invalid, "filedrop.setting", "there is no zone of this name").At("zone")
		}
	}
	return d, nil
}

// Start reads what was taken before. A folder that cannot be reached now is
// tried again and does not keep the channel from working.
func (d *Driver) Start(ctx context.Context, host driver.Host) error {
	d.host, d.notes.To = host, host.Note
	if host.Folder == nil {
		return fault.New(fault.Broken, "filedrop.state", "there is no folder in which to remember what was taken")
	}
	folder, err := host.Folder(d.channel)
	if err != nil {
		return err
	}
	var recent func(func(model.Entry))
	if host.Recent != nil {
		recent = func(each func(model.Entry)) { host.Recent(d.channel, each) }
	}
	if d.taken, err = openTaken(folder, d.now().Add(-d.settings.Remember), recent); err != nil {
		return err
	}
	d.forgot = d.now()
	d.place = local{d.settings.Folder}
	if d.settings.SFTP.Address != "" {
		d.place = &remote{settings: &d.settings.SFTP, path: d.settings.Folder, met: d.met}
	}
	ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.done = make(chan struct{})
	d.say("waiting", "looks for the first time")
	go d.work(ctx)
	return nil
}

func (d *Driver) met(c net.Conn) {
	if d.host.Met != nil {
		d.host.Met(d.channel, driver.Connection{Peer: c.RemoteAddr().String(), Local: c.LocalAddr().String(), Encrypted: true})
	}
}

// Stop ends after the file under way.
func (d *Driver) Stop(ctx context.Context) error {
	if d.cancel == nil {
		return nil
	}
	d.cancel()
	<-d.done
	d.taken.close()
	d.say("stopped", "")
	return nil
}

// Status says how the link is.
func (d *Driver) Status() driver.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	text := fmt.Sprintf("%d files taken, %d refused, %d had been taken before, %d not whole yet", d.files.Load(), d.refused.Load(), d.again.Load(), d.waiting.Load())
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

// Encrypted implements driver.Encrypter: SFTP is, a folder of this machine
// sends nothing over a network that we know of.
func (d *Driver) Encrypted() bool { return true }

// peer is where files come from, for people.
func (d *Driver) peer() string {
	if d.settings.SFTP.Address != "" {
		return d.settings.SFTP.Address
	}
	return "folder"
}

// identity is whom the server proved to be.
func (d *Driver) identity() string {
	if d.settings.SFTP.Address == "" {
		return ""
	}
	return "sftp:" + d.settings.SFTP.User
}

// Waiting times after a look that failed.
const (
	firstPause = time.Second
	mostPause  = 5 * time.Minute
)

func (d *Driver) work(ctx context.Context) {
	defer close(d.done)
	defer d.place.close()
	pause := firstPause
	for {
		wait := d.settings.Every
		if !d.hours.Open(d.now().In(d.zone)) {
			d.say("waiting", "outside its hours")
			wait = max(wait, min(30*time.Second, 10*wait))
		} else if err := d.look(ctx); ctx.Err() == nil && err != nil {
			d.say("waiting", err.Error())
			d.notes.Add(d.peer(), fault.CodeOf(err), err.Error(), "It is tried again by itself; files stay where they are.")
			wait = max(wait, pause/2+rand.N(pause))
			pause = min(2*pause, mostPause)
		} else {
			pause = firstPause
			d.say("connected", "")
		}
		if now := d.now(); now.Sub(d.forgot) > time.Hour {
			d.forgot = now
			if err := d.taken.forget(now.Add(-d.settings.Remember)); err != nil {
				d.notes.Add("", fault.CodeOf(err), err.Error(), "Make room in the data folder.")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
