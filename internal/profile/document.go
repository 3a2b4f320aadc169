package profile

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Bounds of a document.
const (
	maxDepth  = 64
	maxValues = 2_000_000
)

// Document reads the bytes of a JSON text or a CSV table into the tree that
// paths look into: objects, lists, texts, numbers with their digits, truths.
// A CSV table becomes a list of rows by its first line's names.
func Document(codec string, raw []byte) (any, error) {
	switch codec {
	case "json":
		return readJSON(raw)
	case "csv":
		return readCSV(raw)
	}
	return nil, fault.New(fault.Broken, "profile.codec", "documents are JSON or CSV, not %s", codec)
}

func readJSON(raw []byte) (any, error) {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff")) // RFC 8259 §8.1: a reader may pass over it
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := bounded(raw); err != nil {
		return nil, err
	}
	var v any
	if err := d.Decode(&v); err != nil {
		var syntax *json.SyntaxError
		place := ""
		if errors.As(err, &syntax) {
			place = "byte " + strconv.FormatInt(syntax.Offset, 10)
		}
		return nil, fault.New(fault.Invalid, "profile.not-json", "the text is not JSON").At(place)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Invalid, "profile.not-json", "something follows the JSON text").At("byte " + strconv.FormatInt(d.InputOffset(), 10))
	}
	return v, nil
}

// bounded counts brackets and commas outside of texts: what is nested too deep
// or has too many members is refused before memory is spent on it.
func bounded(raw []byte) error {
	depth, values, quoted := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fault.New(fault.Invalid, "profile.document", "nested deeper than %d levels", maxDepth).At("byte " + strconv.Itoa(i))
			}
			values++
		case c == '}' || c == ']':
			depth--
		case c == ',':
			values++
		}
	}
	if values > maxValues {
		return fault.New(fault.Invalid, "profile.document", "more than %d values", maxValues)
	}
	return nil
}

func readCSV(raw []byte) (any, error) {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(raw))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	for _, separator := range [...]rune{';', '\t', '|'} {
		if bytes.ContainsRune(line, separator) && !bytes.ContainsRune(line, ',') {
			r.Comma = separator
			break
		}
	}
	heading, err := r.Read()
	if err != nil {
		return nil, fault.New(fault.Invalid, "profile.not-csv", "expected a first line with the names of the columns")
	}
	rows, values := []any{}, 0
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			return nil, fault.New(fault.Invalid, "profile.not-csv", "%s", syntax.Err).At("line " + strconv.Itoa(syntax.Line))
		} else if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "profile.not-csv", "the table cannot be read")
		}
		if values += len(cells); values > maxValues {
			return nil, fault.New(fault.Invalid, "profile.document", "more than %d values", maxValues)
		}
		row := make(map[string]any, len(cells))
		for i, c := range cells {
			name := "column " + strconv.Itoa(i+1)
			if i < len(heading) {
				name = strings.TrimSpace(heading[i])
			}
			if c = strings.TrimSpace(c); c != "" {
				row[name] = c
			}
		}
		rows = append(rows, row)
	}
}

// rounded makes a number of an expression's result, with so many decimal
// places.
func rounded(v any, digits int) (model.Decimal, bool) {
	f, ok := v.(float64)
	if n, whole := v.(int64); whole {
		f, ok = float64(n), true
	}
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		return model.Decimal{}, false
	}
	d, err := model.ParseDecimal(strconv.FormatFloat(f, 'f', digits, 64))
	return d, err == nil
}
