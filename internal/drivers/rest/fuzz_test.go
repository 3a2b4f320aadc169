package rest

import (
	"bytes"
	"strings"
	"testing"

	"thalamus/internal/fault"
)

// Whatever comes, it is cut into frames that hold what came, or refused with
// a catalogued code; never a panic.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{`{"a":1}`, "{\"a\":1}\n{bad\n\n2", "a,b\n1,2\n", "a;b\n\"x;\n", hl7One, hl7Batch, "", "\ufeff{}", `[{"header":{},"body":{}}]`} {
		for k := range formatNames {
			f.Add([]byte(s), k)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, kind int) {
		if kind < 0 || kind >= len(formatNames) {
			return
		}
		c, err := split(format{name: formatNames[kind], codec: "json"}, body, 1000)
		if err != nil {
			if !strings.HasPrefix(fault.CodeOf(err), "rest.") {
				t.Fatal(err)
			}
			return
		}
		if c.count > 1000 || len(c.rows) > 1000+mostSaid {
			t.Fatalf("%d rows, %d told", c.count, len(c.rows))
		}
		for _, frame := range c.frames {
			if len(frame) == 0 || !bytes.Contains(body, frame) {
				t.Fatalf("frame %q is not of %q", frame, body)
			}
		}
	})
}

// The rows of an upload are those of a request with the same content.
func FuzzUploadLines(f *testing.F) {
	f.Add([]byte("{\"a\":1}\n{bad\n\n2\r\n\"x\""), 16)
	f.Fuzz(func(t *testing.T, body []byte, most int) {
		if most < 1 || most > 1<<16 {
			return
		}
		var got, want [][]byte
		if err := eachLine(bytes.NewReader(body), most, '\n', func(line []byte, long bool) error {
			if !long {
				got = append(got, bytes.Clone(line))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for line := range bytes.SplitAfterSeq(body, []byte("\n")) {
			if len(line) > 0 && len(line) <= most {
				want = append(want, line)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d lines, want %d", len(got), len(want))
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("line %d: %q, want %q", i, got[i], want[i])
			}
		}
	})
}

// The log of keys may hold anything after a power cut.
func FuzzProperties(f *testing.F) {
	f.Add("content-type: a\nidempotency-key: k\nbody-digest: 00\nentries: 1")
	f.Fuzz(func(t *testing.T, text string) {
		for name := range readProperties(text) {
			if strings.Contains(name, "\n") {
				t.Fatalf("name %q", name)
			}
		}
	})
}
