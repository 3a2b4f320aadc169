package mds2

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"thalamus/internal/fault"
)

// worksheet is a form as its columns stand: id, question, answer, note, and the
// clauses of three other standards.
var worksheet = [][]any{
	{"Manufacturer Disclosure Statement for Medical Device Security -- MDS2"},
	{"Question ID", "Question", "", "See note"},
	{"DOC-1", "Manufacturer Name", "Acme Medical", "__"},
	{"DOC-3", "Device Model", "VM-200", "__"},
	{"DOC-4", "Document ID", "D-4711", "__"},
	{"DOC-7", "Document Release Date", "2026-03-20", "__"},
	{"", "MANAGEMENT OF PERSONALLY IDENTIFIABLE INFORMATION", "", "", "IEC TR 80001-2-2:2012", "NIST SP 800-53 Rev. 4", "ISO 27002:2013"},
	{"MPII-1", "Can this device display, transmit, store, or modify personally identifiable information?", "Yes", "__", "", "AR-2", "A.15.1.4"},
	{"MPII-2.1", "In volatile memory?", "Yes", "Note 1", "", "AR-2", "A.15.1.4"},
	{"AUDT-2.8.1", "Remote or on-site support?", "No", "__", "AUDT", "AU-2", "A.5.1.1"},
	{"SHAD-15", "Can the system prevent access to BIOS or other bootloaders during boot?", "N/A", "", "CNFS", "--", "A.14.2.7"},
	{"TXCF-2", "Is personally identifiable information encrypted prior to transmission?", "See Notes", "TLS only over Wi-Fi"},
	{"Note 1:", "Until power-off."},
	{"MPII-1", "Once more", "No"},
}

func workbook(t testing.TB, rows [][]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func text(rows [][]any, comma string) []byte {
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				b.WriteString(comma)
			}
			fmt.Fprintf(&b, `"%s"`, cell)
		}
		b.WriteString("\r\n")
	}
	return []byte(b.String())
}

var want = Form{
	Maker: "Acme Medical", Model: "VM-200", Document: "D-4711", Released: "2026-03-20", Twice: []string{"MPII-1"},
	Statements: []Statement{
		{"DOC-1", "Manufacturer Name", "Acme Medical", ""},
		{"DOC-3", "Device Model", "VM-200", ""},
		{"DOC-4", "Document ID", "D-4711", ""},
		{"DOC-7", "Document Release Date", "2026-03-20", ""},
		{"MPII-1", "Can this device display, transmit, store, or modify personally identifiable information?", "Yes", ""},
		{"MPII-2.1", "In volatile memory?", "Yes", "Note 1: Until power-off."},
		{"AUDT-2.8.1", "Remote or on-site support?", "No", ""},
		{"SAHD-15", "Can the system prevent access to BIOS or other bootloaders during boot?", "N/A", ""},
		{"TXCF-2", "Is personally identifiable information encrypted prior to transmission?", "See Notes", "TLS only over Wi-Fi"},
	},
}

func TestRead(t *testing.T) {
	moved := make([][]any, len(worksheet)) // a maker's own column before, and answers behind notes
	for i, row := range worksheet {
		moved[i] = append([]any{""}, row...)
		if len(row) > 3 && row[2] != "" && row[3] == "Note 1" {
			moved[i][3], moved[i][4] = row[3], row[2]
		}
	}
	for name, body := range map[string][]byte{
		"workbook":   workbook(t, worksheet),
		"commas":     text(worksheet, ","),
		"semicolons": append([]byte("\xef\xbb\xbf"), text(worksheet, ";")...),
		"tabs":       text(worksheet, "\t"),
		"moved":      workbook(t, moved),
	} {
		got, err := Read(body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, want)
		}
	}
	values := map[string]string{"Yes": "yes", " no": "no", "N/A": "n/a", "Not applicable": "n/a", "See Notes": "", "": ""}
	for answer, value := range values {
		if got := (Statement{Answer: answer}).Value(); got != value {
			t.Errorf("%q is %q, expected %q", answer, got, value)
		}
	}
}

// TestWhole: a form as makers fill it in, every question of it, with the ids
// of one that was published (testdata/whole/README.md).
func TestWhole(t *testing.T) {
	body, err := os.ReadFile(filepath.Join("testdata", "whole", "form.csv"))
	if err != nil {
		t.Fatal(err)
	}
	form, err := Read(body)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]int{}
	for _, s := range form.Statements {
		section, _, _ := strings.Cut(s.ID, "-")
		by[section]++
	}
	for _, section := range sections {
		if by[section] == 0 && section != "OTHR" {
			t.Errorf("no question of section %s", section)
		}
	}
	if len(form.Statements) < 220 || len(form.Twice) > 0 {
		t.Errorf("%d statements, twice %v", len(form.Statements), form.Twice)
	}
}

func TestRefused(t *testing.T) {
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	for _, name := range []string{"[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml"} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, maxUnpacked/2)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body []byte
		code string
	}{
		"empty":           {nil, "mds2.form"},
		"prose":           {[]byte("Dear customer,\nour device is secure.\n"), "mds2.form"},
		"PDF":             {[]byte("%PDF-1.7\n"), "mds2.form"},
		"old workbook":    {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "mds2.form"},
		"bytes":           {[]byte{1, 0, 2}, "mds2.form"},
		"half a workbook": {workbook(t, worksheet)[:900], "mds2.form"},
		"zip bomb":        {bomb.Bytes(), "mds2.form"},
		"too large":       {make([]byte, MaxSize+1), "mds2.too-large"},
		"not filled in":   {text([][]any{{"MPII-1", "Can it?", ""}, {"MPII-2", "Does it?", "__"}}, ","), "mds2.form"},
		"another sheet":   {workbook(t, [][]any{{"Serial", "Ward"}, {"4711", "ICU"}}), "mds2.form"},
	} {
		if _, err := Read(c.body); fault.CodeOf(err) != c.code || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, expected %s", name, err, c.code)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(workbook(f, worksheet))
	f.Add(text(worksheet, ","))
	f.Add(text(worksheet, ";"))
	f.Add([]byte("MPII-1,\"a\"b\",Yes\nNote 1: x\n"))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, body []byte) {
		form, err := Read(body)
		if err != nil {
			if code := fault.CodeOf(err); code != "mds2.form" && code != "mds2.too-large" {
				t.Errorf("code %q", code)
			}
			return
		}
		seen := map[string]bool{}
		for _, s := range form.Statements {
			if seen[s.ID] || idForm.FindString(s.ID) == "" || len(s.Answer) > maxText || len(s.Question) > maxText {
				t.Errorf("%+v", s)
			}
			seen[s.ID] = true
		}
		if again, err := Read(body); err != nil || !reflect.DeepEqual(form, again) {
			t.Errorf("read twice: %+v and %+v (%v)", form, again, err)
		}
	})
}
