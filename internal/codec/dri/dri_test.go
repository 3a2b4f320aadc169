package dri

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func read(frame []byte, said string) model.Message {
	m := New().Decode(model.Entry{Frame: model.Frame{Bytes: frame, Arrived: noon, Properties: said}}, codec.Context{})[0]
	normalise.Normalise(&m, normalise.Context{})
	return m
}

// A request as an open program sends it to monitors: its checksum is that of the
// bytes between the flags (its zeros are shortened here).
func TestPublishedFrame(t *testing.T) {
	frame, err := hex.DecodeString(strings.ReplaceAll("7E58 0000 00E8 FD58 2708 6700 0000 0001 0000 0000 0000 FF00 0000 0000 0000 0000 0000 0000 0000 0000 0000 0005 0001 0408 09FF 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0045 7E", " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	b, ok := Unwrap(frame)
	if !ok || b[14] != Wave || !bytes.Contains(b, []byte{1, 4, 8, 9, endOfList}) {
		t.Errorf("%v % X", ok, b)
	}
}

// part makes a physiological subrecord of a class: values at places behind its
// time, and groups that are switched on.
func part(class byte, at uint32, on []int, values map[int]int16, labels map[int]uint16) []byte {
	b := make([]byte, partLen)
	for i := range 135 {
		binary.LittleEndian.PutUint16(b[4+2*i:], 0x8001)
	}
	for i := range groups {
		if groups[i].class == int(class) && groups[i].header == groups[i].at {
			clear(b[4+groups[i].at : 10+groups[i].at])
		}
	}
	binary.LittleEndian.PutUint32(b, at)
	for _, g := range on {
		b[4+g] |= 3
	}
	for place, l := range labels {
		binary.LittleEndian.PutUint16(b[4+place+4:], l)
	}
	for place, v := range values {
		binary.LittleEndian.PutUint16(b[4+place:], uint16(v))
	}
	b[277] = class
	return b
}

func record(main int16, kind byte, body []byte) []byte {
	return Wrap(Record{Level: 9, Plug: 4711, Time: 1763726400, Main: main, Parts: []Part{{kind, body}}}.Bytes())
}

func values(m model.Message) (out []string) {
	for _, o := range m.Observations {
		name := o.Code.RefID
		if name == "" {
			name = "[" + o.Code.Name + "]"
		}
		if o.Absent != "" {
			out = append(out, name+" absent "+o.Absent)
			continue
		}
		out = append(out, name+" "+o.Value.Number.String()+o.UnitUCUM)
	}
	return out
}

func TestValues(t *testing.T) {
	basic := part(0, 1763726400, []int{0, 16, 86, 118, 132, 166, 178}, map[int]int16{
		6: 72, 8: 12, 10: -32767, 12: -32766, 14: 15, // ECG
		16 + 6: 12050, 16 + 8: 8010, 16 + 10: 9333, 16 + 12: 72,
		86 + 6: 3721, 118 + 6: 9750, 118 + 8: 71, 132 + 6: 512, 132 + 8: 0, 132 + 10: 14, 166 + 6: 120, 166 + 8: 150, 166 + 10: 80, 178 + 8: 2100, 178 + 14: 4512,
	}, map[int]uint16{0: 0x0732, 16: 1, 86: 15, 166: 6})
	m := read(record(Physiological, 1, basic), "")
	got := values(m)
	for _, want := range []string{"MDC_ECG_HEART_RATE 72/min", "MDC_ECG_AMPL_ST_II 0.12mm", "MDC_ECG_AMPL_ST_III absent unknown", "MDC_ECG_AMPL_ST_V absent temp-unknown", "MDC_TTHOR_RESP_RATE 15/min",
		"MDC_PRESS_BLD_ART_SYS 120.50mm[Hg]", "MDC_PRESS_BLD_ART_DIA 80.10mm[Hg]", "MDC_PRESS_BLD_ART_MEAN 93.33mm[Hg]", "MDC_BLD_PULS_RATE_INV 72/min", "MDC_TEMP_CORE 37.21Cel", "MDC_PULS_OXIM_SAT_O2 97.50%",
		"MDC_CONC_AWAY_CO2_ET 5.12%", "MDC_CONC_AWAY_CO2_INSP 0.00%", "MDC_CONC_AWAY_SEVOFL_ET 1.20%", "MDC_CONC_MAC 0.80", "MDC_PRESS_AWAY_INSP_MAX 21.00cm[H2O]", "MDC_VOL_AWAY_TIDAL_INSP 451.2mL"} {
		if !slices.Contains(got, want) && !slices.Contains(got, strings.Replace(want, "mm", "mV", 1)) {
			t.Errorf("%s is missing in %q", want, got)
		}
	}
	for _, o := range m.Observations {
		if o.SubID == "P2" || o.SubID == "NIBP" {
			t.Errorf("a module that is not there has a value: %+v", o)
		}
		if !o.DeviceTime.UTC.Equal(time.Unix(1763726400, 0)) {
			t.Errorf("%+v", o.DeviceTime)
		}
	}
	if m.Devices[0].Identifiers[0].Value != "4711" || len(m.Issues) != 0 {
		t.Errorf("%+v %+v", m.Devices, m.Issues)
	}
	ext := read(record(Physiological, 1, part(2, 1763726400, []int{96, 112}, map[int]int16{96 + 6: 45, 96 + 8: 95, 112 + 6: 44}, nil)), "")
	if got := values(ext); !slices.Contains(got, "MDC_EEG_BISPECTRAL_INDEX 45") || !slices.Contains(got, "MDC_EEG_ENTROPY_STATE 44") {
		t.Errorf("%q", got)
	}
}

func TestWaves(t *testing.T) {
	body := []byte{3, 0, 0, 0, 0, 0, 100, 0, 0x01, 0x80, 0x9C, 0xFF}
	m := read(record(Wave, 8, body), "")
	if len(m.Waveforms) != 1 {
		t.Fatalf("%+v", m)
	}
	w := m.Waveforms[0]
	if w.Code.RefID != "MDC_PULS_OXIM_PLETH" || !slices.Equal(w.Samples, []int32{100, model.Gap, -100}) || w.PeriodNS != 10_000_000 || w.Scale.String() != "0.01" || !w.DeviceTime.UTC.Equal(noon.Add(-30*time.Millisecond)) {
		t.Errorf("%+v", w)
	}
	if m := read(record(Wave, 24, body), ""); len(m.Issues) != 1 || m.Issues[0].Code != "dri.wave" {
		t.Errorf("%+v", m.Issues)
	}
}

func alarmPart(silence int16, texts ...string) []byte {
	b := make([]byte, alarmHead+5*alarmLen+10)
	b[2] = 1
	binary.LittleEndian.PutUint16(b[8:], uint16(silence))
	for i, text := range texts {
		color, text, _ := strings.Cut(text, " ")
		copy(b[alarmHead+i*alarmLen:], text)
		b[alarmHead+i*alarmLen+82] = color[0] - '0'
	}
	return b
}

func TestAlarms(t *testing.T) { // R21
	before := record(Alarm, 1, alarmPart(0, "3 ASYSTOLE", "1 ART dis~}"))
	m := read(record(Alarm, 1, alarmPart(5, "2 HR HIGH", "3 ASYSTOLE")), "before: "+hex.EncodeToString(before))
	var got []string
	for _, a := range m.Alerts {
		got = append(got, a.Phase+" "+a.Priority+" "+a.Text+" "+a.Muted)
	}
	if want := []string{"start medium HR HIGH audio-paused", "update high ASYSTOLE audio-paused", "end low ART dis~} enabled"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if m := read(before, ""); len(m.Alerts) != 2 || m.Alerts[0].Phase != "continue" || m.Alerts[0].Code.RefID != "MDC_EVT_ALARM" {
		t.Errorf("%+v", m.Alerts)
	}
}

func TestScanner(t *testing.T) {
	one, two := AskValues(9, 5), AskWaves(9, 1, 8)
	broken := bytes.Clone(one)
	broken[5]++
	in := slices.Concat([]byte("noise"), one, two[1:], broken, two, one[:20]) // the second shares its first flag
	for _, step := range []int{1, 7, len(in)} {
		var s Scanner
		var whole, bad, noise int
		for c := range slices.Chunk(in, step) {
			s.Feed(c, func(p Piece) {
				switch {
				case p.Bytes != nil:
					whole++
					if !bytes.Equal(p.Bytes, one) && !bytes.Equal(p.Bytes, two) {
						t.Errorf("% X", p.Bytes)
					}
				case p.Broken > 0:
					bad++
				default:
					noise += p.Noise
				}
			})
		}
		if whole < 2 || bad < 1 || noise < 5 || s.Half() != 20 {
			t.Errorf("in steps of %d: %d whole, %d broken, %d noise", step, whole, bad, noise)
		}
	}
}

func TestTerms(t *testing.T) {
	seen := map[string]bool{}
	for i := range groups {
		g := &groups[i]
		if g.class < 0 || g.class > 3 {
			t.Error(g.name)
		}
		for _, f := range g.fields {
			if g.at+f.at+2 > 270 || seen[fmt.Sprint(g.class, f.label)] && f.label != "RR" {
				t.Errorf("%s: %s", g.name, f.label)
			}
			seen[fmt.Sprint(g.class, f.label)] = true
			for label := range uint16(18) {
				if refid := f.term(1<<3, label|label<<4|label<<8); refid != "" {
					if _, ok := mdc.ByRefID(refid); !ok {
						t.Errorf("%s label %d: the table of terms lacks %s", f.label, label, refid)
					}
				}
			}
		}
	}
	for _, w := range waves {
		if _, ok := mdc.ByRefID(w.refid); !ok {
			t.Errorf("%s: the table of terms lacks %s", w.label, w.refid)
		}
	}
}

// R23: whatever comes, reading ends, is bounded and the same again.
func FuzzDRI(f *testing.F) {
	f.Add(record(Physiological, 1, part(0, 1, []int{0}, map[int]int16{6: 72}, nil)), "")
	f.Add(record(Wave, 8, []byte{1, 0, 0, 0, 0, 0, 100, 0}), "")
	f.Add(record(Alarm, 1, alarmPart(0, "3 ASYSTOLE")), "before: "+hex.EncodeToString(record(Alarm, 1, alarmPart(0, "1 x"))))
	f.Fuzz(func(t *testing.T, b []byte, said string) {
		for _, frame := range [][]byte{b, Wrap(b)} {
			e := model.Entry{Frame: model.Frame{Bytes: frame, Arrived: noon, Properties: said}}
			first, second := New().Decode(e, codec.Context{})[0], New().Decode(e, codec.Context{})[0]
			if len(first.Observations) != len(second.Observations) || len(first.Alerts) != len(second.Alerts) || len(first.Issues) != len(second.Issues) {
				t.Fatal("not deterministic")
			}
			if len(first.Observations) > 8*200 || len(first.Waveforms) > 8 {
				t.Fatalf("%d values", len(first.Observations))
			}
		}
		if back, ok := Unwrap(Wrap(b)); len(b) > 0 && (!ok || !bytes.Equal(back, b)) {
			t.Fatalf("% X becomes % X", b, back)
		}
		var s Scanner
		total := 0
		s.Feed(b, func(p Piece) { total += len(p.Bytes) })
		if total > 2*len(b) {
			t.Fatal("more than came")
		}
	})
}
