package astmlink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"thalamus/internal/codec/astm"
	"thalamus/internal/driver/bytelink"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// conversation is one open link, from neutral to receiving or sending and back
// (LIS01-A2 §6).
type conversation struct {
	ctx    context.Context
	s      *Settings
	link   *bytelink.Session
	orders *orders

	buf  []byte // read and not taken
	mem  []byte // what buf lies in
	scan astm.Scanner
	out  []byte // answers not written yet

	receiving bool
	join      astm.Assembler
	expected  byte      // number of the next frame, 0 to 7
	last      []byte    // text of the frame acknowledged last
	hasLast   bool      // last is one of this transmission
	busyUntil time.Time // transmissions are refused: what came could not be stored
	garbage   int       // bytes in a row that belong to nothing

	questions []astm.Query // asked in this transmission
	answers   []answer     // to be sent
	retryAt   time.Time    // not before
}

// readSize is how much is read at once.
const readSize = 16 << 10

// maxGarbage is how many bytes of garbage in a row cut a TCP peer off.
const maxGarbage = 1 << 20

// errEnd ends a link that is of no more use, after it was noted.
var errEnd = errors.New("end of the link")

// serve is bytelink.Serve.
func (c *conversation) serve() error {
	defer func() {
		if c.scan.Pending() {
			c.noteHalf(len(c.buf), "the link ended")
		}
		c.abandon("the link ended")
	}()
	for {
		if err := c.turn(); err != nil {
			return err
		}
		if !c.receiving && !c.scan.Pending() && len(c.answers) > 0 && !time.Now().Before(c.retryAt) {
			if err := c.send(); err != nil {
				return err
			}
			continue
		}
		err := c.read(c.patience())
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if c.receiving || c.scan.Pending() {
				c.silence()
			}
		case err != nil:
			return err
		}
	}
}

// patience is until when to wait for bytes: without end in neutral, where
// nothing of our own is to be sent.
func (c *conversation) patience() time.Time {
	switch {
	case c.receiving || c.scan.Pending():
		return time.Now().Add(c.s.Receive) // LIS01-A2 §6.5.2.5
	case len(c.answers) > 0:
		return c.retryAt
	}
	return time.Time{}
}

// read waits for more bytes.
func (c *conversation) read(until time.Time) error {
	if cap(c.mem)-len(c.mem) < readSize/2 || len(c.buf) == 0 {
		if len(c.buf) == 0 && cap(c.mem) >= readSize {
			c.mem = c.mem[:0]
		} else {
			mem := make([]byte, len(c.buf), max(readSize, 2*len(c.buf)))
			copy(mem, c.buf)
			c.mem = mem
		}
		c.buf = c.mem
	}
	n, err := c.link.Read(c.mem[len(c.mem):cap(c.mem)], until)
	c.mem = c.mem[:len(c.mem)+n]
	c.buf = c.mem[len(c.mem)-n-len(c.buf):]
	return err
}

// next takes a token out of what was read.
func (c *conversation) next() astm.Token {
	n, t := c.scan.Next(c.buf)
	c.buf = c.buf[n:]
	return t
}

// turn takes everything that was read, and answers.
func (c *conversation) turn() error {
	for {
		t := c.next()
		if t.Kind == astm.More {
			return c.flush()
		}
		if t.Kind != astm.Garbage {
			c.garbage = 0
		}
		switch t.Kind {
		case astm.Control:
			if err := c.control(t.Char); err != nil {
				return err
			}
		case astm.Frame:
			if err := c.frame(t); err != nil {
				return err
			}
		case astm.Damaged:
			c.link.Refused("astmlink.checksum", "a frame came with a wrong checksum, or none, and was refused", "The instrument sends it again by itself. If it happens often look at the cable, the port's speed and parity; frames without a checksum need checksum: none.")
			c.answer(astm.NAK)
		case astm.Cut:
			c.noteHalf(len(t.Bytes), "another frame or the end came in its middle")
			if len(c.buf) > 0 && c.buf[0] == astm.STX {
				continue // it is being sent again: that one is answered
			}
			if len(c.buf) > 0 && c.buf[0] != astm.EOT && c.buf[0] != astm.ENQ {
				c.answer(astm.NAK)
			}
		case astm.Oversize:
			c.link.Refused("astmlink.oversize", fmt.Sprintf("a frame is longer than max_frame (%d bytes) and was refused", c.s.MaxFrame), "Raise max_frame if such frames are meant to come.")
			c.answer(astm.NAK)
		case astm.Garbage:
			if err := c.nonsense(t.Bytes); err != nil {
				return err
			}
		}
	}
}

func (c *conversation) nonsense(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	c.link.Note("astmlink.garbage", fmt.Sprintf("%d bytes came that belong to no frame", len(b)), "Look at what is connected, and at the port's speed and parity.")
	if c.garbage += len(b); c.garbage > maxGarbage {
		c.link.Note("astmlink.flood", "the sender was cut off: it sends without end what is no frame", "Look at what is connected.")
		return errEnd
	}
	return nil
}

func (c *conversation) answer(char byte) { c.out = append(c.out, char) }

func (c *conversation) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	err := c.link.Write(c.out)
	c.out = c.out[:0]
	return err
}

// control takes ENQ, EOT and what is out of place.
func (c *conversation) control(char byte) error {
	switch char {
	case astm.ENQ:
		if c.receiving {
			c.abandon("the sender began anew")
		}
		if time.Now().Before(c.busyUntil) || c.link.Stopping() {
			c.answer(astm.NAK) // busy: the sender asks again after 10 s (§6.2.6)
			return nil
		}
		c.begin()
		c.answer(astm.ACK)
	case astm.EOT:
		return c.ended()
	default:
		c.link.Note("astmlink.unexpected", "an answer came to nothing that was sent", "Look whether another program uses the same link.")
	}
	return nil
}

func (c *conversation) begin() {
	c.receiving, c.expected, c.hasLast, c.questions = true, 1, false, nil
}

// frame takes a frame whose checksum is right (§6.3, §6.5.1).
func (c *conversation) frame(t astm.Token) error {
	if !c.receiving {
		if c.s.Tolerance != toleranceLenient {
			c.link.Refused("astmlink.no-enq", "a frame came without ENQ before it and was refused", "Have the instrument begin with ENQ, or set tolerance: lenient.")
			c.answer(astm.NAK)
			return nil
		}
		c.begin()
		c.expected = (t.Number - '0') & 7
	}
	repeated := c.hasLast && t.Number == '0'+(c.expected+7)&7
	if repeated && bytes.Equal(t.Text, c.last) {
		c.answer(astm.ACK) // our answer was lost; it is taken already (§6.5.1.2)
		return nil
	}
	if t.Number != '0'+c.expected {
		if !repeated && c.s.Tolerance != toleranceLenient {
			c.link.Refused("astmlink.frame-number", "a frame has another number than the next one and was refused", "The instrument sends it again by itself. If its frames do not count from 1 to 7 and 0, set tolerance: lenient.")
			c.answer(astm.NAK)
			return nil
		}
		c.link.Note("astmlink.frame-number", "a frame has another number than the next one; it was taken, because nothing else has its content", "Nothing to do; its maker should count frames from 1 to 7 and 0.")
	}
	if !c.take(t) {
		c.answer(astm.NAK)
		return nil
	}
	c.last, c.hasLast = append(c.last[:0], t.Text...), true
	if n := t.Number - '0'; n <= 7 {
		c.expected = (n + 1) & 7
	}
	c.answer(astm.ACK)
	return nil
}

// take adds a frame to the message. What it completes is durable before it is
// taken; a frame that cannot be is as if it never came.
func (c *conversation) take(t astm.Token) bool {
	before := c.join
	whole, ok := c.join.Add(t.Text, t.Last)
	if !ok {
		c.link.Refused("astmlink.oversize", fmt.Sprintf("a message is longer than max_message (%d bytes) and was refused", c.s.MaxMessage), "Raise max_message if such messages are meant to come.")
		return false
	}
	if len(whole) == 0 {
		return true
	}
	if err := c.flush(); err != nil { // answers that are due do not wait for the store
		c.join = before
		return false
	}
	if err := c.store(whole, ""); err != nil {
		c.join = before
		if fault.KindOf(err) == fault.Transient {
			c.busyUntil = time.Now().Add(c.s.Busy)
		}
		return false
	}
	for _, g := range whole {
		if q, asked := astm.QueryOf(g.Bytes); asked && len(c.questions) < maxQuestions {
			c.questions = append(c.questions, q)
		}
	}
	return true
}

// maxQuestions bounds the queries of one transmission that are answered.
const maxQuestions = 100

// store makes groups durable.
func (c *conversation) store(groups []astm.Group, said string) error {
	frames := make([]model.Frame, len(groups))
	for i, g := range groups {
		var lines []string
		switch {
		case said != "":
			lines = append(lines, said)
		case !g.Ended:
			lines = append(lines, astm.GroupOpen)
		}
		frames[i] = c.link.Frame(g.Bytes, lines...)
	}
	err := c.link.OfferPatiently(c.ctx, c.s.Store, frames...)
	if err != nil {
		c.link.NoteRefused("astmlink.not-stored", err)
	}
	return err
}

// ended takes EOT: the transmission is over (§6.4). A message without its
// terminator ends here too.
func (c *conversation) ended() error {
	if !c.receiving {
		return nil // some send EOT to say that they are there
	}
	c.receiving = false
	if g, some := c.join.Rest(); some {
		c.link.Note("astmlink.no-terminator", "a message ended without its terminator record L; it was taken all the same", "Have the instrument end each message with L|1|N.")
		if err := c.store([]astm.Group{{Bytes: g.Bytes, Ended: true}}, ""); err != nil {
			return err // nothing is left to refuse it with but the link itself
		}
		if q, asked := astm.QueryOf(g.Bytes); asked {
			c.questions = append(c.questions, q)
		}
	}
	for _, q := range c.questions {
		c.ask(q)
	}
	c.questions = nil
	return nil
}

// silence ends a transmission whose sender said nothing for too long
// (§6.5.2.5): back to neutral.
func (c *conversation) silence() {
	if c.scan.Pending() {
		c.noteHalf(len(c.buf), fmt.Sprintf("nothing came for %s", c.s.Receive))
		c.scan = astm.Scanner{Max: c.scan.Max, Bare: c.scan.Bare}
		c.buf = nil
	}
	c.abandon(fmt.Sprintf("nothing came for %s", c.s.Receive))
}

// abandon gives up a transmission. What was acknowledged of it is kept: the
// sender may believe it stored (decision 0155).
func (c *conversation) abandon(why string) {
	if !c.receiving {
		return
	}
	c.receiving, c.questions = false, nil
	g, some := c.join.Rest()
	if !some {
		return
	}
	c.link.Note("astmlink.cut", "a transmission broke off and what had been acknowledged of it was kept: "+why, "The instrument should send the message again.")
	_ = c.store([]astm.Group{g}, astm.GroupCut) // a fault of it was noted
}

func (c *conversation) noteHalf(n int, why string) {
	c.link.Refused("astmlink.half-frame", fmt.Sprintf("a frame broke off after %d bytes and was not taken: %s", n, why), "The instrument sends it again by itself; if it does not, look at the cable.")
}
