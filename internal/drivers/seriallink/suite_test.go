package seriallink

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/model"
)

func suite() drivertest.Suite {
	return drivertest.Suite{
		Kind: Kind(),
		Settings: map[string]any{
			"link":          map[string]any{"listen": "127.0.0.1:0", "stall_timeout": "400ms"},
			"stall_timeout": "1s", "store_wait": "20ms", "answer": "ack", "framing": "stx-etx",
		},
		Listen:     "link.listen",
		Unnumbered: true,
		Message: func(n int) []byte {
			return fmt.Appendf(nil, "%d;%s", n, strings.Repeat("HR;72;/min;", 40))
		},
		Wire:    func(m []byte) []byte { return append(append([]byte{stx}, m...), etx) },
		Garbage: []byte("GET / HTTP/1.1\r\n\x03"),
		Answer: func(r *bufio.Reader) (int, bool, error) {
			c, err := r.ReadByte()
			return 0, c == ack, err
		},
	}
}

func TestConformance(t *testing.T) { drivertest.Run(t, suite()) }

func TestFramings(t *testing.T) {
	for _, c := range []struct {
		framing, in string
		want        []string
	}{
		{"line", "a;1\r\nb;2\n\nc;3\r", []string{"a;1", "b;2", "c;3"}},
		{"line", strings.Repeat("x", 100) + "\nshort\n", []string{"short"}},
		{"stx-etx", "\x02one\x03noise\x02two\x03", []string{"one", "two"}},
		{"silence", "all of it\r\nat once", []string{"all of it\r\nat once"}},
	} {
		d, err := Kind().New(model.Channel{ID: "lab", Settings: map[string]any{"link": map[string]any{"listen": "127.0.0.1:0"}, "framing": c.framing, "gap": "200ms", "max_frame": 50}})
		if err != nil {
			t.Fatal(err)
		}
		intake, notes := &drivertest.Intake{}, &drivertest.Notes{}
		if err := d.Start(t.Context(), driver.Host{Intake: intake, Log: slog.New(slog.DiscardHandler), Note: notes.Note}); err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", d.(driver.Listener).Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte(c.in))
		drivertest.Until(t, "the frames are there", func() bool { n, _ := intake.Count(); return n == len(c.want) })
		for i, f := range intake.Taken() {
			if string(f.Bytes) != c.want[i] {
				t.Errorf("%s: %q, want %q", c.framing, f.Bytes, c.want[i])
			}
		}
		conn.Close()
		ctx, cancel := context.WithTimeout(context.Background(), drivertest.Patience)
		d.Stop(ctx)
		cancel()
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []map[string]any{{}, {"framing": "x"}, {"answer": "x"}, {"max_frame": 1}, {"gap": "0s"}} {
		if len(s) > 0 {
			s["link"] = map[string]any{"listen": ":0"}
		}
		if _, err := Kind().New(model.Channel{ID: "lab", Settings: s}); err == nil {
			t.Errorf("%v was taken", s)
		}
	}
}
