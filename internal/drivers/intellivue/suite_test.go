package intellivue

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"testing"

	"thalamus/internal/codec/intellivue"
	"thalamus/internal/driver/drivertest"
)

// readLine reads the next message of the serial line.
func readLine(r *bufio.Reader) ([]byte, error) {
	var b []byte
	for {
		c, err := r.ReadByte()
		switch {
		case err != nil:
			return nil, err
		case c == bof:
			b = nil
		case c == eof:
			m := unwrap(b)
			if m == nil {
				return nil, fmt.Errorf("a damaged frame: %x", b)
			}
			return m, nil
		case c == escape:
			if c, err = r.ReadByte(); err != nil {
				return nil, err
			}
			b = append(b, c^turned)
		default:
			b = append(b, c)
		}
	}
}

// suite speaks of a monitor at a terminal server. The messages are reports that
// want a confirmation; their number stands in the event's time, which comes back.
func suite() drivertest.Suite {
	return drivertest.Suite{
		Kind: SerialKind(),
		Settings: map[string]any{
			"link": map[string]any{"listen": "127.0.0.1:0", "stall_timeout": "400ms"}, "stall_timeout": "400ms",
			"timing": map[string]any{"response": "1m", "association": "20s", "store": "100ms"},
		},
		Listen: "link.listen",
		Message: func(n int) []byte {
			create := intellivue.Create{Object: intellivue.Object{Class: intellivue.ClassMDS}}
			for i := range 24 {
				create.Attributes = append(create.Attributes, intellivue.Attribute{ID: uint16(0xFE00 + i), Value: fmt.Appendf(nil, "%08d\xC0\xC1\x7D", n)})
			}
			e := intellivue.Event{Object: create.Object, Time: uint32(n), Type: intellivue.EventCreate, Body: create.Bytes()}
			return (&intellivue.APDU{Kind: intellivue.Invoke, ID: uint16(n), Command: intellivue.CommandConfirmedEvent, Body: e.Bytes()}).Bytes()
		},
		Wire:    wrap,
		Garbage: []byte("GET / HTTP/1.1\r\n"),
		Greet: func(w io.Writer, r *bufio.Reader) error {
			b, err := readLine(r)
			if err != nil {
				return err
			}
			a, err := intellivue.ParseAssociation(b)
			if err != nil {
				return err
			}
			if a.Receive != intellivue.LargestSerialMTU {
				return fmt.Errorf("%+v", a)
			}
			_, err = w.Write(wrap(a.Bytes(intellivue.Accept)))
			return err
		},
		Answer: func(r *bufio.Reader) (int, bool, error) {
			for {
				b, err := readLine(r)
				if err != nil {
					return 0, false, err
				}
				if kind, ok := intellivue.SessionOf(b); ok {
					if kind == intellivue.Abort {
						return 0, false, io.EOF
					}
					continue
				}
				a, err := intellivue.Parse(b)
				if err != nil {
					return 0, false, err
				}
				if a.Kind != intellivue.Result {
					continue // a poll
				}
				e, err := intellivue.ParseEvent(a.Body)
				return int(e.Time), true, err
			}
		},
	}
}

func TestConformance(t *testing.T) { drivertest.Run(t, suite()) }

// The check sequence of RFC 1662: that of "123456789" is 0x906E, and a frame with
// its own leaves 0xF0B8.
func TestFrameCheck(t *testing.T) {
	if got := ^fcs([]byte("123456789")); got != 0x906E {
		t.Errorf("%04X", got)
	}
	for _, m := range [][]byte{{}, {0xC0, 0xC1, 0x7D, 0x20}, bytes.Repeat([]byte{0x7D}, 300)} {
		b := wrap(m)
		if b[0] != bof || b[len(b)-1] != eof || bytes.IndexByte(b[1:len(b)-1], bof) >= 0 || bytes.IndexByte(b[1:len(b)-1], eof) >= 0 {
			t.Errorf("%x", b)
		}
		got, err := readLine(bufio.NewReader(bytes.NewReader(b)))
		if err != nil || !bytes.Equal(got, m) {
			t.Errorf("%x becomes %x, %v", m, got, err)
		}
		b[len(b)/2] ^= 1
		if got, err := readLine(bufio.NewReader(bytes.NewReader(b))); err == nil && bytes.Equal(got, m) {
			t.Error("a damaged frame was taken")
		}
	}
}
