package wfdb

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Header is a header file, as far as records of ours and most others use it
// (WFDB header(5)).
type Header struct {
	Record   string
	Rate     float64 // frames a second
	Samples  int64   // frames; 0: not said
	Base     time.Time
	Signals  []SignalLine
	Segments []SegmentLine // of a record of several segments; Signals is empty then
	Info     []string      // comment lines after the signals, without #
}

// SignalLine is the specification of a signal.
type SignalLine struct {
	File     string // "~": in a layout
	Format   int
	Gain     float64 // steps a unit
	Baseline int64
	Units    string
	First    int64
	Checksum int16
	Label    string
}

// SegmentLine names a segment; "~" is a null segment.
type SegmentLine struct {
	Record  string
	Samples int64
}

// Null says that nothing is known of the segment's time.
func (s SegmentLine) Null() bool { return s.Record == "~" }

// Limits of what is read.
const (
	mostHeader  = 16 << 20
	mostSignals = 1 << 10
)

func bad(line int, format string, args ...any) error {
	return fault.New(fault.Invalid, "wfdb.header", format, args...).At("line " + strconv.Itoa(line))
}

// ParseHeader reads a header file.
func ParseHeader(b []byte) (*Header, error) {
	if len(b) > mostHeader {
		return nil, fault.New(fault.Invalid, "wfdb.header", "a header of more than %d bytes", mostHeader)
	}
	h := &Header{}
	signals, segments := 0, 0
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimRight(line, "\r")
		text := strings.TrimSpace(line)
		switch {
		case text == "":
		case text[0] == '#':
			if h.Record != "" && len(h.Signals) == signals && segments == 0 {
				h.Info = append(h.Info, strings.TrimSpace(text[1:]))
			}
		case h.Record == "":
			var err error
			if signals, segments, err = h.recordLine(i+1, strings.Fields(text)); err != nil {
				return nil, err
			}
		case segments > 0:
			if len(h.Segments) == segments {
				continue
			}
			f := strings.Fields(text)
			if len(f) < 2 {
				return nil, bad(i+1, "a segment has a name and a length")
			}
			n, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil || n < 0 || !named(f[0]) && f[0] != "~" {
				return nil, bad(i+1, "a segment has a name and a length")
			}
			h.Segments = append(h.Segments, SegmentLine{f[0], n})
		case len(h.Signals) < signals:
			s, err := signalLine(i+1, text)
			if err != nil {
				return nil, err
			}
			h.Signals = append(h.Signals, s)
		}
	}
	if h.Record == "" || len(h.Signals) < signals && segments == 0 || len(h.Segments) < segments {
		return nil, fault.New(fault.Invalid, "wfdb.header", "the header ends before its last line")
	}
	return h, nil
}

func named(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c == '-') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func (h *Header) recordLine(line int, f []string) (signals, segments int, err error) {
	name, many, several := strings.Cut(f[0], "/")
	if !named(name) || len(f) < 2 {
		return 0, 0, bad(line, "a record has a name of letters, digits and underscores, and a number of signals")
	}
	h.Record, h.Rate = name, 250 // DEFREQ
	if several {
		if segments, err = strconv.Atoi(many); err != nil || segments <= 0 || segments > 1<<20 {
			return 0, 0, bad(line, "a number of segments that is none")
		}
	}
	if signals, err = strconv.Atoi(f[1]); err != nil || signals < 0 || signals > mostSignals {
		return 0, 0, bad(line, "a number of signals from 0 to %d is expected", mostSignals)
	}
	if len(f) > 2 {
		text, _, _ := strings.Cut(f[2], "/")
		if h.Rate, err = strconv.ParseFloat(text, 64); err != nil || !(h.Rate > 0) || math.IsInf(h.Rate, 0) {
			return 0, 0, bad(line, "a rate that is none")
		}
	}
	if len(f) > 3 {
		if h.Samples, err = strconv.ParseInt(f[3], 10, 64); err != nil || h.Samples < 0 {
			return 0, 0, bad(line, "a number of samples that is none")
		}
	}
	if len(f) > 4 {
		layout, text := "15:4:5", f[4]
		if len(f) > 5 {
			layout, text = "15:4:5 2/1/2006", f[4]+" "+f[5]
		}
		if t, err := time.Parse(layout, text); err == nil { // 0/0/0 is how some say that they do not know
			h.Base = t
		}
	}
	return signals, segments, nil
}

// signalLine reads FILE FORMAT GAIN(BASELINE)/UNITS BITS ZERO FIRST CHECKSUM
// BLOCK DESCRIPTION.
func signalLine(line int, text string) (SignalLine, error) {
	f := strings.Fields(text)
	s := SignalLine{Gain: 200, Units: "mV"} // DEFGAIN
	if len(f) < 2 {
		return s, bad(line, "a signal has a file and a format")
	}
	s.File = f[0]
	if s.File != "~" && !named(strings.Replace(s.File, ".", "_", 1)) {
		return s, bad(line, "a name of a file that is none")
	}
	var err error
	if s.Format, err = strconv.Atoi(f[1]); err != nil {
		return s, bad(line, "only formats without frames, skew and offset can be read here")
	}
	if len(f) > 2 {
		gain, units, has := strings.Cut(f[2], "/")
		if has {
			s.Units = units
		}
		gain, base, has := strings.Cut(gain, "(")
		if s.Gain, err = strconv.ParseFloat(gain, 64); err != nil || math.IsInf(s.Gain, 0) || math.IsNaN(s.Gain) {
			return s, bad(line, "a gain that is none")
		}
		if s.Gain == 0 {
			s.Gain = 200
		}
		if has {
			if s.Baseline, err = strconv.ParseInt(strings.TrimSuffix(base, ")"), 10, 64); err != nil {
				return s, bad(line, "a baseline that is none")
			}
		}
	}
	if _, given, _ := strings.Cut(f[min(2, len(f)-1)], "("); len(f) > 4 && given == "" { // the baseline is the ADC zero where it is not said
		if s.Baseline, err = strconv.ParseInt(f[4], 10, 32); err != nil {
			return s, bad(line, "an ADC zero that is none")
		}
	}
	if len(f) > 5 {
		if s.First, err = strconv.ParseInt(f[5], 10, 64); err != nil {
			return s, bad(line, "a first sample that is none")
		}
	}
	if len(f) > 6 {
		n, err := strconv.ParseInt(f[6], 10, 32)
		if err != nil {
			return s, bad(line, "a checksum that is none")
		}
		s.Checksum = int16(n)
	}
	if len(f) > 8 {
		s.Label = strings.Join(f[8:], " ")
	}
	return s, nil
}

// Scale is the shortest decimal whose inverse is the gain, Origin the value of
// sample 0.
func (s *SignalLine) Scale() model.Decimal { return inverse(s.Gain) }

// Origin is the value of sample 0, to fifteen digits.
func (s *SignalLine) Origin() model.Decimal {
	r := rational(s.Scale())
	d, _ := model.DecimalOf(r.Mul(r, big.NewRat(-s.Baseline, 1)))
	return d
}

func inverse(gain float64) model.Decimal {
	for digits := 1; digits <= 17; digits++ {
		d, err := model.ParseDecimal(strconv.FormatFloat(1/gain, 'e', digits-1, 64))
		if err != nil || d.Coef == 0 {
			continue
		}
		r := rational(d)
		if back, _ := r.Inv(r).Float64(); back == gain {
			return d
		}
	}
	d, _ := model.ParseDecimal(strconv.FormatFloat(1/gain, 'g', 17, 64))
	return d
}
