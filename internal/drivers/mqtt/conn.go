package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/codec/mqttwire"
	"thalamus/internal/driver"
	"thalamus/internal/model"
)

// Bounds of one connection.
const (
	smallBuffer  = 1 << 10
	maxOffer     = 256      // messages in one offer
	maxConnect   = 64 << 10 // bytes of CONNECT
	handshakeFor = 20 * time.Second
)

// conn serves one client. Its fields belong to the goroutine that serves it,
// but for those below the locks.
type conn struct {
	d       *Driver
	net     net.Conn // the socket
	link    net.Conn // the socket, or TLS or WebSocket over it
	peer    string
	secured bool
	cert    *x509.Certificate

	version   byte
	admission driver.Admission
	free      bool // nobody was asked who it is: it may do everything
	prefix    string
	aliases   map[uint16]string
	keepAlive time.Duration // 0: none
	most      int           // bytes of its longest packet

	buf      driver.Buffer
	arrived  time.Time
	deadline time.Time

	turns  []turn
	frames []model.Frame
	out    []byte
	gone   chan struct{} // closed when it left; nil where nobody waits
	polite bool          // it said DISCONNECT: its will is void
	told   bool          // that it is there
	ending model.Ending  // how it ends

	wmu     sync.Mutex // of writing
	cut     atomic.Bool
	cutWhy  atomic.Pointer[model.EndKind]
	pumping bool             // under d.mu: somebody writes what the session owes
	window  int              // under d.mu: messages of QoS 1 and 2 it takes at once
	ahead   int              // under d.mu: of those, how many are under way
	limit   int              // bytes of the longest packet it takes, 0: any; only MQTT 5 has one
	numbers mqttwire.Aliases // under d.mu: what it was told of topics
	s       *session         // under d.mu: nil before CONNECT
}

// Hurry, Cut and Connection implement driver.Guest; a connection can be used
// once it has a session.
func (c *conn) Hurry() { c.net.SetReadDeadline(time.Unix(1, 0)) }
func (c *conn) Cut()   { c.net.Close() }
func (c *conn) Connection() (driver.Connection, bool) {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	return c.connection(), c.s != nil
}

func (c *conn) connection() driver.Connection {
	return driver.Connection{Peer: c.peer, Local: c.net.LocalAddr().String(), Encrypted: c.secured}
}

// errEnd ends a connection of which everything was said.
var errEnd = errors.New("end of connection")

func (c *conn) serve() {
	defer c.leave()
	if c.d.tls != nil && c.link == c.net && !c.handshake() {
		return
	}
	c.most = maxConnect
	c.buf = driver.NewBuffer(smallBuffer, &c.d.budget)
	for {
		n, err := c.read()
		if n > 0 {
			e := c.take()
			if e == nil && c.buf.Settle(n) {
				e = c.enlarge()
			}
			if e != nil {
				c.ended(e)
				return
			}
		}
		if err != nil {
			c.ended(err)
			return
		}
	}
}

func (c *conn) handshake() bool {
	t := tls.Server(c.net, c.d.tls)
	ctx, cancel := context.WithTimeout(c.d.ctx, handshakeFor)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		if !c.d.guests.Stopping() {
			c.d.notes.Add(c.peer, "mqtt.tls-handshake", "a TLS connection could not be agreed: "+err.Error(), "Check that the device speaks TLS 1.3 and trusts the server's certificate.")
		}
		return false
	}
	c.link, c.secured = t, true
	state := t.ConnectionState()
	if len(state.PeerCertificates) > 0 {
		c.cert = state.PeerCertificates[0]
	}
	if state.Version < tls.VersionTLS13 {
		c.d.notes.Add(c.peer, "mqtt.tls-old-peer", "a device speaks TLS 1.2", "Update it, or keep it in a segment of its own.")
	}
	return true
}

// enlarge makes room for a sender that has more to say, and for a packet longer
// than that as much as it needs.
func (c *conn) enlarge() error {
	limit := driver.PoolBuffer
	if _, whole, err := mqttwire.Next(c.buf.Rest(), c.most); err == nil {
		limit = max(limit, whole)
	}
	if c.buf.Grow(limit) {
		return nil
	}
	c.d.notes.Add(c.peer, "mqtt.busy", "too many long packets are under way; a connection was closed and its device will come again", "If that is normal here, report it.")
	return errEnd
}

// read waits for bytes: one and a half keep-alives between packets (MQTT 5
// §3.1.2.10), stall_timeout inside one and before CONNECT.
func (c *conn) read() (int, error) {
	patience := c.keepAlive * 3 / 2
	if len(c.buf.Rest()) > 0 || c.version == 0 {
		patience = c.d.settings.StallTimeout
	}
	// Moving a deadline costs as much as a small read: let it be late by an
	// eighth of the patience, never early.
	if patience == 0 {
		if !c.deadline.IsZero() {
			c.deadline = time.Time{}
			c.net.SetReadDeadline(c.deadline)
		}
	} else if want := time.Now().Add(patience); c.deadline.IsZero() || want.After(c.deadline) || c.deadline.Sub(want) > patience/8 {
		c.deadline = want.Add(patience / 8)
		c.net.SetReadDeadline(c.deadline)
	}
	if c.d.guests.Stopping() { // after setting the deadline: Stop does it the other way round
		return 0, os.ErrDeadlineExceeded
	}
	n, err := c.buf.Fill(c.link)
	c.arrived = time.Now()
	return n, err
}

// take goes through the whole packets that have arrived.
func (c *conn) take() error {
	for {
		rest := c.buf.Rest()
		head, n, err := mqttwire.Next(rest, c.most)
		if err != nil {
			return errors.Join(c.settle(), c.refuse(err))
		}
		if n == 0 || n > len(rest) {
			return c.settle()
		}
		packet := rest[:n]
		p, err := mqttwire.Decode(c.version, packet[0], packet[head:])
		if err != nil {
			return errors.Join(c.settle(), c.refuse(err))
		}
		if err := c.packet(&p); err != nil {
			return err
		}
		c.buf.Consume(n)
	}
}

// packet does what one packet asks for. Messages are gathered; everything else
// waits until those before it are settled.
func (c *conn) packet(p *mqttwire.Packet) error {
	if (p.Type == mqttwire.CONNECT) != (c.version == 0) {
		return errors.Join(c.settle(), c.refuse(&mqttwire.Error{Code: mqttwire.ProtocolError, Text: "CONNECT is the first packet and no other"}))
	}
	if p.Type == mqttwire.PUBLISH {
		return c.publish(p)
	}
	if err := c.settle(); err != nil {
		return err
	}
	switch p.Type {
	case mqttwire.CONNECT:
		return c.connect(p)
	case mqttwire.PINGREQ:
		return c.write(mqttwire.Append(nil, c.version, &mqttwire.Packet{Type: mqttwire.PINGRESP}))
	case mqttwire.PUBREL:
		return c.released(p)
	case mqttwire.PUBACK, mqttwire.PUBREC, mqttwire.PUBCOMP:
		return c.acknowledged(p)
	case mqttwire.SUBSCRIBE:
		return c.subscribe(p)
	case mqttwire.UNSUBSCRIBE:
		return c.unsubscribe(p)
	case mqttwire.DISCONNECT:
		return c.goodbye(p)
	case mqttwire.AUTH:
		return c.refuse(&mqttwire.Error{Code: mqttwire.BadAuthMethod, Text: "there is no extended authentication here"})
	}
	return c.refuse(&mqttwire.Error{Code: mqttwire.ProtocolError, Text: "the packet is one that servers send"})
}

// refuse says why the connection ends, where the version has words for it.
func (c *conn) refuse(err error) error {
	c.d.refused.Add(1)
	c.ending = model.Ending{How: model.EndRefused}
	var e *mqttwire.Error
	if !errors.As(err, &e) {
		return err
	}
	c.d.notes.Refused(c.peer, "mqtt.refused", "a connection was ended: "+e.Text, "Have the device's maker correct what it sends.")
	switch {
	case c.version == mqttwire.V5:
		_ = c.write(mqttwire.Append(nil, c.version, &mqttwire.Packet{Type: mqttwire.DISCONNECT, Code: e.Code}))
	case c.version == 0 && e.Code == mqttwire.BadVersion:
		_ = c.write(mqttwire.Append(nil, mqttwire.V311, &mqttwire.Packet{Type: mqttwire.CONNACK, Code: 1})) // MQTT 3.1.1 §3.2.2.3
	}
	return errEnd
}

// write sends bytes; a peer that leaves them unread is cut off.
func (c *conn) write(b []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.net.SetWriteDeadline(time.Now().Add(c.d.settings.StallTimeout))
	_, err := c.link.Write(b)
	return err
}

// farewell says why the connection ends, where the version has words for it
// and nobody is writing.
func (c *conn) farewell(code byte) {
	if c.version != mqttwire.V5 || !c.wmu.TryLock() {
		return
	}
	defer c.wmu.Unlock()
	c.net.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = c.link.Write(mqttwire.Append(nil, c.version, &mqttwire.Packet{Type: mqttwire.DISCONNECT, Code: code}))
}

// ended reports an end that is no good one.
func (c *conn) ended(err error) {
	if c.ending.How == "" {
		c.ending.How = model.EndLost
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.ending.How = model.EndSilent
		}
	}
	switch {
	case c.d.guests.Stopping():
		c.farewell(mqttwire.ShuttingDown)
	case errors.Is(err, errEnd), c.polite, c.cut.Load():
	case len(c.buf.Rest()) > 0:
		c.d.notes.Add(c.peer, "mqtt.half-packet", "a connection broke off inside a packet", "Nothing of it was acknowledged; the device sends it again.")
	case c.version == 0:
		c.d.notes.Add(c.peer, "mqtt.no-connect", "a connection ended before its CONNECT", "Find out what connects here and is no device.")
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.d.lost.Add(1)
		c.d.notes.Add(c.peer, "mqtt.lost", fmt.Sprintf("the device %q fell silent: nothing came for one and a half keep-alives", c.name()), "Look at the device and its network.")
		c.farewell(mqttwire.KeepAliveTimeout)
	default:
		c.d.lost.Add(1)
		why := "its connection was cut"
		if errors.Is(err, io.EOF) {
			why = "it closed its connection without a word"
		}
		c.d.notes.Add(c.peer, "mqtt.lost", fmt.Sprintf("the device %q was lost: %s", c.name(), why), "Look at the device and its network.")
	}
}

func (c *conn) name() string {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if c.s == nil {
		return c.peer
	}
	return c.s.id
}
