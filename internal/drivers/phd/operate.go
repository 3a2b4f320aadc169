package phd

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"thalamus/internal/codec/phd"
)

// tls is the peer's certificate, where it showed one that is believed.
func (c *conn) tls() (*x509.Certificate, bool) {
	s, ok := c.link.(*stream)
	if !ok {
		return nil, false
	}
	t, ok := s.conn.(*tls.Conn)
	if !ok || len(t.ConnectionState().VerifiedChains) == 0 {
		return nil, false
	}
	return t.ConnectionState().VerifiedChains[0][0], true
}

// operate begins the operating state: the device's attributes are asked for,
// its clock is set where it wants that, and what it has stored is taken.
func (c *conn) operate() error {
	c.enter(operating)
	c.queue = append(c.queue, (*conn).askAttributes)
	return c.next()
}

// next makes the next request, unless one is out.
func (c *conn) next() error {
	if c.pending != nil || len(c.queue) == 0 || c.state != operating {
		return nil
	}
	ask := c.queue[0]
	c.queue = c.queue[1:]
	ask(c)
	if c.pending == nil {
		return c.next()
	}
	return nil
}

// ask sends a request and waits for its answer.
func (c *conn) ask(call *phd.Call, what string, patience time.Duration, answer func(c *conn, call *phd.Call, raw []byte)) {
	call.Invoke = c.invoke
	c.invoke++
	c.pending = &request{invoke: call.Invoke, what: what, expires: time.Now().Add(patience), answer: answer}
	c.send(&phd.APDU{Choice: phd.ChoicePRST, Call: call}) // a link that cannot be written to is found when it is read
}

// askAttributes gets all attributes of the device (§8.9.3.3.2), sets its clock
// where it wants that, and looks at what it has stored.
func (c *conn) askAttributes() {
	c.attributes((*conn).clock)
	c.askStores()
}

// attributes asks for all attributes; then, unless it is nil, gets them.
func (c *conn) attributes(then func(c *conn, all []phd.Attribute)) {
	c.ask(&phd.Call{Op: phd.OpGet}, "its attributes", c.d.settings.ResponseTimeout, func(c *conn, call *phd.Call, raw []byte) {
		if call == nil {
			return // it need not tell them
		}
		c.mds = slices.Clone(raw)
		for _, a := range call.Attributes {
			switch a.ID {
			case phd.AttrTimeAbs, phd.AttrTimeBO, phd.AttrTimeRel, phd.AttrTimeRelHi:
				c.heard = c.arrived
			}
		}
		if err := c.offer(c.mds, c.aarq, c.config); err != nil {
			// Facts of the device, no measurement: it is asked again next time.
			c.note("phd.not-stored", "what a device tells of itself could not be stored: "+err.Error(), "See what the fault says.")
		}
		if then != nil {
			then(c, call.Attributes)
		}
	})
}

// Bits of mds-time-cap-state (MdsTimeCapState, annex A.3).
const (
	timeSetClock = 0x4000 // mds-time-capab-set-clock
	timeBase     = 0x0100 // mds-time-capab-bo-time
	timeWanted   = 0x0010 // mds-time-mgr-set-time
)

// clock sets the device's clock where it says that its manager should
// (§8.12.2.2).
func (c *conn) clock(attributes []phd.Attribute) {
	var info []byte
	for _, a := range attributes {
		if a.ID == phd.AttrTimeInfo {
			info = a.Value
		}
	}
	if !c.d.settings.SetTime || len(info) < 2 {
		return
	}
	bits := binary.BigEndian.Uint16(info)
	if bits&timeWanted == 0 || bits&(timeSetClock|timeBase) == 0 {
		return
	}
	c.queue = append([]func(*conn){func(c *conn) {
		now := time.Now().In(c.d.zone)
		call := &phd.Call{Op: phd.OpActionConfirmed, Type: phd.ActionSetTime, Info: append(phd.AbsoluteTime(now), 0, 0, 0, 0)}
		if bits&timeBase != 0 {
			call.Type, call.Info = phd.ActionSetTimeBO, append(phd.BaseOffsetTime(now), 0, 0, 0, 0)
		}
		c.ask(call, "setting its clock", c.d.settings.ResponseTimeout, func(c *conn, call *phd.Call, _ []byte) {
			if call == nil {
				c.note("phd.clock", "the device asked for its clock to be set and refused the time", "Its times are corrected by how far its clock is off.")
				return
			}
			// What it said the time is holds no more: it is asked again, so that
			// its reports go with what its clock says now.
			c.heard = time.Time{}
			c.queue = append([]func(*conn){func(c *conn) { c.attributes(nil) }}, c.queue...)
		})
	}}, c.queue...)
}

// call acts on an operation within an association.
func (c *conn) call(call *phd.Call, raw []byte) error {
	switch call.Op {
	case phd.OpEvent, phd.OpEventConfirmed:
		return c.event(call, raw)
	case phd.OpGetResult, phd.OpSetResult, phd.OpActionResult, phd.OpError, phd.OpReject:
		return c.answered(call, raw)
	case phd.OpEventResult:
		return nil // we send no events
	}
	// A manager has no objects that an agent could ask (§8.9.2).
	return c.send(&phd.APDU{Choice: phd.ChoicePRST, Call: &phd.Call{Invoke: call.Invoke, Op: phd.OpError, Code: phd.ErrNoSuchObject}})
}

func (c *conn) answered(call *phd.Call, raw []byte) error {
	p := c.pending
	if p == nil || p.invoke != call.Invoke {
		c.note("phd.order", "a device answered what it was not asked", "The answer was not used.")
		return nil
	}
	c.pending = nil
	if call.Op == phd.OpError || call.Op == phd.OpReject {
		call = nil
	}
	p.answer(c, call, raw)
	return c.next()
}

// event makes a report durable and answers it.
func (c *conn) event(call *phd.Call, raw []byte) error {
	if c.state == releasing {
		return nil // not answered: it is sent again
	}
	if call.Type == phd.NotiConfig {
		return c.configure(call, raw)
	}
	if c.state != operating {
		c.lost("phd.order", "a device sent a report before its configuration was accepted", "The report was not accepted.")
		return c.send(&phd.APDU{Choice: phd.ChoicePRST, Call: &phd.Call{Invoke: call.Invoke, Op: phd.OpReject, Code: phd.ProblemUnknownOp}})
	}
	if call.Type == phd.NotiSegment {
		return c.segment(call, raw)
	}
	confirmed := call.Op == phd.OpEventConfirmed
	if err := c.offer(raw, c.context()...); err != nil {
		return c.refusedBy(err, call.Invoke, confirmed)
	}
	c.d.reports.Add(1)
	if phd.Lasting(call) {
		c.remember(raw)
	}
	if !confirmed {
		return nil
	}
	return c.result(call, nil)
}

// mostLasting bounds how many changes of attributes go with each later report.
const mostLasting = 16

func (c *conn) remember(raw []byte) {
	if len(c.lasting) == mostLasting {
		c.note("phd.changes", fmt.Sprintf("a device changed its attributes more than %d times in one association; the oldest change is forgotten", mostLasting), "Let the device associate again with a new configuration.")
		c.lasting = c.lasting[1:]
	}
	c.lasting = append(c.lasting, slices.Clone(raw))
}

// result answers a confirmed event. We keep no relative time (§8.12.3).
func (c *conn) result(call *phd.Call, info []byte) error {
	return c.send(&phd.APDU{Choice: phd.ChoicePRST, Call: &phd.Call{Invoke: call.Invoke, Op: phd.OpEventResult, Handle: call.Handle, Time: phd.NoEventTime, Type: call.Type, Info: info}})
}
