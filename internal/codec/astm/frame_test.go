package astm

import (
	"bytes"
	"strings"
	"testing"
)

// tokens scans b, given in pieces of the given size.
func tokens(s *Scanner, b []byte, piece int) (out []Token) {
	var have []byte
	for len(b) > 0 || piece == 0 {
		n := min(max(piece, 1), len(b))
		have = append(have, b[:n]...)
		b = b[n:]
		for {
			took, t := s.Next(have)
			have = have[took:]
			if t.Kind == More {
				break
			}
			t.Text, t.Bytes = bytes.Clone(t.Text), bytes.Clone(t.Bytes)
			out = append(out, t)
		}
	}
	return out
}

func kinds(all []Token) string {
	names := map[Kind]string{Frame: "frame", Damaged: "damaged", Cut: "cut", Oversize: "oversize", Garbage: "garbage"}
	chars := map[byte]string{ENQ: "ENQ", ACK: "ACK", NAK: "NAK", EOT: "EOT"}
	var words []string
	for _, t := range all {
		if t.Kind == Control {
			words = append(words, chars[t.Char])
		} else {
			words = append(words, names[t.Kind])
		}
	}
	return strings.Join(words, " ")
}

func TestScanner(t *testing.T) {
	frame := string(AppendFrame(nil, 1, []byte("H|\\^&\r"), true))
	for _, c := range []struct{ name, in, want string }{
		{"a transmission", "\x05" + frame + "\x04", "ENQ frame EOT"},
		{"without CR LF behind", "\x05" + frame[:len(frame)-2] + "\x04", "ENQ frame EOT"},
		{"answers", "\x06\x15\x06", "ACK NAK ACK"},
		{"wrong checksum", strings.Replace(frame, "H", "h", 1), "damaged"},
		{"no checksum", "\x021H|\\^&\r\x03\r\n\x04", "damaged EOT"},
		{"lower-case checksum", strings.ToLower(frame[len(frame)-4:]), "garbage"},
		{"half and again", frame[:6] + frame, "cut frame"},
		{"half and end", frame[:6] + "\x04", "cut EOT"},
		{"garbage", "GET / HTTP/1.1\r\n\x05", "garbage ENQ"},
		{"too long", "\x021" + strings.Repeat("x", 200) + "\x0300\x05", "oversize garbage garbage ENQ"},
		{"nothing between", "\x02\x0303", "damaged"},
	} {
		for _, piece := range []int{1, 3, 1000} {
			s := Scanner{Max: 100}
			got := squeezeGarbage(kinds(tokens(&s, []byte(c.in), piece))) // garbage may come in pieces
			if got != squeezeGarbage(c.want) {
				t.Errorf("%s, %d at a time: %s; want %s", c.name, piece, got, c.want)
			}
		}
	}
}

func squeezeGarbage(s string) string {
	for strings.Contains(s, "garbage garbage") {
		s = strings.ReplaceAll(s, "garbage garbage", "garbage")
	}
	return s
}

func TestFramesComeBack(t *testing.T) {
	message := []byte("H|\\^&\rP|1\rR|1|^^^X|" + strings.Repeat("7", 1000) + "\rL|1|N\r")
	var wire []byte
	for _, f := range Frames(message, 240) {
		if len(f) > 247 {
			t.Errorf("a frame of %d bytes; 247 are allowed (E1381-95 §6.3.1.2)", len(f))
		}
		wire = append(wire, f...)
	}
	got, damaged := Unframe(wire)
	if !bytes.Equal(got, message) || damaged != 0 {
		t.Errorf("%q came back, %d damaged", got, damaged)
	}
}

func TestAssembler(t *testing.T) {
	for _, c := range []struct {
		name   string
		frames []string
		want   []string
		rest   string
	}{
		{"a record a frame", []string{"H|\\^&\r", "P|1\r", "O|1\r", "R|1\r", "L|1\r"}, []string{"H|\\^&\rP|1\rO|1\rR|1\rL|1\r"}, ""},
		{"all in one", []string{"H|\\^&\rP|1\rL|1\r"}, []string{"H|\\^&\rP|1\rL|1\r"}, ""},
		{"without CR", []string{"H|\\^&", "L|1"}, []string{"H|\\^&\rL|1\r"}, ""},
		{"two orders", []string{"H|\\^&\r", "P|1\r", "O|1\r", "R|1\r", "O|2\r", "R|1\r", "L|1\r"}, []string{"H|\\^&\rP|1\rO|1\rR|1\r", "H|\\^&\rP|1\rO|2\rR|1\rL|1\r"}, ""},
		{"two patients", []string{"H|\\^&\r", "P|1\r", "O|1\r", "P|2\r", "O|1\r", "L|1\r"}, []string{"H|\\^&\rP|1\rO|1\r", "H|\\^&\rP|2\rO|1\rL|1\r"}, ""},
		{"two messages", []string{"H|\\^&\r", "L|1\r", "H|\\^&\r", "L|1\r"}, []string{"H|\\^&\rL|1\r", "H|\\^&\rL|1\r"}, ""},
		{"no terminator", []string{"H|\\^&\r", "P|1\r"}, nil, "H|\\^&\rP|1\r"},
		{"broken off in a record", []string{"H|\\^&\r", "R|1|^"}, []string{}, "H|\\^&\rR|1|^\r"},
	} {
		var a Assembler
		var got []string
		for _, f := range c.frames {
			whole, ok := a.Add([]byte(f), true)
			if !ok {
				t.Fatal(c.name)
			}
			for _, g := range whole {
				got = append(got, string(g.Bytes))
			}
		}
		g, _ := a.Rest()
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") || string(g.Bytes) != c.rest {
			t.Errorf("%s: %q, rest %q", c.name, got, g.Bytes)
		}
	}
}

// TestSplitRecord joins what ETB cut.
func TestSplitRecord(t *testing.T) {
	var a Assembler
	for _, part := range []string{"H|\\^", "&\rR|1|^^^A|1"} {
		if whole, ok := a.Add([]byte(part), false); !ok || whole != nil {
			t.Fatal(whole, ok)
		}
	}
	whole, _ := a.Add([]byte("2|g\rL|1\r"), true)
	if len(whole) != 1 || string(whole[0].Bytes) != "H|\\^&\rR|1|^^^A|12|g\rL|1\r" || !whole[0].Ended {
		t.Errorf("%+v", whole)
	}
	a.Max = 10
	if _, ok := a.Add([]byte("0123456789A"), true); ok {
		t.Error("longer than Max and taken")
	}
}
