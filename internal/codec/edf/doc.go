// Package edf writes recordings as EDF+ files and reads them (Kemp, Olivan:
// European data format 'plus', 2003; below "EDF+"): EDF+C where all data
// records follow each other, EDF+D where times lie between them.
//
// What stands in the files:
//   - Samples are the steps that were recorded, shifted only where 16 bits
//     would not hold them. Physical and digital minimum and maximum give origin
//     and scale exactly: they are chosen so that eight characters hold them. A
//     signal for which there are none is refused, never rounded.
//   - A missing sample is the digital minimum, which no sample is, and every
//     run of them is an annotation "missing@@LABEL" with its duration.
//   - Each data record has its time (EDF+ §2.2.4); gaps longer than some seconds
//     have no data records.
//   - The code, unit and exact scale of a signal stand in its field for the
//     transducer; the label has 16 characters.
//   - Patient and recording identification are X where nothing is asked for
//     (EDF+ §2.1.3.3-4). The start is local time (§2.1.3.8); an annotation gives it in
//     UTC.
package edf

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/waveform"
)

// Format is EDF+.
func Format() waveform.Format {
	return waveform.Format{
		Name: "edf", Doc: "EDF+ files: one a recording",
		Layout: waveform.Layout{Frame: frame, Fill: mostFill, Holds: holds},
		Write:  Write,
	}
}

const (
	mostFill   = 5e9   // ns: longer gaps have no data records
	mostRecord = 61440 // bytes of a data record, EDF "recommended not to exceed"
	mostPer    = mostRecord / 2
	width      = 8 // characters of most numbers
	missingDig = -32768
)

// frame finds the duration of a data record that holds whole samples of all
// periods: a second where that can be.
func frame(periods []int64) (int64, []int, bool) {
	try := []int64{1e9, 2e9, 5e8, 25e7, 2e8, 1e8, 5e9, 10e9, 5e7, 2e7, 1e7, 1e6}
	if len(periods) == 1 {
		// Another multiple of an odd period: the one nearest to a second that
		// eight characters can tell.
		best := int64(0)
		for n := int64(1); n <= mostPer && n*periods[0] <= 60e9; n++ {
			d := n * periods[0]
			if len(seconds(d)) <= width && (best == 0 || distance(d) < distance(best)) {
				best = d
			}
		}
		if best > 0 {
			try = append(try, best)
		}
	}
	for _, d := range try {
		per, total := make([]int, len(periods)), 0
		ok := true
		for i, p := range periods {
			n := (d + p/2) / p
			// Periods are rounded to a nanosecond, half of one a sample.
			if off := d - n*p; n == 0 || off > n/2 || off < -n/2 {
				ok = false
				break
			}
			per[i] = int(min(n, mostPer+1))
			total += per[i]
		}
		if ok && total*2 <= mostRecord-roomForNotes && len(periods) <= mostSignals {
			return d, per, true
		}
	}
	return 0, nil, false
}

func distance(d int64) float64 { return math.Abs(math.Log(float64(d) / 1e9)) }

// seconds is a time in seconds, exactly.
func seconds(ns int64) string {
	d := model.Decimal{Coef: ns, Exp: -9}
	for d.Coef%10 == 0 && d.Exp < 0 {
		d.Coef /= 10
		d.Exp++
	}
	return d.String()
}

// calibration says how steps become samples of a file, and what the header says
// of them.
type calibration struct {
	shift            int64 // sample of the file = step + shift
	digMin, digMax   int64
	physMin, physMax string
}

func holds(s *waveform.Signal) error {
	if _, _, ok := frame([]int64{s.PeriodNS}); !ok {
		return fault.New(fault.Invalid, "edf.rate", "no duration of a data record holds whole samples every %d ns; write them as WFDB", s.PeriodNS).At(s.Series.Name())
	}
	_, err := scaleOf(s)
	return err
}

// scaleOf finds digital and physical ends that eight characters tell exactly.
func scaleOf(s *waveform.Signal) (calibration, error) {
	lo, hi := int64(s.Min), int64(s.Max)
	c := calibration{}
	if lo <= missingDig || hi > math.MaxInt16 {
		if hi-lo > math.MaxInt16-missingDig-1 {
			return c, fault.New(fault.Invalid, "edf.range", "samples from %d to %d do not fit 16 bits; write them as WFDB", lo, hi).At(s.Series.Name())
		}
		c.shift = -(lo + hi) / 2
		if lo+c.shift <= missingDig {
			c.shift++
		}
	}
	e := newEnds(s.Origin, s.Scale, c.shift)
	var ok bool
	for c.digMin = lo + c.shift - 1; c.digMin >= missingDig; c.digMin-- {
		if c.physMin, ok = e.at(c.digMin); ok {
			break
		}
	}
	if ok {
		for c.digMax = max(hi+c.shift, c.digMin+1); c.digMax <= math.MaxInt16; c.digMax++ {
			if c.physMax, ok = e.at(c.digMax); ok && c.physMax != c.physMin {
				return c, nil
			}
		}
	}
	return c, fault.New(fault.Invalid, "edf.scale", "eight characters cannot tell steps of %s from %s exactly; write them as WFDB", s.Scale, s.Origin).At(s.Series.Name())
}

// ends tells physical values of digital ones.
type ends struct {
	origin, scale *big.Int // in units of 10^exp
	exp           int
	shift         int64
	small         bool
	o, s          int64
}

func newEnds(origin, scale model.Decimal, shift int64) *ends {
	e := &ends{exp: int(min(origin.Exp, scale.Exp)), shift: shift}
	if origin.Coef == 0 {
		e.exp = int(scale.Exp)
	}
	up := func(d model.Decimal) *big.Int {
		if d.Coef == 0 {
			return new(big.Int)
		}
		p := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(int(d.Exp)-e.exp)), nil)
		return p.Mul(p, big.NewInt(d.Coef))
	}
	e.origin, e.scale = up(origin), up(scale)
	if e.origin.IsInt64() && e.scale.IsInt64() {
		e.o, e.s = e.origin.Int64(), e.scale.Int64()
		e.small = e.o < 1<<60 && e.o > -1<<60 && e.s < 1<<44 && e.s > -1<<44
	}
	return e
}

// at is the physical value of a digital one; false where eight characters do
// not tell it.
func (e *ends) at(dig int64) (string, bool) {
	if !e.small {
		return "", false // eight characters never tell so many digits
	}
	v, exp := e.o+e.s*(dig-e.shift), e.exp
	for v != 0 && v%10 == 0 && exp < 0 {
		v /= 10
		exp++
	}
	if v == 0 {
		exp = 0
	}
	for ; exp > 0; exp-- {
		if v > 1e8 || v < -1e8 {
			return "", false
		}
		v *= 10
	}
	if exp < -(width - 2) {
		return "", false
	}
	text := model.Decimal{Coef: v, Exp: int8(exp)}.String()
	return text, len(text) <= width
}

// dimension is the unit in eight characters: UCUM's without brackets and
// annotations, as EDF's standard texts have it for mmHg; "see text" points to
// the transducer's field.
func dimension(ucum string) string {
	var t strings.Builder
	annotation := 0
	for _, r := range ucum {
		switch {
		case r == '{':
			annotation++
		case r == '}':
			annotation--
		case annotation > 0, r == '[', r == ']':
		case r > ' ' && r <= '~':
			t.WriteRune(r)
		default:
			return "see text"
		}
	}
	switch text := t.String(); {
	case ucum == "Cel":
		return "degC"
	case text == "1":
		return ""
	case len(text) > width:
		return "see text"
	default:
		return text
	}
}

// label is at most 16 characters, and no other signal of the file has it.
func label(signals []waveform.Signal, i int) string {
	base := short(signals[i].Series.Name())
	n := 1
	for k := range i {
		if short(signals[k].Series.Name()) == base {
			n++
		}
	}
	if n == 1 {
		return base
	}
	tail := " " + strconv.Itoa(n)
	return base[:min(len(base), longestLabel-len(tail))] + tail
}

const longestLabel = 16

// short shortens a RefID: the type of an electrocardiogram's leads is ECG by
// EDF's standard texts; other terms lose what they have in common.
func short(name string) string {
	for _, lead := range []string{"MDC_ECG_ELEC_POTL_", "MDC_ECG_LEAD_"} {
		if rest, ok := strings.CutPrefix(name, lead); ok {
			name = "ECG " + rest
		}
	}
	name = printable(strings.TrimPrefix(name, "MDC_"))
	if name == "" || name == annotations {
		name = "signal"
	}
	return strings.TrimSpace(name[:min(len(name), longestLabel)])
}

// printable keeps US-ASCII 32..126 (EDF+ §2.1.3.1).
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
}
