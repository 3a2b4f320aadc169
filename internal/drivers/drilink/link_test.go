package drilink

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"thalamus/internal/codec"
	"thalamus/internal/codec/dri"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

func settings(more map[string]any) map[string]any {
	s := map[string]any{"link": map[string]any{"listen": "127.0.0.1:0", "stall_timeout": "400ms"}, "stall_timeout": "500ms"}
	for k, v := range more {
		s[k] = v
	}
	return s
}

// values is a record with one subrecord; n is its time.
func values(n int) []byte {
	part := make([]byte, 278)
	binary.LittleEndian.PutUint32(part, uint32(n+1))
	return dri.Wrap(dri.Record{Time: uint32(n + 1), Parts: []dri.Part{{Type: 1, Bytes: part}}}.Bytes())
}

// R6, R23
func TestConformance(t *testing.T) {
	drivertest.RunStream(t, drivertest.Stream{Kind: Kind(), Settings: settings(nil), Message: values, Garbage: []byte("GET / HTTP/1.1\r\n")})
}

func alarm(texts ...string) []byte {
	part := make([]byte, 10+5*98+10)
	for i, text := range texts {
		copy(part[10+98*i:], text)
		part[10+98*i+82] = 3
	}
	return dri.Wrap(dri.Record{Time: 1, Main: dri.Alarm, Parts: []dri.Part{{Type: 1, Bytes: part}}}.Bytes())
}

func TestAsksAndTellsOfAlarms(t *testing.T) {
	r := (&drivertest.Suite{Kind: Kind(), Settings: settings(map[string]any{"ask_again": "200ms", "every": "10s"})}).Start(t)
	p := r.Dial(t)
	want := bytes.Join([][]byte{dri.AskValues(0, 10), dri.AskAlarms(0), dri.AskWaves(0, 1, 4, 8, 9)}, nil)
	for range 2 { // and once more, because nothing comes
		got := make([]byte, len(want))
		if _, err := io.ReadFull(p, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("% X %v", got, err)
		}
	}
	p.Write(append(alarm("ASYSTOLE"), alarm("HR HIGH")...))
	drivertest.Until(t, "both are taken", func() bool { n, _ := r.Intake.Count(); return n == 2 })
	m := dri.New().Decode(model.Entry{Frame: r.Intake.Taken()[1]}, codec.Context{})[0]
	if len(m.Alerts) != 2 || m.Alerts[0].Phase != "start" || m.Alerts[1].Phase != "end" || m.Alerts[1].Text != "ASYSTOLE" {
		t.Errorf("%+v", m.Alerts)
	}
	if !strings.Contains(strings.Join(r.Notes.Codes(), " "), "drilink.silent") {
		t.Errorf("notes %v", r.Notes.Codes())
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []map[string]any{{}, settings(map[string]any{"waves": "ECG1 ECG2 ECG3"}), settings(map[string]any{"waves": "XX"}), settings(map[string]any{"every": "0s"}), settings(map[string]any{"level": 999}), settings(map[string]any{"ask_again": "0s"})} {
		if _, err := Kind().New(model.Channel{ID: "icu", Settings: s}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v was taken", s)
		}
	}
}
