package bytelink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Serve speaks one protocol over an open link until it ends: it returns the
// error of Read or Write that ended it, or nil where the protocol itself is
// done, after which a link that we opened is opened again. ctx ends when the
// driver's patience at its stop does; offers are made with it.
type Serve func(ctx context.Context, link *Session) error

// ErrStopped is what Read gives once the driver is to stop: answer what is
// whole, and return.
var ErrStopped = errors.New("the link is being stopped")

// Session is one open link.
type Session struct {
	d       *Driver
	stream  stream
	peer    string
	local   string
	said    string // what is known of the link, a line each
	arrived time.Time
	broken  bool // the link itself failed
	met     atomic.Bool
}

// Peer names the other side: an address, or the stable path of the port.
func (s *Session) Peer() string { return s.peer }

// Host is what the driver was started with.
func (s *Session) Host() driver.Host { return s.d.host }

// Read waits for bytes, until the given time (zero: without end). It gives
// os.ErrDeadlineExceeded when none came, ErrStopped when the driver stops, and
// any other error when the link is gone.
func (s *Session) Read(p []byte, until time.Time) (int, error) {
	if err := s.stream.SetReadDeadline(until); err != nil {
		return 0, err
	}
	if s.d.guests.Stopping() { // after setting the deadline: Stop does it the other way round
		return 0, ErrStopped
	}
	n, err := s.stream.Read(p)
	s.arrived = time.Now()
	if n > 0 {
		return n, nil
	}
	if err != nil && s.d.guests.Stopping() {
		return n, ErrStopped
	}
	s.broken = err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
	return n, err
}

// Write sends bytes.
func (s *Session) Write(p []byte) error {
	if err := s.stream.SetWriteDeadline(time.Now().Add(s.d.settings.Stall)); err != nil {
		return err
	}
	_, err := s.stream.Write(p)
	s.broken = err != nil
	return err
}

// Arrived is when the last Read had its bytes.
func (s *Session) Arrived() time.Time { return s.arrived }

// Frame makes a frame of bytes that came over this link. said is what the
// protocol adds to what the link says, "name: value" a line.
func (s *Session) Frame(b []byte, said ...string) model.Frame {
	properties := s.said
	for _, line := range said {
		if properties != "" {
			properties += "\n"
		}
		properties += line
	}
	return model.Frame{Channel: s.d.channel, Codec: s.d.codec, Peer: s.peer, Arrived: s.arrived, Properties: properties, Bytes: b}
}

// Offer makes frames durable; only then may they be acknowledged (R23).
func (s *Session) Offer(ctx context.Context, frames ...model.Frame) error {
	seqs, err := s.d.host.Intake.Offer(ctx, frames)
	if err == nil && len(seqs) != len(frames) {
		err = fault.New(fault.Broken, "serial.intake", "intake took %d frames and numbered %d", len(frames), len(seqs))
	}
	if err != nil {
		s.d.refused.Add(uint64(len(frames)))
		return err
	}
	s.d.frames.Add(uint64(len(frames)))
	return nil
}

// OfferPatiently is Offer for links whose protocol has time: while intake
// cannot store, it tries again for as long as patience lasts.
func (s *Session) OfferPatiently(ctx context.Context, patience time.Duration, frames ...model.Frame) error {
	pause := 50 * time.Millisecond
	for until := time.Now().Add(patience); ; pause = min(2*pause, time.Second) {
		err := s.Offer(ctx, frames...)
		if err == nil || fault.KindOf(err) != fault.Transient || s.d.guests.Stopping() || !time.Now().Add(pause).Before(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// Note reports what happened on the link but is no frame, at most one of a
// kind each ten seconds.
func (s *Session) Note(code, text, hint string) { s.d.notes.Add(s.peer, code, text, hint) }

// Refused reports something that was not taken and never offered, and counts it
// among what the channel refused.
func (s *Session) Refused(code, text, hint string) { s.d.notes.Refused(s.peer, code, text, hint) }

// NoteRefused reports an offer that failed.
func (s *Session) NoteRefused(code string, err error) {
	s.Note(code, fmt.Sprintf("what came could not be stored and was not acknowledged: %s", fault.CodeOf(err)), "See what the fault says; the device will send again.")
}

// Stopping says that the driver stops.
func (s *Session) Stopping() bool { return s.d.guests.Stopping() }

// Hurry, Cut and Connection implement driver.Guest.
func (s *Session) Hurry() { s.stream.SetReadDeadline(time.Unix(1, 0)) }
func (s *Session) Cut()   { s.stream.Close() }
func (s *Session) Connection() (driver.Connection, bool) {
	return s.connection(), s.met.Load()
}

func (s *Session) connection() driver.Connection {
	return driver.Connection{Peer: s.peer, Local: s.local}
}
