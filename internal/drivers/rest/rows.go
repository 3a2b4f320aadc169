package rest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/codec/openmhealth"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// row is what became of one row of a batch.
type row struct {
	Row    int       `json:"row"` // from 1
	State  string    `json:"state"`
	Entry  model.Seq `json:"entry,omitempty"`
	Code   string    `json:"code,omitempty"`
	Place  string    `json:"place,omitempty"`
	Detail string    `json:"detail,omitempty"`

	frame int // index of its frame; -1: refused
}

// States of a row.
const (
	rowTaken   = "accepted"
	rowRefused = "refused"
)

// cut is a body in frames, with what is known of its rows.
type cut struct {
	frames [][]byte
	rows   []row // of formats whose rows are frames; else only what is to be said
	count  int   // rows in all
}

// split cuts a body into frames. A fault says that nothing of it can be taken.
func split(f format, body []byte, most int) (cut, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return cut{}, fault.New(fault.Invalid, "rest.nothing", "the body is empty")
	}
	switch f.name {
	case "ndjson":
		return splitLines(body, most)
	case "csv":
		return splitCSV(body, most)
	case "hl7v2":
		return splitHL7(body, most)
	case "openmhealth":
		all, err := openmhealth.Split(body)
		if err != nil {
			return cut{}, fault.New(fault.Invalid, "rest.not-json", "the body is no JSON").At(placeOf(err))
		}
		return cut{frames: [][]byte{body}, count: len(all)}, nil
	}
	if f.codec == "openmhealth" {
		return split(format{name: "openmhealth"}, body, most)
	}
	if err := validJSON(body); err != nil {
		return cut{}, err
	}
	return cut{frames: [][]byte{body}, count: 1}, nil
}

func placeOf(err error) string {
	if f := (*fault.Fault)(nil); errors.As(err, &f) {
		return f.Place
	}
	return ""
}

var byteOrderMark = []byte("\ufeff")

// validJSON checks that a text is one JSON value, and says where it is not.
func validJSON(text []byte) error {
	trimmed := bytes.TrimPrefix(text, byteOrderMark) // RFC 8259 §8.1: a reader may pass over it
	if json.Valid(trimmed) && utf8.Valid(trimmed) {
		return nil
	}
	place := ""
	var any json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal(trimmed, &any); errors.As(err, &syntax) {
		place = "byte " + strconv.FormatInt(syntax.Offset+int64(len(text)-len(trimmed)), 10)
	}
	return fault.New(fault.Invalid, "rest.not-json", "this is no JSON in UTF-8").At(place)
}

// splitLines makes a frame of each line; lines that are no JSON are refused
// one by one, empty ones passed over.
func splitLines(body []byte, most int) (cut, error) {
	var c cut
	body = bytes.TrimPrefix(body, byteOrderMark)
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if c.count++; c.count > most {
			return cut{}, tooManyRows(most)
		}
		r := row{Row: c.count, State: rowTaken, frame: len(c.frames)}
		if err := validJSON(line); err != nil {
			r.State, r.Code, r.Place, r.Detail, r.frame = rowRefused, "rest.not-json", placeOf(err), "this line is no JSON in UTF-8", -1
		} else {
			c.frames = append(c.frames, line)
		}
		c.rows = append(c.rows, r)
	}
	return c, nil
}

func tooManyRows(most int) error {
	return fault.New(fault.Invalid, "rest.rows", "more rows than one request may have (%d); send smaller batches, or upload in parts", most)
}

// splitCSV checks that a body is a table. It stays one frame, as it came, for
// a row says nothing without the heading; rows of another length than it are
// told.
func splitCSV(body []byte, most int) (cut, error) {
	c := cut{frames: [][]byte{body}}
	r := csvReader(body)
	heading, err := r.Read()
	if err != nil {
		return cut{}, fault.New(fault.Invalid, "rest.not-csv", "expected a first line with the names of the columns")
	}
	columns := len(heading)
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			place := ""
			if p := (*csv.ParseError)(nil); errors.As(err, &p) {
				place = "line " + strconv.Itoa(p.Line)
			}
			return cut{}, fault.New(fault.Invalid, "rest.not-csv", "the table cannot be read; a quoted cell may have no end").At(place)
		}
		if c.count++; c.count > most {
			return cut{}, tooManyRows(most)
		}
		if len(cells) != columns && len(c.rows) < mostSaid {
			line, _ := r.FieldPos(0)
			c.rows = append(c.rows, row{Row: c.count, State: rowTaken, Code: "rest.cells", Place: "line " + strconv.Itoa(line),
				Detail: "the row has " + strconv.Itoa(len(cells)) + " cells and the heading " + strconv.Itoa(columns)})
		}
	}
	if c.count == 0 {
		return cut{}, fault.New(fault.Invalid, "rest.nothing", "the table has a heading and no row")
	}
	return c, nil
}

// mostSaid bounds what is told of rows that stay in one frame.
const mostSaid = 1000

// csvReader reads a table as profiles do: the separator is the one of the
// heading.
func csvReader(body []byte) *csv.Reader {
	body = bytes.TrimPrefix(body, byteOrderMark)
	line, _, _ := bytes.Cut(body, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(body))
	r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = -1, true, true
	for _, separator := range [...]rune{';', '\t', '|'} {
		if bytes.ContainsRune(line, separator) && !bytes.ContainsRune(line, ',') {
			r.Comma = separator
			break
		}
	}
	return r
}

// splitHL7 checks that a body is a message or a batch (HL7 v2.5.1 §2.10.3). It
// stays one frame; the codec cuts the batch.
func splitHL7(body []byte, most int) (cut, error) {
	b, err := hl7v2.SplitBatch(body)
	if err != nil || len(b.Messages) == 0 {
		return cut{}, fault.New(fault.Invalid, "rest.not-hl7", "this is no HL7 v2: a message begins with MSH, a batch with FHS or BHS").At(placeOf(err))
	}
	c := cut{frames: [][]byte{body}, count: len(b.Messages)}
	if c.count > most {
		return cut{}, tooManyRows(most)
	}
	for i, m := range b.Messages {
		q, err := hl7v2.ParseEnvelope(m)
		if err == nil {
			err = q.Check()
		}
		if err == nil {
			continue
		}
		if c.count == 1 {
			return cut{}, fault.New(fault.Invalid, "rest.not-hl7", "this is no HL7 v2 message: its header cannot be used").At(placeOf(err))
		}
		if len(c.rows) < mostSaid {
			c.rows = append(c.rows, row{Row: i + 1, State: rowTaken, Code: fault.CodeOf(err), Place: placeOf(err), Detail: "the header of this message cannot be used; it was kept all the same"})
		}
	}
	return c, nil
}
