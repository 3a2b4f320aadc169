package mllpframe

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// show prints tokens so that cases can be read: quoted content, then flaws.
func show(t Token) string {
	name := [...]string{"more", "frame", "garbage", "oversize", "skipped", "cut"}[t.Kind]
	if t.Flaw&NoStart != 0 {
		name += " no-start"
	}
	if t.Flaw&NoEnd != 0 {
		name += " no-end"
	}
	return fmt.Sprintf("%s %q", name, t.Bytes)
}

// feed gives what is shown to a peer's stream in pieces of the given size.
// Runs of garbage and skipped bytes are joined, as pieces cut them anywhere.
func feed(stream []byte, piece, limit int) []Token {
	s := Scanner{Max: limit}
	var out []Token
	var rest []byte
	step := func(atEOF bool) {
		for {
			n, t := s.Next(rest, atEOF)
			if n < 0 || n > len(rest) {
				panic("advance outside the bytes shown")
			}
			t.Bytes = bytes.Clone(t.Bytes)
			rest = rest[n:]
			if t.Kind == More {
				return
			}
			if k := len(out) - 1; k >= 0 && t.Kind == out[k].Kind && (t.Kind == Garbage || t.Kind == Skipped) && out[k].Flaw == t.Flaw {
				out[k].Bytes = append(out[k].Bytes, t.Bytes...)
				continue
			}
			out = append(out, t)
		}
	}
	for len(stream) > 0 {
		n := min(piece, len(stream))
		rest = append(bytes.Clone(rest), stream[:n]...)
		stream = stream[n:]
		step(false)
	}
	step(true)
	return out
}

var cases = []struct {
	name, in string
	want     []string
}{
	{"one frame", "\vMSH|a\r\x1c\r", []string{`frame "MSH|a\r"`}},
	{"two in a row", "\vMSH|a\r\x1c\r\vMSH|b\r\x1c\r", []string{`frame "MSH|a\r"`, `frame "MSH|b\r"`}},
	{"no CR behind FS", "\vMSH|a\r\x1c\vMSH|b\r\x1c", []string{`frame "MSH|a\r"`, `frame "MSH|b\r"`}},
	{"LF and CR LF between", "\vMSH|a\r\x1c\n\r\n\vMSH|b\r\x1c\r\n", []string{`frame "MSH|a\r"`, `frame "MSH|b\r"`}},
	{"no FS, next frame begins", "\vMSH|a\r\vMSH|b\r\x1c\r", []string{`frame no-end "MSH|a\r"`, `frame "MSH|b\r"`}},
	{"cut by the next frame", "\vMSH|a|b\vMSH|c\r\x1c\r", []string{`cut no-end "MSH|a|b"`, `frame "MSH|c\r"`}},
	{"VT in the content", "\vMSH|a\vb\r\x1c\r", []string{`frame "MSH|a\vb\r"`}},
	{"VT MS in the content", "\vMSH|a\vMSb\r\x1c\r", []string{`frame "MSH|a\vMSb\r"`}},
	{"VT last in the content", "\vMSH|a\v\x1c\r", []string{`frame "MSH|a\v"`}},
	{"no VT", "MSH|a\r\x1c\r\vMSH|b\r\x1c\r", []string{`frame no-start "MSH|a\r"`, `frame "MSH|b\r"`}},
	{"no envelope at all", "MSH|a\rPID|1\r", []string{`frame no-start no-end "MSH|a\rPID|1\r"`}},
	{"stream ends after a segment", "\vMSH|a\r", []string{`frame no-end "MSH|a\r"`}},
	{"stream ends in a segment", "\vMSH|a", []string{`cut no-end "MSH|a"`}},
	{"stream ends after VT", "\v", []string{`cut no-end ""`}},
	{"empty frame", "\v\x1c\r\vMSH|a\r\x1c\r", []string{`frame ""`, `frame "MSH|a\r"`}},
	{"not HL7", "\vhello world\x1c\r", []string{`frame "hello world"`}},
	{"garbage before", "hello\vMSH|a\r\x1c\r", []string{`garbage "hello"`, `frame "MSH|a\r"`}},
	{"garbage between", "\vMSH|a\r\x1c\rxMSHy\vMSH|b\r\x1c\r", []string{`frame "MSH|a\r"`, `garbage "xMSHy"`, `frame "MSH|b\r"`}},
	{"garbage line, then no VT", "hello\r\nMSH|b\r\x1c\r", []string{`garbage "hello\r"`, `frame no-start "MSH|b\r"`}},
	{"garbage MS", "MS", []string{`garbage "MS"`}},
	{"a browser", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", []string{`garbage "GET / HTTP/1.1\rHost: a\r"`}},
	{"batch", "\vFHS|a\rBHS|b\rMSH|c\rBTS|1\rFTS|1\r\x1c\r", []string{`frame "FHS|a\rBHS|b\rMSH|c\rBTS|1\rFTS|1\r"`}},
	{"oversize, then good", "\vMSH|" + strings.Repeat("x", 60) + "\r\x1c\r\vMSH|b\r\x1c\r", nil},
	{"blank lines only", "\r\n\r\n", nil},
	{"nothing", "", nil},
}

func TestNext(t *testing.T) {
	for _, c := range cases {
		if strings.HasPrefix(c.name, "oversize") {
			continue
		}
		for _, piece := range []int{1, 2, 3, 5, 1000} {
			t.Run(fmt.Sprintf("%s/%d", c.name, piece), func(t *testing.T) {
				var got []string
				for _, tok := range feed([]byte(c.in), piece, 50) {
					got = append(got, show(tok))
				}
				if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
					t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(c.want, "\n     "))
				}
			})
		}
	}
}

func TestOversizeFindsTheNextFrame(t *testing.T) {
	long := "\vMSH|" + strings.Repeat("x", 60)
	for _, end := range []string{"\x1c\r", "\x1c", ""} {
		for _, piece := range []int{1, 7, 51, 1000} {
			var frames, oversize, total int
			for _, tok := range feed([]byte(long+end+"\vMSH|b\r\x1c\r"), piece, 50) {
				switch tok.Kind {
				case Frame:
					frames++
					if string(tok.Bytes) != "MSH|b\r" {
						t.Errorf("frame %q", tok.Bytes)
					}
				case Oversize:
					oversize++
					total += len(tok.Bytes)
				case Skipped:
					total += len(tok.Bytes)
				default:
					t.Errorf("unexpected %s", show(tok))
				}
			}
			if frames != 1 || oversize != 1 || total != 64 {
				t.Errorf("end %q pieces of %d: %d frames, %d oversize, %d bytes; want 1, 1, 64", end, piece, frames, oversize, total)
			}
		}
	}
}

func TestSkipGivesUpOneFrame(t *testing.T) {
	s := Scanner{}
	buf := []byte("\vMSH|a")
	if n, tok := s.Next(buf, false); n != 1 || tok.Kind != More || !s.Pending() {
		t.Fatalf("n %d, token %s", n, show(tok))
	}
	s.Skip()
	buf = []byte("MSH|a|b\x1c\r\vMSH|c\r\x1c\r")
	n, tok := s.Next(buf, false)
	if tok.Kind != Skipped {
		t.Fatalf("token %s", show(tok))
	}
	_, tok = s.Next(buf[n:], false)
	if show(tok) != `frame "MSH|c\r"` {
		t.Errorf("token %s", show(tok))
	}
}

func TestAppendIsReadBack(t *testing.T) {
	got := feed(Append(nil, []byte("MSH|a\rPID|1\r")), 1000, 0)
	if len(got) != 1 || show(got[0]) != `frame "MSH|a\rPID|1\r"` {
		t.Errorf("%v", got)
	}
}

// FuzzFrames: pieces of any size give the same frames, every byte is accounted
// for, nothing is longer than the limit, and what Append writes comes out.
func FuzzFrames(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(c.in), uint8(3), uint8(50))
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece, limit uint8) {
		whole := feed(stream, len(stream)+1, int(limit))
		parts := feed(stream, int(piece)+1, int(limit))
		if a, b := frames(whole), frames(parts); a != b {
			t.Fatalf("in one piece:\n%s\nin pieces of %d:\n%s", a, int(piece)+1, b)
		}
		total := 0
		for _, tok := range parts {
			total += len(tok.Bytes)
			if limit > 0 && (tok.Kind == Frame) && len(tok.Bytes) > int(limit) {
				t.Fatalf("frame of %d bytes, limit %d", len(tok.Bytes), limit)
			}
		}
		if total > len(stream) {
			t.Fatalf("%d bytes came out of %d", total, len(stream))
		}
		if Whole(stream) {
			got := feed(Append(nil, stream), int(piece)+1, 0)
			if len(got) != 1 || got[0].Kind != Frame || !bytes.Equal(got[0].Bytes, stream) {
				t.Fatalf("%q written, %v read", stream, got)
			}
		}
	})
}

func frames(tokens []Token) string {
	var b strings.Builder
	for _, t := range tokens {
		switch t.Kind {
		case Frame, Cut:
			fmt.Fprintln(&b, show(t))
		case Oversize:
			fmt.Fprintln(&b, "oversize")
		}
	}
	return b.String()
}

func BenchmarkNext(b *testing.B) {
	stream := bytes.Repeat(Append(nil, bytes.Repeat([]byte("OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC||98|%\r"), 40)), 32)
	var s Scanner
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		for rest := stream; len(rest) > 0; {
			n, t := s.Next(rest, false)
			if t.Kind == More {
				break
			}
			rest = rest[n:]
		}
	}
}
