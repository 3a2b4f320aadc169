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
	serving  sync.WaitGroup
	stopping atomic.Bool
	budget   atomic.Int64 // bytes that large frames may still take

	frames, refused atomic.Uint64

	mu    sync.Mutex
	conns map[*conn]struct{}
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
	d := &Driver{channel: ch.ID, codec: ch.Codec, conns: map[*conn]struct{}{}}
	if d.codec == "" {
		d.codec = "hl7v2"
	}
	if err := conf.Decode(ch.Settings, &d.settings); err != nil {
		return nil, err
	}
	d.budget.Store(max(largeFrames, 2*int64(d.settings.MaxFrame)))
	return d, nil
}

// Start binds the port.
func (d *Driver) Start(ctx context.Context, host driver.Host) error {
	d.host = host
	d.notes.To = host.Note
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
	l, err := (&net.ListenConfig{KeepAlive: 30 * time.Second}).Listen(ctx, "tcp", d.settings.Listen)
	if err != nil {
		return fault.Wrap(err, fault.Conflict, "mllp.listen", "cannot listen on %s; choose a port nobody uses, or stop the program that has it", d.settings.Listen).At("listen")
	}
	d.listener = l
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if d.tls != nil && d.tls.MinVersion < tls.VersionTLS13 {
		d.notes.Add("", "mllp.tls-old", "this channel accepts TLS 1.2", "Keep its devices in a segment of their own and set min_version to 1.3 when they can.")
	}
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
	s.Text = fmt.Sprintf("%d messages received, %d refused", d.frames.Load(), d.refused.Load())
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
	pause := 5 * time.Millisecond
	for {
		nc, err := d.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Out of file descriptors, most likely: others must close first.
			d.notes.Add("", "mllp.accept", "a connection could not be accepted: "+err.Error(), "Raise the limit of open files.")
			time.Sleep(pause)
			pause = min(2*pause, time.Second)
			continue
		}
		pause = 5 * time.Millisecond
		c := newConn(d, nc)
		if !d.admit(c) {
			d.notes.Add(c.peer, "mllp.too-many", fmt.Sprintf("connection refused: %d are open", d.settings.MaxConnections), "Raise max_connections, or find the sender that opens connections without closing them.")
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
