package ucum

import (
	"testing"

	"thalamus/internal/model"
)

// The quick way gives to the last digit what the way through big numbers
// gives, or leaves it to it.
func TestQuickIsExact(t *testing.T) {
	l := lot(7)
	pairs := pairsForPeer(t)
	quickly, shifted := 0, 0
	for _, p := range pairs {
		c, err := Between(parsed(t, p.From), parsed(t, p.To))
		if err != nil {
			continue
		}
		for range 8 {
			d := model.Decimal{Coef: int64(l.below(1<<31)) * int64(1+l.below(1<<l.below(28))), Exp: int8(l.below(16) - 12)}
			if l.below(4) == 0 {
				d.Coef = -d.Coef
			}
			got, exact, ok := c.Apply(d)
			y, sharp, can := c.Exact(ratOf(d))
			if !can {
				if ok {
					t.Fatalf("%s %s in %s: %s, but it cannot be", d, p.From, p.To, got)
				}
				continue
			}
			want, whole, can := decimalOf(y, digitsOf(d.Coef))
			switch {
			case c.way == quick:
				quickly++
			case c.way == shift:
				shifted++
			}
			if c.way == identity {
				if got != d {
					t.Fatalf("%s %s in %s: %s", d, p.From, p.To, got)
				}
				continue
			}
			if c.way == shift { // all digits stay as they are
				if ok && ratOf(got).Cmp(y) != 0 {
					t.Fatalf("%s %s in %s: %s, want %s", d, p.From, p.To, got, want)
				}
				continue
			}
			if d.Coef != 0 && y.Sign() != 0 && (ok != can || got != want || exact != (whole && sharp)) {
				t.Fatalf("%s %s in %s: %s %v %v, want %s %v %v", d, p.From, p.To, got, exact, ok, want, whole && sharp, can)
			}
		}
	}
	if quickly < 5000 || shifted < 100 {
		t.Errorf("only %d quick and %d shifted", quickly, shifted)
	}
}

// commonPairs are conversions of every day at the bedside.
var commonPairs = []struct {
	from, to string
	value    model.Decimal
}{
	{"[degF]", "Cel", model.Decimal{Coef: 987, Exp: -1}},
	{"kPa", "mm[Hg]", model.Decimal{Coef: 160, Exp: -1}},
	{"mm[Hg]", "kPa", model.Decimal{Coef: 120}},
	{"cm[H2O]", "mbar", model.Decimal{Coef: 25}},
	{"mL/h", "L/min", model.Decimal{Coef: 125, Exp: -1}},
	{"[lb_av]", "kg", model.Decimal{Coef: 1805, Exp: -1}},
	{"mmol/L", "umol/L", model.Decimal{Coef: 45, Exp: -1}},
	{"/min", "/s", model.Decimal{Coef: 72}},
}

// R14: a conversion between units in common use allocates nothing, from
// looking up the units to the result.
func TestNoAllocation(t *testing.T) {
	for _, p := range commonPairs {
		n := testing.AllocsPerRun(100, func() {
			u, _ := Spelled(p.from)
			v, _ := Spelled(p.to)
			c, err := Between(u, v)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, ok := c.Apply(p.value); !ok {
				t.Fatal("not converted")
			}
		})
		if n > 0 {
			t.Errorf("%s in %s: %v allocations", p.from, p.to, n)
		}
	}
}

// Looked up, made and applied each time.
func BenchmarkConvert(b *testing.B) {
	for _, p := range commonPairs {
		b.Run(p.from+"→"+p.to, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				u, _ := Spelled(p.from)
				v, _ := Spelled(p.to)
				c, err := Between(u, v)
				if err != nil {
					b.Fatal(err)
				}
				if _, _, ok := c.Apply(p.value); !ok {
					b.Fatal("not converted")
				}
			}
		})
	}
}

// The conversion made once.
func BenchmarkApply(b *testing.B) {
	for _, p := range commonPairs {
		b.Run(p.from+"→"+p.to, func(b *testing.B) {
			u, _ := Spelled(p.from)
			v, _ := Spelled(p.to)
			c, err := Between(u, v)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				c.Apply(p.value)
			}
		})
	}
}

func BenchmarkLogarithm(b *testing.B) {
	u, _ := Parse("[pH]")
	v, _ := Parse("nmol/L")
	c, _ := Between(u, v)
	b.ReportAllocs()
	for b.Loop() {
		c.Apply(model.Decimal{Coef: 740, Exp: -2})
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("ug/(24.h.kg)"); err != nil {
			b.Fatal(err)
		}
	}
}
