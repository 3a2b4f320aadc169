package service

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"thalamus/internal/model"
)

// SeriesPoint is one number in time.
type SeriesPoint struct {
	Time       time.Time     `json:"time"` // of the value, or the beginning of the step
	Value      model.Decimal `json:"value"`
	Comparator string        `json:"comparator,omitempty"` // < <= >= > where it only says a bound
	// Method by which it was derived: last, mean, min, max, count; carry or
	// linear where the step had no value. Empty: it was recorded so.
	Method string `json:"method,omitempty"`
	Count  int    `json:"count,omitempty"`  // numbers that it was derived from
	Bounds int    `json:"bounds,omitempty"` // values in the step that only say a bound; not averaged
	// Corrected says that it took the place of an earlier value.
	Corrected bool             `json:"corrected,omitempty"`
	Ref       model.MessageRef `json:"ref,omitzero"` // the message that brought it
}

// SeriesPoints is written as JSON by hand: there may be many.
type SeriesPoints []SeriesPoint

// MarshalJSON implements json.Marshaler.
func (all SeriesPoints) MarshalJSON() ([]byte, error) {
	return append(all.append(append(make([]byte, 0, 2+96*len(all)), '[')), ']'), nil
}

func (all SeriesPoints) append(b []byte) []byte {
	for i := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = all[i].append(b)
	}
	return b
}

// WriteJSON writes the answer as its JSON, a row at a time. What a
// json.Marshaler gives is read once more by encoding/json, which takes longer
// than making it.
func (a *SeriesAnswer) WriteJSON(w io.Writer) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if len(a.Rows) == 0 {
		if err := e.Encode(a); err != nil {
			return err
		}
		_, err := w.Write(b.Bytes())
		return err
	}
	// begin writes all but the end of an empty list, which comes last.
	begin := func(v any) error {
		if err := e.Encode(v); err != nil {
			return err
		}
		b.Truncate(b.Len() - len("]}\n"))
		return nil
	}
	head := *a
	head.Rows, head.FHIR = []SeriesRow{}, nil
	if err := begin(&head); err != nil {
		return err
	}
	for i := range a.Rows {
		if i > 0 {
			b.WriteByte(',')
		}
		row := a.Rows[i]
		row.Points = nil
		if err := begin(&row); err != nil {
			return err
		}
		b.Write(a.Rows[i].Points.append(b.AvailableBuffer()))
		b.WriteString("]}")
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
		b.Reset()
	}
	_, err := io.WriteString(w, "]}\n")
	return err
}

func (p *SeriesPoint) append(b []byte) []byte {
	b = append(b, `{"time":"`...)
	b = p.Time.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","value":`...)
	b = p.Value.Append(b)
	if p.Comparator != "" {
		b = append(append(append(b, `,"comparator":"`...), p.Comparator...), '"')
	}
	if p.Method != "" {
		b = append(append(append(b, `,"method":"`...), p.Method...), '"')
	}
	if p.Count > 0 {
		b = strconv.AppendInt(append(b, `,"count":`...), int64(p.Count), 10)
	}
	if p.Bounds > 0 {
		b = strconv.AppendInt(append(b, `,"bounds":`...), int64(p.Bounds), 10)
	}
	if p.Corrected {
		b = append(b, `,"corrected":true`...)
	}
	if p.Ref != (model.MessageRef{}) {
		b = strconv.AppendUint(append(b, `,"ref":"`...), uint64(p.Ref.Seq), 10)
		b = strconv.AppendInt(append(b, '.'), int64(p.Ref.Part), 10)
		b = append(b, '"')
	}
	return append(b, '}')
}
