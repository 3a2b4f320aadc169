// Package wavecsv writes recordings as tables of text (RFC 4180): a file for
// each recording, a row for each instant, a column for each signal. Values are
// exact decimals in the unit that the column's name gives; a missing sample is
// an empty cell.
package wavecsv

import (
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/waveform"
)

// Format is CSV.
func Format() waveform.Format {
	return waveform.Format{
		Name: "csv", Doc: "CSV: a row for each instant, exact values in their units",
		Layout: waveform.Layout{Frame: frame, Holds: holds},
		Write:  Write,
	}
}

// frame puts signals of one rate together.
func frame(periods []int64) (int64, []int, bool) {
	per := make([]int, len(periods))
	for i, p := range periods {
		if p != periods[0] {
			return 0, nil, false
		}
		per[i] = 1
	}
	return periods[0], per, true
}

// holds refuses what exact decimals do not tell.
func holds(s *waveform.Signal) error {
	for _, sample := range []int32{s.Min, s.Max} {
		if _, ok := waveform.Value(s.Origin, s.Scale, sample); !ok {
			return fault.New(fault.Invalid, "wavecsv.range", "steps of %s from %s have more than 18 digits; write them as FHIR", s.Scale, s.Origin).At(s.Series.Name())
		}
	}
	return nil
}

// Write writes a recording as one file of its name. Gaps have no rows.
func Write(dst waveform.Folder, r *waveform.Recording, _ waveform.About, blocks iter.Seq2[*waveform.Block, error]) error {
	f, err := dst.Create(r.Name + ".csv")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, head(r)); err != nil {
		return err
	}
	var room []byte
	for b, err := range blocks {
		if err != nil {
			return err
		}
		room = room[:0]
		for k := range b.Frames {
			row := len(room)
			room = r.Spans[b.Span].Start.Add(time.Duration((b.First+int64(k))*r.FrameNS)).UTC().AppendFormat(room, "2006-01-02T15:04:05.000000000Z07:00")
			any := false
			for i := range r.Signals {
				room = append(room, ',')
				if s := b.Samples[i][k]; s != model.Gap {
					any = true
					v, _ := waveform.Value(r.Signals[i].Origin, r.Signals[i].Scale, s)
					room = v.Append(room)
				}
			}
			if !any {
				room = room[:row]
				continue
			}
			room = append(room, "\r\n"...)
		}
		if _, err := f.Write(room); err != nil {
			return err
		}
	}
	return nil
}

func head(r *waveform.Recording) string {
	var t strings.Builder
	t.WriteString("time")
	for i := range r.Signals {
		s := &r.Signals[i].Series
		name := s.Name()
		for k := range i {
			if r.Signals[k].Series.Name() == name {
				name += " " + strconv.Itoa(i+1)
				break
			}
		}
		if s.UnitUCUM != "" {
			name += " [" + s.UnitUCUM + "]"
		}
		if s.Derived != "" {
			name += " (" + s.Derived + ")"
		}
		if s.Simulated {
			name += " (simulated)"
		}
		t.WriteString(`,"` + strings.ReplaceAll(strings.Map(line, name), `"`, `""`) + `"`)
	}
	t.WriteString("\r\n")
	return t.String()
}

// line keeps a name on one line.
func line(r rune) rune {
	if r < ' ' {
		return ' '
	}
	return r
}
