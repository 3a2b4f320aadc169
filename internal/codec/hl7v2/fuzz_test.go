package hl7v2

import (
	"bytes"
	"testing"
	"time"
	"unicode/utf8"

	"thalamus/internal/fault"
)

func seeds(f *testing.F) {
	for _, s := range []string{
		"", "hello world", "MSH", msh, msh + "\rPID|1||a^b&c~d\r\nOBX|1|NM|x||\\F\\\\.br\\\\XC3BC\\\r",
		msh + "|||||||||IHE^ISOPID|||4711\rOBX|1|NM|a||5OBX|2|NM|b\r", "\ufeff\x0b " + msh + "\n wrapped\nline\r\x1c\r",
		"MSH$%~*@$A$B$C$D$2026$$ORU%R01$7$P$2.6\rPID$1$$a%b@c*S*|^&~2\r", "MSH|^|\rA01\r",
		"FHS|^~\\&|F\rBHS|^~\\&|A\r" + msh + "\rBTS|1\rFTS|1\r",
		string(withCharset("GB18030", "\x81\x7c\x81\x5e\x95\x32\x82\x36^x")), string(withCharset("~ISO IR87", "\x1b$B$|%~\x1b(B\\M2442\\;3\\C2842\\")),
		string(withCharset("8859/1~ISO IR149", "\xe4\x1b$)C\xb1\xe8")), string(bedsideORU(3)),
		"MSH^\x00", "MSH|^~\\&|A||||2026||\"\"|7|P|2.6\r",
		"MSH|^~\\&|A|B|C|D|2026||ACK|9|P|2.3\rMSA|AE|7|x|||102^y\rERR|PID^1^3^101&z\r",
	} {
		f.Add([]byte(s))
	}
}

// FuzzParse: whatever the bytes, no panic, a catalogued error, or a message
// that comes out as it went in, whose every part can be read, within bounds.
func FuzzParse(f *testing.F) {
	seeds(f)
	codes := known()
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		m, err := Parse(raw)
		b, batchErr := SplitBatch(raw)
		if err != nil {
			if !codes[fault.CodeOf(err)] || fault.KindOf(err) != fault.Invalid {
				t.Fatalf("not in the catalogue: %v", err)
			}
		} else {
			if err := roundTrip(m, raw); err != nil {
				t.Fatal(err)
			}
			if batchErr != nil || len(b.Messages) == 0 {
				t.Fatalf("a message, but a batch of none: %v", batchErr)
			}
			checkParts(t, m)
			if len(m.Issues()) > maxIssues || m.Len() > len(raw) {
				t.Fatalf("%d issues, %d segments", len(m.Issues()), m.Len())
			}
			for _, i := range append(m.Structure(), m.Issues()...) {
				if !codes[i.Code] || i.Offset < 0 || i.Offset > len(raw) {
					t.Fatalf("issue %+v", i)
				}
			}
		}
		total := 0
		for _, part := range b.Messages {
			total += len(part)
			if _, err := Parse(part); err != nil && !codes[fault.CodeOf(err)] {
				t.Fatal(err)
			}
		}
		if total > len(raw) {
			t.Fatal("a batch larger than its bytes")
		}
		if _, err := ParseAck(raw); err != nil && !codes[fault.CodeOf(err)] {
			t.Fatal(err)
		}
		if !bytes.Equal(raw, before) {
			t.Fatal("the bytes were changed")
		}
	})
}

// checkParts reads all there is, and looks each part up again by its path.
func checkParts(t *testing.T, m *Message) {
	looked := 0
	for i, s := range m.Segments() {
		if s.Index() != i {
			t.Fatal("index")
		}
		sameFields(t, s)
		for _, f := range s.Fields() {
			for _, r := range f.Reps() {
				for _, c := range r.Components() {
					for _, sub := range c.Subs() {
						text := sub.Text()
						if !utf8.ValidString(text) {
							t.Fatalf("%s: the text is not UTF-8: %q", sub.Path(), text)
						}
						if len(text) > 100*len(sub.Raw()) {
							t.Fatalf("%s: %d bytes became %d", sub.Path(), len(sub.Raw()), len(text))
						}
						if looked++; looked > 200 {
							continue
						}
						p, err := ParsePath(sub.Path())
						if err != nil {
							t.Fatal(err)
						}
						if e := m.At(p); e.Offset() != sub.Offset() && sub.Present() {
							t.Fatalf("%s leads to byte %d, not %d", sub.Path(), e.Offset(), sub.Offset())
						}
					}
				}
			}
		}
	}
}

// sameFields: all at once are what they are one by one.
func sameFields(t *testing.T, s Segment) {
	var some [12]Element
	last := s.FieldsInto(some[:])
	var all [12]Element
	n := 0
	for k, f := range s.Fields() {
		if n = k; k < len(all) {
			all[k] = f
		}
	}
	if last != n || some != all {
		t.Fatalf("%q: %d fields %v, one by one %d %v", s.Raw(), last, some, n, all)
	}
}

// FuzzEnvelope: the header read alone says what the message says, and its
// acknowledgement can be read and names the request.
func FuzzEnvelope(f *testing.F) {
	seeds(f)
	codes := known()
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := ParseEnvelope(raw)
		if err != nil {
			if !codes[fault.CodeOf(err)] {
				t.Fatalf("not in the catalogue: %v", err)
			}
			if e.Segment != "" {
				t.Fatal("an error and an envelope")
			}
		}
		if err := e.Check(); err != nil && !codes[fault.CodeOf(err)] {
			t.Fatal(err)
		}
		for _, code := range []AckCode{AA, AR} {
			ack := Ack(e, Reply{Code: code, Text: "a|b", ControlID: "1", Now: time.Unix(0, 0).UTC(), Errors: []AckError{{Place: Path{Segment: "PID", Field: 3}, Code: 101}}})
			a, err := ParseAck(ack)
			if err != nil || a.Code != code || a.Own != "1" {
				t.Fatalf("%q: %+v %v", ack, a, err)
			}
			m, err := Parse(ack)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.ContainsAny(e.ControlID, "\x1b") || len(e.Charset) > 0 || len(e.Switching) > 0 {
				continue // wide characters: only the text is the same
			}
			if clean := bytes.TrimSpace(e.ControlID); len(clean) > 0 && asciiOnly(clean) && !bytes.ContainsFunc(e.ControlID, func(r rune) bool { return r < ' ' }) &&
				!bytes.Equal(m.Find("MSA", 1).Field(2).Raw(), e.ControlID) {
				t.Fatalf("%q does not name %q", ack, e.ControlID)
			}
		}
		if m, err := Parse(raw); err == nil && e.Segment == "MSH" && m.scan != nil && bytes.Equal(m.scan, m.raw) && !m.wrapped && !hasIssue(m, codeGlued) {
			msh := m.Segment(0)
			for n, field := range map[int][]byte{3: e.SendingApp, 9: e.Type, 10: e.ControlID, 12: e.Version, 18: e.Charset} {
				if got := msh.Field(n).Raw(); !bytes.Equal(bytes.TrimRight(got, "\x00\x03\x0b\x1a\x1c \t"), bytes.TrimRight(field, "\x00\x03\x0b\x1a\x1c \t")) {
					t.Fatalf("MSH-%d: %q in the envelope, %q in the message", n, field, got)
				}
			}
		}
	})
}

func hasIssue(m *Message, code string) bool {
	for _, i := range m.Issues() {
		if i.Code == code {
			return true
		}
	}
	return false
}

// FuzzBuild: any text can be written into any place and comes back.
func FuzzBuild(f *testing.F) {
	f.Add("a|b^c", "ä\n", "UNICODE UTF-8")
	f.Add("王|", "\x00\x1b", "GB18030")
	f.Add("山", "~", "ISO IR87")
	f.Fuzz(func(t *testing.T, one, two, label string) {
		w := NewBuilder(standard, label)
		w.Segment("MSH").Field(9, "ORU", "R01").Field(10, "1").Field(12, "2.6")
		w.Segment("PID").Field(3, one, two).Rep(two, one).Field(5, "end")
		raw, err := w.Bytes()
		if err != nil {
			return
		}
		m, err := Parse(raw)
		if err != nil || m.Len() != 2 || m.Get("PID-5") != "end" {
			t.Fatalf("%q: %v", raw, err)
		}
		if label != "UNICODE UTF-8" {
			return
		}
		normal := func(s string) string {
			return string(bytes.ReplaceAll(bytes.ReplaceAll([]byte(s), []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n")))
		}
		if got := m.Get("PID-3[2].2"); got != normal(one) && !bytes.ContainsAny([]byte(one), "\x1b") {
			t.Fatalf("%q became %q", one, got)
		}
		out, err := Edit(m).Set("PID-3[1].2", one).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if m, err = Parse(out); err != nil || m.Get("PID-3[1].2") != m.Get("PID-3[2].2") || m.Get("PID-5") != "end" {
			t.Fatalf("%q: %v", out, err)
		}
	})
}
