package bytelink

import (
	"context"
	"errors"
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
	serving  sync.WaitGroup
	stopping atomic.Bool

	frames, refused atomic.Uint64

	mu       sync.Mutex
	sessions map[*Session]struct{}
	waiting  string // why there is no link, of a link that we open
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
	d := &Driver{channel: ch.ID, codec: ch.Codec, settings: s, serve: serve, root: "/", end: make(chan struct{}), sessions: map[*Session]struct{}{}}
	if s.Listen != "" {
		return listening{d}
	}
	return d
}

// Start binds the port, or begins to open the link.
func (d *Driver) Start(ctx context.Context, host driver.Host) error {
	d.host, d.notes.To = host, host.Note
	if d.settings.Listen != "" {
		l, err := (&net.ListenConfig{KeepAlive: 30 * time.Second}).Listen(ctx, "tcp", d.settings.Listen)
		if err != nil {
			return fault.Wrap(err, fault.Conflict, "serial.listen", "cannot listen on %s; choose a port nobody uses, or stop the program that has it", d.settings.Listen).At("link.listen")
		}
		d.listener = l
	}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.serving.Add(1)
	if d.listener != nil {
		go d.accept()
	} else {
		go d.keepOpen()
	}
	return nil
}

// Stop ends all links and waits until they are closed; when ctx ends first
// they are cut.
func (d *Driver) Stop(ctx context.Context) error {
	if d.ctx == nil || !d.stopping.CompareAndSwap(false, true) {
		return nil
	}
	close(d.end)
	if d.listener != nil {
		d.listener.Close()
	}
	d.each(func(s *Session) { s.stream.SetReadDeadline(time.Unix(1, 0)) })
	done := make(chan struct{})
	go func() {
		d.serving.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		d.cancel()
		d.each(func(s *Session) { s.stream.Close() })
		<-done
	}
	d.cancel()
	return nil
}

func (d *Driver) each(do func(*Session)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for s := range d.sessions {
		do(s)
	}
}

// Connections lists the links there are now.
func (d *Driver) Connections() []driver.Connection {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]driver.Connection, 0, len(d.sessions))
	for s := range d.sessions {
		if s.met.Load() {
			out = append(out, s.connection())
		}
	}
	return out
}

// Status says how the link is.
func (d *Driver) Status() driver.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	st := driver.Status{State: "waiting", Peers: len(d.sessions)}
	switch {
	case d.stopping.Load() || d.ctx == nil:
		st.State = "stopped"
	case d.listener != nil:
		st.State = "listening"
	case st.Peers > 0:
		st.State = "connected"
	}
	st.Text = fmt.Sprintf("%d messages received, %d refused", d.frames.Load(), d.refused.Load())
	if st.State == "waiting" && d.waiting != "" {
		st.Text += "; " + d.waiting
	}
	return st
}

// run serves one open link to its end.
func (d *Driver) run(s *Session) {
	s.d = d
	d.mu.Lock()
	d.sessions[s] = struct{}{}
	d.waiting = ""
	d.mu.Unlock()
	s.met.Store(true)
	if d.host.Met != nil {
		d.host.Met(d.channel, s.connection())
	}
	_ = d.serve(d.ctx, s) // why it ended is noted by who knows it
	d.mu.Lock()
	delete(d.sessions, s)
	d.mu.Unlock()
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
	defer d.serving.Done()
	const least = 100 * time.Millisecond
	pause := min(least, d.settings.Retry)
	for !d.stopping.Load() {
		began := time.Now()
		s, err := d.open()
		if err == nil {
			d.run(s)
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
		return &Session{stream: p, peer: path, said: said}, nil
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
	s := &Session{stream: c, peer: c.RemoteAddr().String(), local: c.LocalAddr().String()}
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
	defer d.serving.Done()
	pause := 5 * time.Millisecond
	for {
		c, err := d.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			d.notes.Add("", "serial.accept", "a connection could not be accepted: "+err.Error(), "Raise the limit of open files.")
			time.Sleep(pause)
			pause = min(2*pause, time.Second)
			continue
		}
		pause = 5 * time.Millisecond
		d.mu.Lock()
		full := len(d.sessions) >= d.settings.MaxConnections
		d.mu.Unlock()
		if full {
			d.notes.Add(c.RemoteAddr().String(), "serial.too-many", fmt.Sprintf("connection refused: %d are open", d.settings.MaxConnections), "Raise max_connections, or find the sender that opens connections without closing them.")
			c.Close()
			continue
		}
		d.serving.Add(1)
		go func() {
			defer d.serving.Done()
			d.run(&Session{stream: c, peer: c.RemoteAddr().String(), local: c.LocalAddr().String()})
		}()
	}
}
