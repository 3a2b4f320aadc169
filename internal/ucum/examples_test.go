package ucum

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"
	"testing"
)

// notUCUM are codes of the example table that the grammar does not allow; each
// with the reason.
var notUCUM = map[string]string{"Torr": "not in UCUM 2.2; read as a spelling of mm[Hg], from which it differs by less than 3 in a million"}

// R14: each unit of the table of example codes for electronic messaging can be
// read and explained.
func TestExampleCodes(t *testing.T) {
	codes := exampleCodes(t)
	read := 0
	for _, code := range codes {
		if _, err := Parse(code); err != nil {
			if notUCUM[code] == "" {
				t.Errorf("%q: %v", code, err)
			}
			continue
		}
		if e, err := Explain(code); err != nil || e.Name == "" {
			t.Errorf("%q: %+v %v", code, e, err)
		}
		read++
	}
	t.Logf("%d/%d", read, len(codes))
	if len(codes) < 800 {
		t.Errorf("only %d codes found", len(codes))
	}
}

// exampleCodes reads column B of the first sheet.
func exampleCodes(t *testing.T) []string {
	raw := corpus(t, "common-units/TableOfExampleUcumCodesForElectronicMessaging.xlsx")
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	part := func(name string, into any) {
		f, err := z.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := xml.NewDecoder(f).Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	var texts struct {
		Item []struct {
			Plain string   `xml:"t"`
			Rich  []string `xml:"r>t"`
		} `xml:"si"`
	}
	part("xl/sharedStrings.xml", &texts)
	var sheet struct {
		Cell []struct {
			Place string `xml:"r,attr"`
			Kind  string `xml:"t,attr"`
			Value string `xml:"v"`
		} `xml:"sheetData>row>c"`
	}
	part("xl/worksheets/sheet1.xml", &sheet)
	var codes []string
	for _, c := range sheet.Cell {
		row, ok := strings.CutPrefix(c.Place, "B")
		if n, err := strconv.Atoi(row); !ok || err != nil || n < 3 || c.Value == "" {
			continue
		}
		text := c.Value
		if c.Kind == "s" {
			n, err := strconv.Atoi(c.Value)
			if err != nil || n >= len(texts.Item) {
				t.Fatal(c)
			}
			text = texts.Item[n].Plain + strings.Join(texts.Item[n].Rich, "")
		}
		if text = strings.TrimSpace(text); text != "" {
			codes = append(codes, text)
		}
	}
	return codes
}
