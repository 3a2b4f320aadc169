package medibus

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// read decodes and normalises a frame.
func read(b []byte, said ...string) model.Message {
	m := New().Decode(model.Entry{Frame: model.Frame{Bytes: b, Arrived: noon, Properties: strings.Join(said, "\n")}}, codec.Context{})[0]
	normalise.Normalise(&m, normalise.Context{})
	return m
}

// The examples are those that OpenICE and VSCaptureDrgVent show: the checksum of
// ICC is 6C, of a request for the identification 6D.
func TestBytes(t *testing.T) {
	for _, c := range []struct {
		got  []byte
		want string
	}{
		{Command(Initialise), "\x1bQ6C\r"},
		{Command(Identify), "\x1bR6D\r"},
		{Command(Measured1), "\x1b$3F\r"},
		{Response(NoOperation), "\x01031\r"},
		{Order(0x00, 0x03), "\x1bT00010301F4\r"},
		{Enable(3), "\xD0\xC3\xC0\xC2\xC0\xC1\xC7\xC0\xC0"},
		{Enable(0), "\xD0\xC3\xC0\xC2\xC0\xC1\xC0\xC0\xC0"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestScanner(t *testing.T) {
	in := slices.Concat([]byte("noise"), []byte{SOH, Measured1, 0xD1}, Command(NoOperation), []byte{0x80, 0x81, 'x', xon}, Response(Alarms1), []byte("\x01$00\r"), []byte{ESC, 0x30})
	for _, step := range []int{1, 3, len(in)} {
		var s Scanner
		var got []string
		for part := range slices.Chunk(in, step) {
			s.Feed(part, func(p Piece) { got = append(got, fmt.Sprintf("%d%q", p.Kind, p.Bytes)) })
		}
		all := strings.Join(got, " ")
		for _, want := range []string{fmt.Sprintf("%d%q", Whole, Command(NoOperation)), fmt.Sprintf("%d%q", Whole, Response(Alarms1)), fmt.Sprintf("%d%q", Broken, "\x01$00\r")} {
			if !strings.Contains(all, want) {
				t.Errorf("in steps of %d: %s lacks %s", step, all, want)
			}
		}
		if !s.Waiting() || s.Half() != 2 || s.Waiting() {
			t.Error("the half message is not known")
		}
	}
}

func TestMeasured(t *testing.T) {
	m := read(Response(Measured1, []byte("7D  25D6 14 B9 7.8DB 5.2EB----78-  502 99 2A1.00E6 38 64  25")...),
		Said("id", Response(Identify, []byte("8110'Evita XL'07.02:04.03")...)), Said("high", Response(High1, []byte("7D  40")...)), "port: /dev/ttyS0")
	for i, want := range []string{
		"MDC_PRESS_AWAY_INSP_MAX 25.4929 cm[H2O]", "MDC_VENT_RESP_RATE 14 /min", "MDC_VENT_VOL_MINUTE 7.8 L/min", "MDC_CONC_AWAY_CO2_ET 5.2 %", "MDC_PULS_OXIM_SAT_O2 absent unknown",
		"MDC_VENT_PRESS_AWAY_END_EXP_POS -5.09858 cm[H2O]", " 99 ", "Correlation factor 1.00 ", "MDC_CONC_AWAY_CO2_ET 38 mm[Hg]", "MDC_FLOW_O2_CONSUMP 25E1 mL/min",
	} {
		o := m.Observations[i]
		got := o.Code.RefID
		if got == "" {
			got = o.Code.Name
		}
		if o.Absent != "" {
			got += " absent " + o.Absent
		} else {
			got += " " + o.Value.Number.String() + " " + o.UnitUCUM
		}
		if name, value, _ := strings.Cut(want, " "); !strings.HasPrefix(got, name) || !strings.HasPrefix(got[len(name):], " "+strings.TrimSuffix(value, " cm[H2O]")[:min(5, len(strings.TrimSuffix(value, " cm[H2O]")))]) {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
	if o := m.Observations[0]; o.RangeText != "<40" || o.Received.Text != "PIP" || o.UnitSent.Code != "mbar" || !o.DeviceTime.UTC.Equal(noon) {
		t.Errorf("%+v", o)
	}
	if d := m.Devices[0]; d.Manufacturer != "Dräger" || d.Model != "Evita XL" || d.Release != "07.02" || d.Identifiers[0].Value != "/dev/ttyS0" || m.Version != "04.03" {
		t.Errorf("%+v, version %s", d, m.Version)
	}
	if unknown := m.Issues; len(unknown) != 1 || unknown[0].Code != "normalise.unknown-code" {
		t.Errorf("issues %+v", unknown)
	}
}

func TestSettingsAndTexts(t *testing.T) {
	m := read(Response(Settings, []byte("40  450051.20 0B  5.0")...))
	if len(m.Observations) != 3 || !m.Observations[0].Setting || m.Observations[0].Code.RefID != "MDC_VENT_VOL_TIDAL_SETTING" || m.Observations[0].Value.Number.String() != "450" || m.Observations[1].Value.Number.String() != "1.20" {
		t.Errorf("%+v %+v", m.Observations, m.Issues)
	}
	m = read(Response(Texts, []byte("018VC-CMV  \x03614Doe \x03604Jane\x03")...))
	if len(m.Observations) != 1 || m.Observations[0].Value.Text != "VC-CMV" || m.Patient == nil || m.Patient.Family != "Doe" || m.Patient.Given[0] != "Jane" {
		t.Errorf("%+v %+v %+v", m.Observations, m.Patient, m.Issues)
	}
	m = read(Response(Measured1, []byte("D6  14")...), Said("text", Response(Texts, []byte("622ON\x03")...)))
	if !m.Observations[0].Simulated { // R17
		t.Error("a value of a simulation is taken for a patient's")
	}
}

func TestAlarms(t *testing.T) { // R21
	before := Response(Alarms1, []byte("<19MIN VOL LOW 742FLOW SENSOR ")...)
	now := Response(Alarms1, []byte("I10PAW HIGH    742FLOW SENSOR ")...)
	m := read(now, Said("before", before))
	if len(m.Alerts) != 2 {
		t.Fatalf("%+v %+v", m.Alerts, m.Issues)
	}
	a, b := m.Alerts[0], m.Alerts[1]
	if a.Phase != "start" || a.Code.RefID != "MDC_EVT_HI" || a.Source.RefID != "MDC_PRESS_AWAY_INSP_MAX" || a.Priority != "high" || a.Kind != "physiological" || !strings.HasPrefix(a.Text, "PAW HIGH") {
		t.Errorf("%+v", a)
	}
	if b.Phase != "end" || b.State != "inactive" || b.Code.RefID != "MDC_EVT_LO" || b.ID != "medibus 27.19" || b.Priority != "medium" {
		t.Errorf("%+v", b)
	}
	if m := read(now, Said("before", now)); len(m.Alerts) != 0 {
		t.Errorf("nothing changed: %+v", m.Alerts)
	}
	if m := read(now); len(m.Alerts) != 2 || m.Alerts[0].Phase != "continue" || m.Alerts[1].Kind != "advisory" && m.Alerts[1].Priority != "low" {
		t.Errorf("%+v", m.Alerts)
	}
}

// The texts are those of OpenICE's test.
func TestClock(t *testing.T) {
	for _, s := range []string{" 9:33 7-OCT-14", " 9:33:00 7-OKT-14", " 9:33 07-OCT-14", "09:33 7-OKT-14", "09:33:00 07-OKT-14", "09:33:0007-OCT-14", "09:33:00 7-OCT-14"} {
		if m := read(Response(DateTime, []byte(s)...)); !m.DeviceTime.UTC.Equal(time.Date(2014, 10, 7, 9, 33, 0, 0, time.UTC)) || len(m.Issues) != 0 {
			t.Errorf("%q: %+v %+v", s, m.DeviceTime, m.Issues)
		}
	}
	for _, s := range []string{"", "25:00:00 01-JAN-14", "09:33:00 07-XXX-14", "-", "9-9-9"} {
		if m := read(Response(DateTime, []byte(s)...)); len(m.Issues) != 1 || m.Issues[0].Code != "medibus.time" {
			t.Errorf("%q: %+v", s, m)
		}
	}
}

func TestRealtime(t *testing.T) {
	config := Response(RealtimeList, []byte("00   16000  -50  1005DC"+"01   16000 -250  250FFF")...)
	sample := func(v int) []byte { return []byte{0x80 | byte(v&0x3F), 0x80 | byte(v>>6)} }
	b := slices.Concat([]byte{0xD3}, sample(500), sample(4095), []byte{0xC6, 0xC0, 0xD1}, sample(750), []byte{0xD3}, sample(1500), sample(0))
	m := read(b, Said("config", config), Said("order", Order(0, 1)))
	if len(m.Waveforms) != 2 || len(m.Issues) != 0 {
		t.Fatalf("%+v %+v", m.Waveforms, m.Issues)
	}
	w := m.Waveforms[0]
	if w.Code.RefID != "MDC_PRESS_AWAY" || w.PeriodNS != 16_000_000 || w.Scale.String() != "0.1" || w.Origin.String() != "-50" || !slices.Equal(w.Samples, []int32{500, 750, 1500}) || w.UnitSent.Code != "mbar" {
		t.Errorf("%+v", w)
	}
	if !w.DeviceTime.UTC.Equal(noon.Add(-32 * time.Millisecond)) {
		t.Errorf("begins %v", w.DeviceTime.UTC)
	}
	if w := m.Waveforms[1]; !slices.Equal(w.Samples, []int32{4095, 0}) || w.Code.RefID != "MDC_FLOW_AWAY" {
		t.Errorf("%+v", w)
	}
	if m := read(b); len(m.Issues) != 1 || m.Issues[0].Code != "medibus.no-configuration" {
		t.Errorf("%+v", m.Issues)
	}
}

func TestEveryRefIDIsKnown(t *testing.T) {
	for line := range strings.Lines(codesTSV) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 7 {
			t.Fatalf("%q has %d columns", line, len(f))
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		page, _ := hexByte([]byte(f[0]))
		code, _ := hexByte([]byte(f[1]))
		got := terms[codeOf{page, code}]
		event, source, _ := strings.Cut(f[6], " ")
		if event != "" && (got.code == nil || got.code.RefID != event) || source != "" && (got.source == nil || got.source.RefID != source) {
			t.Errorf("%s.%s: the table of terms lacks %s", f[0], f[1], f[6])
		}
	}
}

// R23: whatever comes, reading ends, is bounded and the same again.
func FuzzMEDIBUS(f *testing.F) {
	id := Said("id", Response(Identify, []byte("8110'Evita XL'07.02:04.03")...))
	config := Said("config", Response(RealtimeList, []byte("00   16000  -50  1005DC")...)) + "\n" + Said("order", Order(0))
	f.Add(Response(Measured1, []byte("7D  25D6 14 ")...), id)
	f.Add(Response(Alarms1, []byte("I10PAW HIGH    ")...), Said("before", Response(Alarms1)))
	f.Add(Response(Texts, []byte("018VC-CMV  \x03")...), id)
	f.Add(Response(DateTime, []byte("09:33:00 07-OKT-14")...), "")
	f.Add(Response(Settings, []byte("40  450")...), "")
	f.Add([]byte{0xD1, 0x81, 0x82, 0xC6, 0xC0}, config)
	f.Fuzz(func(t *testing.T, b []byte, said string) {
		e := model.Entry{Frame: model.Frame{Bytes: b, Arrived: noon, Properties: said}}
		first, second := New().Decode(e, codec.Context{})[0], New().Decode(e, codec.Context{})[0]
		if !reflect.DeepEqual(first.Observations, second.Observations) || len(first.Issues) != len(second.Issues) {
			t.Fatal("not deterministic")
		}
		if n := len(first.Observations) + len(first.Alerts); n > len(b)+len(said) {
			t.Fatalf("%d values of %d bytes", n, len(b))
		}
		if m, ok := Parse(b); ok && !bytes.EqualFold(m.Bytes(), b) {
			t.Fatalf("%q becomes %q", b, m.Bytes())
		}
		var s, single Scanner
		var whole, again [][]byte
		s.Feed(b, func(p Piece) {
			if p.Kind == Whole {
				whole = append(whole, bytes.Clone(p.Bytes))
			}
		})
		for _, c := range b {
			single.Feed([]byte{c}, func(p Piece) {
				if p.Kind == Whole {
					again = append(again, bytes.Clone(p.Bytes))
				}
			})
		}
		if !slices.EqualFunc(whole, again, bytes.Equal) {
			t.Fatalf("%q, byte by byte %q", whole, again)
		}
	})
}
