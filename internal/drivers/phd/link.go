package phd

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"thalamus/internal/codec/phd"
)

// link carries whole APDUs, in order and without loss. TCP is the one there is;
// USB PHDC and Bluetooth HDP, which keep the bounds of messages themselves, need
// only this (IEEE 11073-20601 §8.2).
type link interface {
	// Read gives the next APDU. It waits until deadline for one to begin and
	// errTimeout says that none did; a zero deadline waits for ever. The bytes
	// hold until the next call.
	Read(deadline time.Time) ([]byte, error)
	Write(apdu []byte) error
	Close() error
}

var (
	errTimeout = errors.New("nothing came in time")
	errHalf    = errors.New("the connection ended inside a message")
	errStalled = errors.New("a message was not finished in time")
)

// stream is a link over TCP: the header of an APDU says where it ends.
type stream struct {
	conn  net.Conn
	r     *bufio.Reader
	stall time.Duration
	halt  func() bool // reading shall end now
	buf   []byte
}

func newStream(conn net.Conn, stall time.Duration, halt func() bool) *stream {
	return &stream{conn: conn, r: bufio.NewReaderSize(conn, 4096), stall: stall, halt: halt}
}

// Read implements link. An error of package codec/phd says that what came is no
// APDU.
func (s *stream) Read(deadline time.Time) ([]byte, error) {
	s.conn.SetReadDeadline(deadline)
	if s.halt() { // after setting the deadline: Stop does it the other way round
		return nil, errTimeout
	}
	if _, err := s.r.Peek(1); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, errTimeout
		}
		return nil, err
	}
	s.conn.SetReadDeadline(time.Now().Add(s.stall))
	header, err := s.r.Peek(4)
	if err != nil {
		return nil, half(err)
	}
	n, err := phd.Size(header)
	if err != nil {
		return nil, err
	}
	if cap(s.buf) < n {
		s.buf = make([]byte, max(n, 512))
	}
	s.buf = s.buf[:n]
	if _, err := io.ReadFull(s.r, s.buf); err != nil {
		return nil, half(err)
	}
	return s.buf, nil
}

func half(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errStalled
	}
	return errors.Join(errHalf, err)
}

// Write implements link.
func (s *stream) Write(apdu []byte) error {
	s.conn.SetWriteDeadline(time.Now().Add(s.stall))
	_, err := s.conn.Write(apdu)
	return err
}

// Close implements link.
func (s *stream) Close() error { return s.conn.Close() }
