// Package mllp receives HL7 v2 messages over MLLP and MLLP over TLS (R1). A
// message is acknowledged when intake has made it durable and not before
// (R23); whatever cannot be accepted is answered with its reason, never with
// silence, except where the sender asked for silence (MSH-15 = NE).
//
// One goroutine serves one connection: it reads, hands every whole frame in
// its buffer to intake in one offer, and writes the answers in order in one
// write. So a sender that pipelines shares one sync, and back-pressure is
// TCP's own.
package mllp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"

	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "mllp",
		Doc:      "Receives HL7 v2 messages over MLLP, plain or with TLS.",
		Codecs:   []string{"hl7v2"},
		Settings: &Settings{},
		New:      func(ch model.Channel) (driver.Driver, error) { return New(ch) },
	}
}

// Driver is one listener.
type Driver struct {
	channel  model.ChannelID
	codec    string
	settings Settings

	host     driver.Host
	notes    driver.Notes
	answered answered
	listener net.Listener
	tls      *tls.Config
	ctx      context.Context // of offers; ends when Stop's patience does
	cancel   context.CancelFunc
	guests   driver.Guests[*conn]
	budget   driver.Budget // bytes that large frames may still take

	frames, refused atomic.Uint64
}

var (
	_ driver.Listener  = (*Driver)(nil)
	_ driver.Reporter  = (*Driver)(nil)
	_ driver.Connected = (*Driver)(nil)
)

// largeFrames is how many bytes all connections together may hold of
// unfinished frames beyond their first 64 KiB.
const largeFrames = 256 << 20

// New checks the channel's settings.
func New(ch model.Channel) (*Driver, error) {
	d := &Driver{channel: ch.ID, codec: ch.Codec}
	if d.codec == "" {
		d.codec = "hl7v2"
	}
	if err := conf.Decode(ch.Settings, &d.settings); err != nil {
		return nil, err
	}
	d.budget.Set(max(largeFrames, 2*int64(d.settings.MaxFrame)))
	return d, nil
}

// Start binds the port.
func (d *Driver) Start(ctx context.Context, host driver.Host) error {
	d.host = host
	d.notes.Begin(host, d.channel)
	d.answered.init()
	if host.Recent != nil {
		host.Recent(d.channel, func(e model.Entry) { d.answered.first(e.Bytes, receipt{e.Seq, e.Arrived}) })
	}
	if d.settings.TLS.Enabled {
		c, err := d.settings.TLS.Config(host.Certificate)
		if err != nil {
			return err
		}
		d.tls = c
	}
	l, err := driver.Listen(ctx, d.settings.Listen, "mllp.listen", "listen")
	if err != nil {
		return err
	}
	d.listener = l
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if d.tls != nil && d.tls.MinVersion < tls.VersionTLS13 {
		d.notes.Add("", "mllp.tls-old", "this channel accepts TLS 1.2", "Keep its devices in a segment of their own and set min_version to 1.3 when they can.")
	}
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
	s.Counts = model.Counts{{Of: "messages received", N: d.frames.Load()}, {Of: "refused", N: d.refused.Load()}}
	return s
}

// Encrypted implements driver.Encrypter.
func (d *Driver) Encrypted() bool { return d.settings.TLS.Enabled }

// Stop closes the port, lets every connection answer what it has received
// whole, and waits until all are closed. When ctx ends first they are cut.
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
		d.notes.Add("", "mllp.accept", "a connection could not be accepted: "+err.Error(), "Raise the limit of open files.")
	}
	driver.Accept(d.listener, failed, func(nc net.Conn) {
		c := newConn(d, nc)
		if !d.guests.Serve(c, c.serve) {
			d.notes.Add(c.peer, "mllp.too-many", fmt.Sprintf("connection refused: %d are open", d.settings.MaxConnections), "Raise max_connections, or find the sender that opens connections without closing them.")
			nc.Close()
		}
	})
}
