package mllp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"thalamus/internal/codec/mllpframe"
	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Bounds of one connection.
const (
	smallBuffer  = 4 << 10
	maxOffer     = 256              // frames in one offer
	maxPassed    = 4                // times max_frame of skipped bytes or garbage in a row, then the peer is cut off
	lingerFor    = time.Second      // how long an ended connection is read so that the peer gets our last answer
	handshakeFor = 20 * time.Second // a TLS handshake may take
)

// conn serves one sender.
type conn struct {
	d        *Driver
	net      net.Conn // the socket
	link     net.Conn // the socket, or TLS over it
	peer     string
	met      atomic.Bool // it can be used: TLS is agreed, where it is asked for
	identity string

	scan   mllpframe.Scanner
	buf    driver.Buffer
	frames []model.Frame // to be offered
	turns  []turn        // what is to be answered, in order
	out    []byte
	passed int // bytes of garbage or given-up frame in a row

	deadline time.Time // for reading, as it was last set
	arrived  time.Time // of the last read
}

// turn is one thing to answer: a frame offered, or one that cannot be.
type turn struct {
	content []byte
	frame   int     // index in frames, -1 when it is not offered
	refusal refusal // why it is not accepted, empty when it may be
}

func newConn(d *Driver, nc net.Conn) *conn {
	return &conn{d: d, net: nc, link: nc, peer: nc.RemoteAddr().String(), scan: mllpframe.Scanner{Max: d.settings.MaxFrame}}
}

// Hurry, Cut and Connection implement driver.Guest.
func (c *conn) Hurry() { c.net.SetReadDeadline(time.Unix(1, 0)) }
func (c *conn) Cut()   { c.net.Close() }
func (c *conn) Connection() (driver.Connection, bool) {
	return c.connection(), c.met.Load()
}

func (c *conn) connection() driver.Connection {
	return driver.Connection{Peer: c.peer, Local: c.net.LocalAddr().String(), Encrypted: c.d.tls != nil}
}

// errEnd ends a connection that is of no more use, after it was noted.
var errEnd = errors.New("end of connection")

func (c *conn) serve() {
	defer func() {
		c.link.Close()
		c.buf.Release()
	}()
	if c.d.tls != nil && !c.handshake() {
		return
	}
	c.met.Store(true)
	if c.d.host.Met != nil {
		c.d.host.Met(c.d.channel, c.connection())
	}
	c.buf = driver.NewBuffer(smallBuffer, &c.d.budget)
	for {
		n, err := c.read()
		if n > 0 || err == io.EOF {
			if c.take(err == io.EOF) != nil {
				break
			}
			if c.buf.Settle(n) {
				c.enlarge()
			}
		}
		if err != nil {
			c.ended(err)
			break
		}
	}
	c.linger()
}

// read waits for bytes: idle_timeout between messages, stall_timeout inside.
func (c *conn) read() (int, error) {
	patience := c.d.settings.IdleTimeout
	if c.scan.Pending() {
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

// take goes through what has arrived, offers whole frames and answers.
func (c *conn) take(atEOF bool) error {
	for {
		n, t := c.scan.Next(c.buf.Rest(), atEOF)
		c.buf.Consume(n)
		switch t.Kind {
		case mllpframe.More:
			return c.settle()
		case mllpframe.Frame:
			c.passed = 0
			c.frame(t)
		case mllpframe.Oversize:
			c.d.notes.Refused(c.peer, "mllp.oversize", fmt.Sprintf("a message is longer than max_frame (%d bytes) and was refused", c.d.settings.MaxFrame), "Raise max_frame if such messages are meant to come.")
			c.refuse(t.Bytes, refuseOversize)
			c.passed += len(t.Bytes)
		case mllpframe.Cut:
			c.halfFrame(len(t.Bytes), "the next message or the end of the stream came in the middle of a segment")
			c.refuse(t.Bytes, refuseCut)
		case mllpframe.Garbage:
			c.garbage(t.Bytes)
			c.passed += len(t.Bytes)
		case mllpframe.Skipped:
			c.passed += len(t.Bytes)
			if t.Flaw == 0 {
				c.passed = 0
			}
		}
		if c.passed > maxPassed*c.d.settings.MaxFrame {
			c.d.notes.Add(c.peer, "mllp.flood", "the sender was cut off: it sends without end what is no message", "Look at what is connected to this port.")
			c.settle()
			return errEnd
		}
		if len(c.turns) >= maxOffer {
			if err := c.settle(); err != nil {
				return err
			}
		}
	}
}

// frame puts a whole frame among those to be offered.
func (c *conn) frame(t mllpframe.Token) {
	if t.Flaw != 0 {
		c.d.notes.Add(c.peer, "mllp.envelope", "the sender leaves out "+missing(t.Flaw)+"; the message was accepted all the same", "Have the sender frame each message as VT message FS CR.")
	}
	c.d.frames.Add(1)
	if len(t.Bytes) == 0 {
		// There is nothing to keep.
		c.d.notes.Add(c.peer, "mllp.empty", "an empty frame came", "Look at what the sender means by it.")
		c.refuse(t.Bytes, refuseEmpty)
		return
	}
	c.turns = append(c.turns, turn{content: t.Bytes, frame: len(c.frames)})
	c.frames = append(c.frames, model.Frame{Channel: c.d.channel, Codec: c.d.codec, Peer: c.peer, Identity: c.identity, Arrived: c.arrived, Bytes: t.Bytes})
}

func missing(f mllpframe.Flaw) string {
	switch f {
	case mllpframe.NoStart:
		return "VT before a message"
	case mllpframe.NoEnd:
		return "FS behind a message"
	}
	return "VT before and FS behind a message"
}

func (c *conn) refuse(content []byte, r refusal) {
	c.turns = append(c.turns, turn{content: content, frame: -1, refusal: r})
}

func (c *conn) halfFrame(n int, why string) {
	c.d.notes.Refused(c.peer, "mllp.half-frame", fmt.Sprintf("a message broke off after %d bytes and was not accepted: %s", n, why), "The sender should send it again; if it does not, look at the link.")
}

func (c *conn) garbage(b []byte) {
	text := fmt.Sprintf("%d bytes came that belong to no message", len(b))
	hint := "Look at what is connected to this port."
	switch {
	case len(b) > 2 && b[0] == 0x16 && b[1] == 0x03:
		text, hint = "the peer speaks TLS and this channel does not", "Set tls.enabled, or have the sender speak plain MLLP."
	case len(b) > 4 && (string(b[:4]) == "GET " || string(b[:5]) == "POST "):
		text, hint = "the peer speaks HTTP and this channel speaks MLLP", "Have the sender use the address of a REST channel."
	}
	c.d.notes.Add(c.peer, "mllp.garbage", text, hint)
}

// enlarge makes room in a full buffer. Without memory to be had the frame is
// given up with the request to send it again.
func (c *conn) enlarge() {
	// One more than the longest frame, so that the scanner sees it is longer,
	// and what may dangle behind it.
	if c.buf.Grow(max(smallBuffer, c.d.settings.MaxFrame+8)) {
		return
	}
	c.d.notes.Add(c.peer, "mllp.busy", "a long message was put off: other connections hold all memory for unfinished long messages", "Lower max_frame or max_connections, or give the machine more memory.")
	c.refuse(c.buf.Rest(), refuseBusy)
	c.settle()
	c.scan.Skip()
	c.buf.Release()
}

// settle offers the frames gathered and writes all answers at once.
func (c *conn) settle() error {
	if len(c.turns) == 0 {
		return nil
	}
	var seqs []model.Seq
	var err error
	if len(c.frames) > 0 {
		seqs, err = c.offer(c.d.ctx, c.frames)
	}
	c.out = c.out[:0]
	for i := range c.turns {
		t := &c.turns[i]
		var seq model.Seq
		if t.frame >= 0 {
			if one := err; one == nil {
				seq = seqs[t.frame]
			} else {
				if len(c.frames) > 1 && fault.KindOf(err) == fault.Invalid {
					// One of them spoils the offer: find which.
					seqs, one = c.offer(c.d.ctx, c.frames[t.frame:t.frame+1])
					if one == nil {
						seq = seqs[0]
					}
				}
				t.refusal = refusalOf(one)
				if t.refusal.again {
					c.d.notes.Add(c.peer, "mllp.not-stored", "messages could not be stored and were answered with AE: "+t.refusal.about, "See what the fault says; senders will send again.")
				}
			}
		}
		c.out = c.answer(c.out, t, seq)
	}
	clear(c.frames)
	clear(c.turns)
	c.frames, c.turns = c.frames[:0], c.turns[:0]
	return c.write()
}

func (c *conn) offer(ctx context.Context, frames []model.Frame) ([]model.Seq, error) {
	seqs, err := c.d.host.Intake.Offer(ctx, frames)
	if err == nil && len(seqs) != len(frames) {
		err = fault.New(fault.Broken, "mllp.intake", "intake took %d frames and numbered %d", len(frames), len(seqs))
	}
	return seqs, err
}

func (c *conn) write() error {
	if len(c.out) == 0 {
		return nil
	}
	c.net.SetWriteDeadline(time.Now().Add(c.d.settings.StallTimeout))
	_, err := c.link.Write(c.out)
	if cap(c.out) > driver.PoolBuffer {
		c.out = nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.d.notes.Add(c.peer, "mllp.slow-reader", "the sender was cut off: it does not read our answers", "What it sent is kept; it will send again what it believes unanswered.")
	}
	return err
}

// ended says why there is nothing more to read, where people should know.
func (c *conn) ended(err error) {
	rest := len(c.buf.Rest())
	switch {
	case err == io.EOF, c.d.guests.Stopping():
	case errors.Is(err, os.ErrDeadlineExceeded) && c.scan.Pending():
		c.halfFrame(rest, fmt.Sprintf("nothing came for %s", c.d.settings.StallTimeout))
		c.refuse(c.buf.Rest(), refuseStalled)
		c.settle()
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.d.notes.Add(c.peer, "mllp.idle", fmt.Sprintf("the connection was closed: no message for %s", c.d.settings.IdleTimeout), "Raise idle_timeout if the sender is meant to be silent for so long.")
	case rest > 0:
		c.halfFrame(rest, "the connection broke")
	}
}

// linger closes in a way that lets the peer read our last answer: closing
// while its bytes are unread would reset the connection under it.
func (c *conn) linger() {
	half, ok := c.link.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	patience := lingerFor
	if c.d.guests.Stopping() {
		patience /= 5
	}
	c.net.SetReadDeadline(time.Now().Add(patience))
	for range 256 {
		c.buf.Release()
		if _, err := c.buf.Fill(c.link); err != nil {
			return
		}
	}
}

func (c *conn) handshake() bool {
	t := tls.Server(c.net, c.d.tls)
	c.link = t
	ctx, cancel := context.WithTimeout(c.d.ctx, handshakeFor)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		if c.d.guests.Stopping() {
			return false
		}
		c.d.notes.Add(c.peer, "mllp.tls-handshake", "TLS could not be agreed: "+err.Error(), "Compare versions and certificates of both sides; a device that knows TLS 1.2 at most needs min_version 1.2.")
		return false
	}
	state := t.ConnectionState()
	if len(state.VerifiedChains) > 0 {
		c.identity = state.PeerCertificates[0].Subject.String()
	}
	if state.Version < tls.VersionTLS13 {
		c.d.notes.Add(c.peer, "mllp.tls-old-peer", "the sender speaks TLS 1.2", "Ask its vendor for TLS 1.3.")
	}
	return true
}
