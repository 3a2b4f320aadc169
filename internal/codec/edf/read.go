package edf

import (
	"bytes"
	"encoding/binary"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// File is an EDF or EDF+ file with all its samples.
type File struct {
	Patient   string
	Recording string
	Start     time.Time // of the file, as the header says; its zone is not told
	Kind      string    // EDF+C, EDF+D or empty for EDF
	RecordNS  int64
	Signals   []Signal
	// Times of the data records in ns from Start.
	Times []int64
	Notes []Note
}

// Signal is an ordinary signal.
type Signal struct {
	Label, Transducer, Dimension string
	Step, Zero                   *big.Rat // value = Zero + sample × Step, exactly
	Per                          int      // samples in a data record
	Samples                      []int32  // of all data records; model.Gap where an annotation says that they are missing
}

// Note is an annotation; Length is -1 where it has no duration. In ns.
type Note struct {
	At, Length int64
	Text       string
}

func bad(place, format string, args ...any) error {
	return fault.New(fault.Invalid, "edf.header", format, args...).At(place)
}

// header reads the fields of a header record one after the other.
type header struct {
	b   []byte
	at  int
	err error
}

func (h *header) text(size int) string {
	s := strings.TrimRight(string(h.b[h.at:h.at+size]), " ")
	h.at += size
	return s
}

func (h *header) number(size int, name string, low, high int64) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(h.text(size)), 10, 64)
	if h.err == nil && (err != nil || n < low || n > high) {
		h.err = bad(name, "a number from %d to %d is expected", low, high)
	}
	return n
}

// Read reads a file.
func Read(b []byte) (*File, error) {
	if len(b) < 256 {
		return nil, bad("header", "a file of %d bytes has no header", len(b))
	}
	h := &header{b: b}
	if v := h.text(8); v != "0" {
		return nil, bad("version", "version 0 is expected")
	}
	f := &File{Patient: h.text(80), Recording: h.text(80)}
	if err := f.start(h.text(8), h.text(8)); err != nil {
		return nil, err
	}
	size := h.number(8, "bytes in header", 256, 1<<24)
	f.Kind = h.text(44)
	records := h.number(8, "number of data records", 0, 1<<40)
	duration := h.text(8)
	n := int(h.number(4, "number of signals", 1, 1<<12))
	if h.err != nil {
		return nil, h.err
	}
	if size != int64(256*(n+1)) || int64(len(b)) < size {
		return nil, bad("bytes in header", "%d signals have a header of %d bytes", n, 256*(n+1))
	}
	d, err := model.ParseDecimal(duration)
	ns := rational(d)
	if ns.Mul(ns, big.NewRat(1e9, 1)); err != nil || !ns.IsInt() || !ns.Num().IsInt64() || ns.Num().Sign() < 0 {
		return nil, bad("duration of a data record", "whole nanoseconds are expected")
	}
	f.RecordNS = ns.Num().Int64()
	all, frame, err := signals(h, n)
	if err != nil {
		return nil, err
	}
	if frame == 0 || (int64(len(b))-size)/int64(frame) < records {
		return nil, fault.New(fault.Invalid, "edf.samples", "the file ends before its last data record")
	}
	return f, f.records(b[size:], all, frame, int(records))
}

// start reads dd.mm.yy and hh.mm.ss; where yy is not a year, the recording
// identification has it (EDF+ §2.1.3.2).
func (f *File) start(date, clock string) error {
	t, err := time.Parse("02.01.06 15.04.05", date+" "+clock)
	if err == nil {
		if y := t.Year() % 100; y >= 85 {
			t = t.AddDate(1900+y-t.Year(), 0, 0)
		} else {
			t = t.AddDate(2000+y-t.Year(), 0, 0)
		}
		f.Start = t
		return nil
	}
	if part := strings.Fields(f.Recording); len(part) > 1 && part[0] == "Startdate" {
		if t, err := time.Parse("02-Jan-2006 15.04.05", part[1]+" "+clock); err == nil {
			f.Start = t
			return nil
		}
	}
	return bad("startdate of recording", "dd.mm.yy and hh.mm.ss are expected")
}

// signals reads what the header says of each signal; the annotation signals
// have no step.
func signals(h *header, n int) (all []Signal, frame int, err error) {
	all = make([]Signal, n)
	ends := make([][2]model.Decimal, n)
	digs := make([][2]int64, n)
	for i := range all {
		all[i].Label = h.text(16)
	}
	for i := range all {
		all[i].Transducer = h.text(80)
	}
	for i := range all {
		all[i].Dimension = h.text(8)
	}
	for end := range 2 {
		for i := range all {
			d, err := model.ParseDecimal(strings.TrimSpace(h.text(8)))
			if h.err == nil && err != nil {
				h.err = bad(all[i].Label, "a physical minimum or maximum that is no number")
			}
			ends[i][end] = d
		}
	}
	for end := range 2 {
		for i := range all {
			digs[i][end] = h.number(8, all[i].Label, -32768, 32767)
		}
	}
	h.at += 80 * n
	for i := range all {
		all[i].Per = int(h.number(8, all[i].Label, 0, 1<<24))
		frame += 2 * all[i].Per
	}
	if h.err != nil {
		return nil, 0, h.err
	}
	for i := range all {
		s := &all[i]
		if s.Label == annotations {
			continue
		}
		if digs[i][1] <= digs[i][0] {
			return nil, 0, bad(s.Label, "the digital maximum must be larger than the minimum")
		}
		low := rational(ends[i][0])
		s.Step = rational(ends[i][1])
		s.Step.Sub(s.Step, low).Quo(s.Step, big.NewRat(digs[i][1]-digs[i][0], 1))
		off := new(big.Rat).Mul(s.Step, big.NewRat(digs[i][0], 1))
		s.Zero = low.Sub(low, off)
	}
	return all, frame, nil
}

// rational is the number exactly.
func rational(d model.Decimal) *big.Rat {
	tens := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(d.Exp, -d.Exp))), nil)
	if d.Exp < 0 {
		return new(big.Rat).SetFrac(big.NewInt(d.Coef), tens)
	}
	return new(big.Rat).SetInt(tens.Mul(tens, big.NewInt(d.Coef)))
}

func (f *File) records(b []byte, all []Signal, frame, records int) error {
	for k := range records {
		rec, at, first := b[k*frame:(k+1)*frame], 0, true
		f.Times = append(f.Times, int64(k)*f.RecordNS)
		for i := range all {
			s := &all[i]
			part := rec[at : at+2*s.Per]
			at += 2 * s.Per
			if s.Step != nil {
				for x := 0; x < len(part); x += 2 {
					s.Samples = append(s.Samples, int32(int16(binary.LittleEndian.Uint16(part[x:]))))
				}
				continue
			}
			if err := f.notes(part, k, first); err != nil {
				return err
			}
			first = false
		}
	}
	for i := range all {
		if all[i].Step != nil {
			f.Signals = append(f.Signals, all[i])
		}
	}
	if !slices.IsSorted(f.Times) {
		return fault.New(fault.Invalid, "edf.notes", "the data records are not in the order of their times")
	}
	return f.missing()
}

// notes reads the TALs of a data record; the first of the first annotation
// signal is its time.
func (f *File) notes(b []byte, record int, first bool) error {
	for len(b) > 0 && b[0] != 0 {
		tal, rest, ok := bytes.Cut(b, []byte{20, 0})
		if !ok {
			return fault.New(fault.Invalid, "edf.notes", "an annotation of data record %d has no end", record)
		}
		b = rest
		head, texts, _ := bytes.Cut(tal, []byte{20})
		onset, length, has := bytes.Cut(head, []byte{21})
		n := Note{Length: -1}
		var ok1, ok2 = false, true
		n.At, ok1 = nanoseconds(string(onset))
		if has {
			n.Length, ok2 = nanoseconds(string(length))
		}
		if !ok1 || !ok2 {
			return fault.New(fault.Invalid, "edf.notes", "an annotation of data record %d has no time", record)
		}
		if first && len(texts) == 0 {
			f.Times[record] = n.At
		}
		first = false
		for _, text := range bytes.Split(texts, []byte{20}) {
			if n.Text = string(text); n.Text != "" {
				f.Notes = append(f.Notes, n)
			}
		}
	}
	return nil
}

// nanoseconds reads seconds with up to nine digits behind the point.
func nanoseconds(s string) (int64, bool) {
	d, err := model.ParseDecimal(s)
	if err != nil || d.Exp < -9 || d.Exp > 9 {
		return 0, false
	}
	n := d.Coef
	for e := d.Exp; e > -9; e-- {
		if n > 1<<58 || n < -1<<58 {
			return 0, false
		}
		n *= 10
	}
	return n, true
}

// missing makes gaps of samples that an annotation calls missing.
func (f *File) missing() error {
	work := 0
	for _, s := range f.Signals {
		work += 4*len(s.Samples) + 1<<16
	}
	for _, n := range f.Notes {
		name, ok := strings.CutPrefix(n.Text, missingText)
		if !ok || n.Length <= 0 || n.At > 1<<62-n.Length {
			continue
		}
		for i := range f.Signals {
			if s := &f.Signals[i]; s.Label == name && f.RecordNS > 0 && s.Per > 0 {
				work -= 1 + f.gap(s, n.At, n.At+n.Length)
			}
		}
		if work < 0 {
			return fault.New(fault.Invalid, "edf.notes", "the annotations call the same samples missing over and over")
		}
	}
	return nil
}

// gap makes one, and gives how many samples it looked at.
func (f *File) gap(s *Signal, from, until int64) (looked int) {
	k := sort.Search(len(f.Times), func(k int) bool { return f.Times[k] > from-f.RecordNS })
	for ; k < len(f.Times) && f.Times[k] < until; k++ {
		for x := range s.Per {
			// Half a sample's time later: onsets are cut to whole nanoseconds.
			if t := f.Times[k] + int64(float64(f.RecordNS)*(float64(x)+0.5)/float64(s.Per)); t >= from && t < until {
				s.Samples[k*s.Per+x] = model.Gap
			}
		}
		looked += s.Per
	}
	return looked
}
