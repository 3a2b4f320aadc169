package noninlink

import (
	"io"
	"testing"

	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// packet is one of format 2 with n in its plethysmogram.
func packet(n int) []byte {
	var b []byte
	for i := range 25 {
		f := []byte{1, 0x80, byte(n >> (4 * i % 24)), 60}
		if i == 0 {
			f[1] |= 1
		}
		b = append(b, append(f, f[0]+f[1]+f[2]+f[3])...)
	}
	return b
}

func settings(more map[string]any) map[string]any {
	s := map[string]any{"link": map[string]any{"listen": "127.0.0.1:0"}, "stall_timeout": "500ms"}
	for k, v := range more {
		s[k] = v
	}
	return s
}

// R6, R23
func TestConformance(t *testing.T) {
	drivertest.RunStream(t, drivertest.Stream{Kind: Kind(), Settings: settings(nil), Message: packet, Garbage: []byte("GET / HTTP/1.1\r\n")})
}

func TestSpotCheckIsAcknowledgedWhenDurable(t *testing.T) {
	r := (&drivertest.Suite{Kind: Kind(), Settings: settings(map[string]any{"format": "13", "select": true})}).Start(t)
	release := r.Intake.Hold()
	p := r.Dial(t)
	asked := make([]byte, 6)
	if _, err := io.ReadFull(p, asked); err != nil || string(asked) != "\x02\x70\x02\x02\x0d\x03" {
		t.Fatalf("% X %v", asked, err)
	}
	content := []byte{20, 26, 11, 20, 8, 30, 15, 0, 2, 0, 0, 72, 0, 97}
	record := append([]byte{0, 2, 0, 13, 0, 14}, content...)
	sum := byte(0)
	for _, c := range content {
		sum += c
	}
	p.Write(append([]byte{6}, append(record, sum, 3)...))
	drivertest.Until(t, "intake was asked", func() bool { _, offers := r.Intake.Count(); return offers == 1 })
	release()
	one := make([]byte, 1)
	if _, err := io.ReadFull(p, one); err != nil || one[0] != 6 {
		t.Fatalf("% X %v", one, err)
	}
	if f := r.Intake.Taken()[0]; f.Properties != "format: 13" || len(f.Bytes) != 22 {
		t.Errorf("%+v", f)
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []map[string]any{{}, settings(map[string]any{"format": "3"}), settings(map[string]any{"stall_timeout": "0s"})} {
		if _, err := Kind().New(model.Channel{ID: "icu", Settings: s}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v was taken", s)
		}
	}
}
