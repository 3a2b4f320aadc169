package recorddb

import (
	"math/rand/v2"
	"slices"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

func TestChunkLossless(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 7))
		var c chunk
		var want, got []point
		p := point{time: 1_700_000_000_000_000_000, value: model.Decimal{Exp: -1}}
		for range r.IntN(200) {
			p.time += 1e9
			p.ref = keyOf(model.MessageRef{Seq: p.ref.ref().Seq + model.Seq(1+r.IntN(3))})
			p.value.Coef += r.Int64N(9) - 4
			p.flags = 0
			if r.IntN(10) == 0 {
				p.time += r.Int64N(1e15) - 5e14
				p.value = model.Decimal{Coef: r.Int64() - r.Int64(), Exp: int8(r.IntN(256) - 128)}
				p.flags = byte(r.IntN(32))
				p.ref += key(r.IntN(1 << 20))
			}
			want = append(want, p)
			c.add(p, p.time)
		}
		if err := readChunk(c.body, func(p point) { got = append(got, p) }); err != nil || !slices.Equal(got, want) {
			t.Fatal(seed, err, len(got), len(want))
		}
		if len(want) > 0 && (c.count != len(want) || c.start > want[0].time || c.end < want[0].time) {
			t.Fatal(seed, c.count, c.start, c.end)
		}
	}
}

// A value a second among 500 devices takes three bytes.
func TestChunkSize(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var c chunk
	digits := int64(720)
	for i := range 3600 {
		digits += r.Int64N(5) - 2
		c.add(point{time: int64(i) * 1e9, value: model.Decimal{Coef: digits, Exp: -1}, ref: key(i*500+r.IntN(20)) << partBits}, 0)
	}
	if per := float64(len(c.body)) / 3600; per > 3.5 {
		t.Errorf("%.2f bytes a value", per)
	}
}

func FuzzChunk(f *testing.F) {
	var c chunk
	c.add(point{time: 1e18 + 1, value: model.Decimal{Coef: 370, Exp: -1}, ref: 9<<partBits | 3, flags: corrects}, 0)
	c.add(point{time: 1e18 + 1e9, value: model.Decimal{Coef: 371, Exp: -1}, ref: 12 << partBits}, 0)
	f.Add(c.body)
	f.Fuzz(func(t *testing.T, body []byte) {
		n := 0
		if err := readChunk(body, func(point) { n++ }); err != nil && fault.CodeOf(err) != "record.damaged" {
			t.Fatal(err)
		}
		if n > len(body) {
			t.Fatal("more points than bytes")
		}
	})
}
