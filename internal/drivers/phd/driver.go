// Package phd is a manager of personal health devices by IEEE 11073-20601
// (R7): agents connect over TCP, associate, tell what they measure, and send.
// An event report that wants an answer gets it when intake has made the report
// durable and not before (R23); so do the parts of stored segments, and a
// segment is deleted on the device only where the channel says so.
//
// One goroutine serves one connection, as the protocol goes turn by turn. What
// a report needs of its association to be understood goes into its frame: see
// package codec/phd.
package phd

import (
	"context"
	"crypto/tls"
	"fmt"
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
		Name:     "phd",
		Doc:      "Receives from personal health devices that speak IEEE 11073-20601 over TCP, plain or with TLS.",
		Codecs:   []string{"phd"},
		Settings: &Settings{},
		New:      func(ch model.Channel) (driver.Driver, error) { return New(ch) },
	}
}

// Driver is one listener.
type Driver struct {
	channel  model.ChannelID
	codec    string
	zone     *time.Location // for device clocks
	settings Settings

	host     driver.Host
	notes    driver.Notes
	listener net.Listener
	tls      *tls.Config
	known    *known
	system   []byte          // our own system id
	ctx      context.Context // of offers; ends when Stop's patience does
	cancel   context.CancelFunc
	guests   driver.Guests[*conn]

	reports, refused atomic.Uint64
}

var (
	_ driver.Listener  = (*Driver)(nil)
	_ driver.Reporter  = (*Driver)(nil)
	_ driver.Connected = (*Driver)(nil)
	_ driver.Encrypter = (*Driver)(nil)
)

// New checks the channel's settings.
func New(ch model.Channel) (*Driver, error) {
	d := &Driver{channel: ch.ID, codec: ch.Codec, zone: time.Local}
	if d.codec == "" {
		d.codec = "phd"
	}
	if err := conf.Decode(ch.Settings, &d.settings); err != nil {
		return nil, err
	}
	if ch.Zone != "" {
		zone, err := time.LoadLocation(ch.Zone)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "phd.setting", "the channel's zone is none that is known").At("zone")
		}
		d.zone = zone
	}
	own := ch.ID.SystemID()
	d.system = own[:]
	return d, nil
}

// Start binds the port.
func (d *Driver) Start(ctx context.Context, host driver.Host) error {
	d.host = host
	d.notes.Begin(host, d.channel)
	if d.settings.TLS.Enabled {
		c, err := d.settings.TLS.Config(host.Certificate)
		if err != nil {
			return err
		}
		d.tls = c
	}
	folder := ""
	if host.Folder != nil && d.settings.RememberConfigs {
		f, err := host.Folder(d.channel)
		if err != nil {
			return err
		}
		folder = f
	}
	var err error
	if d.known, err = openKnown(folder); err != nil {
		// Devices send their configuration again when we do not know it.
		d.notes.Add("", "phd.forgotten", "the configurations that devices sent before cannot be read: "+err.Error(), "Nothing is lost: they send them again.")
	}
	l, err := driver.Listen(ctx, d.settings.Listen, "phd.listen", "listen")
	if err != nil {
		return err
	}
	d.listener = l
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.guests.Most = d.settings.MaxConnections
	d.guests.Go(d.accept)
	return nil
}

// Addr is the address bound.
func (d *Driver) Addr() net.Addr { return d.listener.Addr() }

// Connections lists the connections there are now.
func (d *Driver) Connections() []driver.Connection { return d.guests.Connections() }

// Status says how the link is.
func (d *Driver) Status() driver.Status {
	s := driver.Status{State: "listening", Peers: d.guests.Len()}
	if d.guests.Stopping() || d.listener == nil {
		s.State = "stopped"
	}
	s.Counts = model.Counts{{Of: "reports received", N: d.reports.Load()}, {Of: "refused", N: d.refused.Load()}}
	return s
}

// Encrypted implements driver.Encrypter.
func (d *Driver) Encrypted() bool { return d.settings.TLS.Enabled }

// Stop closes the port and lets every connection end what it is at and release
// its association. When ctx ends first they are cut.
func (d *Driver) Stop(ctx context.Context) error {
	if d.listener == nil {
		return nil
	}
	d.listener.Close()
	d.guests.Stop(ctx, d.cancel)
	return nil
}

func (d *Driver) accept() {
	failed := func(err error) {
		d.notes.Add("", "phd.accept", "a connection could not be accepted: "+err.Error(), "Raise the limit of open files.")
	}
	driver.Accept(d.listener, failed, func(nc net.Conn) {
		c := &conn{d: d, net: nc, peer: nc.RemoteAddr().String()}
		if !d.guests.Serve(c, c.serve) {
			d.notes.Add(c.peer, "phd.too-many", fmt.Sprintf("connection refused: %d are open", d.settings.MaxConnections), "Raise max_connections, or find the device that opens connections without closing them.")
			nc.Close()
		}
	})
}
