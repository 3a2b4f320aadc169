package bytelink

import (
	"bytes"
	"net"
	"slices"
	"testing"
	"time"

	"thalamus/internal/driver/drivertest"
)

// TestRFC2217 plays a terminal server: it agrees to be told its port's
// settings, and passes bytes with IAC doubled.
func TestRFC2217(t *testing.T) {
	for _, agrees := range []bool{true, false} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		r := start(t, map[string]any{"connect": l.Addr().String(), "telnet": "rfc2217", "baud": 19200, "data_bits": 7, "parity": "even"})
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(drivertest.Patience))
		var heard []byte
		hears := func(want ...byte) {
			t.Helper()
			b := make([]byte, 256)
			for !bytes.Contains(heard, want) {
				n, err := c.Read(b)
				if err != nil {
					t.Fatalf("heard % x, %v; want % x", heard, err, want)
				}
				heard = append(heard, b[:n]...)
			}
		}
		hears(iac, will, optComPort)
		if agrees {
			c.Write([]byte{iac, do, optComPort, iac, will, optBinary})
			hears(iac, sb, optComPort, setBaud, 0, 0, 0x4B, 0, iac, se)
			hears(iac, sb, optComPort, setSize, 7, iac, se)
			hears(iac, sb, optComPort, setParity, 3, iac, se)
			hears(iac, sb, optComPort, setStop, 1, iac, se)
			c.Write([]byte{iac, sb, optComPort, 101, 0, 0, 0x4B, 0, iac, se}) // its answer
		} else {
			c.Write([]byte{iac, dont, optComPort, iac, do, 24}) // and a terminal type, which nobody has
			hears(iac, wont, 24)
		}
		c.Write([]byte{'a', iac, iac, 'b', iac, sb, optComPort, 107, 0x30, iac, se, 'c'})
		hears('a', iac, iac, 'b')
		hears('c')
		drivertest.Until(t, "the frames are there", func() bool {
			var got []byte
			for _, f := range r.Taken() {
				got = append(got, f.Bytes...)
			}
			return bytes.Equal(got, []byte{'a', iac, 'b', 'c'})
		})
		if slices.Contains(r.notes.Codes(), "serial.telnet") == agrees {
			t.Errorf("agrees %v, notes %v", agrees, r.notes.Codes())
		}
	}
}

func FuzzTelnet(f *testing.F) {
	f.Add([]byte{iac, do, optComPort, 'x', iac, iac, iac, sb, 44, 1, iac, se})
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		go func() {
			buf := make([]byte, 256)
			for {
				if _, err := theirs.Read(buf); err != nil {
					return
				}
			}
		}()
		defer theirs.Close()
		tn := newTelnet(ours, &Settings{Baud: 9600, DataBits: 8, Parity: "none", StopBits: "1", Flow: "none", Stall: time.Second})
		kept, err := tn.strip(bytes.Clone(b))
		if err != nil || len(kept) > len(b) || len(tn.sub) > maxSub {
			t.Fatalf("%v: %d of %d kept, %d in a subnegotiation", err, len(kept), len(b), len(tn.sub))
		}
	})
}
