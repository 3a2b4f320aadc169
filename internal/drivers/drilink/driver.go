// Package drilink asks GE's S/5, B and CARESCAPE monitors for their values,
// waveforms and alarms over the Datex-Ohmeda Record Interface (R6). The monitor
// then sends by itself; each record is a frame, an alarm record with the one before
// it beside (decision 0173). Records are not acknowledged.
package drilink

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"thalamus/internal/codec/dri"
	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/driver/bytelink"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "dri",
		Doc:      "Asks GE (Datex-Ohmeda) S/5, B and CARESCAPE monitors for values, waveforms and alarms: the record interface DRI over a serial port or terminal server.",
		Codecs:   []string{dri.Name},
		Settings: &Settings{},
		New:      New,
	}
}

// Settings of a DRI link.
type Settings struct {
	Link  bytelink.Settings `yaml:"link"`
	Every time.Duration     `yaml:"every" default:"5s" doc:"how often the monitor sends its values, in whole seconds"`
	Waves string            `yaml:"waves" default:"ECG1 INVP1 PLETH CO2" doc:"waveforms, at most eight and 600 samples a second together: ECG1-3 (300), INVP1-6, PLETH, EEG1-4, ENT (100), CO2, O2, N2O, AA, AWP, FLOW, RESP (25); none: no waveforms"`
	Level int               `yaml:"level" default:"0" doc:"level of the interface that is asked for; 0 lets the monitor choose, 11 is DRI 2015"`
	Quiet time.Duration     `yaml:"ask_again" default:"15s" doc:"how long nothing may come before the monitor is asked again"`
	Stall time.Duration     `yaml:"stall_timeout" default:"3s" doc:"how long a monitor may pause inside a record"`
}

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	if err := s.Link.Check("link"); err != nil {
		return err
	}
	wrong := func(key, text string) error { return fault.New(fault.Invalid, "drilink.setting", "%s", text).At(key) }
	if _, ok := s.waves(); !ok {
		return wrong("waves", "expected names such as ECG1 PLETH CO2, at most eight and 600 samples a second together, or none")
	}
	switch {
	case s.Every < time.Second || s.Every > time.Hour:
		return wrong("every", "expected 1s to 1h")
	case s.Level < 0 || s.Level > 255:
		return wrong("level", "expected 0 to 255")
	case s.Quiet <= 0 || s.Stall <= 0:
		return wrong("ask_again", "ask_again and stall_timeout are more than 0, such as 15s")
	}
	return nil
}

func (s *Settings) waves() ([]byte, bool) {
	if s.Waves == "none" {
		return nil, true
	}
	var out []byte
	total := 0
	for _, name := range strings.Fields(s.Waves) {
		kind, rate, ok := dri.WaveKind(name)
		if !ok {
			return nil, false
		}
		out, total = append(out, kind), total+rate
	}
	return out, len(out) > 0 && len(out) <= 8 && total <= 600
}

// New checks the channel's settings and makes the driver.
func New(ch model.Channel) (driver.Driver, error) {
	var s Settings
	if err := conf.Decode(ch.Settings, &s); err != nil {
		return nil, err
	}
	if ch.Codec == "" {
		ch.Codec = dri.Name
	}
	return bytelink.New(ch, s.Link, func(ctx context.Context, link *bytelink.Session) error {
		c := &conversation{ctx: ctx, s: &s, link: link}
		return c.serve()
	}), nil
}

// conversation is what goes on over one open link.
type conversation struct {
	ctx    context.Context
	s      *Settings
	link   *bytelink.Session
	scan   dri.Scanner
	before []byte // the last alarm record
	began  time.Time
}

// ask tells the monitor what to send.
func (c *conversation) ask() error {
	level := byte(c.s.Level)
	if err := c.link.Write(dri.AskValues(level, uint16(c.s.Every/time.Second))); err != nil {
		return err
	}
	if err := c.link.Write(dri.AskAlarms(level)); err != nil {
		return err
	}
	waves, _ := c.s.waves()
	if len(waves) == 0 {
		return nil
	}
	return c.link.Write(dri.AskWaves(level, waves...))
}

func (c *conversation) serve() error {
	defer func() { c.half("the link ended") }()
	if err := c.ask(); err != nil {
		return err
	}
	heard := time.Now()
	chunk := make([]byte, 16<<10)
	for {
		until := heard.Add(c.s.Quiet)
		if !c.began.IsZero() && c.began.Add(c.s.Stall).Before(until) {
			until = c.began.Add(c.s.Stall)
		}
		n, err := c.link.Read(chunk, until)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
		case errors.Is(err, bytelink.ErrStopped):
			level := byte(c.s.Level)
			_ = c.link.Write(append(dri.AskWaves(level), dri.AskValues(level, 0)...)) // else it would go on
			return err
		case err != nil:
			return err
		}
		var failed error
		c.scan.Feed(chunk[:n], func(p dri.Piece) {
			switch {
			case failed != nil:
			case p.Bytes != nil:
				heard, c.began = time.Now(), time.Time{}
				failed = c.take(p.Bytes)
			case p.Broken > 0:
				c.link.Refused("drilink.broken", fmt.Sprintf("a record of %d bytes has a wrong checksum or is cut short; it was not taken", p.Broken), "Look at the cable, and at the port's speed and parity (19200, even).")
			default:
				c.link.Note("drilink.garbage", fmt.Sprintf("%d bytes came that are in no record", p.Noise), "Look at what is connected, and at the port's speed and parity (19200, even).")
			}
		})
		if failed != nil {
			return failed
		}
		now := time.Now()
		switch {
		case !c.scan.Waiting():
			c.began = time.Time{}
		case c.began.IsZero():
			c.began = now
		case now.Sub(c.began) >= c.s.Stall:
			c.half(fmt.Sprintf("nothing came for %s", c.s.Stall))
			c.began = time.Time{}
		}
		if now.Sub(heard) >= c.s.Quiet {
			c.link.Note("drilink.silent", "the monitor sends nothing; it was asked again", "Look at the cable, and whether the monitor's serial port is set to the computer interface.")
			if err := c.ask(); err != nil {
				return err
			}
			heard = now
		}
	}
}

func (c *conversation) half(why string) {
	if n := c.scan.Half(); n > 0 {
		c.link.Refused("drilink.half", fmt.Sprintf("a record broke off after %d bytes and was not taken: %s", n, why), "Look at the cable.")
	}
}

// noAnswer is how long a record waits for the store: it would not come again.
const noAnswer = 24 * time.Hour

func (c *conversation) take(b []byte) error {
	var said []string
	alarm := dri.IsAlarm(b)
	if alarm && c.before != nil {
		said = append(said, "before: "+hex.EncodeToString(c.before))
	}
	err := c.link.OfferPatiently(c.ctx, noAnswer, c.link.Frame(b, said...))
	if err != nil {
		c.link.NoteRefused("drilink.not-stored", err)
		if c.link.Stopping() {
			return err
		}
		return nil
	}
	if alarm {
		c.before = append([]byte(nil), b...)
	}
	return nil
}
