package nonin

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// Packet makes a packet of format 2 or 7: status of every frame, values of the
// fourth byte.
func testPacket(format string, state byte, values map[int]byte, pleth func(i int) int) []byte {
	var b []byte
	for i := range frames {
		s := 0x80 | state
		if i == 0 {
			s |= 1
		}
		p := pleth(i)
		f := []byte{s, byte(p >> 8), byte(p), values[i]}
		if format == Format2 {
			f = []byte{1, s, byte(p), values[i]}
		}
		b = append(b, append(f, sum(f))...)
	}
	return b
}

func say(format string, b []byte, before string) model.Message {
	m := New().Decode(model.Entry{Frame: model.Frame{Bytes: b, Arrived: noon, Properties: "format: " + format + "\n" + before}}, codec.Context{})[0]
	normalise.Normalise(&m, normalise.Context{})
	return m
}

func values(m model.Message) (out []string) {
	for _, o := range m.Observations {
		name := o.Code.RefID
		if name == "" {
			name = o.Code.Name
		}
		switch {
		case o.Absent != "":
			name += " absent " + o.Absent
		case o.Value.Kind == model.ValueNumber:
			name += " " + o.Value.Number.String() + o.UnitUCUM
		default:
			name += " " + o.Value.Coding.Code
		}
		out = append(out, name)
	}
	return out
}

func TestFormats(t *testing.T) {
	full := map[int]byte{0: 0x01, 1: 0x0A, 2: 97, 3: 60, 9: 96, 10: 127, 13: 0x01, 14: 0x08, 15: 98}
	for _, c := range []struct {
		name, format, before string
		b                    []byte
		want                 []string
	}{
		{"format 2", Format2, "", testPacket(Format2, 0x02, full, func(i int) int { return i }), []string{"MDC_PULS_OXIM_SAT_O2 97%", "MDC_PULS_OXIM_PULS_RATE 138/min", "Oxygen saturation, fast 96%", "Pulse rate, average of eight beats 136/min", "Oxygen saturation, average of eight beats 98%", "Pulse quality green"}},
		{"format 7, no finger", Format7, "", testPacket(Format7, 0x48, map[int]byte{0: 3, 1: 0x7F, 2: 0x7F, 9: 0x7F, 10: 0x7F, 13: 3, 14: 0x7F, 15: 0x7F}, func(i int) int { return 256 * i }), []string{"MDC_PULS_OXIM_SAT_O2 absent unknown", "MDC_PULS_OXIM_PULS_RATE absent unknown"}},
		{"format 8", Format8, "", []byte{0x80, 72, 98, 0x00}, []string{"MDC_PULS_OXIM_SAT_O2 98%", "MDC_PULS_OXIM_PULS_RATE 72/min"}},
		{"format 8, sensor alarm", Format8, "", []byte{0x91, 10, 98, 0x08}, []string{"MDC_PULS_OXIM_SAT_O2 absent error", "MDC_PULS_OXIM_PULS_RATE absent error", "Pulse quality red"}},
		{"format 1", Format1, "", []byte{0x89, 10, 95}, []string{"MDC_PULS_OXIM_SAT_O2 95%", "MDC_PULS_OXIM_PULS_RATE 138/min", "Pulse quality yellow"}},
		{"format 13", Format13, "", spot(), []string{"MDC_PULS_OXIM_SAT_O2 97%", "MDC_PULS_OXIM_PULS_RATE 72/min"}},
	} {
		m := say(c.format, c.b, c.before)
		if got := values(m); !slices.Equal(got, c.want) || len(m.Issues) > 0 {
			t.Errorf("%s: %q %v, want %q", c.name, got, m.Issues, c.want)
		}
	}
	m := say(Format7, testPacket(Format7, 0, full, func(i int) int { return 1000 * i }), "")
	if w := m.Waveforms[0]; w.Code.RefID != "MDC_PULS_OXIM_PLETH" || w.Samples[24] != 24000 || len(w.Samples) != 25 || w.PeriodNS != 13333333 || !w.DeviceTime.UTC.Before(noon) {
		t.Errorf("%+v", w)
	}
	if m := say(Format13, spot(), ""); !m.Observations[0].DeviceTime.UTC.Equal(time.Date(2026, 11, 20, 8, 30, 15, 0, time.UTC)) {
		t.Errorf("%+v", m.Observations[0].DeviceTime)
	}
	if m := say(Format2, []byte("GET /"), ""); len(m.Issues) != 1 || m.Issues[0].Code != "nonin.packet" {
		t.Errorf("%+v", m)
	}
	m = say(Format8, []byte{0xA0, 72, 98, 0x01}, "before: 01") // R21
	if len(m.Alerts) != 3 || m.Alerts[0].Phase != "start" || m.Alerts[2].Phase != "end" || m.Alerts[2].Text != "Sensor disconnected" || m.Observations[0].Flags[0] != "questionable" || m.Devices[0].Battery != "low" {
		t.Errorf("%+v", m.Alerts)
	}
}

// spot is a record of format 13.
func spot() []byte {
	c := []byte{20, 26, 11, 20, 8, 30, 15, 0, 0x02, 0x10, 0, 72, 0, 97}
	return append(append([]byte{0, stx, 0, 0x0D, 0, 14}, c...), sum(c), etx)
}

func TestScanner(t *testing.T) {
	one := testPacket(Format2, 0x02, map[int]byte{2: 97}, func(i int) int { return i })
	for format, c := range map[string][]byte{
		Format2: slices.Concat([]byte{9, 9, ack}, one, one[:60], one),
		Format7: slices.Concat([]byte("x"), testPacket(Format7, 0, nil, func(int) int { return 300 }), []byte("yz")),
		Format8: {1, 2, 0x80, 72, 98, 0, 0x80, 0x80, 72, 98, 0},
		Format1: {0x80, 1, 2, 0x81, 1, 2},
	} {
		var whole, bytewise [][]byte
		s, single := Scanner{Format: format}, Scanner{Format: format}
		s.Feed(c, func(p Piece) {
			if p.Bytes != nil {
				whole = append(whole, slices.Clone(p.Bytes))
			}
		})
		for _, b := range c {
			single.Feed([]byte{b}, func(p Piece) {
				if p.Bytes != nil {
					bytewise = append(bytewise, slices.Clone(p.Bytes))
				}
			})
		}
		want := 2
		if format == Format7 {
			want = 1
		}
		if len(whole) != want || len(bytewise) != want {
			t.Errorf("format %s: %d packets, byte by byte %d", format, len(whole), len(bytewise))
		}
	}
	if got := fmt.Sprintf("%X", Select(Format13)); got != "027002020D03" {
		t.Error(got)
	}
}

// R23: whatever comes, reading ends, is bounded and the same again.
func FuzzNonin(f *testing.F) {
	f.Add(testPacket(Format2, 0x02, map[int]byte{2: 97}, func(i int) int { return i }), uint8(1), "before: 01")
	f.Add(testPacket(Format7, 0x02, nil, func(i int) int { return i }), uint8(2), "")
	f.Add([]byte{0x80, 72, 98, 0x08}, uint8(3), "")
	f.Add(spot(), uint8(4), "")
	f.Fuzz(func(t *testing.T, b []byte, n uint8, said string) {
		format := Formats()[int(n)%len(Formats())]
		e := model.Entry{Frame: model.Frame{Bytes: b, Arrived: noon, Properties: "format: " + format + "\n" + said}}
		first, second := New().Decode(e, codec.Context{})[0], New().Decode(e, codec.Context{})[0]
		if !reflect.DeepEqual(first, second) || len(first.Observations) > 16 {
			t.Fatal("not deterministic, or too much")
		}
		s, total := Scanner{Format: format}, 0
		for part := range slices.Chunk(b, int(n)+1) {
			s.Feed(part, func(p Piece) { total += len(p.Bytes) + p.Noise })
		}
		if total+s.Half() > len(b) {
			t.Fatalf("%d bytes of %d", total, len(b))
		}
	})
}
