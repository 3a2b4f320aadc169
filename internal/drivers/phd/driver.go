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
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
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
	serving  sync.WaitGroup
	stopping atomic.Bool

	reports, refused atomic.Uint64

	mu    sync.Mutex
	conns map[*conn]struct{}
}

var (
	_ driver.Listener  = (*Driver)(nil)
	_ driver.Reporter  = (*Driver)(nil)
	_ driver.Connected = (*Driver)(nil)
	_ driver.Encrypter = (*Driver)(nil)
)

// New checks the channel's settings.
func New(ch model.Channel) (*Driver, error) {
	d := &Driver{channel: ch.ID, codec: ch.Codec, zone: time.Local, conns: map[*conn]struct{}{}}
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
	d.system = systemID(ch.ID)
	return d, nil
}

// systemID is an EUI-64 of our own making: locally administered, the same for a
// channel at every start.
func systemID(channel model.ChannelID) []byte {
	sum := sha256.Sum256([]byte("thalamus " + channel))
	id := sum[:8]
	id[0] = id[0]&^1 | 2
	return id
}

// Start binds the port.
func (d *Driver) Start(ctx context.Context, host driver.Host) error {
	d.host, d.notes.To = host, host.Note
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
	l, err := (&net.ListenConfig{KeepAlive: 30 * time.Second}).Listen(ctx, "tcp", d.settings.Listen)
	if err != nil {
		return fault.Wrap(err, fault.Conflict, "phd.listen", "cannot listen on %s; choose a port nobody uses, or stop the program that has it", d.settings.Listen).At("listen")
	}
	d.listener = l
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.serving.Add(1)
	go d.accept()
	return nil
}

// Addr is the address bound.
func (d *Driver) Addr() net.Addr { return d.listener.Addr() }

// Connections lists the connections there are now.
func (d *Driver) Connections() []driver.Connection {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]driver.Connection, 0, len(d.conns))
	for c := range d.conns {
		if c.met.Load() {
			out = append(out, c.connection())
		}
	}
	return out
}

// Status says how the link is.
func (d *Driver) Status() driver.Status {
	d.mu.Lock()
	peers := len(d.conns)
	d.mu.Unlock()
	s := driver.Status{State: "listening", Peers: peers}
	if d.stopping.Load() || d.listener == nil {
		s.State = "stopped"
	}
	s.Text = fmt.Sprintf("%d reports received, %d refused", d.reports.Load(), d.refused.Load())
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
	d.stopping.Store(true)
	d.listener.Close()
	d.each(func(c *conn) { c.net.SetReadDeadline(time.Unix(1, 0)) })
	done := make(chan struct{})
	go func() {
		d.serving.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		d.cancel()
		d.each(func(c *conn) { c.net.Close() })
		<-done
	}
	d.cancel()
	return nil
}

func (d *Driver) each(do func(*conn)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		do(c)
	}
}

func (d *Driver) accept() {
	defer d.serving.Done()
	for pause := 5 * time.Millisecond; ; {
		nc, err := d.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			d.notes.Add("", "phd.accept", "a connection could not be accepted: "+err.Error(), "Raise the limit of open files.")
			time.Sleep(pause)
			pause = min(2*pause, time.Second)
			continue
		}
		pause = 5 * time.Millisecond
		c := &conn{d: d, net: nc, peer: nc.RemoteAddr().String()}
		if !d.admit(c) {
			d.notes.Add(c.peer, "phd.too-many", fmt.Sprintf("connection refused: %d are open", d.settings.MaxConnections), "Raise max_connections, or find the device that opens connections without closing them.")
			nc.Close()
			continue
		}
		d.serving.Add(1)
		go func() {
			defer d.serving.Done()
			defer d.leave(c)
			c.serve()
		}()
	}
}

func (d *Driver) admit(c *conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.conns) >= d.settings.MaxConnections {
		return false
	}
	d.conns[c] = struct{}{}
	return true
}

func (d *Driver) leave(c *conn) {
	d.mu.Lock()
	delete(d.conns, c)
	d.mu.Unlock()
}
