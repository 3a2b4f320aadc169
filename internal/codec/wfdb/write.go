package wfdb

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/waveform"
)

// Write writes a recording as a record of its name. Memory is bounded by a
// block.
func Write(dst waveform.Folder, r *waveform.Recording, a waveform.About, blocks iter.Seq2[*waveform.Block, error]) error {
	w := &writer{dst: dst, r: r, about: a}
	for i := range r.Signals {
		c, err := scaleOf(&r.Signals[i])
		if err != nil {
			return err
		}
		w.scales = append(w.scales, c)
	}
	for b, err := range blocks {
		if err == nil {
			err = w.block(b)
		}
		if err != nil {
			return err
		}
	}
	if err := w.endSpan(); err != nil {
		return err
	}
	if w.span != len(r.Spans) {
		return fault.New(fault.Broken, "wfdb.blocks", "the samples ended before their recording")
	}
	if len(r.Spans) == 1 {
		return nil
	}
	return w.record()
}

type writer struct {
	dst    waveform.Folder
	r      *waveform.Recording
	about  waveform.About
	scales []calibration

	span   int // spans ended
	dat    io.Writer
	frames int64
	sums   []int16
	first  []int32 // sample 0 of each signal
	used   []int   // signals that have samples in the span
	room   []byte
}

// name of a span's files: the record itself where it has no others.
func (w *writer) name(span int) string {
	if len(w.r.Spans) == 1 {
		return w.r.Name
	}
	return fmt.Sprintf("%s_%04d", w.r.Name, span+1)
}

func (w *writer) path(file string) string { return w.r.Name + "/" + file }

func (w *writer) block(b *waveform.Block) error {
	if b.First == 0 {
		if err := w.endSpan(); err != nil {
			return err
		}
		if err := w.beginSpan(b.Span); err != nil {
			return err
		}
	}
	w.room = w.room[:0]
	for f := range b.Frames {
		for i, k := range w.used {
			c := &w.scales[k]
			v := int64(invalid)
			if s := b.Samples[k][f]; s != model.Gap {
				v = int64(s)*c.times + c.shift
			}
			w.sums[i] += int16(v)
			if w.frames == 0 {
				w.first[i] = int32(v)
			}
			if c.format == 32 {
				w.room = binary.LittleEndian.AppendUint32(w.room, uint32(int32(v)))
			} else {
				w.room = binary.LittleEndian.AppendUint16(w.room, uint16(int16(v)))
			}
		}
		w.frames++
	}
	_, err := w.dat.Write(w.room)
	return err
}

func (w *writer) beginSpan(span int) (err error) {
	w.used = w.used[:0]
	for k := range w.r.Signals {
		for _, p := range w.r.Signals[k].Parts {
			if p.Span == span {
				w.used = append(w.used, k)
				break
			}
		}
	}
	w.sums, w.first, w.frames = make([]int16, len(w.used)), make([]int32, len(w.used)), 0
	w.dat, err = w.dst.Create(w.path(w.name(span) + ".dat"))
	return err
}

func (w *writer) endSpan() error {
	if w.dat == nil {
		return nil
	}
	w.dat = nil
	span := w.r.Spans[w.span]
	if span.Frames != w.frames {
		return fault.New(fault.Broken, "wfdb.blocks", "the samples ended before their recording")
	}
	name := w.name(w.span)
	var t strings.Builder
	fmt.Fprintf(&t, "%s %d %s %d %s\n", name, len(w.used), rate(w.r.FrameNS), w.frames, w.base(span.Start))
	for i, k := range w.used {
		c := &w.scales[k]
		fmt.Fprintf(&t, "%s.dat %d %s %d %d %d %d 0 %s\n", name, c.format, w.calibrated(k), c.format, c.baseline, w.first[i], w.sums[i], w.label(k))
	}
	w.info(&t, w.span)
	w.span++
	return w.file(name+".hea", t.String())
}

func (w *writer) file(name, text string) error {
	f, err := w.dst.Create(w.path(name))
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	return err
}

// calibrated is gain(baseline)/units. The field for the converter's zero holds
// the baseline again, for readers that look only there.
func (w *writer) calibrated(k int) string {
	c := &w.scales[k]
	return fmt.Sprintf("%s(%d)/%s", strconv.FormatFloat(c.gain, 'f', -1, 64), c.baseline, units(w.r.Signals[k].Series.UnitUCUM))
}

// info writes the info strings of a span: what the fields have no room for.
func (w *writer) info(t *strings.Builder, span int) {
	r := w.r
	fmt.Fprintf(t, "# start %s\n", r.Spans[span].Start.UTC().Format(time.RFC3339Nano))
	fmt.Fprintf(t, "# zone %s\n", w.about.In(r.Spans[span].Start).Location())
	if r.Device != "" {
		fmt.Fprintf(t, "# device %s\n", r.Device)
	}
	if r.Simulated {
		t.WriteString("# simulated\n")
	}
	if who := w.about.Who; who != nil {
		fmt.Fprintf(t, "# patient %s; %s; %s; %s\n", clean(who.Code), clean(who.Sex), clean(who.BirthDate), clean(who.Name))
	}
	for i, k := range w.used {
		s := &r.Signals[k]
		line := fmt.Sprintf("# signal %d: %s, unit %s, origin %s, scale %s, period %d ns", i, clean(s.Series.Name()), clean(s.Series.UnitUCUM), s.Origin, s.Scale, s.PeriodNS)
		fmt.Fprintln(t, cut(line, longestLine))
		if s.Series.Derived != "" {
			fmt.Fprintln(t, cut(fmt.Sprintf("# signal %d: derived, %s", i, clean(s.Series.Derived)), longestLine))
		}
	}
	told := 0
	for i, k := range w.used {
		for _, p := range r.Signals[k].Parts {
			place := r.Spans[span].Start.Add(time.Duration(p.At * r.FrameNS))
			if p.Span != span || p.Start.Equal(place) || told == mostParts {
				continue
			}
			told++
			fmt.Fprintf(t, "# signal %d: sample %d was taken at %s\n", i, p.At, p.Start.UTC().Format(time.RFC3339Nano))
		}
	}
}

const (
	longestLine = 250  // header(5): 255 with the line feed
	mostParts   = 1000 // places off their sample's instant that are told
)

// record writes the header of a record of several segments, and its layout.
func (w *writer) record() error {
	r := w.r
	var segments strings.Builder
	n, at := 1, int64(0) // segments, and the place where the next one begins
	for i, s := range r.Spans {
		offset := s.Start.Sub(r.Spans[0].Start).Nanoseconds()
		if gap := (offset+r.FrameNS/2)/r.FrameNS - at; gap > 0 {
			fmt.Fprintf(&segments, "~ %d\n", gap)
			n, at = n+1, at+gap
		}
		fmt.Fprintf(&segments, "%s %d\n", w.name(i), s.Frames)
		n, at = n+1, at+s.Frames
	}
	layout := r.Name + "_layout"
	var t strings.Builder
	fmt.Fprintf(&t, "%s %d %s 0 %s\n", layout, len(r.Signals), rate(r.FrameNS), w.base(r.Start()))
	for k := range r.Signals {
		fmt.Fprintf(&t, "~ 0 %s %d %d 0 0 0 %s\n", w.calibrated(k), w.scales[k].format, w.scales[k].baseline, w.label(k))
	}
	if err := w.file(layout+".hea", t.String()); err != nil {
		return err
	}
	head := fmt.Sprintf("%s/%d %d %s %d %s\n%s 0\n", r.Name, n, len(r.Signals), rate(r.FrameNS), at, w.base(r.Start()), layout)
	return w.file(r.Name+".hea", head+segments.String())
}

// base is base time and date: HH:MM:SS.mmm DD/MM/YYYY.
func (w *writer) base(t time.Time) string {
	return w.about.In(t.Round(time.Millisecond)).Format("15:04:05.000 02/01/2006")
}

// rate is samples a second without an exponent, which not all readers take.
func rate(periodNS int64) string {
	return strconv.FormatFloat(waveform.PerSecond(periodNS).Float64(), 'f', -1, 64)
}

// label is the description: the code's name, which no other signal of the
// record has.
func (w *writer) label(k int) string {
	name, same := clean(w.r.Signals[k].Series.Name()), 1
	for i := range k {
		if clean(w.r.Signals[i].Series.Name()) == name {
			same++
		}
	}
	name = cut(name, longestLabel)
	if same > 1 {
		name += " " + strconv.Itoa(same)
	}
	return name
}

// longestLabel: file name and description are 80 together.
const longestLabel = 30

// units keeps what readers take in a field of units; the UCUM text stands in an
// info string. "NU" is no unit.
func units(ucum string) string {
	var t strings.Builder
	annotation := 0
	for _, r := range ucum {
		switch {
		case r == '{':
			annotation++
		case r == '}':
			annotation--
		case annotation > 0, r == '[', r == ']':
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r == '%', r == '/', r == '^', r == '-':
			t.WriteRune(r)
		default:
			t.WriteByte('_')
		}
	}
	if t.Len() == 0 || t.String() == "1" {
		return "NU"
	}
	return cut(t.String(), 40)
}

// clean keeps a text to one line of printable ASCII.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
}

func cut(s string, most int) string { return s[:min(len(s), most)] }
