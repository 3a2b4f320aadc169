package poct1alink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"thalamus/internal/codec/poct1a"
	"thalamus/internal/driver/bytelink"
	"thalamus/internal/fault"
)

// conversation is one connection of a device, from its hello to the end.
type conversation struct {
	ctx  context.Context
	s    *Settings
	link *bytelink.Session

	buf    []byte
	scan   poct1a.Scanner
	framed bool   // the device writes VT and FS around documents: so do we
	out    []byte // not written yet

	device  poct1a.Envelope // its hello
	said    []string        // what every frame says of the device
	number  int             // of our last message
	plan    []step          // what is to be asked and told, in order
	waiting string          // control id of what was sent and not answered
	topic   bool            // the device answers a request, until its end of topic
	asked   bool            // the plan was made
	until   time.Time       // the end of waiting for an answer
	spoke   time.Time       // when we last wrote
	garbage int
}

// step makes one message of ours.
type step struct {
	topic bool // it opens a topic of the device
	make  func(h poct1a.Header) []byte
}

const (
	readSize   = 16 << 10
	maxGarbage = 1 << 20
)

// errEnd ends a connection that is of no more use.
var errEnd = errors.New("end of the conversation")

// serve is bytelink.Serve.
func (c *conversation) serve() error {
	defer func() {
		if c.scan.Pending() {
			c.link.Refused("poct1alink.half-message", fmt.Sprintf("a document broke off after %d bytes and was not taken", len(c.buf)), "The device sends it again when it connects again; if it does not, look at the network.")
		}
	}()
	c.spoke = time.Now()
	for {
		if err := c.turn(); err != nil {
			_ = c.flush()
			return err
		}
		if err := c.flush(); err != nil {
			return err
		}
		until := c.patience()
		err := c.read(until)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			if err != nil {
				return err
			}
			continue
		}
		if err := c.silence(); err != nil {
			return err
		}
	}
}

func (c *conversation) patience() time.Time {
	now := time.Now()
	until := now.Add(c.s.Idle)
	if c.scan.Pending() {
		until = now.Add(c.s.Pause)
	}
	if c.waiting != "" && c.until.Before(until) {
		until = c.until
	}
	if alive := c.spoke.Add(c.s.KeepAlive); c.s.KeepAlive > 0 && alive.Before(until) {
		until = alive
	}
	return until
}

// silence decides what a time without bytes means.
func (c *conversation) silence() error {
	now := time.Now()
	switch {
	case c.scan.Pending():
		return errEnd
	case c.waiting != "" && !now.Before(c.until):
		c.note("poct1alink.no-answer", "the device did not answer a request; the next one is sent", "Look at the device; it may not know the request.")
		c.waiting, c.topic = "", false
		c.next()
		return nil
	case c.s.KeepAlive > 0 && !now.Before(c.spoke.Add(c.s.KeepAlive)):
		c.write(poct1a.WriteKeepAlive(c.header()))
		return nil
	}
	c.note("poct1alink.idle", fmt.Sprintf("the connection was closed: no document for %s", c.s.Idle), "Raise idle_timeout if the device is meant to be silent for so long.")
	return errEnd
}

func (c *conversation) read(until time.Time) error {
	if cap(c.buf)-len(c.buf) < readSize/4 {
		c.buf = append(make([]byte, 0, max(readSize, 2*len(c.buf))), c.buf...)
	}
	n, err := c.link.Read(c.buf[len(c.buf):cap(c.buf)], until)
	c.buf = c.buf[:len(c.buf)+n]
	return err
}

// turn takes everything that was read.
func (c *conversation) turn() error {
	for {
		n, t := c.scan.Next(c.buf)
		c.buf = c.buf[n:]
		switch t.Kind {
		case poct1a.More:
			return nil
		case poct1a.Document:
			c.garbage = 0
			c.framed = c.framed || t.Framed
			if err := c.document(t.Bytes); err != nil {
				return err
			}
		case poct1a.Oversize:
			c.note("poct1alink.oversize", fmt.Sprintf("the device was cut off: a document is longer than max_message (%d bytes)", c.s.MaxMessage), "Raise max_message if such documents are meant to come.")
			return errEnd
		case poct1a.Garbage:
			c.note("poct1alink.garbage", fmt.Sprintf("%d bytes came that belong to no document", len(t.Bytes)), "Look at what is connected to this port.")
			if c.garbage += len(t.Bytes); c.garbage > maxGarbage {
				return errEnd
			}
		}
	}
}

// document takes one message of the device.
func (c *conversation) document(b []byte) error {
	e, err := poct1a.ReadEnvelope(b)
	if err != nil {
		c.link.Refused("poct1alink.document", "a document was refused: "+fault.CodeOf(err), "See what the device sends; it is no POCT1-A message.")
		c.acknowledge(e, false, "this is no well-formed document")
		return nil
	}
	switch e.Kind() {
	case "ACK":
		return c.acknowledged(e)
	case "KPA":
		c.acknowledge(e, true, "")
		return nil
	case "END":
		c.acknowledge(e, true, "")
		return errEnd
	case "EOT", "ESC": // the device's topic is over, or it wants out of it
		c.acknowledge(e, true, "")
		c.topic, c.waiting = false, ""
		c.next()
		return nil
	case "HEL":
		c.device, c.said = e, e.Device.Lines()
	}
	if err := c.store(b); err != nil {
		if fault.KindOf(err) == fault.Invalid {
			c.acknowledge(e, false, "refused")
			return nil
		}
		return errEnd // no answer: the device keeps what it sent and sends it again
	}
	c.acknowledge(e, true, "")
	switch e.Kind() {
	case "DST":
		c.make(e)
		c.next()
	case "OBS", "EVS":
		c.waiting = "" // the answer to what was asked, or sent by itself
	}
	return nil
}

func (c *conversation) store(b []byte) error {
	if err := c.flush(); err != nil { // answers that are due do not wait for the store
		return err
	}
	err := c.link.OfferPatiently(c.ctx, c.s.Store, c.link.Frame(b, c.said...))
	if err != nil {
		c.link.NoteRefused("poct1alink.not-stored", err)
	}
	return err
}

// make plans what to ask and tell after a device status.
func (c *conversation) make(status poct1a.Envelope) {
	if c.topic || len(c.plan) > 0 {
		return // asked already; a status in between changes nothing
	}
	request := func(code string) step {
		return step{true, func(h poct1a.Header) []byte { return poct1a.WriteRequest(h, code) }}
	}
	if status.Observations != 0 { // also where it does not say
		c.plan = append(c.plan, request(poct1a.RequestObservations))
	}
	if status.Events > 0 || status.Events < 0 && slices.Contains(c.device.Topics, "D_EV") && !c.asked {
		c.plan = append(c.plan, request(poct1a.RequestEvents))
	}
	if c.asked {
		return // the rest is told once
	}
	c.asked = true
	if c.s.SetTime && slices.Contains(c.device.Directives, poct1a.SetTime) {
		c.plan = append(c.plan, step{false, func(h poct1a.Header) []byte { return poct1a.WriteSetTime(h, time.Now()) }})
	}
	if c.s.Operators != "" && slices.Contains(c.device.Topics, poct1a.OperatorList) {
		if all, err := readOperators(c.s.Operators); err != nil {
			c.note("poct1alink.operators", "the operator list was not sent: "+err.Error(), "Look at the file of the setting operators.")
		} else {
			c.plan = append(c.plan,
				step{false, func(h poct1a.Header) []byte { return poct1a.WriteOperators(h, all) }},
				step{false, func(h poct1a.Header) []byte { return poct1a.WriteEndOfTopic(h, poct1a.OperatorList) }})
		}
	}
	if c.s.Continuous && slices.Contains(c.device.Directives, poct1a.StartContinuous) {
		c.plan = append(c.plan, step{false, func(h poct1a.Header) []byte { return poct1a.WriteDirective(h, poct1a.StartContinuous) }})
	} else if !c.s.Continuous {
		c.plan = append(c.plan, step{false, func(h poct1a.Header) []byte { return poct1a.WriteEnd(h, "NRM") }})
	}
}

// next sends the next step, when nothing is under way.
func (c *conversation) next() {
	if c.waiting != "" || c.topic || len(c.plan) == 0 {
		return
	}
	s := c.plan[0]
	c.plan = c.plan[1:]
	h := c.header()
	c.write(s.make(h))
	c.waiting, c.topic, c.until = h.ControlID, s.topic, time.Now().Add(c.s.Reply)
}

// acknowledged takes the device's answer to what we sent.
func (c *conversation) acknowledged(e poct1a.Envelope) error {
	if c.waiting == "" || e.Acknowledges != "" && e.Acknowledges != c.waiting {
		return nil // to a keep-alive, or to what is over
	}
	c.waiting = ""
	if !e.Accepted {
		c.note("poct1alink.refused", "the device refused a request or directive", "Look at its interface description; it may not know it.")
		c.topic = false
	}
	c.next()
	return nil
}

func (c *conversation) header() poct1a.Header {
	c.number++
	return poct1a.Header{ControlID: strconv.Itoa(c.number), Made: time.Now()}
}

func (c *conversation) acknowledge(e poct1a.Envelope, accepted bool, note string) {
	c.write(poct1a.WriteAck(c.header(), e.ControlID, accepted, note))
}

// write adds a document to what goes out next.
func (c *conversation) write(b []byte) {
	if c.framed {
		c.out = append(c.out, 0x0B)
	}
	c.out = append(c.out, b...)
	if c.framed {
		c.out = append(c.out, 0x1C, '\r')
	} else {
		c.out = append(c.out, '\r', '\n')
	}
}

func (c *conversation) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	c.spoke = time.Now()
	err := c.link.Write(c.out)
	c.out = c.out[:0]
	return err
}

func (c *conversation) note(code, text, hint string) { c.link.Note(code, text, hint) }
