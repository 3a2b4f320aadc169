package faults

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
)

func TestCatalogue(t *testing.T) {
	all := Catalogue()
	if len(all) < 25 {
		t.Errorf("%d faults, 25 are to be there", len(all))
	}
	seen := map[string]bool{}
	for _, f := range all {
		if seen[f.Name] || f.Does == "" || f.Seen == "" {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
		if (len(Having(f.Name)) == 0) != (f.Where == Site) {
			t.Errorf("%s is at %s and %v have it", f.Name, f.Where, Having(f.Name))
		}
	}
	for _, k := range Kinds() {
		for _, name := range slices.Concat(k.Links, k.Content) {
			if f, ok := Find(name); !ok || f.Where == Site {
				t.Errorf("%s has %q", k.Name, name)
			}
		}
		for _, name := range k.Links {
			if f, _ := Find(name); f.Where != Link {
				t.Errorf("%s is no fault of links", name)
			}
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ kind, name, want string }{
		{"hl7", "half-fram", `did you mean "half-frame"?`},
		{"phd", "swapped", "it happens to other kinds: hl7"},
		{"phd", "disk-full", "`thalamus drill`"},
		{"kettle", "reset", "have no faults"},
	} {
		if _, err := Parse(c.kind, []string{c.name}); fault.CodeOf(err) != "sim.fault" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v", c.kind, c.name, err)
		}
	}
	if set, err := Parse("hl7", []string{Reset, NaN}); err != nil || !slices.Equal(set, Set{Reset, NaN}) {
		t.Error(set, err)
	}
}

func TestPlanByTurns(t *testing.T) {
	p := Set{ClockJump, Duplicate}.Plan()
	var got []string
	for range 20 {
		got = append(got, string(p.Next()))
	}
	want := []string{"", "", "", "", ClockJump, "", "", "", "", Duplicate}
	if !slices.Equal(got, append(want, want...)) {
		t.Errorf("%q", got)
	}
	var none *Plan
	if none.Next() != "" || none.Rushes() || !none.Pause(t.Context(), 0) || Set(nil).Plan().Next() != "" {
		t.Error("without faults something is wrong")
	}
	flooded := Set{Flood}.Plan().Often(1)
	flooded.Next()
	for range flood {
		if flooded.Next() != "" {
			t.Fatal("a flood begins in a flood")
		}
		if !flooded.Rushes() {
			t.Fatal("the flood ends early")
		}
	}
	if flooded.Rushes() {
		t.Error("the flood does not end")
	}
}

// exchange sends a frame with a fault over TCP and gives what arrives.
func exchange(t *testing.T, name string) (arrived []byte, err error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	got := make(chan []byte, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			close(got)
			return
		}
		defer c.Close()
		b, _ := io.ReadAll(c)
		got <- b
	}()
	p := Set{name}.Plan().Often(1)
	c, err := p.Dial(t.Context(), "tcp", ln.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Next()
	if _, err := c.Write([]byte{5}); err != nil {
		t.Fatal("a character of the protocol counts as a frame:", err)
	}
	_, err = c.Write(frame)
	c.Close()
	return <-got, err
}

var frame = bytes.Repeat([]byte("0123456789"), 50)

func TestStream(t *testing.T) {
	half := append([]byte{5}, frame[:250]...)
	whole := append([]byte{5}, frame...)
	for _, c := range []struct {
		name   string
		broken bool
		right  func(b []byte) bool
	}{
		{Unplugged, true, func(b []byte) bool { return len(b) == 1 }},
		{Reset, true, func(b []byte) bool { return bytes.HasPrefix(half, b) }},
		{HalfFrame, true, func(b []byte) bool { return bytes.Equal(b, half) }},
		{Silence, true, func(b []byte) bool { return bytes.Equal(b, half) }},
		{Dropped, false, func(b []byte) bool { return bytes.Equal(b, whole) }},
		{SlowDrip, false, func(b []byte) bool { return bytes.Equal(b, whole) }},
		{Duplicate, false, func(b []byte) bool { return bytes.Equal(b, whole) }},
		{Garbage, false, func(b []byte) bool { return bytes.HasSuffix(b, frame) && len(b) > len(whole) }},
		{WrongChecksum, false, func(b []byte) bool { return len(b) == len(whole) && !bytes.Equal(b, whole) }},
		{Oversized, true, func(b []byte) bool { return len(b) >= oversize }},
	} {
		b, err := exchange(t, c.name)
		if errors.Is(err, ErrOnPurpose) != c.broken || !c.right(b) {
			t.Errorf("%s: %d bytes, %v", c.name, len(b), err)
		}
	}
}

func TestUnpluggedForAWhile(t *testing.T) {
	p := Set{Unplugged}.Plan()
	p.gone = time.Now().Add(time.Hour)
	if _, err := p.Dial(t.Context(), "tcp", "127.0.0.1:1", nil); !errors.Is(err, ErrOnPurpose) {
		t.Error(err)
	}
}

func TestDatagrams(t *testing.T) {
	for name, want := range map[string][]int{Dropped: {20}, Swapped: {20, 500}, Duplicate: {500, 500, 20}, HalfFrame: {250, 20}} {
		ln, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p := Set{name}.Plan().Often(2)
		c, err := p.Dial(t.Context(), "udp", ln.LocalAddr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		p.Next()
		p.Next()
		for _, b := range [][]byte{frame, frame[:20]} {
			if _, err := c.Write(b); err != nil {
				t.Fatal(err)
			}
			p.Next()
		}
		var got []int
		buf := make([]byte, 1000)
		for range want {
			ln.SetReadDeadline(time.Now().Add(30 * time.Second))
			n, _, err := ln.ReadFrom(buf)
			if err != nil {
				t.Fatal(name, err)
			}
			got = append(got, n)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		c.Close()
		ln.Close()
	}
}
