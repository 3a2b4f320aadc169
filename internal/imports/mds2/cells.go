package mds2

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"thalamus/internal/fault"
)

// cells gives the rows of all sheets one after the other.
func cells(body []byte) ([][]string, error) {
	switch {
	case bytes.HasPrefix(body, []byte("PK\x03\x04")):
		return sheets(body)
	case bytes.HasPrefix(body, []byte("\xd0\xcf\x11\xe0")):
		return nil, fault.New(fault.Invalid, "mds2.form", "this is an old (.xls) or encrypted workbook; save it as .xlsx without a password")
	case bytes.HasPrefix(body, []byte("%PDF")):
		return nil, fault.New(fault.Invalid, "mds2.form", "this is a PDF; ask the maker for the worksheet as a spreadsheet")
	}
	return commas(body)
}

// sheets reads a workbook. Sizes are bounded before anything is unpacked, and
// a defect of the reader that a hostile file shows is an error.
func sheets(body []byte) (grid [][]string, err error) {
	unreadable := func(why error) error {
		return fault.Wrap(why, fault.Invalid, "mds2.form", "the workbook cannot be read; open it in a spreadsheet program and save it again as .xlsx")
	}
	defer func() {
		if x := recover(); x != nil {
			grid, err = nil, unreadable(fmt.Errorf("%v", x))
		}
	}()
	book, err := excelize.OpenReader(bytes.NewReader(body), excelize.Options{UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxUnpacked, RawCellValue: true})
	if err != nil {
		return nil, unreadable(err)
	}
	defer book.Close()
	names := book.GetSheetList()
	for _, name := range names[:min(len(names), maxSheets)] {
		rows, err := book.Rows(name)
		if err != nil {
			continue // a chart or dialogue
		}
		for n := 0; n < maxRows && rows.Next(); n++ {
			row, err := rows.Columns()
			if err != nil {
				_ = rows.Close()
				return nil, unreadable(err)
			}
			if row = tidy(row); len(row) > 0 {
				grid = append(grid, row)
			}
		}
		if err := errors.Join(rows.Error(), rows.Close()); err != nil {
			return nil, unreadable(err)
		}
	}
	return grid, nil
}

// commas reads CSV with commas, semicolons or tabs, as spreadsheet programs
// save it in different countries.
func commas(body []byte) ([][]string, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if bytes.IndexByte(body, 0) >= 0 {
		return nil, fault.New(fault.Invalid, "mds2.form", "this is neither a workbook nor a text; give the worksheet as XLSX, or as CSV in UTF-8")
	}
	if !utf8.Valid(body) {
		body = latin(body)
	}
	head := body[:min(len(body), 4096)]
	comma := ','
	for _, other := range ";\t" {
		if bytes.Count(head, []byte(string(other))) > bytes.Count(head, []byte(string(comma))) {
			comma = other
		}
	}
	r := csv.NewReader(bytes.NewReader(body))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = comma, true, -1, true
	var grid [][]string
	for len(grid) < maxRows {
		row, err := r.Read()
		if err == io.EOF {
			return grid, nil
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "mds2.form", "the text is no CSV; save the worksheet again, or give it as XLSX")
		}
		if row = tidy(row); len(row) > 0 {
			grid = append(grid, row)
		}
	}
	return grid, nil
}

// latin reads bytes as ISO 8859-1, which older programs write.
func latin(body []byte) []byte {
	var out bytes.Buffer
	for _, c := range body {
		out.WriteRune(rune(c))
	}
	return out.Bytes()
}

// tidy gives the cells of a row without blanks around them, bounded; nil for an
// empty row.
func tidy(row []string) []string {
	row = row[:min(len(row), maxColumns)]
	out, filled := make([]string, len(row)), false
	for i, cell := range row {
		cell = strings.ReplaceAll(cell, "\u00a0", " ")
		if len(cell) > maxText {
			cell = strings.ToValidUTF8(cell[:maxText], "")
		}
		out[i] = strings.Clone(strings.Join(strings.Fields(cell), " "))
		filled = filled || out[i] != ""
	}
	if !filled {
		return nil
	}
	return out
}
