package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"thalamus/internal/fault"
)

// delimited reads separated text (RFC 4180, and what spreadsheets make of it).
func delimited(body []byte) (grid [][]string, form string, err error) {
	text, err := decoded(body)
	if err != nil {
		return nil, "", err
	}
	comma, form := separator(text)
	if form == "bar" {
		return bars(text), form, nil
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = comma, true, -1, true
	last := 0
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return grid, form, nil
		}
		if err != nil {
			return nil, "", fault.Wrap(err, fault.Invalid, "sheet.form", "the text is no table that can be read; save it as CSV again")
		}
		// Lines without anything are passed over by the reader; the numbers of
		// the lines after them must stay right.
		line, _ := r.FieldPos(0)
		for blank := last + 1; blank < line && len(grid) <= MostRows+1 && len(grid) < line-1; blank++ {
			grid = append(grid, nil)
		}
		last = line
		row, err := kept(cells)
		if err != nil {
			return nil, "", err
		}
		if grid = append(grid, row); len(grid) > MostRows+100 {
			return nil, "", large()
		}
	}
}

// kept copies a row, because the reader uses its cells again.
func kept(cells []string) ([]string, error) {
	for len(cells) > 0 && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	if len(cells) > 10*mostColumns {
		return nil, fault.New(fault.Invalid, "sheet.large", "a row has more than %d cells; save the table again", 10*mostColumns)
	}
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = tidy(strings.Clone(c))
	}
	return row, nil
}

// bars reads text separated by bars, in which quotes mean nothing: the files of
// AccessGUDID, "delimited" release.
func bars(text string) (grid [][]string) {
	for line := range strings.Lines(text) {
		row, err := kept(strings.SplitN(strings.TrimRight(line, "\r\n"), "|", 10*mostColumns))
		if err != nil || len(grid) > MostRows+100 {
			break
		}
		grid = append(grid, row)
	}
	return grid
}

// decoded gives the text as UTF-8. What is no UTF-8 and has no mark is
// Windows-1252, which is what spreadsheets write in Western Europe.
func decoded(body []byte) (string, error) {
	wide := func(e unicode.Endianness) (string, error) {
		out, err := unicode.UTF16(e, unicode.UseBOM).NewDecoder().Bytes(body)
		if err != nil {
			return "", fault.Wrap(err, fault.Invalid, "sheet.form", "the text cannot be decoded; save it as CSV in UTF-8")
		}
		return string(out), nil
	}
	switch {
	case bytes.HasPrefix(body, []byte{0xEF, 0xBB, 0xBF}):
		body = body[3:]
	case bytes.HasPrefix(body, []byte{0xFF, 0xFE}):
		return wide(unicode.LittleEndian)
	case bytes.HasPrefix(body, []byte{0xFE, 0xFF}):
		return wide(unicode.BigEndian)
	}
	if bytes.IndexByte(body[:min(len(body), 8192)], 0) >= 0 {
		return "", fault.New(fault.Invalid, "sheet.form", "this is no text; expected a table as .csv or .xlsx")
	}
	if utf8.Valid(body) {
		return string(body), nil
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(body)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "sheet.form", "the text cannot be decoded; save it as CSV in UTF-8")
	}
	return string(out), nil
}

// separator says what stands between the cells: what the head has most of,
// outside quotes.
func separator(text string) (comma rune, form string) {
	head := strings.TrimLeft(text, "\r\n")
	counts := map[rune]int{}
	quoted := false
	for _, r := range head[:min(len(head), 16<<10)] {
		switch {
		case r == '"':
			quoted = !quoted
		case !quoted && r == '\n':
			goto counted
		case !quoted:
			counts[r]++
		}
	}
counted:
	comma, form = ',', "csv"
	most := counts[',']
	for _, one := range []struct {
		r    rune
		form string
	}{{';', "csv;"}, {'\t', "tsv"}, {'|', "bar"}} {
		if counts[one.r] > most {
			comma, form, most = one.r, one.form, counts[one.r]
		}
	}
	return comma, form
}
