// Package noninlink takes what Nonin pulse oximeters and their OEM modules send
// over a serial line or Bluetooth's serial profile (R6). Each packet is a frame,
// with the format and the state before it beside (decision 0173). Spot checks of
// format 13 are acknowledged once they are durable (R23); of the others the
// oximeter expects no answer.
package noninlink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"thalamus/internal/codec/nonin"
	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/driver/bytelink"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "nonin",
		Doc:      "Takes what Nonin pulse oximeters and modules send: saturation, pulse, status and plethysmogram in formats 1, 2, 7, 8 and 13.",
		Codecs:   []string{nonin.Name},
		Settings: &Settings{},
		New:      New,
	}
}

// Settings of a link to a Nonin oximeter.
type Settings struct {
	Link   bytelink.Settings `yaml:"link"`
	Format string            `yaml:"format" default:"2" doc:"what the oximeter sends: 1 or 8 values once a second, 2 or 7 with plethysmogram of 8 or 16 bits, 13 spot checks"`
	Select bool              `yaml:"select" default:"false" doc:"ask the oximeter for the format when the link opens, for models that can be asked (3150, 9560)"`
	Stall  time.Duration     `yaml:"stall_timeout" default:"3s" doc:"how long an oximeter may pause inside a packet"`
}

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	if err := s.Link.Check("link"); err != nil {
		return err
	}
	if !slices.Contains(nonin.Formats(), s.Format) {
		return fault.New(fault.Invalid, "noninlink.setting", "expected 1, 2, 7, 8 or 13").At("format")
	}
	if s.Stall <= 0 {
		return fault.New(fault.Invalid, "noninlink.setting", "expected more than 0, such as 3s").At("stall_timeout")
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
		ch.Codec = nonin.Name
	}
	return bytelink.New(ch, s.Link, func(ctx context.Context, link *bytelink.Session) error {
		r := &reader{ctx: ctx, s: &s, link: link, scan: nonin.Scanner{Format: s.Format}}
		return r.serve()
	}), nil
}

// reader reads one open link.
type reader struct {
	ctx    context.Context
	s      *Settings
	link   *bytelink.Session
	scan   nonin.Scanner
	before string // the state that the last packet told
}

func (r *reader) serve() error {
	defer r.half("the link ended")
	if r.s.Select {
		if err := r.link.Write(nonin.Select(r.s.Format)); err != nil {
			return err
		}
	}
	chunk := make([]byte, 4<<10)
	for {
		var until time.Time
		if r.scan.Waiting() {
			until = time.Now().Add(r.s.Stall)
		}
		n, err := r.link.Read(chunk, until)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			r.half(fmt.Sprintf("nothing came for %s", r.s.Stall))
		case err != nil:
			return err
		}
		var failed error
		r.scan.Feed(chunk[:n], func(p nonin.Piece) {
			switch {
			case failed != nil:
			case p.Bytes != nil:
				failed = r.take(p.Bytes)
			default:
				r.link.Note("noninlink.garbage", fmt.Sprintf("%d bytes came that are no packet of format %s", p.Noise, r.s.Format), "Set the format that the oximeter sends; look at the cable and the port's speed.")
			}
		})
		if failed != nil {
			return failed
		}
	}
}

func (r *reader) half(why string) {
	if n := r.scan.Half(); n > 0 {
		r.link.Refused("noninlink.half", fmt.Sprintf("a packet broke off after %d bytes and was not taken: %s", n, why), "Look at the cable.")
	}
}

// noAnswer is how long a packet waits for the store: it would not come again.
const noAnswer = 24 * time.Hour

func (r *reader) take(b []byte) error {
	said := []string{"format: " + r.s.Format}
	if r.before != "" {
		said = append(said, "before: "+r.before)
	}
	err := r.link.OfferPatiently(r.ctx, noAnswer, r.link.Frame(b, said...))
	if err != nil {
		r.link.NoteRefused("noninlink.not-stored", err)
		if r.link.Stopping() {
			return err
		}
		return nil
	}
	if state, ok := nonin.StateOf(r.s.Format, b); ok {
		r.before = fmt.Sprintf("%02x", uint8(state))
	}
	if r.s.Format == nonin.Format13 {
		return r.link.Write(nonin.Acknowledge())
	}
	return nil
}
