package bytelink

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Driver is one configured byte link with a protocol on top.
type Driver struct {
	channel  model.ChannelID
	codec    string
	settings Settings
	serve    Serve
	root     string // "/" but in tests

	host     driver.Host
	notes    driver.Notes
	listener net.Listener
	ctx      context.Context // of offers; ends when Stop's patience does
	cancel   context.CancelFunc
	end      chan struct{} // closed when the driver stops
	guests   driver.Guests[*Session]

	frames, refused atomic.Uint64

	mu      sync.Mutex
	waiting string // why there is no link, of a link that we open
}

var (
	_ driver.Driver    = (*Driver)(nil)
	_ driver.Reporter  = (*Driver)(nil)
	_ driver.Connected = (*Driver)(nil)
)

// listening is a Driver that listens: only that has an address.
type listening struct{ *Driver }

// Addr is the address bound.
func (d listening) Addr() net.Addr { return d.listener.Addr() }

// New makes the driver of a channel whose settings were checked.
func New(ch model.Channel, s Settings, serve Serve) driver.Driver {
	d := &Driver{channel: ch.ID, codec: ch.Codec, settings: s, serve: serve, root: "/", end: make(chan struct{})}
	if s.Listen != "" {
		return listening{d}
	}
	return d
}

// Start binds the port, or begins to open the link.
func (d *Driver) Start(ctx context.Context, host driver.Host) error {
	d.host = host
	d.notes.Begin(host, d.channel)
	if d.settings.Listen != "" {
		l, err := driver.Listen(ctx, d.settings.Listen, "serial.listen", "link.listen")
		if err != nil {
			return err
		}
		d.listener = l
	}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if d.listener != nil {
		d.guests.Most = d.settings.MaxConnections
		d.guests.Go(d.accept)
	} else {
		d.guests.Go(d.keepOpen)
	}
	return nil
}

// Stop ends all links and waits until they are closed; when ctx ends first
// they are cut.
func (d *Driver) Stop(ctx context.Context) error {
	if d.ctx == nil || d.guests.Stopping() {
		return nil
	}
	close(d.end)
	if d.listener != nil {
		d.listener.Close()
	}
	d.guests.Stop(ctx, d.cancel)
	return nil
}

// Connections lists the links there are now.
func (d *Driver) Connections() []driver.Connection { return d.guests.Connections() }

// Status says how the link is.
func (d *Driver) Status() driver.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	st := driver.Status{State: "trying", Peers: d.guests.Len()}
	switch {
	case d.guests.Stopping() || d.ctx == nil:
		st.State = "stopped"
	case d.listener != nil:
		st.State = "listening"
	case st.Peers > 0:
		st.State = "connected"
	}
	st.Counts = model.Counts{{Of: "messages received", N: d.frames.Load()}, {Of: "refused", N: d.refused.Load()}}
	if st.State == "trying" {
		st.Text = d.waiting
	}
	return st
}

// run serves one open link to its end.
func (d *Driver) run(s *Session) {
	s.met.Store(true)
	if d.host.Met != nil {
		d.host.Met(d.channel, s.connection())
	}
	_ = d.serve(d.ctx, s) // why it ended is noted by who knows it
	if _, isPort := s.stream.(*port); isPort && s.broken {
		d.notes.Add(s.peer, "serial.unplugged", "the port ended: it was unplugged, or its driver failed", "Plug it in again; it is opened by itself.")
	}
	if half, ok := s.stream.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		linger(s.stream)
	}
	s.stream.Close()
}

// linger reads on for a moment, so that the peer gets our last bytes: closing
// while its own are unread would reset the connection under it.
func linger(s stream) {
	s.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	_, _ = io.CopyN(io.Discard, s, 1<<20)
}

// keepOpen opens the link, serves it, and opens it again.
func (d *Driver) keepOpen() {
	const least = 100 * time.Millisecond
	pause := min(least, d.settings.Retry)
	for !d.guests.Stopping() {
		began := time.Now()
		s, err := d.open()
		if err == nil {
			d.mu.Lock()
			d.waiting = ""
			d.mu.Unlock()
			if !d.guests.ServeHere(s, func() { d.run(s) }) {
				s.stream.Close()
			}
		} else {
			d.mu.Lock()
			d.waiting = err.Error()
			d.mu.Unlock()
			d.notes.Add(d.settings.Connect+d.settings.Port, fault.CodeOf(err), err.Error(), "It is tried again by itself.")
		}
		if time.Since(began) > d.settings.Retry {
			pause = min(least, d.settings.Retry)
		}
		select {
		case <-d.end:
		case <-time.After(pause):
		}
		pause = min(2*pause, d.settings.Retry)
	}
}

func (d *Driver) open() (*Session, error) {
	if d.settings.Port != "" {
		p, path, said, err := d.settings.openPort(d.root)
		if err != nil {
			return nil, err
		}
		return &Session{d: d, stream: p, peer: path, said: said}, nil
	}
	ctx, cancel := context.WithTimeout(d.ctx, 20*time.Second)
	defer cancel()
	go func() {
		select {
		case <-d.end:
			cancel()
		case <-ctx.Done():
		}
	}()
	c, err := (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext(ctx, "tcp", d.settings.Connect)
	if err != nil {
		return nil, fault.Wrap(err, fault.Transient, "serial.connect", "cannot connect").At(d.settings.Connect)
	}
	s := &Session{d: d, stream: c, peer: c.RemoteAddr().String(), local: c.LocalAddr().String()}
	if d.settings.Telnet == "rfc2217" {
		t := newTelnet(c, &d.settings)
		if err := t.agree(20 * time.Second); err != nil {
			c.Close()
			return nil, err
		}
		if t.refused {
			d.notes.Add(s.peer, "serial.telnet", "the terminal server does not let us control its port; what comes is read all the same", "Set the port's speed and parity at the terminal server.")
		}
		s.stream = t
	}
	return s, nil
}

func (d *Driver) accept() {
	failed := func(err error) {
		d.notes.Add("", "serial.accept", "a connection could not be accepted: "+err.Error(), "Raise the limit of open files.")
	}
	driver.Accept(d.listener, failed, func(c net.Conn) {
		s := &Session{d: d, stream: c, peer: c.RemoteAddr().String(), local: c.LocalAddr().String()}
		if !d.guests.Serve(s, func() { d.run(s) }) {
			d.notes.Add(s.peer, "serial.too-many", fmt.Sprintf("connection refused: %d are open", d.settings.MaxConnections), "Raise max_connections, or find the sender that opens connections without closing them.")
			c.Close()
		}
	})
}
