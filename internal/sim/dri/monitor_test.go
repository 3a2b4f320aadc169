package dri

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

// Requests as published, with their sums: a program that read real monitors
// sends them (displayed values every ten seconds, stop, four waves, stop).
const (
	startValues = "7E31 0000 00E8 FD25 0407 6700 0000 0000 0000 0000 0000 FF00 0000 0000 0000 0000 0000 0000 0000 0000 0001 0A00 0800 0000 0000 BF7E"
	stopValues  = "7E31 0000 00E8 FD33 0607 6700 0000 0000 0000 0000 0000 FF00 0000 0000 0000 0000 0000 0000 0000 0000 0001 0000 0800 0000 0000 C57E"
	startWaves  = "7E58 0000 00E8 FD58 2708 6700 0000 0001 0000 0000 0000 FF00 0000 0000 0000 0000 0000 0000 0000 0000 0000 0005 0001 0408 09FF 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0045 7E"
	stopWaves   = "7E58 0000 00E8 FD35 2808 6700 0000 0001 0000 0000 0000 FF00 0000 0000 0000 0000 0000 0000 0000 0000 0001 0005 0001 FF00 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000 000F 7E"
)

var began = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func published(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func alarmRequest(command int) []byte {
	return frame(record(1, 0, mainAlarms, part{0, words(command, 0, 0, 0, 0, 0)}))
}

func made(names ...string) *Monitor {
	m := New(sim.Beds("ICU", 1)[0], faults.Set(names))
	m.Connected(began)
	return m
}

// records takes a stream apart.
func records(t *testing.T, b []byte) (out [][]byte) {
	t.Helper()
	for len(b) > 0 {
		if b[0] != flag {
			t.Fatalf("no flag: %x", b[:min(len(b), 20)])
		}
		end := bytes.IndexByte(b[1:], flag)
		if end < 0 {
			t.Fatalf("no end: %x", b)
		}
		r, ok := unframe(b[1 : 1+end])
		if !ok || int(binary.LittleEndian.Uint16(r)) != len(r) {
			t.Fatalf("sum or length of %x", r)
		}
		out, b = append(out, r), b[end+2:]
	}
	return out
}

func at(b []byte, offset int) int { return int(int16(binary.LittleEndian.Uint16(b[offset:]))) }

func TestPublishedRequestsHaveTheirSums(t *testing.T) {
	for _, text := range []string{startValues, stopValues, startWaves, stopWaves} {
		b := published(t, text)
		r, ok := unframe(b[1 : len(b)-1])
		if !ok || !bytes.Equal(frame(r), b) {
			t.Errorf("%s: sum or escapes differ: %x", text[:12], frame(r))
		}
	}
}

func TestValues(t *testing.T) {
	m := made()
	m.Receive(began, published(t, startValues))
	var all []byte
	for now := began; now.Before(began.Add(31 * time.Second)); now = now.Add(100 * time.Millisecond) {
		all = append(all, m.Tick(now)...)
	}
	got := records(t, all)
	if len(got) != 4 {
		t.Fatalf("%d records in 31 s, every 10 s was asked for", len(got))
	}
	r := got[3]
	if at(r, 14) != mainValues || r[18] != valuesDisplayed || r[21] != endOfList || len(r) != headerSize+278 {
		t.Fatalf("header %x, %d bytes", r[:headerSize], len(r))
	}
	if stamp := binary.LittleEndian.Uint32(r[headerSize:]); int64(stamp) != began.Add(30*time.Second).Unix() {
		t.Errorf("time %d", stamp)
	}
	basic := r[headerSize+4:]
	v := m.vitals
	for name, c := range map[string][2]int{
		"heart rate": {at(basic, 6), v.HeartPerMin}, "systolic": {at(basic, 16+6), v.SysMmHg * 100}, "temperature": {at(basic, 86+6), v.TempTenthCel * 10},
		"SpO2": {at(basic, 118+6), v.SpO2Percent * 100}, "CO2": {at(basic, 132+6), m.breath.EtCO2TenthMmHg * 1000 / 760}, "tidal volume": {at(basic, 178+14), m.breath.TidalMl * 10},
		"P2": {at(basic, 30+6), missing}, "extra heart rate": {at(basic, 226), v.HeartPerMin},
	} {
		if c[0] != c[1] {
			t.Errorf("%s is %d, want %d", name, c[0], c[1])
		}
	}
	m.Receive(began.Add(31*time.Second), published(t, stopValues))
	if out := m.Tick(began.Add(60 * time.Second)); out != nil {
		t.Errorf("after the stop: %x", out)
	}
}

func TestWaves(t *testing.T) {
	m := made()
	m.Receive(began, published(t, startWaves))
	samples := map[byte]int{}
	for now := began; !now.After(began.Add(10 * time.Second)); now = now.Add(50 * time.Millisecond) {
		for _, r := range records(t, m.Tick(now)) {
			for i := range 8 {
				kind := r[16+3*i+2]
				if kind == endOfList {
					break
				}
				sub := r[headerSize+at(r, 16+3*i):]
				samples[kind] += at(sub, 0)
				if at(sub, 2) != 0 {
					t.Errorf("a gap in wave %d", kind)
				}
			}
		}
	}
	// ECG, P1 and pleth at 300, 100 and 100, CO2 at 25: 525 of 600 a second
	if samples[1] != 3000 || samples[4] != 1000 || samples[8] != 1000 || samples[9] != 250 {
		t.Errorf("samples %v", samples)
	}
	m.Receive(began.Add(10*time.Second), published(t, stopWaves))
	if out := m.Tick(began.Add(11 * time.Second)); out != nil {
		t.Errorf("after the stop: %x", out)
	}
}

func TestAlarms(t *testing.T) {
	m := made()
	got := records(t, m.Receive(began, alarmRequest(0)))
	if len(got) != 1 || at(got[0], 14) != mainAlarms || len(got[0]) != headerSize+510 {
		t.Fatalf("%d records", len(got))
	}
	m.Receive(began, alarmRequest(2))
	m.off = true
	got = records(t, m.Tick(began.Add(time.Second)))
	if len(got) != 1 {
		t.Fatalf("%d records when the alarms changed", len(got))
	}
	line := got[0][headerSize+10:]
	if text := string(bytes.TrimRight(line[:80], "\x00")); text != "SpO2 probe off" || at(line, 80) != 1 || at(line, 82) != colourWhite {
		t.Errorf("%q %x", text, line[80:98])
	}
	if out := m.Tick(began.Add(1500 * time.Millisecond)); out != nil {
		t.Errorf("told twice: %x", out)
	}
}

func TestRequestsInPiecesAndGarbage(t *testing.T) {
	m := made()
	once := frame(record(1, 0, mainValues, part{0, append([]byte{1}, append(words(-1), 0, 0, 0, 0, 0, 0)...)}))
	m.Receive(began, []byte("\x00GET / HTTP/1.1\r\n\x7e\x01\x02"))
	m.Receive(began, []byte{flag})
	var out []byte
	for _, b := range once {
		out = append(out, m.Receive(began, []byte{b})...)
	}
	if got := records(t, out); len(got) != 1 {
		t.Errorf("%d records", len(got))
	}
}

func TestFaultsAreSeen(t *testing.T) {
	once := frame(record(1, 0, mainValues, part{0, append([]byte{1}, append(words(-1), 0, 0, 0, 0, 0, 0)...)}))
	for _, name := range wrong(t) {
		m := made(name)
		var all [][]byte
		cut := false
		for i := range 12 {
			all = append(all, m.Receive(began.Add(time.Duration(i)*time.Second), once))
			cut = cut || m.Cut()
		}
		ok := true
		switch name {
		case faults.HalfFrame, faults.Reset:
			ok = cut
		case faults.Silence:
			ok = all[5] == nil
		case faults.Dropped:
			ok = all[4] == nil
		case faults.Duplicate:
			ok = len(all[4]) > len(all[3])*3/2
		case faults.Garbage:
			ok = bytes.Contains(all[4], []byte("HTTP"))
		case faults.WrongChecksum:
			_, good := unframe(all[4][1 : len(all[4])-1])
			ok = !good
		case faults.OutOfRange:
			ok = at(records(t, all[4])[0], headerSize+4+6) == 999
		case faults.NaN:
			ok = at(records(t, all[4])[0], headerSize+4+6) == -32763
		case faults.SensorOff:
			ok = at(records(t, all[5])[0], headerSize+4+118+6) == missing
		case faults.ClockJump:
			ok = int64(binary.LittleEndian.Uint32(records(t, all[5])[0][6:])) < began.Unix()
		}
		if !ok || m.Count().Faults == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
}

func FuzzReceive(f *testing.F) {
	for _, text := range []string{startValues, stopValues, startWaves, stopWaves} {
		b, _ := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		f.Add(b)
	}
	f.Add(alarmRequest(0))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := made()
		m.Receive(began, b)
		m.Tick(began.Add(time.Second))
	})
}

// wrong gives the names of the faults this kind can have.
func wrong(t *testing.T) []string {
	t.Helper()
	k, ok := faults.KindOf("dri")
	if !ok {
		t.Fatal("the kind is not in the list of faults")
	}
	return k.All()
}
