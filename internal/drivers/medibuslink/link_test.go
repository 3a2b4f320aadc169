package medibuslink

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"thalamus/internal/codec"
	"thalamus/internal/codec/medibus"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

func settings() map[string]any {
	return map[string]any{"link": map[string]any{"listen": "127.0.0.1:0", "stall_timeout": "400ms"}, "reply_timeout": "500ms"}
}

// R6, R23
func TestConformance(t *testing.T) {
	drivertest.RunStream(t, drivertest.Stream{
		Kind:     Kind(),
		Settings: settings(),
		Message: func(n int) []byte {
			return medibus.Response(medibus.Measured1, fmt.Appendf(nil, "7D%4dD6%4d%s", n%10000, n/10000, strings.Repeat("B9 7.5", 40))...)
		},
		Garbage: []byte("GET / HTTP/1.1\r\n\x1b\x24zz\r"),
	})
}

// device is a scripted ventilator: what it answers to a command. It hears
// everything in one goroutine and can be told to say something of itself.
type device struct {
	net.Conn
	mu    sync.Mutex
	heard []byte
	raw   []byte // the bytes with the highest bit set
}

func plug(t *testing.T, r *drivertest.Rig, answer func(code byte, text []byte) []byte) *device {
	t.Helper()
	c, err := net.Dial("tcp", r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	d := &device{Conn: c}
	go func() {
		var scan medibus.Scanner
		in := bufio.NewReader(c)
		for {
			b, err := in.ReadByte()
			if err != nil {
				return
			}
			scan.Feed([]byte{b}, func(p medibus.Piece) {
				d.mu.Lock()
				defer d.mu.Unlock()
				if p.Kind == medibus.Realtime {
					d.raw = append(d.raw, p.Bytes...)
					return
				}
				m, _ := medibus.Parse(p.Bytes)
				if m.Lead == medibus.ESC {
					d.heard = append(d.heard, m.Code)
					if out := answer(m.Code, m.Text); out != nil {
						c.Write(out)
					}
				}
			})
		}
	}()
	return d
}

func (d *device) commands() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.heard)
}

func (d *device) realtime() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.raw)
}

const (
	identity = "8110'Evita XL        '07.02:04.03"
	config   = "00   16000  -50  1005DC" + "01   16000 -250  250FFF" + "03   16000    0 20007D0"
)

func evita(code byte, _ []byte) []byte {
	text := ""
	switch code {
	case medibus.Identify:
		text = identity
	case medibus.RealtimeList:
		text = config
	case medibus.Measured1:
		text = "7D  25D6  14B9 7.8EB----"
	case medibus.Low1:
		text = "B9 5.0"
	case medibus.High1:
		text = "B912.0D6  30"
	case medibus.Alarms1:
		text = "<19MIN VOL LOW "
	}
	return medibus.Response(code, []byte(text)...)
}

func frames(r *drivertest.Rig, code byte) (out []model.Frame) {
	for _, f := range r.Intake.Taken() {
		if m, ok := medibus.Parse(f.Bytes); ok && m.Code == code {
			out = append(out, f)
		}
	}
	return out
}

func rig(t *testing.T, more map[string]any) *drivertest.Rig {
	s := settings()
	s["every"], s["limits_every"], s["span"] = "30ms", "100ms", "50ms"
	for k, v := range more {
		s[k] = v
	}
	return (&drivertest.Suite{Kind: Kind(), Settings: s}).Start(t)
}

func TestConversation(t *testing.T) {
	r := rig(t, nil)
	d := plug(t, r, evita)
	drivertest.Until(t, "everything was asked for", func() bool {
		heard := d.commands()
		for _, code := range []byte{medibus.Initialise, medibus.Identify, medibus.RealtimeList, medibus.RealtimeAsk, medibus.Measured1, medibus.Measured2, medibus.Alarms1,
			medibus.Alarms2, medibus.Settings, medibus.Texts, medibus.Low1, medibus.High2, medibus.DateTime} {
			if !bytes.Contains(heard, []byte{code}) {
				return false
			}
		}
		return len(frames(r, medibus.Measured1)) > 3 && len(frames(r, medibus.Alarms1)) > 1
	})
	if heard := d.commands(); heard[0] != medibus.Initialise || heard[1] != medibus.Identify {
		t.Errorf("asked in the order % X", heard)
	}
	if want := medibus.Enable(3); !bytes.HasPrefix(d.realtime(), want) {
		t.Errorf("curves are switched on by % X, want % X", d.realtime(), want)
	}
	f := frames(r, medibus.Measured1)[3]
	m := medibus.New().Decode(model.Entry{Frame: f}, codec.Context{})[0]
	if m.Devices[0].Model != "Evita XL" || m.Devices[0].Release != "07.02" || len(m.Observations) != 4 || m.Observations[2].RangeText != "5.0-12.0" {
		t.Errorf("the frame alone says %+v", m)
	}
	alarms := frames(r, medibus.Alarms1)
	first := medibus.New().Decode(model.Entry{Frame: alarms[0]}, codec.Context{})[0]
	second := medibus.New().Decode(model.Entry{Frame: alarms[1]}, codec.Context{})[0]
	if len(first.Alerts) != 1 || first.Alerts[0].Phase != "continue" || len(second.Alerts) != 0 {
		t.Errorf("an alarm that was there before: %+v, then %+v", first.Alerts, second.Alerts)
	}
}

func TestCurves(t *testing.T) {
	r := rig(t, map[string]any{"curves": "00 03"})
	d := plug(t, r, evita)
	drivertest.Until(t, "curves are switched on", func() bool { return bytes.HasPrefix(d.realtime(), medibus.Enable(2)) })
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for i := byte(0); ; i++ {
			d.mu.Lock()
			d.Write([]byte{0xD3, 0x80 | i&0x3F, 0x80, 0x80, 0x80 | i&1})
			d.mu.Unlock()
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	var wave model.Frame
	drivertest.Until(t, "curves are taken", func() bool {
		for _, f := range r.Intake.Taken() {
			if f.Bytes[0]&0x80 != 0 {
				wave = f
				return true
			}
		}
		return false
	})
	m := medibus.New().Decode(model.Entry{Frame: wave}, codec.Context{})[0]
	if len(m.Waveforms) != 2 || m.Waveforms[0].PeriodNS != 16_000_000 || len(m.Issues) != 0 || m.Waveforms[0].Scale.String() != "0.1" {
		t.Errorf("the curves alone say %+v", m)
	}
}

func TestDeviceAsks(t *testing.T) {
	r := rig(t, nil)
	c, err := net.Dial("tcp", r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(drivertest.Patience))
	in := bufio.NewReader(c)
	for _, one := range []struct {
		say  []byte
		want []byte
	}{
		{medibus.Command(medibus.Initialise), medibus.Response(medibus.Initialise)},
		{medibus.Command(medibus.Identify), medibus.Response(medibus.Identify, []byte(ours)...)},
		{medibus.Command(medibus.NoOperation), medibus.Response(medibus.NoOperation)},
		{medibus.Command(0x4C), medibus.Response(0x4C)},
		{[]byte("\x1b000\r"), medibus.Response(medibus.Corrupt)}, // a wrong checksum
	} {
		c.Write(one.say)
		for {
			b, err := in.ReadBytes(medibus.CR)
			if err != nil {
				t.Fatalf("no answer to %q: %v", one.say, err)
			}
			if bytes.HasSuffix(b, one.want) {
				break
			}
		}
	}
}

func TestSilentDevice(t *testing.T) {
	r := rig(t, map[string]any{"reply_timeout": "20ms"})
	mute := false
	d := plug(t, r, func(code byte, text []byte) []byte {
		if code == medibus.Alarms2 {
			mute = true
		}
		if mute && code != medibus.Initialise {
			return nil
		}
		mute = false
		return evita(code, text)
	})
	drivertest.Until(t, "the communication was begun again", func() bool { return bytes.Count(d.commands(), []byte{medibus.Initialise}) > 1 })
	if !slices.Contains(r.Notes.Codes(), "medibuslink.silent") {
		t.Errorf("notes %v", r.Notes.Codes())
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []map[string]any{{}, {"every": "0s"}, {"curves": "xx"}, {"curves": ""}, {"curves": "0001"}} {
		if len(s) > 0 {
			s["link"] = map[string]any{"listen": ":0"}
		}
		if _, err := Kind().New(model.Channel{ID: "icu", Settings: s}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v was taken", s)
		}
	}
}
