package intellivue

import (
	"context"
	"errors"
	"os"
	"time"

	"thalamus/internal/codec/intellivue"
	"thalamus/internal/conf"
	"thalamus/internal/driver"
	"thalamus/internal/driver/bytelink"
	"thalamus/internal/model"
)

// SerialKind describes the same protocol over the serial interface.
func SerialKind() driver.Kind {
	return driver.Kind{
		Name:     "intellivue-serial",
		Doc:      "Asks a Philips IntelliVue patient monitor at a serial line for numbers, waves, alarms and the patient (Data Export interface, MIB/RS232, fixed baud rate).",
		Codecs:   []string{intellivue.Name},
		Settings: &SerialSettings{},
		New:      NewSerial,
	}
}

// SerialSettings of a channel to the monitor at a serial line.
type SerialSettings struct {
	Link    bytelink.Settings `yaml:"link"`
	Stall   time.Duration     `yaml:"stall_timeout" default:"5s" doc:"how long the monitor may pause inside a message"`
	Polling Polling           `yaml:"poll"`
	Timing  Timing            `yaml:"timing"`
}

// Check is called by conf.Decode.
func (s *SerialSettings) Check() error {
	if err := s.Link.Check("link"); err != nil {
		return err
	}
	if s.Stall <= 0 {
		return invalid("stall_timeout", "expected more than 0, such as 5s")
	}
	if err := s.Polling.check("poll"); err != nil {
		return err
	}
	return s.Timing.check("timing")
}

// NewSerial checks the channel's settings and makes the driver.
func NewSerial(ch model.Channel) (driver.Driver, error) {
	var s SerialSettings
	if err := conf.Decode(ch.Settings, &s); err != nil {
		return nil, err
	}
	if ch.Codec == "" {
		ch.Codec = intellivue.Name
	}
	return bytelink.New(ch, s.Link, func(ctx context.Context, link *bytelink.Session) error { return s.serve(ctx, link) }), nil
}

// serve speaks with the monitor at one open link until the link ends. The
// monitor's alarms are compared within that time.
func (s *SerialSettings) serve(ctx context.Context, link *bytelink.Session) error {
	end, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &line{link: link, stall: s.Stall}
	memory := &intellivue.Memory{}
	for {
		one := &session{
			polling: &s.Polling, timing: &s.Timing, mtu: intellivue.LargestSerialMTU, wire: w, memory: memory, stopping: link.Stopping, end: end.Done(),
			note: link.Note, associated: func() {},
			offer: func(b []byte, arrived time.Time) error {
				f := link.Frame(b)
				f.Arrived = arrived
				return link.Offer(ctx, f)
			},
		}
		err := one.run()
		if w.gone != nil {
			return w.gone
		}
		if errors.Is(err, errStopped) || link.Stopping() {
			return bytelink.ErrStopped
		}
		if err := w.rest(s.Timing.Retry); err != nil {
			return err
		}
	}
}

// Framing of the fixed baud rate protocol (DEIPG "Transport Protocols for the
// MIB/RS232 Interface"): a frame stands between BOF and EOF; a control character
// inside is escaped with its bit 5 turned over; a header of protocol, type and
// length comes first, and the check sequence of RFC 1662 last.
const (
	bof, eof, escape = 0xC0, 0xC1, 0x7D
	turned           = 0x20
	lineProtocol     = 0x11
	lineType         = 0x01
	lineHeader       = 4
	longestFrame     = 8 << 10
)

// fcs is the frame check sequence (RFC 1662 appendix C.2, before the
// complement).
func fcs(b []byte) uint16 {
	sum := uint16(0xFFFF)
	for _, c := range b {
		sum ^= uint16(c)
		for range 8 {
			if sum&1 != 0 {
				sum = sum>>1 ^ 0x8408
			} else {
				sum >>= 1
			}
		}
	}
	return sum
}

// wrap makes the frame of a message.
func wrap(message []byte) []byte {
	b := append([]byte{lineProtocol, lineType, byte(len(message) >> 8), byte(len(message))}, message...)
	sum := ^fcs(b)
	b = append(b, byte(sum), byte(sum>>8))
	out := make([]byte, 0, len(b)+16)
	out = append(out, bof)
	for _, c := range b {
		if c == bof || c == eof || c == escape {
			out = append(out, escape, c^turned)
		} else {
			out = append(out, c)
		}
	}
	return append(out, eof)
}

// unwrap gives the message of what stood between BOF and EOF, escapes already
// turned back; nil where the frame is damaged.
func unwrap(b []byte) []byte {
	if len(b) < lineHeader+2 || b[0] != lineProtocol || b[1] != lineType {
		return nil
	}
	body, sum := b[:len(b)-2], uint16(b[len(b)-2])|uint16(b[len(b)-1])<<8
	if int(body[2])<<8|int(body[3]) != len(body)-lineHeader || ^fcs(body) != sum {
		return nil
	}
	return body[lineHeader:]
}

// line is the wire over a serial link.
type line struct {
	link  *bytelink.Session
	stall time.Duration
	gone  error // the link ended

	raw     []byte // read and not looked at yet
	chunk   [4096]byte
	frame   []byte // since BOF, escapes turned back
	inside  bool
	escaped bool
}

// Send writes one message.
func (l *line) Send(message []byte) error {
	err := l.link.Write(wrap(message))
	if err != nil {
		l.gone = err
	}
	return err
}

// Receive gives the next message.
func (l *line) Receive(until time.Time, despite bool) ([]byte, error) {
	for {
		if m := l.next(); m != nil {
			return m, nil
		}
		wait := until
		if l.inside && time.Now().Add(l.stall).Before(wait) {
			wait = time.Now().Add(l.stall)
		}
		n, err := l.link.Read(l.chunk[:], wait)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if l.inside {
				l.half("nothing came for a while")
			}
			if !time.Now().Before(until) {
				return nil, err
			}
		case errors.Is(err, bytelink.ErrStopped):
			return nil, errStopped // without waiting for the release to be confirmed
		case err != nil:
			if l.inside {
				l.half("the link ended")
			}
			l.gone = err
			return nil, err
		}
		l.raw = append(l.raw[:0], l.chunk[:n]...)
	}
}

// next takes bytes until a frame is whole.
func (l *line) next() []byte {
	for i, c := range l.raw {
		switch {
		case c == bof:
			if l.inside && len(l.frame) > 0 {
				l.half("another began")
			}
			l.frame, l.inside, l.escaped = l.frame[:0], true, false
		case !l.inside:
			l.link.Note("intellivue.garbage", "bytes came that stand in no frame", "Look at what is connected, and at the port's speed (115200) and parity (none).")
		case c == eof:
			message := unwrap(l.frame)
			l.inside = false
			if message == nil && !l.escaped { // an escaped EOF is how a frame is given up
				l.link.Refused("intellivue.checksum", "a frame is damaged and was not taken", "Look at the cable, and at the port's speed (115200) and parity (none).")
			}
			if message != nil {
				l.raw = l.raw[i+1:]
				return message
			}
		case l.escaped:
			l.frame, l.escaped = append(l.frame, c^turned), false
		case c == escape:
			l.escaped = true
		default:
			l.frame = append(l.frame, c)
		}
		if len(l.frame) > longestFrame {
			l.half("it is too long")
		}
	}
	l.raw = l.raw[:0]
	return nil
}

func (l *line) half(why string) {
	l.inside, l.escaped, l.frame = false, false, l.frame[:0]
	l.link.Refused("intellivue.half-frame", "a frame broke off and was not taken: "+why, "Look at the cable, and at the port's speed (115200) and parity (none).")
}

// rest waits before the next association, and forgets what comes meanwhile.
func (l *line) rest(pause time.Duration) error {
	for until := time.Now().Add(pause); ; {
		_, err := l.Receive(until, false)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
	}
}
