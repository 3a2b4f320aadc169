// Package sheet reads the tables that inventories are kept in: comma, semicolon,
// tab or bar separated text in UTF-8, UTF-16 or Windows-1252, and the first
// filled sheet of an .xlsx workbook. It is pure; what it reads comes from
// strangers, so bytes, rows, columns and what a packed file unpacks to are
// bounded before they are read.
package sheet

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"

	"thalamus/internal/fault"
)

// Bounds of a table.
const (
	MostBytes    = 64 << 20  // as it comes, and unpacked where it is gzip
	mostUnpacked = 256 << 20 // of a workbook, all its parts together
	MostRows     = 200_000   // beside the head
	mostColumns  = 200
	longestCell  = 4000 // bytes; what is longer is cut
)

// Table is a table with its head.
type Table struct {
	Form    string     `json:"form"` // csv, csv; (semicolons), tsv, bar, xlsx
	Sheet   string     `json:"sheet,omitempty"`
	Columns []string   `json:"columns"` // names in the head; an empty one is named by its letter
	First   int        `json:"first"`   // number of the line or row the first of Rows has for people
	Rows    [][]string `json:"-"`       // as long as Columns each; rows without anything are kept, empty
}

// Read reads a table. The error is fault.Invalid: sheet.empty, sheet.form,
// sheet.large.
func Read(body []byte) (Table, error) {
	if len(body) > MostBytes {
		return Table{}, large()
	}
	if bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		var err error
		if body, err = Unpack(body); err != nil {
			return Table{}, err
		}
	}
	var grid [][]string
	var t Table
	var err error
	switch {
	case bytes.HasPrefix(body, []byte("PK\x03\x04")):
		grid, t.Sheet, err = workbook(body)
		t.Form = "xlsx"
	case bytes.HasPrefix(body, []byte("\xd0\xcf\x11\xe0")):
		err = fault.New(fault.Invalid, "sheet.form", "this is an old (.xls) or encrypted workbook; save it as .xlsx without a password")
	case bytes.HasPrefix(body, []byte("%PDF")):
		err = fault.New(fault.Invalid, "sheet.form", "this is a PDF; expected a table as .csv or .xlsx")
	default:
		grid, t.Form, err = delimited(body)
	}
	if err != nil {
		return Table{}, err
	}
	return t.headed(grid)
}

// Pack makes a table smaller for the way; Read takes it so.
func Pack(body []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Unpack gives what Pack made smaller, bounded.
func Unpack(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "sheet.form", "the packed table cannot be read; send it again")
	}
	body, err = io.ReadAll(io.LimitReader(z, MostBytes+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "sheet.form", "the packed table cannot be read; send it again")
	}
	if len(body) > MostBytes {
		return nil, large()
	}
	return body, nil
}

func large() error {
	return fault.New(fault.Invalid, "sheet.large", "the table has more than %d MiB or %d rows; divide it", MostBytes>>20, MostRows)
}

// headed takes the first row that has something as the head.
func (t Table) headed(grid [][]string) (Table, error) {
	head := 0
	for head < len(grid) && empty(grid[head]) {
		head++
	}
	if head >= len(grid) {
		return Table{}, fault.New(fault.Invalid, "sheet.empty", "the table is empty; expected a row of column names and rows below it")
	}
	width := len(grid[head])
	for width > 0 && grid[head][width-1] == "" {
		width--
	}
	if width > mostColumns {
		return Table{}, fault.New(fault.Invalid, "sheet.large", "the table has %d columns, more than %d; leave out what is not needed", width, mostColumns)
	}
	t.Columns = make([]string, width)
	seen := map[string]bool{}
	for i, name := range grid[head][:width] {
		if name == "" {
			name = letters(i)
		}
		for seen[name] {
			name += " (" + letters(i) + ")"
		}
		seen[name] = true
		t.Columns[i] = name
	}
	t.First = head + 2
	rows := grid[head+1:]
	for len(rows) > 0 && empty(rows[len(rows)-1]) {
		rows = rows[:len(rows)-1]
	}
	if len(rows) > MostRows {
		return Table{}, large()
	}
	for i, row := range rows {
		if len(row) < width {
			row = append(row, make([]string, width-len(row))...)
		}
		rows[i] = row[:width:width]
	}
	t.Rows = rows
	return t, nil
}

// letters is how spreadsheets name a column: A, B, … Z, AA.
func letters(i int) string {
	var b []byte
	for i++; i > 0; i = (i - 1) / 26 {
		b = append([]byte{byte('A' + (i-1)%26)}, b...)
	}
	return string(b)
}

func empty(row []string) bool {
	for _, c := range row {
		if c != "" {
			return false
		}
	}
	return true
}

// tidy gives a cell without blanks around it, as valid text without control
// characters, bounded.
func tidy(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\u00a0':
			return ' '
		case r < ' ' || r == 0x7f || r == '\ufeff':
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if len(s) > longestCell {
		s = strings.ToValidUTF8(s[:longestCell], "")
	}
	return s
}
