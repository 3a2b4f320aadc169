// Package seriallink takes what devices write over a serial line without a
// protocol of their own: lines, runs between STX and ETX, or whatever comes
// between two silences (R6). Each is a frame. Where a device waits for an
// answer, it gets ACK once the frame is durable and NAK when it cannot be
// (R23).
package seriallink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/driver/bytelink"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Kind describes this driver.
func Kind() driver.Kind {
	return driver.Kind{
		Name:     "serial",
		Doc:      "Takes what devices write over a serial line without a protocol: lines, runs between STX and ETX, or what comes between silences.",
		Codecs:   []string{"csv", "json", "astm", "hl7v2"},
		Settings: &Settings{},
		New:      New,
	}
}

// Settings of a link without a protocol.
type Settings struct {
	Link    bytelink.Settings `yaml:"link"`
	Framing string            `yaml:"framing" default:"line" doc:"line: a frame ends with CR, LF or both; stx-etx: it stands between STX and ETX; silence: it ends when nothing comes for gap"`
	Gap     time.Duration     `yaml:"gap" default:"500ms" doc:"with silence: how long nothing comes behind a frame"`
	Stall   time.Duration     `yaml:"stall_timeout" default:"30s" doc:"how long a device may pause inside a frame"`
	Max     int               `yaml:"max_frame" default:"1MiB" doc:"longest frame in bytes; a longer one is not taken"`
	Answer  string            `yaml:"answer" default:"none" doc:"none, or ack: ACK once a frame is durable, NAK when it cannot be"`
	Store   time.Duration     `yaml:"store_wait" default:"8s" doc:"with ack: how long a frame waits for a store that is busy or full before it gets NAK; without, it waits for a day"`
}

const (
	framingLine, framingSTX, framingSilence = "line", "stx-etx", "silence"

	stx, etx, ack, nak = 0x02, 0x03, 0x06, 0x15
)

// Check is called by conf.Decode.
func (s *Settings) Check() error {
	wrong := func(key, text string) error {
		return fault.New(fault.Invalid, "seriallink.setting", "%s", text).At(key)
	}
	if err := s.Link.Check("link"); err != nil {
		return err
	}
	switch {
	case s.Framing != framingLine && s.Framing != framingSTX && s.Framing != framingSilence:
		return wrong("framing", "expected line, stx-etx or silence")
	case s.Answer != "none" && s.Answer != "ack":
		return wrong("answer", "expected none or ack")
	case s.Max < 16:
		return wrong("max_frame", "expected at least 16 bytes")
	case s.Gap <= 0 || s.Stall <= 0 || s.Store <= 0:
		return wrong("gap", "gap, stall_timeout and store_wait are more than 0, such as 500ms")
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
		ch.Codec = Kind().Codecs[0]
	}
	return bytelink.New(ch, s.Link, func(ctx context.Context, link *bytelink.Session) error {
		c := &reader{ctx: ctx, s: &s, link: link}
		return c.serve()
	}), nil
}

// reader reads one open link.
type reader struct {
	ctx  context.Context
	s    *Settings
	link *bytelink.Session
	buf  []byte // read and no whole frame yet
	skip bool   // inside of a frame that is too long
	seen int    // bytes of buf without an end of a frame
}

func (r *reader) serve() error {
	defer func() {
		if len(r.buf) > 0 {
			r.half("the link ended")
		}
	}()
	chunk := make([]byte, 16<<10)
	for {
		var until time.Time
		if len(r.buf) > 0 {
			until = time.Now().Add(r.s.Stall)
			if r.s.Framing == framingSilence {
				until = time.Now().Add(r.s.Gap)
			}
		}
		n, err := r.link.Read(chunk, until)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && r.s.Framing == framingSilence:
			if err := r.take(r.buf); err != nil {
				return err
			}
			r.buf = nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			r.half(fmt.Sprintf("nothing came for %s", r.s.Stall))
			r.buf, r.seen = nil, 0
		case err != nil:
			return err
		}
		r.buf = append(r.buf, chunk[:n]...)
		if err := r.turn(); err != nil {
			return err
		}
	}
}

func (r *reader) half(why string) {
	r.link.Refused("seriallink.half-frame", fmt.Sprintf("a frame broke off after %d bytes and was not taken: %s", len(r.buf), why), "Look at the cable, and whether framing is what the device does.")
}

// turn takes the whole frames.
func (r *reader) turn() error {
	for r.s.Framing != framingSilence {
		end := -1
		if r.s.Framing == framingLine {
			end = bytes.IndexAny(r.buf[r.seen:], "\r\n")
		} else {
			end = bytes.IndexByte(r.buf[r.seen:], etx)
		}
		if end < 0 {
			r.seen = len(r.buf)
			break
		}
		frame := r.buf[:r.seen+end]
		r.buf, r.seen = r.buf[r.seen+end+1:], 0
		if r.skip {
			r.skip = false
			continue
		}
		if len(frame) > r.s.Max {
			r.oversize()
			continue
		}
		if r.s.Framing == framingSTX {
			from := bytes.LastIndexByte(frame, stx)
			if len(bytes.TrimSpace(frame[:max(from, 0)])) > 0 || from < 0 {
				r.link.Note("seriallink.garbage", "bytes came that stand between no STX and ETX", "Look at what is connected, and at the port's speed and parity.")
			}
			if from < 0 {
				continue
			}
			frame = frame[from+1:]
		}
		if err := r.take(frame); err != nil {
			return err
		}
	}
	if len(r.buf) > r.s.Max {
		r.oversize()
		r.buf, r.seen, r.skip = nil, 0, r.s.Framing != framingSilence
	}
	return nil
}

func (r *reader) oversize() {
	r.link.Refused("seriallink.oversize", fmt.Sprintf("a frame is longer than max_frame (%d bytes) and was not taken", r.s.Max), "Raise max_frame if such frames are meant to come; else look whether framing is what the device does.")
}

// noAnswer is how long a frame waits for the store where the device would not
// send it again: as long as anybody may need to make room.
const noAnswer = 24 * time.Hour

// take makes a frame durable and answers. An empty one is none.
func (r *reader) take(b []byte) error {
	if len(bytes.TrimSpace(b)) == 0 {
		return nil
	}
	patience := r.s.Store
	if r.s.Answer == "none" {
		patience = noAnswer
	}
	err := r.link.OfferPatiently(r.ctx, patience, r.link.Frame(b))
	if err != nil {
		r.link.NoteRefused("seriallink.not-stored", err)
	}
	if r.s.Answer == "ack" {
		if err != nil {
			return r.link.Write([]byte{nak})
		}
		return r.link.Write([]byte{ack})
	}
	return nil
}
