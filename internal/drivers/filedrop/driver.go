// Package filedrop takes files out of a folder of this machine or behind SFTP
// (R10): HL7 v2 batches, CSV and JSON, PDF reports, EDF and WFDB records. A
// file is taken when it is whole, once for each name and content, also over
// restarts and crashes; it is moved away when it is durable and not before
// (R23). What cannot be taken is moved aside with a report that says why.
package filedrop

import (
	"context"
	"net"
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
	driver.Looker
	channel  model.ChannelID
	codec    string
	settings Settings
	names    *names

	host   driver.Host
	place  place
	taken  *taken
	looked map[string]looked
	stuck  map[string]*stuck // files that are done with and cannot be moved, by name
	forgot time.Time

	files, refused, again atomic.Uint64
	waiting, unmoved      atomic.Int64
}

var _ driver.Reporter = (*Driver)(nil)

// longestPause is between two looks while the folder cannot be reached.
const longestPause = 5 * time.Minute

// New checks the channel's settings.
func New(ch model.Channel) (*Driver, error) {
	d := &Driver{channel: ch.ID, codec: ch.Codec, looked: map[string]looked{}, stuck: map[string]*stuck{}}
	if d.codec == "" {
		d.codec = auto
	}
	err := conf.Decode(ch.Settings, &d.settings)
	if err != nil {
		return nil, err
	}
	if d.names, err = parseNames(d.settings.Name); err != nil {
		return nil, err
	}
	d.Looker = driver.Looker{Every: d.settings.Every, Pauses: driver.Pauses{Longest: longestPause}, Peer: "folder",
		Hint: "It is tried again by itself; files stay where they are.", Round: d.look, Count: d.count, Over: d.end}
	d.place = &local{path: d.settings.Folder}
	if d.settings.SFTP.Address != "" {
		d.Peer = d.settings.SFTP.Address
		d.place = &remote{settings: &d.settings.SFTP, path: d.settings.Folder, met: d.met, patience: patience}
	}
	d.Cut = d.place.cut
	if err := d.Keep(d.settings.Hours, ch.Zone); err != nil {
		return nil, err
	}
	return d, nil
}

// Start reads what was taken before. A folder that cannot be reached now is
// tried again and does not keep the channel from working. Stop ends after the
// file under way.
func (d *Driver) Start(ctx context.Context, host driver.Host) error {
	d.host = host
	d.Notes.Begin(host, d.channel)
	folder, recent, err := host.Memory(d.channel)
	if err != nil {
		return err
	}
	d.forgot = time.Now()
	if d.taken, err = openTaken(folder, d.forgot.Add(-d.settings.Remember), recent); err != nil {
		return err
	}
	d.Begin(ctx)
	return nil
}

func (d *Driver) end() {
	d.place.close()
	d.taken.close()
}

func (d *Driver) met(c net.Conn) {
	if d.host.Met != nil {
		d.host.Met(d.channel, driver.Connection{Peer: c.RemoteAddr().String(), Local: c.LocalAddr().String(), Encrypted: true})
	}
}

func (d *Driver) count() model.Counts {
	return model.Counts{{Of: "files taken", N: uint64(d.files.Load())}, {Of: "refused", N: uint64(d.refused.Load())}, {Of: "taken before", N: uint64(d.again.Load())}, {Of: "not whole yet", N: uint64(d.waiting.Load())}, {Of: "cannot be moved", N: uint64(d.unmoved.Load())}}
}

// Encrypted implements driver.Encrypter: SFTP is, a folder of this machine
// sends nothing over a network that we know of.
func (d *Driver) Encrypted() bool { return true }

// identity is whom the server proved to be.
func (d *Driver) identity() string {
	if d.settings.SFTP.Address == "" {
		return ""
	}
	return "sftp:" + d.settings.SFTP.User
}

// look forgets what is old, then takes what is whole.
func (d *Driver) look(ctx context.Context) (wait time.Duration, err error) {
	if now := time.Now(); now.Sub(d.forgot) > time.Hour {
		d.forgot = now
		if err := d.taken.forget(now.Add(-d.settings.Remember)); err != nil {
			d.Notes.Add("", fault.CodeOf(err), err.Error(), "Make room in the data folder.")
		}
	}
	return 0, d.takeAll(ctx)
}
