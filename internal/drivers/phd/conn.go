package phd

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"thalamus/internal/codec/phd"
	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// state of an association as a manager sees it (IEEE 11073-20601 §8.3).
type state uint8

const (
	unassociated state = iota
	configuring        // accepted, and the device is to send its configuration
	operating
	releasing // we asked to end it
)

// request is one that we made and wait for.
type request struct {
	invoke  uint16
	what    string
	expires time.Time
	answer  func(c *conn, call *phd.Call, raw []byte) // call has a result; nil result: an error or rejection
}

// conn serves one agent.
type conn struct {
	d    *Driver
	net  net.Conn
	link link
	peer string
	met  atomic.Bool

	state    state
	since    time.Time // when the state began
	identity string
	ended    <-chan struct{} // the credential was revoked
	cut      atomic.Bool     // reading shall end, because it was
	done     chan struct{}   // closed when the connection ends
	knew     bool            // it was associated before
	info     *phd.Information
	arrived  time.Time // of the APDU that is being read

	// What its reports need to be understood, as it came.
	aarq    []byte
	config  []byte
	mds     []byte
	heard   time.Time // when mds came, where it tells the time
	lasting [][]byte  // variable reports that changed attributes for good
	objects *phd.Configuration

	invoke  uint16
	pending *request
	queue   []func(c *conn) // requests still to be made, one at a time
	stores  map[uint16]*store
}

// errEnd ends a connection that is of no more use, after it was noted.
var errEnd = errors.New("end of connection")

// Hurry, Cut and Connection implement driver.Guest.
func (c *conn) Hurry() { c.net.SetReadDeadline(time.Unix(1, 0)) }
func (c *conn) Cut()   { c.net.Close() }
func (c *conn) Connection() (driver.Connection, bool) {
	return c.connection(), c.met.Load()
}

func (c *conn) connection() driver.Connection {
	return driver.Connection{Peer: c.peer, Local: c.net.LocalAddr().String(), Encrypted: c.d.tls != nil}
}

func (c *conn) note(code, text, hint string) { c.d.notes.Add(c.peer, code, text, hint) }

// lost notes what was not taken and never offered.
func (c *conn) lost(code, text, hint string) { c.d.notes.Refused(c.peer, code, text, hint) }

func (c *conn) serve() {
	link, ok := c.open()
	if !ok {
		c.net.Close()
		return
	}
	c.link, c.done = link, make(chan struct{})
	defer link.Close()
	defer close(c.done)
	c.met.Store(true)
	if c.d.host.Met != nil {
		c.d.host.Met(c.d.channel, c.connection())
	}
	c.enter(unassociated)
	for {
		raw, err := link.Read(c.deadline())
		c.arrived = time.Now()
		switch {
		case errors.Is(err, errTimeout):
			err = c.late()
		case err != nil:
			err = c.broken(err)
		default:
			err = c.take(raw)
		}
		if err != nil {
			return
		}
	}
}

// open speaks TLS where it is asked for.
func (c *conn) open() (link, bool) {
	wire := c.net
	if c.d.tls != nil {
		t := tls.Server(c.net, c.d.tls)
		c.net.SetDeadline(time.Now().Add(20 * time.Second))
		if err := t.HandshakeContext(c.d.ctx); err != nil {
			c.note("phd.tls", "a TLS connection could not be made: "+err.Error(), "Compare certificates and versions on both sides.")
			return nil, false
		}
		c.net.SetDeadline(time.Time{})
		if chain := t.ConnectionState().VerifiedChains; len(chain) > 0 {
			c.identity = "CN=" + chain[0][0].Subject.CommonName
		}
		wire = t
	}
	return newStream(wire, c.d.settings.StallTimeout, func() bool { return c.d.guests.Stopping() || c.cut.Load() }), true
}

func (c *conn) enter(s state) {
	c.state, c.since = s, time.Now()
	if s == unassociated {
		c.info, c.aarq, c.config, c.mds, c.lasting, c.objects = nil, nil, nil, nil, nil, nil
		c.heard, c.pending, c.queue, c.stores = time.Time{}, nil, nil, nil
	}
}

// deadline is how long to wait for the next message; zero: for ever.
func (c *conn) deadline() time.Time {
	s := &c.d.settings
	switch c.state {
	case unassociated:
		return c.since.Add(s.AssociationTimeout)
	case configuring:
		return c.since.Add(s.ConfigTimeout)
	case releasing:
		return c.since.Add(s.ReleaseTimeout)
	}
	var at time.Time
	if c.pending != nil {
		at = c.pending.expires
	}
	for _, st := range c.stores {
		if st.under != nil && (at.IsZero() || st.expires.Before(at)) {
			at = st.expires
		}
	}
	if at.IsZero() && s.IdleTimeout > 0 {
		at = c.arrived.Add(s.IdleTimeout)
	}
	return at
}

// late is called when nothing came in time (§8.4 … §8.10: the manager aborts
// with the reason).
func (c *conn) late() error {
	if c.d.guests.Stopping() && c.state != releasing {
		if c.state == unassociated {
			return errEnd
		}
		c.enter(releasing)
		return c.send(&phd.APDU{Choice: phd.ChoiceRLRQ})
	}
	if c.cut.Load() {
		c.note("phd.revoked", "the device's credential was revoked; the association was aborted", "Give the device a new one if it is to send again.")
		c.abort(phd.AbortUndefined)
		return errEnd
	}
	switch c.state {
	case unassociated:
		if c.knew {
			return errEnd
		}
		c.note("phd.silent", "a peer connected and asked for no association", "Look at what is connected to this port.")
	case configuring:
		c.note("phd.late", "the device did not send its configuration in time; the association was aborted", "Raise config_timeout if it is slow.")
		c.abort(phd.AbortConfiguration)
	case releasing:
	case operating:
		switch {
		case c.pending != nil:
			c.note("phd.late", "the device did not answer in time ("+c.pending.what+"); the association was aborted", "Raise response_timeout if it is slow.")
			c.abort(phd.AbortResponse)
		case len(c.stores) > 0:
			c.note("phd.late", "the transfer of a stored segment stopped; the association was aborted", "The device keeps the segment and sends it again; raise transfer_timeout if it is slow.")
			c.abort(phd.AbortResponse)
		default:
			c.abort(phd.AbortUndefined)
		}
	}
	return errEnd
}

// broken says why there is nothing more to read, where people should know.
func (c *conn) broken(err error) error {
	switch {
	case errors.Is(err, errHalf):
		c.lost("phd.half", "the connection ended inside a message, which was not accepted", "The device should send it again; if it does not, look at the link.")
	case errors.Is(err, errStalled):
		if c.d.guests.Stopping() {
			return errEnd
		}
		c.lost("phd.half", "a message was not finished in time and was not accepted", "The device should send it again; if it does not, look at the link.")
		c.abort(phd.AbortUndefined)
	case fault.CodeOf(err) == "phd.choice":
		c.note("phd.garbage", "bytes came that begin no message of IEEE 11073-20601; the connection was closed", "Look at what is connected to this port.")
		c.abort(phd.AbortUndefined)
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
	default:
		if c.state == operating && !c.d.guests.Stopping() {
			c.note("phd.lost", "the connection to an associated device was lost", "It will connect again; if it does not, look at the device and the link.")
		}
	}
	return errEnd
}

func (c *conn) send(a *phd.APDU) error {
	if err := c.link.Write(a.Bytes()); err != nil {
		c.note("phd.slow-reader", "the device was cut off: it does not read our messages", "What it sent is kept; it will send again what it believes unanswered.")
		return errEnd
	}
	return nil
}

// abort ends the association without more (§8.10).
func (c *conn) abort(reason uint16) {
	if c.state != unassociated || reason == phd.AbortUndefined {
		c.link.Write((&phd.APDU{Choice: phd.ChoiceABRT, Reason: reason}).Bytes())
	}
}

// watch ends reading when the credential is revoked.
func (c *conn) watch(ended <-chan struct{}) {
	select {
	case <-ended:
		c.cut.Store(true)
		c.net.SetReadDeadline(time.Unix(1, 0))
	case <-c.done:
	}
}

// offer makes an APDU durable together with what it needs to be understood.
func (c *conn) offer(raw []byte, context ...[]byte) error {
	f := model.Frame{Channel: c.d.channel, Codec: c.d.codec, Peer: c.peer, Identity: c.identity, Arrived: c.arrived, Bytes: phd.Frame(raw, c.heard, context...)}
	_, err := c.d.host.Intake.Offer(c.d.ctx, []model.Frame{f})
	return err
}

// context is what a report of this association needs.
func (c *conn) context() [][]byte {
	out := make([][]byte, 0, 3+len(c.lasting))
	for _, one := range [][]byte{c.aarq, c.config, c.mds} {
		if one != nil {
			out = append(out, one)
		}
	}
	return append(out, c.lasting...)
}

// refusedBy says what to do about an error of intake: the device is to send again
// (nil: go on; errEnd: the association was aborted), or never.
func (c *conn) refusedBy(err error, invoke uint16, confirmed bool) error {
	c.d.refused.Add(1)
	if fault.KindOf(err) == fault.Invalid {
		c.note("phd.refused", "a report cannot be accepted: "+err.Error(), "Have the device correct it.")
		if !confirmed {
			return nil
		}
		return c.send(&phd.APDU{Choice: phd.ChoicePRST, Call: &phd.Call{Invoke: invoke, Op: phd.OpError, Code: phd.ErrNotAllowed}})
	}
	c.note("phd.not-stored", "reports could not be stored and were not answered: "+err.Error(), "See what the fault says; the device will send again.")
	c.abort(phd.AbortOverflow)
	return errEnd
}

// take acts on one message.
func (c *conn) take(raw []byte) error {
	a, err := phd.Parse(raw)
	if err != nil {
		return c.malformed(raw, err)
	}
	switch a.Choice {
	case phd.ChoiceAARQ:
		if c.state != unassociated {
			c.note("phd.order", "an associated device asked for an association; the association was aborted", "It will associate again.")
			c.abort(phd.AbortUndefined)
			c.enter(unassociated)
			return nil
		}
		raw = slices.Clone(raw) // it is kept
		if a, err = phd.Parse(raw); err != nil {
			return c.malformed(raw, err)
		}
		return c.associate(a.Request, raw)
	case phd.ChoiceRLRQ:
		if c.state == unassociated {
			c.abort(phd.AbortUndefined)
			return nil
		}
		stop := c.state == releasing
		c.enter(unassociated)
		if err := c.send(&phd.APDU{Choice: phd.ChoiceRLRE}); err != nil || stop {
			return errEnd
		}
		return nil
	case phd.ChoiceRLRE:
		return errEnd
	case phd.ChoiceABRT:
		if c.state != unassociated {
			c.note("phd.aborted", abortText(a.Reason), "The device will associate again; what it had confirmed is kept.")
		}
		if c.state == releasing {
			return errEnd
		}
		c.enter(unassociated)
		return nil
	case phd.ChoicePRST:
		if c.state == unassociated {
			c.lost("phd.order", "a device sent a report outside of an association", "It should associate first; the report was not accepted.")
			c.abort(phd.AbortUndefined)
			return nil
		}
		return c.call(a.Call, raw)
	}
	return nil
}

func abortText(reason uint16) string {
	switch reason {
	case phd.AbortOverflow:
		return "the device aborted the association: its buffer overflowed"
	case phd.AbortResponse:
		return "the device aborted the association: our answer came too late"
	case phd.AbortConfiguration:
		return "the device aborted the association: its configuration was not answered in time"
	}
	return "the device aborted the association"
}

// malformed keeps what cannot be read, where it came within an association, and
// says so to the device.
func (c *conn) malformed(raw []byte, why error) error {
	c.note("phd.malformed", "a message contradicts itself: "+why.Error(), "The device should follow IEEE 11073-20601; what it sent is kept.")
	if c.state != operating && c.state != configuring {
		c.abort(phd.AbortUndefined)
		return errEnd
	}
	invoke := uint16(0)
	if len(raw) >= 8 {
		invoke = uint16(raw[6])<<8 | uint16(raw[7])
	}
	if err := c.offer(raw, c.context()...); err != nil {
		return c.refusedBy(err, invoke, false)
	}
	return c.send(&phd.APDU{Choice: phd.ChoicePRST, Call: &phd.Call{Invoke: invoke, Op: phd.OpReject, Code: phd.ProblemBadStructure}})
}
