package grid

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// values reads "0:72.0 61:73 90:<5 130:-" as seconds since noon and numbers.
func values(t *testing.T, text string) []Value {
	t.Helper()
	var all []Value
	for i, one := range strings.Fields(text) {
		at, number, _ := strings.Cut(one, ":")
		after, err := time.ParseDuration(at + "s")
		if err != nil {
			t.Fatal(err)
		}
		v := Value{At: noon.Add(after).UnixNano(), Ref: model.MessageRef{Seq: model.Seq(i + 1)}}
		if digits := strings.TrimLeft(number, "<>="); number == "-" {
			v.Kind = Absent
		} else {
			v.Kind = KindOf(number[:len(number)-len(digits)])
			if v.Number, err = model.ParseDecimal(digits); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, v)
	}
	return all
}

func TestPoints(t *testing.T) {
	for _, c := range []struct {
		name, values string
		take         Take
		fill         Fill
		gap          time.Duration
		want         string // minute=value, * where it is filled
	}{
		{"last", "0:72 59.999:73 60:74", Last, Leave, 0, "0=73 1=74"},
		{"mean has two places more", "0:36.7 1:36.8 2:36.8", Mean, Leave, 0, "0=36.767"},
		{"mean of what is whole", "0:72 1:74", Mean, Leave, 0, "0=73.00"},
		{"half to even", "0:0 1:0.25", Mean, Leave, 0, "0=0.1250"},
		{"mean of different places", "0:37 1:37.05", Mean, Leave, 0, "0=37.0250"},
		{"least keeps its digits", "0:37.0 1:37 2:36.50", Min, Leave, 0, "0=36.50"},
		{"greatest, the first of equals", "0:37.0 1:37 2:36.50", Max, Leave, 0, "0=37.0"},
		{"count", "0:1 1:2 61:-", Count, Leave, 0, "0=2"},
		{"empty steps stay away", "0:1 300:2", Last, Leave, 0, "0=1 5=2"},
		{"bounds are not averaged", "0:5 1:<5 61:>600", Mean, Leave, 0, "0=5.00"},
		{"a bound may be last", "0:5 1:<5 61:>600", Last, Leave, 0, "0=<5 1=>600"},
		{"carried, to the end of the gap", "30:72", Last, Carry, 150 * time.Second, "0=72 1=*72 2=*72 3=*72"},
		{"not carried past what says no value", "30:72 65:- 300:71", Last, Carry, 10 * time.Minute, "0=72 5=71 6=*71 7=*71 8=*71 9=*71"},
		{"not carried after a bound", "30:<5", Last, Carry, 10 * time.Minute, "0=<5"},
		{"from before the span", "-30:72", Last, Carry, 2 * time.Minute, "0=*72 1=*72"},
		{"linear at the step's beginning", "0:70 180:73", Mean, Linear, 3 * time.Minute, "0=70.00 1=*71.00 2=*72.00 3=73.00"},
		{"linear, both ends outside", "-60:10 660:22", Last, Linear, 12 * time.Minute, "0=*11.00 1=*12.00 2=*13.00 3=*14.00 4=*15.00 5=*16.00 6=*17.00 7=*18.00 8=*19.00 9=*20.00"},
		{"not across a longer gap", "0:70 180:73", Last, Linear, 179 * time.Second, "0=70 3=73"},
		{"not across what says no value", "0:70 65:- 180:73", Last, Linear, 10 * time.Minute, "0=70 3=73"},
		{"counts are never filled", "0:70 180:73", Count, Linear, 10 * time.Minute, "0=1 3=1"},
		{"nothing", "", Last, Carry, time.Hour, ""},
	} {
		spec, err := New(noon, noon.Add(10*time.Minute), noon.Add(time.Hour), time.Minute, c.fill, c.gap)
		if err != nil {
			t.Fatal(c.name, err)
		}
		f := NewFold(spec, nil)
		f.Add(values(t, c.values))
		var got []string
		for _, p := range f.Points() {
			if d, k, ok := p.Of(c.take); ok {
				star := ""
				if p.Filled != Leave {
					star = "*"
				}
				got = append(got, fmt.Sprintf("%d=%s%s%s", time.Duration(p.At-noon.UnixNano())/time.Minute, star, k.Comparator(), d))
			}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, text, c.want)
		}
	}
}

func TestNothingIsCarriedIntoTheFuture(t *testing.T) {
	spec, err := New(noon, noon.Add(10*time.Minute), noon.Add(90*time.Second), time.Minute, Carry, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	f := NewFold(spec, nil)
	f.Add(values(t, "0:72"))
	if n := len(f.Points()); n != 2 {
		t.Errorf("%d points, want those at 12:00 and 12:01", n)
	}
}

// R16: neither zone nor daylight saving moves a grid; a span is widened to
// whole steps.
func TestAligned(t *testing.T) {
	kolkata, err := time.LoadLocation("Asia/Kolkata") // +05:30
	if err != nil {
		t.Skip("no zones on this machine")
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no zones on this machine")
	}
	for _, c := range []struct {
		from, until         time.Time
		step                time.Duration
		wantFrom, wantUntil string
		steps               int64
	}{
		{noon.Add(17 * time.Second), noon.Add(61 * time.Second), time.Minute, "12:00:00", "12:02:00", 2},
		{noon, noon.Add(time.Minute), time.Minute, "12:00:00", "12:01:00", 1},
		{noon, noon.Add(1), time.Hour, "12:00:00", "13:00:00", 1},
		// The hour of UTC, not that of a zone half an hour off.
		{time.Date(2026, 11, 21, 18, 0, 0, 0, kolkata), time.Date(2026, 11, 21, 19, 0, 0, 0, kolkata), time.Hour, "12:00:00", "14:00:00", 2},
		// The night in which clocks go back has 25 hours, and 25 steps.
		{time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), time.Date(2026, 10, 26, 0, 0, 0, 0, berlin), time.Hour, "22:00:00", "23:00:00", 25},
		{time.Date(2026, 3, 29, 0, 0, 0, 0, berlin), time.Date(2026, 3, 30, 0, 0, 0, 0, berlin), 15 * time.Minute, "23:00:00", "22:00:00", 23 * 4},
		{time.Date(1960, 1, 1, 0, 0, 30, 0, time.UTC), time.Date(1960, 1, 1, 0, 1, 30, 0, time.UTC), time.Minute, "00:00:00", "00:02:00", 2},
	} {
		s, err := New(c.from, c.until, c.until, c.step, Leave, 0)
		if err != nil {
			t.Fatal(err)
		}
		from, until := s.Reach()
		if from.Format(time.TimeOnly) != c.wantFrom || until.Format(time.TimeOnly) != c.wantUntil || s.Steps() != c.steps {
			t.Errorf("%v to %v by %v: %v to %v, %d steps", c.from, c.until, c.step, from, until, s.Steps())
		}
	}
}

func TestRefused(t *testing.T) {
	hour := noon.Add(time.Hour)
	for _, c := range []struct {
		from, until time.Time
		step        time.Duration
		fill        Fill
		gap         time.Duration
		code        string
	}{
		{noon, hour, 0, Leave, 0, "grid.step"},
		{noon, hour, 7 * time.Second, Leave, 0, "grid.step"},
		{noon, hour, 500 * time.Millisecond, Leave, 0, "grid.step"},
		{noon, hour, 2 * time.Hour, Leave, 0, "grid.step"},
		{noon, hour, -time.Minute, Leave, 0, "grid.step"},
		{noon, hour, time.Minute, "spline", time.Minute, "grid.fill"},
		{noon, hour, time.Minute, Carry, 0, "grid.gap"},
		{noon, hour, time.Minute, Linear, 25 * time.Hour, "grid.gap"},
		{noon, hour, time.Minute, Leave, time.Minute, "grid.gap"},
		{hour, noon, time.Minute, Leave, 0, "grid.span"},
		{noon, noon, time.Minute, Leave, 0, "grid.span"},
		{time.Time{}, noon, time.Minute, Leave, 0, "grid.span"},
	} {
		if _, err := New(c.from, c.until, hour, c.step, c.fill, c.gap); fault.CodeOf(err) != c.code || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// random makes values of every sort: regular, ragged, with gaps, with digits
// that no machine number holds.
func random(r *rand.Rand, n int) []Value {
	at := noon.UnixNano()
	var all []Value
	digits := int64(720)
	for i := range n {
		switch r.IntN(12) {
		case 0:
			at += r.Int64N(int64(20 * time.Minute))
		case 1:
		default:
			at += int64(r.IntN(30)) * int64(time.Second)
		}
		v := Value{At: at, Ref: model.MessageRef{Seq: model.Seq(i)}, Number: model.Decimal{Coef: digits, Exp: -1}}
		switch r.IntN(20) {
		case 0:
			v.Number = model.Decimal{Coef: r.Int64N(2e18) - 1e18, Exp: int8(r.IntN(40) - 20)}
		case 1:
			v.Number = model.Decimal{Coef: r.Int64N(2e18) - 1e18, Exp: -1}
		case 2:
			v.Kind = Kind(r.IntN(6))
		case 3:
			v.Number.Exp = 0
		default:
			digits += r.Int64N(9) - 4
		}
		all = append(all, v)
	}
	return all
}

func TestFoldIsWhatTheSlowWayGives(t *testing.T) {
	steps := []time.Duration{time.Second, 10 * time.Second, time.Minute, 15 * time.Minute, time.Hour}
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 3))
		all := random(r, r.IntN(200))
		from := noon.Add(time.Duration(r.IntN(3000)-600) * time.Second)
		step := steps[r.IntN(len(steps))]
		until := from.Add(step * time.Duration(1+r.IntN(300)))
		fill, gap := []Fill{Leave, Carry, Linear}[r.IntN(3)], time.Duration(0)
		if fill != Leave {
			gap = time.Duration(1+r.IntN(3600)) * time.Second
		}
		spec, err := New(from, until, until.Add(-time.Duration(r.IntN(2))*step), step, fill, gap)
		if err != nil {
			t.Fatal(err)
		}
		f := NewFold(spec, nil)
		for rest := all; len(rest) > 0; { // in parts of any size
			n := 1 + r.IntN(len(rest))
			f.Add(rest[:n])
			rest = rest[n:]
		}
		points := f.Points()
		if text := (&slow{spec, all}).differs(points); text != "" {
			t.Fatalf("seed %d: %s", seed, text)
		}
		if int64(len(points)) > spec.Steps() {
			t.Fatal(seed, "more points than steps")
		}
	}
}

// FuzzFold: whatever the values, points are what the slow way gives, ascending
// and no more than there are steps.
func FuzzFold(f *testing.F) {
	seed := func(all []Value) []byte {
		var b []byte
		for _, v := range all {
			b = binary.LittleEndian.AppendUint64(b, uint64(v.At-noon.UnixNano()))
			b = binary.LittleEndian.AppendUint64(b, uint64(v.Number.Coef))
			b = append(b, byte(v.Number.Exp), byte(v.Kind))
		}
		return b
	}
	for i := range uint64(6) {
		f.Add(seed(random(rand.New(rand.NewPCG(i, 9)), 20)), uint16(60), byte(i), uint32(600))
	}
	f.Fuzz(func(t *testing.T, body []byte, seconds uint16, fill byte, gap uint32) {
		spec, err := New(noon, noon.Add(2*time.Hour), noon.Add(time.Hour), time.Duration(seconds)*time.Second, []Fill{Leave, Carry, Linear}[fill%3], time.Duration(gap)*time.Second)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		var all []Value
		for ; len(body) >= 18 && len(all) < 64; body = body[18:] {
			v := Value{At: noon.UnixNano() + int64(binary.LittleEndian.Uint64(body))%int64(4*time.Hour), Ref: model.MessageRef{Seq: model.Seq(len(all))}}
			v.Number = model.Decimal{Coef: int64(binary.LittleEndian.Uint64(body[8:])) % 1e18, Exp: int8(body[16]) / 2}
			v.Kind = Kind(body[17] % 6)
			all = append(all, v)
		}
		slices.SortStableFunc(all, func(a, b Value) int { return int(min(1, max(-1, a.At-b.At))) })
		fold := NewFold(spec, nil)
		fold.Add(all)
		points := fold.Points()
		if seconds >= 30 { // the slow way is slow
			if text := (&slow{spec, all}).differs(points); text != "" {
				t.Fatal(text)
			}
		}
		for i := range points {
			if i > 0 && points[i].At <= points[i-1].At || points[i].At%spec.Step != 0 {
				t.Fatal("points out of step")
			}
		}
		if int64(len(points)) > spec.Steps() {
			t.Fatal("more points than steps")
		}
	})
}

// BenchmarkFold: a day of one value a second, by minutes.
func BenchmarkFold(b *testing.B) {
	var all []Value
	for i := range 86_400 {
		all = append(all, Value{At: noon.UnixNano() + int64(i)*1e9, Number: model.Decimal{Coef: 700 + int64(i*7919%100), Exp: -1}})
	}
	for _, fill := range []Fill{Leave, Linear} {
		b.Run("fill="+string(fill), func(b *testing.B) {
			day, gap := all, time.Duration(0)
			if fill != Leave {
				day, gap = nil, 10*time.Minute
				for i := 0; i < len(all); i += 300 {
					day = append(day, all[i])
				}
			}
			spec, err := New(noon, noon.AddDate(0, 0, 1), noon.AddDate(0, 0, 1), time.Minute, fill, gap)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			room := make([]Point, 0, 1440)
			for b.Loop() {
				f := NewFold(spec, room)
				f.Add(day)
				if len(f.Points()) < 1435 {
					b.Fatal(len(f.Points()))
				}
			}
		})
	}
}
