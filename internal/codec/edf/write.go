package edf

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"sort"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/waveform"
)

const (
	annotations  = "EDF Annotations"
	roomForNotes = 4096 // bytes left in a data record for annotations
	mostSignals  = 255
	mostNotes    = 100_000
)

// note is an annotation that is not a record's time.
type note struct {
	at, length int64 // ns from the start of the file; length -1: none
	text       string
}

// Write writes a recording as one file of its name. Memory is bounded by a
// block and the annotations.
func Write(dst waveform.Folder, r *waveform.Recording, a waveform.About, blocks iter.Seq2[*waveform.Block, error]) error {
	w := &writer{r: r, about: a}
	if err := w.prepare(); err != nil {
		return err
	}
	f, err := dst.Create(r.Name + ".edf")
	if err != nil {
		return err
	}
	w.out = f
	if _, err := f.Write(w.header()); err != nil {
		return err
	}
	for b, err := range blocks {
		if err == nil {
			err = w.block(b)
		}
		if err != nil {
			return err
		}
	}
	if w.written != w.records || len(w.notes) > 0 {
		return fault.New(fault.Broken, "edf.blocks", "the samples ended before their recording")
	}
	return nil
}

type writer struct {
	r      *waveform.Recording
	about  waveform.About
	out    io.Writer
	scales []calibration
	labels []string
	zero   time.Time // the second that the header names
	notes  []note    // still to be written, by their time

	records, written int64
	noteBytes        int  // of the annotation signal in a data record
	early            bool // notes stand where there is room, before their time
	continuous       bool
	room             []byte
}

func (w *writer) prepare() error {
	r := w.r
	for i := range r.Signals {
		c, err := scaleOf(&r.Signals[i])
		if err != nil {
			return err
		}
		w.scales, w.labels = append(w.scales, c), append(w.labels, label(r.Signals, i))
	}
	w.zero = r.Start().Truncate(time.Second)
	w.continuous = len(r.Spans) == 1
	for _, s := range r.Spans {
		w.records += s.Frames
	}
	w.note(w.since(r.Start()), -1, "Recording starts "+r.Start().UTC().Format(time.RFC3339Nano))
	for i := range r.Signals {
		w.missing(i)
		if d := r.Signals[i].Series.Derived; d != "" {
			w.note(w.since(r.Start()), -1, "derived: "+d+"@@"+w.labels[i])
		}
	}
	if r.Simulated {
		w.note(w.since(r.Start()), -1, "simulated")
	}
	if len(w.notes) > mostNotes {
		return fault.New(fault.Invalid, "edf.notes", "samples are missing at more than %d places; ask for a shorter time, or write them as WFDB", mostNotes)
	}
	sort.SliceStable(w.notes, func(a, b int) bool { return w.notes[a].at < w.notes[b].at })
	w.makeRoom()
	return nil
}

// makeRoom sizes the annotation signal: so that every note is in the data
// record in which it begins (EDF+ §2.2.3), or where that would take too much,
// so that they all find room, the early records taking what comes later.
func (w *writer) makeRoom() {
	times := len(keep(nil, w.since(w.r.End()))) + 10 // a fraction has up to ten characters
	longest, total, most, here := 0, 0, 0, 0
	next := w.nextRecord()
	end := next()
	for i := range w.notes {
		size := len(w.notes[i].append(nil))
		longest, total = max(longest, size), total+size
		for w.notes[i].at >= end {
			end, here = next(), 0
		}
		here += size
		most = max(most, here)
	}
	if w.noteBytes = times + most; w.noteBytes > roomForNotes {
		w.early = true
		w.noteBytes = times + longest + int(int64(total)/w.records)
	}
	w.noteBytes += w.noteBytes % 2
}

// nextRecord gives the ends of the data records, one after the other.
func (w *writer) nextRecord() func() int64 {
	span, frame := 0, int64(0)
	return func() int64 {
		for span < len(w.r.Spans) && frame == w.r.Spans[span].Frames {
			span, frame = span+1, 0
		}
		if span == len(w.r.Spans) {
			return 1<<63 - 1
		}
		frame++
		return w.since(w.r.Spans[span].Start) + frame*w.r.FrameNS
	}
}

func (w *writer) since(t time.Time) int64 { return t.Sub(w.zero).Nanoseconds() }

func (w *writer) note(at, length int64, text string) {
	w.notes = append(w.notes, note{at, length, text})
}

// missing notes where samples of a signal are missing in data records.
func (w *writer) missing(i int) {
	s, per := &w.r.Signals[i], int64(w.r.Per[i])
	k := 0
	for n, span := range w.r.Spans {
		at, end := int64(0), span.Frames*per
		gap := func(until int64) {
			if until > at {
				from, to := w.placed(span, at, per), w.placed(span, until, per)
				w.note(from, to-from, missingText+w.labels[i])
			}
		}
		for ; k < len(s.Parts) && s.Parts[k].Span == n; k++ {
			gap(s.Parts[k].At)
			at = s.Parts[k].At + s.Parts[k].Count
		}
		gap(end)
	}
}

// placed is when a sample of a span lies, in ns from the start of the file.
func (w *writer) placed(span waveform.Span, at, per int64) int64 {
	return w.since(span.Start) + at/per*w.r.FrameNS + at%per*w.r.FrameNS/per
}

// missingText names the signal behind "@@", as EDF+ tools do for annotations of
// one signal.
const missingText = "missing@@"

// append writes the note as a TAL (EDF+ §2.2.2).
func (n *note) append(b []byte) []byte {
	b = stamp(b, n.at)
	if n.length >= 0 {
		b = append(append(b, 21), seconds(n.length)...)
	}
	return append(append(append(b, 20), n.text...), 20, 0)
}

// keep is the TAL that gives a data record its time (EDF+ §2.2.4).
func keep(b []byte, at int64) []byte { return append(stamp(b, at), 20, 20, 0) }

func stamp(b []byte, at int64) []byte {
	if at >= 0 {
		b = append(b, '+')
	}
	return append(b, seconds(at)...)
}

func (w *writer) block(b *waveform.Block) error {
	r := w.r
	w.room = w.room[:0]
	for f := range b.Frames {
		for i, list := range b.Samples {
			c := &w.scales[i]
			for _, s := range list[f*r.Per[i] : (f+1)*r.Per[i]] {
				v := c.digMin
				if s != model.Gap {
					v = int64(s) + c.shift
				}
				w.room = binary.LittleEndian.AppendUint16(w.room, uint16(int16(v)))
			}
		}
		from := len(w.room)
		at := w.since(r.Spans[b.Span].Start) + (b.First+int64(f))*r.FrameNS
		w.room = keep(w.room, at)
		last := w.written == w.records-1
		for len(w.notes) > 0 && (w.early || last || w.notes[0].at < at+r.FrameNS) {
			next := w.notes[0].append(w.room)
			if len(next)-from > w.noteBytes {
				break
			}
			w.room, w.notes = next, w.notes[1:]
		}
		for len(w.room)-from < w.noteBytes {
			w.room = append(w.room, 0)
		}
		w.written++
	}
	_, err := w.out.Write(w.room)
	return err
}

// header is the header record.
func (w *writer) header() []byte {
	r := w.r
	var t strings.Builder
	field := func(size int, text string) {
		text = printable(text)
		t.WriteString(text[:min(len(text), size)])
		for n := len(text); n < size; n++ {
			t.WriteByte(' ')
		}
	}
	local := w.about.In(w.zero)
	date := strings.ToUpper(local.Format("02-Jan-2006"))
	kind := "EDF+C"
	if !w.continuous {
		kind = "EDF+D"
	}
	field(8, "0")
	field(80, w.person())
	field(80, "Startdate "+date+" X X "+subfield(string(r.Device)))
	year := local.Format("06")
	if local.Year() < 1985 || local.Year() > 2084 {
		year = "yy"
	}
	field(8, local.Format("02.01.")+year)
	field(8, local.Format("15.04.05"))
	field(8, strconv.Itoa(256*(len(r.Signals)+2)))
	field(44, kind)
	field(8, strconv.FormatInt(w.records, 10))
	field(8, seconds(r.FrameNS))
	field(4, strconv.Itoa(len(r.Signals)+1))
	each := func(size int, text func(i int) string, own string) {
		for i := range r.Signals {
			field(size, text(i))
		}
		field(size, own)
	}
	each(16, func(i int) string { return w.labels[i] }, annotations)
	each(80, func(i int) string { return w.described(i) }, "")
	each(8, func(i int) string { return dimension(r.Signals[i].Series.UnitUCUM) }, "")
	each(8, func(i int) string { return w.scales[i].physMin }, "-1")
	each(8, func(i int) string { return w.scales[i].physMax }, "1")
	each(8, func(i int) string { return strconv.FormatInt(w.scales[i].digMin, 10) }, "-32768")
	each(8, func(i int) string { return strconv.FormatInt(w.scales[i].digMax, 10) }, "32767")
	each(80, func(int) string { return "" }, "")
	each(8, func(i int) string { return strconv.Itoa(r.Per[i]) }, strconv.Itoa(w.noteBytes/2))
	each(32, func(int) string { return "" }, "")
	return []byte(t.String())
}

// described is what the label and dimension have no room for.
func (w *writer) described(i int) string {
	s := &w.r.Signals[i]
	return fmt.Sprintf("%s %s, %s+n*%s", s.Series.Name(), s.Series.UnitUCUM, s.Origin, s.Scale)
}

// person is code, sex, birthdate and name (EDF+ §2.1.3.3).
func (w *writer) person() string {
	who := w.about.Who
	if who == nil {
		return "X X X X"
	}
	sex := "X"
	switch who.Sex {
	case "male":
		sex = "M"
	case "female":
		sex = "F"
	}
	birth := "X"
	if t, err := time.Parse(time.DateOnly, who.BirthDate); err == nil {
		birth = strings.ToUpper(t.Format("02-Jan-2006"))
	}
	return subfield(who.Code) + " " + sex + " " + birth + " " + subfield(who.Name)
}

// subfield has no spaces; X is what is not known.
func subfield(s string) string {
	if s = strings.ReplaceAll(printable(strings.TrimSpace(s)), " ", "_"); s == "" {
		return "X"
	}
	return s
}
