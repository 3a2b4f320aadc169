package astmlink

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec/astm"
	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/model"
)

// rig is a driver under test with settings of its own.
type rig struct {
	*drivertest.Intake
	notes  *drivertest.Notes
	driver driver.Driver
}

func start(t *testing.T, settings map[string]any) *rig {
	t.Helper()
	d, err := Kind().New(model.Channel{ID: "lab", Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Intake: &drivertest.Intake{}, notes: &drivertest.Notes{}, driver: d}
	if err := d.Start(t.Context(), driver.Host{Intake: r.Intake, Log: slog.New(slog.DiscardHandler), Note: r.notes.Note}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
		defer cancel()
		d.Stop(ctx)
	})
	return r
}

func listening(more map[string]any) map[string]any {
	s := map[string]any{"link": map[string]any{"listen": "127.0.0.1:0"}}
	for k, v := range more {
		s[k] = v
	}
	return s
}

// instrument is the other side.
type instrument struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func (r *rig) dial(t *testing.T) *instrument {
	t.Helper()
	c, err := net.Dial("tcp", r.driver.(driver.Listener).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(drivertest.Patience))
	return &instrument{t, c, bufio.NewReader(c)}
}

// says sends bytes and wants one character for them.
func (i *instrument) says(b []byte, want byte) {
	i.t.Helper()
	if _, err := i.Write(b); err != nil {
		i.t.Fatal(err)
	}
	i.hears(want)
}

func (i *instrument) hears(want byte) {
	i.t.Helper()
	got, err := i.r.ReadByte()
	if err != nil || got != want {
		i.t.Fatalf("heard %#x, %v; want %#x", got, err, want)
	}
}

func frame(n int, text string) []byte { return astm.AppendFrame(nil, n, []byte(text), true) }

var (
	enq = []byte{astm.ENQ}
	eot = []byte{astm.EOT}
)

const head = "H|\\^&|||TEST\r"

// taken waits for n entries and gives their bytes.
func (r *rig) taken(t *testing.T, n int) []string {
	t.Helper()
	drivertest.Until(t, "the entries are there", func() bool { got, _ := r.Count(); return got >= n })
	var out []string
	for _, f := range r.Taken() {
		out = append(out, string(f.Bytes))
	}
	if len(out) != n {
		t.Errorf("%d entries, want %d: %q", len(out), n, out)
	}
	return out
}

func TestFramesOneByOne(t *testing.T) {
	r := start(t, listening(nil))
	i := r.dial(t)
	i.says(enq, astm.ACK)
	i.says(frame(1, head), astm.ACK)
	i.says(frame(2, "P|1\r"), astm.ACK)
	i.says(frame(2, "P|1\r"), astm.ACK) // our ACK was lost: a repetition counts once
	bad := frame(3, "O|1|S1\r")
	bad[3] ^= 1
	i.says(bad, astm.NAK)
	i.says(frame(4, "R|1|^^^X|6\r"), astm.NAK) // not the next one
	i.says(frame(3, "O|1|S1\r"), astm.ACK)
	for n := 4; n < 12; n++ { // past 7
		i.says(frame(n&7, "R|1|^^^X|5\r"), astm.ACK)
	}
	i.says(frame(4, "L|1|N\r"), astm.ACK)
	i.Write(eot)
	want := head + "P|1\rO|1|S1\r" + strings.Repeat("R|1|^^^X|5\r", 8) + "L|1|N\r"
	if got := r.taken(t, 1); got[0] != want {
		t.Errorf("%q", got[0])
	}
}

// TestHeldBack: the frame with the next order waits until the one before is
// durable, and is refused when that fails (R23, decision 0155).
func TestHeldBack(t *testing.T) {
	r := start(t, listening(map[string]any{"store_wait": "10ms", "busy_wait": "1ns"}))
	i := r.dial(t)
	i.says(enq, astm.ACK)
	i.says(frame(1, head), astm.ACK)
	i.says(frame(2, "P|1\r"), astm.ACK)
	i.says(frame(3, "O|1|S1\r"), astm.ACK)
	i.says(frame(4, "R|1|^^^X|5\r"), astm.ACK)
	r.Fail(drivertest.Full)
	i.says(frame(5, "O|2|S2\r"), astm.NAK)
	r.Fail(nil)
	i.says(frame(5, "O|2|S2\r"), astm.ACK)
	if got := r.taken(t, 1); got[0] != head+"P|1\rO|1|S1\rR|1|^^^X|5\r" {
		t.Errorf("%q", got[0])
	}
	i.says(frame(6, "R|1|^^^X|6\r"), astm.ACK)
	r.Fail(drivertest.Full)
	i.says(frame(7, "L|1|N\r"), astm.NAK)
	r.Fail(nil)
	i.says(frame(7, "L|1|N\r"), astm.ACK)
	if got := r.taken(t, 2); got[1] != head+"P|1\rO|2|S2\rR|1|^^^X|6\rL|1|N\r" {
		t.Errorf("%q", got[1])
	}
	if p := r.Taken()[0].Properties; p != astm.GroupOpen {
		t.Errorf("properties %q", p)
	}
}

// TestBusy: while nothing can be stored a transmission is not begun.
func TestBusy(t *testing.T) {
	r := start(t, listening(map[string]any{"store_wait": "1ms", "busy_wait": "1h"}))
	r.Fail(drivertest.Full)
	i := r.dial(t)
	i.says(enq, astm.ACK)
	i.says(frame(1, head+"L|1\r"), astm.NAK)
	i.Write(eot)
	i.says(enq, astm.NAK)
}

func TestBrokenOff(t *testing.T) {
	for name, end := range map[string]func(i *instrument){
		"silence":   func(*instrument) {},
		"link gone": func(i *instrument) { i.Close() },
		"ENQ anew":  func(i *instrument) { i.says(enq, astm.ACK) },
	} {
		t.Run(name, func(t *testing.T) {
			settings := listening(nil)
			if name == "silence" {
				settings["receive_timeout"] = "3s"
			}
			r := start(t, settings)
			i := r.dial(t)
			i.says(enq, astm.ACK)
			i.says(frame(1, head), astm.ACK)
			i.says(frame(2, "P|1\r"), astm.ACK)
			end(i)
			if got := r.taken(t, 1); got[0] != head+"P|1\r" || r.Taken()[0].Properties != astm.GroupCut {
				t.Errorf("%q, %q", got, r.Taken()[0].Properties)
			}
			if !slices.Contains(r.notes.Codes(), "astmlink.cut") {
				t.Errorf("notes %v", r.notes.Codes())
			}
		})
	}
}

// TestOtherHabits are of instruments that the corpus or senders in the field
// show.
func TestOtherHabits(t *testing.T) {
	r := start(t, listening(map[string]any{"tolerance": "lenient"}))
	i := r.dial(t)
	i.Write(append(slices.Clone(enq), astm.EOT)) // Yumizen: a heartbeat
	i.hears(astm.ACK)
	i.says(enq, astm.ACK)
	i.says(frame(1, head), astm.ACK)
	i.says(frame(1, "M|1|HISTOGRAM|a\r"), astm.ACK) // Yumizen: every M has number 1
	i.says(frame(1, "M|2|HISTOGRAM|b\r"), astm.ACK)
	i.says(frame(5, "L|1|N"), astm.ACK) // no CR
	i.Write(eot)
	i.says(frame(1, head+"L|1|N\r"), astm.ACK) // no ENQ
	got := r.taken(t, 2)
	if got[0] != head+"M|1|HISTOGRAM|a\rM|2|HISTOGRAM|b\rL|1|N\r" || got[1] != head+"L|1|N\r" {
		t.Errorf("%q", got)
	}
	bare := start(t, listening(map[string]any{"checksum": "none"}))
	i = bare.dial(t)
	i.says(enq, astm.ACK)
	i.says([]byte("\x021"+head+"\x03"), astm.ACK)
	i.says([]byte("\x022L|1\r\x03\r\n"), astm.ACK)
	bare.taken(t, 1)
	strict := start(t, listening(nil)).dial(t)
	strict.says(frame(1, head), astm.NAK)
}

// answered reads a transmission of the host and acknowledges it.
func (i *instrument) answered() string {
	i.t.Helper()
	i.hears(astm.ENQ)
	i.Write([]byte{astm.ACK})
	return i.frames()
}

func (i *instrument) frames() string {
	i.t.Helper()
	var records []byte
	for {
		b, err := i.r.ReadByte()
		if err != nil {
			i.t.Fatal(err)
		}
		if b == astm.EOT {
			return string(records)
		}
		line, err := i.r.ReadBytes(astm.LF)
		if err != nil {
			i.t.Fatal(err)
		}
		text, damaged := astm.Unframe(append([]byte{b}, line...))
		if damaged > 0 {
			i.t.Fatalf("%q is damaged", line)
		}
		records = append(records, text...)
		i.Write([]byte{astm.ACK})
	}
}

func (i *instrument) asks(specimen string) {
	i.t.Helper()
	i.says(enq, astm.ACK)
	i.says(frame(1, head+"Q|1|^"+specimen+"||ALL||||||||O\rL|1|N\r"), astm.ACK)
	i.Write(eot)
}

func TestQuery(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "S-1.astm"), []byte("P|1|4711|||Doe^Jane\nO|1|S-1||^^^GLU\\^^^NA|R\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, listening(map[string]any{"orders": folder, "reply_timeout": "3s", "busy_wait": "1ms", "contention_wait": "1ms", "send_frame": 64}))
	i := r.dial(t)
	i.asks("S-1")
	if got := i.answered(); !strings.HasSuffix(got, "\rP|1|4711|||Doe^Jane\rO|1|S-1||^^^GLU\\^^^NA|R\rL|1|F\r") || !strings.HasPrefix(got, "H|\\^&|||Thalamus|||||TEST||P|LIS2-A2|") {
		t.Errorf("%q", got)
	}
	i.asks("../S-1")
	if got := i.answered(); !strings.HasSuffix(got, "\rL|1|I\r") {
		t.Errorf("%q", got)
	}
	// The instrument is busy, silent, garbles a frame, interrupts, then takes it.
	i.asks("S-2")
	i.hears(astm.ENQ)
	i.Write([]byte{astm.NAK})
	i.hears(astm.ENQ) // and nothing
	i.hears(astm.EOT)
	i.hears(astm.ENQ)
	i.Write([]byte{astm.ACK})
	first, _ := i.r.ReadBytes(astm.LF)
	i.Write([]byte{astm.NAK})
	again, _ := i.r.ReadBytes(astm.LF)
	if !bytes.Equal(first, again) {
		t.Errorf("%q and %q", first, again)
	}
	i.Write([]byte{astm.EOT}) // taken, and let me speak
	i.hears(astm.EOT)
	if got := i.answered(); !strings.HasSuffix(got, "\rL|1|I\r") {
		t.Errorf("%q", got)
	}
	// Both ask at once: the instrument goes first (LIS01-A2 §6.2.7).
	i.asks("S-3")
	i.hears(astm.ENQ)
	i.Write(enq)
	i.says(enq, astm.ACK)
	i.says(frame(1, head+"L|1|N\r"), astm.ACK)
	i.Write(eot)
	if got := i.answered(); !strings.HasSuffix(got, "\rL|1|I\r") {
		t.Errorf("%q", got)
	}
	r.taken(t, 5)
}

func TestSettings(t *testing.T) {
	for _, s := range []map[string]any{
		{}, listening(map[string]any{"checksum": "x"}), listening(map[string]any{"tolerance": "x"}), listening(map[string]any{"max_frame": 1}),
		listening(map[string]any{"max_message": 300}), listening(map[string]any{"send_frame": 1}), listening(map[string]any{"busy_wait": "0s"}),
		{"link": map[string]any{"listen": "x"}}, {"link": map[string]any{"listen": ":1", "port": "/dev/ttyS0"}}, {"link": map[string]any{"port": "usb:1:2"}},
		{"link": map[string]any{"port": "/dev/ttyS0", "parity": "x"}}, {"link": map[string]any{"port": "/dev/ttyS0", "baud": 1}},
		{"link": map[string]any{"listen": ":1", "telnet": "rfc2217"}},
	} {
		if _, err := Kind().New(model.Channel{ID: "lab", Settings: s}); err == nil {
			t.Errorf("%v was taken", s)
		}
	}
	if _, err := Kind().New(model.Channel{ID: "lab", Settings: map[string]any{"link": map[string]any{"port": "usb:0403:6001:A600XYZ", "baud": 19200, "parity": "even"}}}); err != nil {
		t.Error(err)
	}
}
