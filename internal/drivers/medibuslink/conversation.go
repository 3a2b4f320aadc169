package medibuslink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"thalamus/internal/codec/medibus"
	"thalamus/internal/driver/bytelink"
	"thalamus/internal/model"
)

// question is something asked again and again.
type question struct {
	code  byte
	every time.Duration
	next  time.Time
}

// conversation is what goes on over one open link.
type conversation struct {
	ctx    context.Context
	s      *Settings
	link   *bytelink.Session
	scan   medibus.Scanner
	curves []byte

	begun   bool      // the device answered our ICC, or sent its own
	waiting byte      // the question that was asked, 0: none
	until   time.Time // how long its answer is waited for
	missed  int       // questions in a row without an answer
	sent    time.Time // when we wrote last
	began   time.Time // when the message that is coming began
	first   [][]byte  // commands that go before the questions
	ask     []question

	last  map[byte][]byte // the last response of each code, as it came
	order []byte          // the command that asked for curves
	live  bool            // curves were asked for and granted
	wave  []byte          // real-time bytes that are no frame yet
	from  time.Time       // since when
	heard time.Time       // when curves came last
}

func newConversation(ctx context.Context, s *Settings, link *bytelink.Session) *conversation {
	c := &conversation{ctx: ctx, s: s, link: link, last: map[byte][]byte{}}
	c.curves, _ = s.curves()
	return c
}

// begin starts a communication anew.
func (c *conversation) begin() {
	now := time.Now()
	c.begun, c.missed, c.live, c.order = true, 0, false, nil
	c.first = [][]byte{medibus.Command(medibus.Identify)}
	if len(c.curves) > 0 {
		c.first = append(c.first, medibus.Command(medibus.RealtimeList))
	}
	c.ask = c.ask[:0]
	for _, q := range []question{
		{code: medibus.Low1, every: c.s.Limits}, {code: medibus.High1, every: c.s.Limits},
		{code: medibus.Texts, every: 5 * c.s.Every},
		{code: medibus.Measured1, every: c.s.Every}, {code: medibus.Alarms1, every: c.s.Every},
		{code: medibus.Measured2, every: c.s.Every}, {code: medibus.Alarms2, every: c.s.Every},
		{code: medibus.Settings, every: 5 * c.s.Every},
		{code: medibus.Low2, every: c.s.Limits}, {code: medibus.High2, every: c.s.Limits}, {code: medibus.DateTime, every: c.s.Limits},
	} {
		q.next = now
		c.ask = append(c.ask, q)
		now = now.Add(time.Nanosecond) // the first round in this order
	}
}

func (c *conversation) serve() error {
	chunk := make([]byte, 16<<10)
	defer func() { c.half("the link ended") }()
	for {
		if err := c.speak(time.Now()); err != nil {
			return err
		}
		n, err := c.link.Read(chunk, c.wake())
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
		case errors.Is(err, bytelink.ErrStopped):
			_ = c.offerWave(len(c.wave))
			_ = c.link.Write(medibus.Command(medibus.Stop)) // the device would find out by our silence
			return err
		case err != nil:
			_ = c.offerWave(len(c.wave))
			return err
		}
		if err := c.hear(chunk[:n]); err != nil {
			return err
		}
		if err := c.turn(time.Now()); err != nil {
			return err
		}
	}
}

// wake is when there is something to do although nothing comes.
func (c *conversation) wake() time.Time {
	at := c.sent.Add(c.s.Alive)
	sooner := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	if c.waiting != 0 {
		at = c.until
	} else if c.begun {
		for i := range c.ask {
			sooner(c.ask[i].next)
		}
	}
	if !c.began.IsZero() {
		sooner(c.began.Add(c.s.Reply))
	}
	if len(c.wave) > 0 {
		sooner(c.from.Add(c.s.Span))
	}
	return at
}

// speak asks the next thing, where nothing is asked.
func (c *conversation) speak(now time.Time) error {
	if c.waiting != 0 && now.Before(c.until) {
		return nil
	}
	if c.waiting != 0 {
		if c.missed++; c.missed >= 3 && c.begun {
			c.link.Note("medibuslink.silent", "the device does not answer any more; the communication is begun anew", "Look at the cable, the port's speed and parity, and whether the device's port is set to MEDIBUS.")
			c.begun = false
		}
		c.waiting = 0
	}
	if !c.begun {
		return c.command(now, medibus.Command(medibus.Initialise))
	}
	if c.live && now.Sub(c.heard) > 10*time.Second { // as if it had forgotten them
		c.live = false
		c.first = append(c.first, medibus.Command(medibus.RealtimeList))
	}
	if len(c.first) > 0 {
		b := c.first[0]
		c.first = c.first[1:]
		if b[1] == medibus.RealtimeAsk {
			c.order = b
		}
		return c.command(now, b)
	}
	due := -1
	for i := range c.ask {
		if !c.ask[i].next.After(now) && (due < 0 || c.ask[i].next.Before(c.ask[due].next)) {
			due = i
		}
	}
	switch {
	case due >= 0:
		c.ask[due].next = now.Add(c.ask[due].every)
		return c.command(now, medibus.Command(c.ask[due].code))
	case now.Sub(c.sent) >= c.s.Alive:
		return c.command(now, medibus.Command(medibus.NoOperation))
	}
	return nil
}

func (c *conversation) command(now time.Time, b []byte) error {
	c.waiting, c.until, c.sent = b[1], now.Add(c.s.Reply), now
	return c.link.Write(b)
}

// hear takes what came.
func (c *conversation) hear(b []byte) error {
	var err error
	c.scan.Feed(b, func(p medibus.Piece) {
		if err != nil {
			return
		}
		switch p.Kind {
		case medibus.Whole:
			c.began = time.Time{}
			err = c.message(bytes.Clone(p.Bytes))
		case medibus.Broken:
			c.link.Refused("medibuslink.broken", fmt.Sprintf("a message of %d bytes was cut short or its checksum is wrong; it was not taken", len(p.Bytes)), "Look at the cable, and at the port's speed and parity.")
			if p.Bytes[0] == medibus.ESC {
				err = c.link.Write(medibus.Response(medibus.Corrupt))
			} else {
				c.until = time.Now() // ask again
			}
		case medibus.Realtime:
			c.take(p.Bytes)
		case medibus.Noise:
			c.garbage()
		case medibus.TooLong:
			c.link.Refused("medibuslink.oversize", "a message is longer than any of MEDIBUS and was not taken", "Look at what is connected, and at the port's speed and parity.")
		}
	})
	return err
}

func (c *conversation) garbage() {
	c.link.Note("medibuslink.garbage", "bytes came that are no message of MEDIBUS", "Look at what is connected, at the port's speed and parity, and whether the device's port is set to MEDIBUS.")
}

// ours is what we call ourselves when a device asks, as other programs do.
const ours = "0161'Thalamus'01.00:06.00"

// message takes one whole message.
func (c *conversation) message(b []byte) error {
	m, _ := medibus.Parse(b)
	if m.Lead == medibus.ESC {
		return c.asked(m)
	}
	if m.Code == c.waiting {
		c.waiting, c.missed = 0, 0
	}
	switch m.Code {
	case medibus.Initialise:
		if !c.begun {
			c.begin()
		}
		return nil
	case medibus.Corrupt: // the device did not understand: what was asked is asked again in its turn
		c.waiting = 0
		return nil
	case medibus.NoOperation, medibus.Stop:
		return nil
	case medibus.RealtimeAsk:
		if c.order == nil {
			return nil
		}
		c.live, c.heard = true, time.Now()
		order, _ := medibus.Parse(c.order)
		return c.link.Write(medibus.Enable(len(order.Text) / 4))
	}
	if err := c.offer(b, c.beside(m.Code)...); err != nil {
		return err
	}
	c.last[m.Code] = b
	if m.Code == medibus.RealtimeList {
		c.choose(m)
	}
	return nil
}

// asked answers a command of the device.
func (c *conversation) asked(m medibus.Message) error {
	var text []byte
	switch m.Code {
	case medibus.Identify:
		text = []byte(ours)
	case medibus.Initialise:
		c.begin()
		c.waiting = 0
	case medibus.TimeChanged:
		c.first = append(c.first, medibus.Command(medibus.DateTime))
	case medibus.RealtimeNew:
		c.live = false
		if len(c.curves) > 0 {
			c.first = append(c.first, medibus.Command(medibus.RealtimeList))
		}
	case medibus.Stop:
		c.begun, c.waiting = false, 0
		c.until = time.Now()
	}
	if len(c.first) > 16 { // it tells the same again and again
		c.first = c.first[:16]
	}
	c.sent = time.Now()
	return c.link.Write(medibus.Response(m.Code, text...))
}

// choose asks for those of the wanted curves that the device has.
func (c *conversation) choose(m medibus.Message) {
	var codes []byte
	offered, _ := medibus.Streams(m)
	for _, want := range c.curves {
		for _, s := range offered {
			if s.Code == want {
				codes = append(codes, want)
				break
			}
		}
	}
	if len(codes) > 0 {
		c.first = append(c.first, medibus.Order(codes...))
	}
}

// beside is what a frame of a code needs to be read alone (decision 0173).
func (c *conversation) beside(code byte) (lines []string) {
	add := func(name string, b []byte) {
		if b != nil {
			lines = append(lines, medibus.Said(name, b))
		}
	}
	if code != medibus.Identify {
		add("id", c.last[medibus.Identify])
	}
	if code != medibus.Texts {
		add("text", c.last[medibus.Texts])
	}
	switch code {
	case medibus.Measured1:
		add("low", c.last[medibus.Low1])
		add("high", c.last[medibus.High1])
	case medibus.Measured2:
		add("low", c.last[medibus.Low2])
		add("high", c.last[medibus.High2])
	case medibus.Alarms1, medibus.Alarms2:
		add("before", c.last[code])
	case 0: // real-time bytes
		add("config", c.last[medibus.RealtimeList])
		add("order", c.order)
	}
	return lines
}

// noAnswer is how long a frame waits for the store: the device would not send
// it again.
const noAnswer = 24 * time.Hour

func (c *conversation) offer(b []byte, said ...string) error {
	frame := c.link.Frame(b, said...)
	if len(frame.Properties) > model.MaxSaid {
		frame = c.link.Frame(b)
	}
	if err := c.link.OfferPatiently(c.ctx, noAnswer, frame); err != nil {
		c.link.NoteRefused("medibuslink.not-stored", err)
		if c.link.Stopping() {
			return err
		}
	}
	return nil
}
