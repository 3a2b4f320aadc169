package medibus

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

var began = time.Date(2026, 11, 21, 9, 33, 0, 0, time.UTC)

// ready gives a ventilator whose other end has begun.
func ready(t *testing.T, names ...string) *Ventilator {
	t.Helper()
	v := New(sim.Beds("ICU", 1)[0], nil)
	v.Connected(began)
	// ESC Q with its sum 6C, as published; the ventilator begins too
	if out := v.Tick(began); string(out) != "\x1bQ6C\r" {
		t.Fatalf("begins with %q", out)
	}
	if out := v.Receive(began, []byte("\x1bQ6C\r")); string(out) != "\x01Q52\r" {
		t.Fatalf("initialised with %q", out)
	}
	v.Plan = faults.Set(names).Plan()
	return v
}

// ask sends a command and gives the content of its answer.
func ask(t *testing.T, v *Ventilator, at time.Time, command byte, argument string) string {
	t.Helper()
	out := v.Receive(at, whole(esc, command, []byte(argument)))
	if len(out) < 5 || out[0] != soh || out[1] != command || out[len(out)-1] != cr {
		t.Fatalf("%q answered with %q", command, out)
	}
	sum := byte(0)
	for _, b := range out[:len(out)-3] {
		sum += b
	}
	if digits := string(out[len(out)-3 : len(out)-1]); digits != fmt.Sprintf("%02X", sum) {
		t.Fatalf("sum %s of %q", digits, out)
	}
	return string(out[2 : len(out)-3])
}

func TestAnswers(t *testing.T) {
	v := ready(t)
	if got := ask(t, v, began, cmdIdentify, ""); got != "8F51'Simulated Ventilator'01.03:06.00" {
		t.Errorf("identity %q", got)
	}
	if got := ask(t, v, began, cmdTime, ""); got != "09:33:0021-NOV-26" {
		t.Errorf("time %q", got)
	}
	page := ask(t, v, began, cmdMeasured1, "")
	if len(page)%6 != 0 {
		t.Fatalf("page of %d", len(page))
	}
	values := map[byte]float64{}
	for ; page != ""; page = page[6:] {
		code, err := strconv.ParseUint(page[:2], 16, 8)
		value, err2 := strconv.ParseFloat(strings.TrimSpace(page[2:6]), 64)
		if err != nil || err2 != nil {
			t.Fatalf("%q", page[:6])
		}
		values[byte(code)] = value
	}
	if values[codeTidal] != float64(v.breath.TidalMl) || math.Abs(values[codeMinuteLitre]-float64(v.breath.MinuteMl)/1000) > 0.1 || values[codeRate] != float64(v.breath.RespPerMin) {
		t.Errorf("%v of %+v", values, v.breath)
	}
	if got := ask(t, v, began, cmdMeasured2, ""); got != "" {
		t.Errorf("page 2: %q", got)
	}
	if got := ask(t, v, began, cmdSettings, ""); len(got)%7 != 0 || got[:2] != "01" {
		t.Errorf("settings %q", got)
	}
	if got := ask(t, v, began, cmdTexts, ""); !strings.HasPrefix(got, "014IPPV\x03") {
		t.Errorf("texts %q", got)
	}
	if got := ask(t, v, began, cmdHigh1, ""); len(got)%6 != 0 || !strings.Contains(got, "7D40.0") {
		t.Errorf("high limits %q", got)
	}
	v.apart = true
	if got := ask(t, v, began, cmdAlarms1, ""); got != "99ADISCONNECT  " {
		t.Errorf("alarms %q", got)
	}
	if got := ask(t, v, began, cmdStop, ""); got != "" || v.up {
		t.Errorf("stop %q", got)
	}
	if out := v.Receive(began, whole(esc, cmdMeasured1, nil)); out != nil {
		t.Errorf("after the stop %q", out)
	}
}

func TestCommandsInPieces(t *testing.T) {
	v := ready(t)
	if out := v.Receive(began, []byte("\x1b")); out != nil {
		t.Errorf("%q", out)
	}
	if out := v.Receive(began, []byte("R6D\r")); !bytes.HasPrefix(out, []byte("\x01R8F51'")) {
		t.Errorf("%q", out)
	}
	if out := v.Receive(began, []byte("\x1bR00\r")); string(out) != "\x01\x1516\r" {
		t.Errorf("a wrong sum got %q", out)
	}
}

func TestShowsThatItLivesAndForgets(t *testing.T) {
	v := ready(t)
	if out := v.Tick(began.Add(3 * time.Second)); string(out) != "\x1b04B\r" {
		t.Errorf("after 3 s: %q", out)
	}
	v.Tick(began.Add(11 * time.Second))
	if v.up {
		t.Error("it still believes somebody is there")
	}
	if out := v.Tick(began.Add(12 * time.Second)); string(out) != "\x1bQ6C\r" && v.asked.Before(began.Add(11*time.Second)) {
		t.Errorf("it does not begin again: %q", out)
	}
}

func TestCurves(t *testing.T) {
	v := ready(t)
	offer := ask(t, v, began, cmdCurves, "")
	if len(offer)%23 != 0 || offer[:23] != "00   16000  -50  150FFF" {
		t.Fatalf("offer %q", offer)
	}
	ask(t, v, began, cmdChoose, "00010101")
	v.Receive(began, []byte{0xD0, 0xC1, 0xCF, 0xC0, 0xC0}) // streams 1 to 4, as published
	v.Tick(began)
	var all []byte
	for at := began; !at.After(began.Add(8 * time.Second)); at = at.Add(20 * time.Millisecond) {
		v.heard = at
		all = append(all, v.Tick(at)...)
	}
	samples, phases, low, high := 0, 0, 1e9, -1e9
	for len(all) > 0 {
		if all[0]&0xF0 != syncByte || all[0]&0x0F != 3 {
			t.Fatalf("%x", all[:min(8, len(all))])
		}
		all = all[1:]
		if all[0] == syncCycle {
			phases++
			all = all[2:]
		}
		pressure := float64(int(all[0]&0x3F)|int(all[1]&0x3F)<<6)/0xFFF*200 - 50
		low, high = min(low, pressure), max(high, pressure)
		samples++
		all = all[4:]
	}
	if samples < 495 || samples > 505 || phases < 2 || low < 4 || high > 30 || high-low < 5 {
		t.Errorf("%d samples, %d phases, %.1f to %.1f mbar", samples, phases, low, high)
	}
}

func TestFaultsAreSeen(t *testing.T) {
	for _, name := range wrong(t) {
		v := ready(t, name)
		var all [][]byte
		cut := false
		for i := range 12 {
			all = append(all, v.Receive(began.Add(time.Duration(i)*time.Second), whole(esc, cmdMeasured1, nil)))
			cut = cut || v.Cut()
		}
		at := 3 // the initialisation counted as one message
		if name == "" || v.Count().Faults == 0 {
			t.Errorf("%s: never", name)
		}
		ok := true
		for i, b := range all {
			if len(b) != len(all[0]) || bytes.HasPrefix(b, []byte("\x00")) {
				at = i
				break
			}
		}
		switch name {
		case faults.HalfFrame:
			ok = cut && len(all[at]) == len(all[0])/2
		case faults.Reset:
			ok = cut
		case faults.Silence:
			ok = all[at+1] == nil
		case faults.Dropped:
			ok = len(all[at]) == 0
		case faults.Duplicate:
			ok = len(all[at]) == 2*len(all[0])
		case faults.Garbage:
			ok = bytes.Contains(all[at], []byte("HTTP"))
		case faults.OutOfRange:
			ok = bytes.Contains(bytes.Join(all, nil), []byte("7D 999"))
		case faults.NoNumber:
			ok = bytes.Contains(bytes.Join(all, nil), []byte("D6----"))
		case faults.SensorOff:
			ok = bytes.Contains(bytes.Join(all, nil), []byte("D6 0.0"))
		case faults.ClockJump:
			ok = bytes.Contains(bytes.Join(all, nil), []byte("\x1bI64\r"))
		case faults.WrongChecksum:
			seen := false
			for _, b := range all {
				sum := byte(0)
				for _, one := range b[:len(b)-3] {
					sum += one
				}
				seen = seen || string(b[len(b)-3:len(b)-1]) != fmt.Sprintf("%02X", sum)
			}
			ok = seen
		}
		if !ok {
			t.Errorf("%s is not seen: %q", name, all)
		}
	}
}

func FuzzReceive(f *testing.F) {
	for _, s := range []string{"\x1bQ6C\r", "\x1b$3F\r", "\x1bT00010101\r", "\xD0\xC1\xCF\xC0\xC0", "\x01Q52\r"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v := New(sim.Beds("ICU", 1)[0], nil)
		v.Connected(began)
		v.Receive(began, b)
		v.Tick(began.Add(time.Second))
	})
}

// wrong gives the names of the faults this kind can have.
func wrong(t *testing.T) []string {
	t.Helper()
	k, ok := faults.KindOf("medibus")
	if !ok {
		t.Fatal("the kind is not in the list of faults")
	}
	return k.All()
}
