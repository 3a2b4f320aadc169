// Package masimolink takes the lines that Masimo pulse oximeters write over their
// serial port (R6). Each is a frame, with what the line before it said of alarms
// beside (decision 0173). The oximeter waits for no answer.
package masimolink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"thalamus/internal/codec/masimo"
	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/driver/bytelink"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "masimo",
		Doc:      "Takes what Masimo pulse oximeters write over their serial port: saturation, pulse, perfusion, alarms and exceptions, once a second.",
		Codecs:   []string{masimo.Name},
		Settings: &Settings{},
		New:      New,
	}
}

// Settings of a link to a Masimo oximeter.
type Settings struct {
	Link  bytelink.Settings `yaml:"link"`
	Stall time.Duration     `yaml:"stall_timeout" default:"5s" doc:"how long an oximeter may pause inside a line"`
}

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	if err := s.Link.Check("link"); err != nil {
		return err
	}
	if s.Stall <= 0 {
		return fault.New(fault.Invalid, "masimolink.setting", "expected more than 0, such as 5s").At("stall_timeout")
	}
	return nil
}

// New checks the channel's settings and makes the driver.
func New(ch model.Channel) (driver.Driver, error) {
	var s Settings
	if err := conf.Decode(ch.Settings, &s); err != nil {
		return nil, err
	}
	if ch.Codec == "" {
		ch.Codec = masimo.Name
	}
	return bytelink.New(ch, s.Link, func(ctx context.Context, link *bytelink.Session) error {
		r := &reader{ctx: ctx, s: &s, link: link}
		return r.serve()
	}), nil
}

// longest line of any model, and room.
const longest = 1024

// reader reads one open link.
type reader struct {
	ctx    context.Context
	s      *Settings
	link   *bytelink.Session
	buf    []byte // of a line that has not ended
	skip   bool   // inside of one that is too long
	before string // what the last line said of alarms
}

func (r *reader) serve() error {
	defer r.half("the link ended")
	chunk := make([]byte, 4<<10)
	for {
		var until time.Time
		if len(r.buf) > 0 {
			until = time.Now().Add(r.s.Stall)
		}
		n, err := r.link.Read(chunk, until)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			r.half(fmt.Sprintf("nothing came for %s", r.s.Stall))
		case err != nil:
			return err
		}
		r.buf = append(r.buf, chunk[:n]...)
		if err := r.lines(); err != nil {
			return err
		}
	}
}

func (r *reader) half(why string) {
	if len(r.buf) > 0 {
		r.link.Refused("masimolink.half", fmt.Sprintf("a line broke off after %d bytes and was not taken: %s", len(r.buf), why), "Look at the cable.")
		r.buf = nil
	}
}

func (r *reader) lines() error {
	for {
		end := bytes.IndexAny(r.buf, "\r\n")
		if end < 0 {
			break
		}
		line := r.buf[:end]
		r.buf = r.buf[end+1:]
		switch {
		case r.skip:
			r.skip = false
		case len(line) > longest:
			r.garbage()
		case len(bytes.TrimSpace(line)) == 0:
		case !masimo.Known(line):
			r.garbage()
		default:
			if err := r.take(line); err != nil {
				return err
			}
		}
	}
	if len(r.buf) > longest {
		if !r.skip {
			r.garbage()
		}
		r.buf, r.skip = nil, true
	}
	return nil
}

func (r *reader) garbage() {
	r.link.Note("masimolink.garbage", "a line came that is none of a Masimo oximeter", "Look at what is connected, at the port's speed, and whether the oximeter's serial output is set to ASCII.")
}

// noAnswer is how long a line waits for the store: it would not come again.
const noAnswer = 24 * time.Hour

func (r *reader) take(line []byte) error {
	var said []string
	if r.before != "" {
		said = append(said, "before: "+r.before)
	}
	err := r.link.OfferPatiently(r.ctx, noAnswer, r.link.Frame(line, said...))
	if err != nil {
		r.link.NoteRefused("masimolink.not-stored", err)
		if r.link.Stopping() {
			return err
		}
		return nil
	}
	r.before = masimo.Alarms(line)
	return nil
}
