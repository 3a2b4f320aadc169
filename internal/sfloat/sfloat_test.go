package sfloat

import (
	"testing"

	"thalamus/internal/model"
)

// R7, R8: every SFLOAT is read, and every number is written as it was read.
func TestShortAll(t *testing.T) {
	numbers, specials := 0, 0
	for raw := range 1 << 16 {
		n := Short(uint16(raw))
		if n.Special != Finite {
			specials++
			continue
		}
		numbers++
		back, ok := ShortOf(n.Value)
		if !ok || back != uint16(raw) {
			// A mantissa beyond what fits is only -2048, which no writer needs.
			if raw&0x0FFF != 0x0800 {
				t.Fatalf("%04X is %s and becomes %04X, %v", raw, n.Value, back, ok)
			}
		}
	}
	if specials != 5 || numbers != 1<<16-5 {
		t.Errorf("%d numbers and %d special values, want 65531 and 5", numbers, specials)
	}
}

func TestSpecials(t *testing.T) {
	for _, c := range []struct {
		short uint16
		long  uint32
		want  Special
		name  string
		why   string
	}{
		{0x07FF, 0x007FFFFF, NaN, "NaN", "not-a-number"},
		{0x0800, 0x00800000, NRes, "NRes", "error"},
		{0x07FE, 0x007FFFFE, PosInf, "+INFINITY", "positive-infinity"},
		{0x0802, 0x00800002, NegInf, "-INFINITY", "negative-infinity"},
		{0x0801, 0x00800001, Reserved, "reserved", "error"},
	} {
		for _, got := range []Special{Short(c.short).Special, Long(c.long).Special} {
			if got != c.want || got.String() != c.name || got.Absent() != c.why {
				t.Errorf("%04X and %08X: %v %q %q, want %v", c.short, c.long, got, got.String(), got.Absent(), c.want)
			}
		}
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		raw  uint32
		long bool
		want string
	}{
		{0xF16C, false, "36.4"}, {0x0072, false, "114"}, {0xF2F8, false, "76.0"}, {0x0E94, false, "-364"}, {0x116C, false, "364E1"},
		{0xFF00016C, true, "36.4"}, {0xFF0002FA, true, "76.2"}, {0x00FFFE94, true, "-364"}, {0xFE000E61, true, "36.81"},
	} {
		n := Long(c.raw)
		if !c.long {
			n = Short(uint16(c.raw))
		}
		if n.Value.String() != c.want {
			t.Errorf("%X is %s, want %s", c.raw, n.Value, c.want)
		}
		d, _ := model.ParseDecimal(c.want)
		if c.long {
			if raw, ok := LongOf(d); !ok || raw != c.raw {
				t.Errorf("%s is written as %08X, %v; want %08X", c.want, raw, ok, c.raw)
			}
		} else if raw, ok := ShortOf(d); !ok || uint32(raw) != c.raw {
			t.Errorf("%s is written as %04X, %v; want %04X", c.want, raw, ok, c.raw)
		}
	}
	for _, s := range []string{"204.75", "2046", "1E30", "0.00000000001"} {
		d, _ := model.ParseDecimal(s)
		if raw, ok := ShortOf(d); ok || raw != 0x0800 {
			t.Errorf("%s is said to fit an SFLOAT: %04X", s, raw)
		}
	}
}

func FuzzLong(f *testing.F) {
	f.Add(uint32(0xFF00016C))
	f.Add(uint32(0x007FFFFF))
	f.Fuzz(func(t *testing.T, raw uint32) {
		n := Long(raw)
		if n.Special != Finite || raw&0x00FFFFFF == 0x00800000 {
			return
		}
		if back, ok := LongOf(n.Value); !ok || back != raw {
			t.Errorf("%08X is %s and becomes %08X", raw, n.Value, back)
		}
	})
}
