package nonin

import (
	"bytes"
	"testing"
	"time"

	"thalamus/internal/sim"
	"thalamus/internal/sim/faults"
)

var began = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func run(o *Oximeter, d time.Duration) (out []byte) {
	o.Connected(began)
	for at := began; !at.After(began.Add(d)); at = at.Add(20 * time.Millisecond) {
		out = append(out, o.Tick(at)...)
	}
	return out
}

// Frames are five bytes, the last the sum of the others; the first of 25 has
// the sync bit; rate and saturation stand where the specification says.
func TestFormats2And7(t *testing.T) {
	for _, format := range []int{2, 7} {
		o := New(sim.Beds("ICU", 1)[0], format, nil)
		all := run(o, 20*time.Second)
		if len(all) != 20*framesPerSecond*5 {
			t.Fatalf("format %d: %d bytes in 20 s", format, len(all))
		}
		low, high, green := 1<<16, 0, 0
		for i := 0; i*5 < len(all); i++ {
			f := all[i*5 : i*5+5]
			if f[4] != f[0]+f[1]+f[2]+f[3] {
				t.Fatalf("format %d, frame %d: checksum of %x", format, i, f)
			}
			status, sample := f[1], int(f[2])
			if format == 7 {
				status, sample = f[0], int(f[1])<<8|int(f[2])
			} else if f[0] != 1 {
				t.Fatalf("frame %d: %x", i, f)
			}
			if status&0x80 == 0 || (status&1 == 1) != (i%25 == 0) || status&statusSensor != 0 {
				t.Fatalf("format %d, frame %d: status %x", format, i, status)
			}
			if status&statusGreen != 0 {
				green++
			}
			low, high = min(low, sample), max(high, sample)
		}
		packet := all[len(all)-125:]
		rate, spo2 := int(packet[3]&3)<<7|int(packet[8]), int(packet[13])
		if rate != o.rate || spo2 != o.spo2 || rate < 40 || spo2 < 80 || int(packet[18]) != firmware {
			t.Errorf("format %d: rate %d, SpO2 %d; %+v", format, rate, spo2, o.now)
		}
		if high-low < 100 || green < 12*15 {
			t.Errorf("format %d: pleth from %d to %d, %d frames mark a pulse", format, low, high, green)
		}
	}
}

func TestFormat8(t *testing.T) {
	o := New(sim.Beds("ICU", 1)[0], 8, nil)
	all := run(o, 10*time.Second)
	if len(all) != 40 {
		t.Fatalf("%d bytes in 10 s", len(all))
	}
	p := all[36:]
	if p[0]&0xFC != 0x80 || int(p[0]&3)<<7|int(p[1]) != o.now.PulsePerMin || int(p[2]) != o.now.SpO2Percent {
		t.Errorf("%x; %+v", p, o.now)
	}
}

func TestCommands(t *testing.T) {
	o := New(sim.Beds("ICU", 1)[0], 2, nil)
	if got := o.Receive(began, []byte{0x02, 0x70, 0x02}); got != nil {
		t.Errorf("half a command: %x", got)
	}
	if got := o.Receive(began, []byte{0x02, 0x07, 0x03}); !bytes.Equal(got, []byte{ack}) || o.Format != 7 {
		t.Errorf("format 7: %x", got)
	}
	if got := o.Receive(began, []byte{0xFF, 0x02, 0x70, 0x02, 0x02, 0x63, 0x03}); !bytes.Equal(got, []byte{nak}) || o.Format != 7 {
		t.Errorf("a format that is none: %x", got)
	}
	if got := o.Receive(began, []byte{0x02, 0x74, 0x02, 0x02, 0x02, 0x03}); len(got) != 15 || string(got[4:13]) != "000501101" || got[14] != 0x03 {
		t.Errorf("serial number: %x", got)
	}
}

func TestFaultsAreSeen(t *testing.T) {
	for _, name := range wrong(t) {
		o := New(sim.Beds("ICU", 1)[0], 7, faults.Set{name})
		all := run(o, 12*time.Second)
		good := 12 * framesPerSecond * 5
		ok := true
		switch name {
		case faults.Garbage, faults.Duplicate:
			ok = len(all) > good
		case faults.HalfFrame, faults.Dropped, faults.Silence:
			ok = len(all) < good
		case faults.Reset:
			ok = o.Cut()
		case faults.WrongChecksum:
			bad := 0
			for i := 0; i < len(all); i += 5 {
				if all[i+4] != all[i]+all[i+1]+all[i+2]+all[i+3] {
					bad++
				}
			}
			ok = bad > 0
		case faults.SensorOff:
			ok = bytes.IndexByte(all, 0x99) >= 0 // sync, out of track, sensor
		}
		if !ok || o.Count().Faults == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
}

// wrong gives the names of the faults this kind can have.
func wrong(t *testing.T) []string {
	t.Helper()
	k, ok := faults.KindOf("nonin")
	if !ok {
		t.Fatal("the kind is not in the list of faults")
	}
	return k.All()
}
