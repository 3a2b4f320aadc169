package sheet_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"thalamus/internal/fault"
	"thalamus/internal/imports/sheet"
)

func wide(s string) []byte {
	out := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

func book(t testing.TB, rows ...[]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for i, row := range rows {
		cell, _ := excelize.CoordinatesToCellName(1, i+1)
		if err := f.SetSheetRow("Sheet1", cell, &row); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Tables come in many forms and mean the same.
func TestRead(t *testing.T) {
	packed, err := sheet.Pack([]byte("Serial,Maker\nA1,Dräger\n"))
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		body []byte
		form string
		at   int
	}{
		"comma":        {[]byte("Serial,Maker\nA1,Dräger\n"), "csv", 2},
		"semicolon":    {[]byte("Serial;Maker\r\nA1;Dräger"), "csv;", 2},
		"tab":          {[]byte("Serial\tMaker\nA1\tDräger\n"), "tsv", 2},
		"bar":          {[]byte("Serial|Maker\nA1|Dräger\n"), "bar", 2},
		"mark":         {[]byte("\ufeffSerial,Maker\nA1,Dräger\n"), "csv", 2},
		"Windows-1252": {[]byte("Serial;Maker\r\nA1;Dr\xe4ger\r\n"), "csv;", 2},
		"UTF-16":       {wide("Serial\tMaker\r\nA1\tDräger\r\n"), "tsv", 2},
		"quoted":       {[]byte("\"Serial\",\"Maker\"\n\"A1\",\"Dräger\"\n"), "csv", 2},
		"packed":       {packed, "csv", 2},
		"blanks":       {[]byte("\n\nSerial,Maker, \n A1 , Dräger ,\n,,\n"), "csv", 4},
		"workbook":     {book(t, []any{"Serial", "Maker"}, []any{"A1", "Dräger"}), "xlsx", 2},
		"book, down":   {book(t, []any{}, []any{"Serial", "Maker"}, []any{"A1", "Dräger"}), "xlsx", 3},
	} {
		got, err := sheet.Read(c.body)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got.Form != c.form || strings.Join(got.Columns, "|") != "Serial|Maker" || len(got.Rows) != 1 || strings.Join(got.Rows[0], "|") != "A1|Dräger" || got.First != c.at {
			t.Errorf("%s: %+v %q", what, got, got.Rows)
		}
	}
}

func TestNamesOfColumns(t *testing.T) {
	got, err := sheet.Read([]byte("a,,a\n1,2,3\n4\n"))
	if err != nil || strings.Join(got.Columns, "|") != "a|B|a (C)" || len(got.Rows[1]) != 3 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestRefused(t *testing.T) {
	for what, c := range map[string]struct {
		body []byte
		code string
	}{
		"nothing":  {nil, "sheet.empty"},
		"blanks":   {[]byte("\n \n,,\n"), "sheet.empty"},
		"binary":   {[]byte("GIF89a\x00\x00\x00"), "sheet.form"},
		"old book": {[]byte("\xd0\xcf\x11\xe0xxxx"), "sheet.form"},
		"PDF":      {[]byte("%PDF-1.7"), "sheet.form"},
		"half zip": {[]byte("PK\x03\x04xx"), "sheet.form"},
		"half gz":  {[]byte("\x1f\x8bxx"), "sheet.form"},
		"rows":     {[]byte("a,b\n" + strings.Repeat("1,2\n", sheet.MostRows+1)), "sheet.large"},
		"columns":  {[]byte(strings.Repeat("a,", 300) + "b\n1\n"), "sheet.large"},
	} {
		if _, err := sheet.Read(c.body); fault.CodeOf(err) != c.code || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What strangers send makes no panic and gives whole rows.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"Serial;Maker\r\nA1;Dr\xe4ger\r\n", "a|b\n1|2\n", "\"a\n\",b\n\"", "\xff\xfea\x00,\x00", "PK\x03\x04", "\x1f\x8b"} {
		f.Add([]byte(seed))
	}
	f.Add(book(f, []any{"Serial"}, []any{"A1"}))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := sheet.Read(body)
		if err != nil {
			if fault.CodeOf(err) == "" {
				t.Fatal(err)
			}
			return
		}
		for _, row := range got.Rows {
			if len(row) != len(got.Columns) {
				t.Fatalf("%q has not %d cells", row, len(got.Columns))
			}
		}
	})
}
