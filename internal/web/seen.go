package web

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/web/ui"
)

// seen writes one table of a page as CSV: what is seen and no more, with times
// as RFC 3339 in UTC. Each table links to it (ui.Table); the page was called,
// and so audited, as for reading it.
func seen(w http.ResponseWriter, v *ui.Visit, view ui.View) error {
	id := v.Query("table")
	var page bytes.Buffer
	if err := view.Body.Render(v.Context(), &page); err != nil {
		return err
	}
	rows, err := tableOf(&page, id)
	if err != nil {
		return fault.Wrap(err, fault.Broken, "internal", "the table cannot be written; the log says more")
	}
	if len(rows) == 0 {
		return fault.New(fault.Absent, "web.no-page", "there is no such table on this page now")
	}
	hide := v.Hides(id, len(rows[0]))
	f := ui.StartCSV(w, id, without(rows[0], hide)...)
	for _, row := range rows[1:] {
		f.Row(without(row, hide)...)
	}
	return f.End()
}

// without leaves out the columns that the reader does not want to see.
func without(row, hide []string) []string {
	if len(hide) == 0 {
		return row
	}
	out := row[:0:0]
	for i, cell := range row {
		if !slices.Contains(hide, strconv.Itoa(i+1)) {
			out = append(out, cell)
		}
	}
	return out
}

// tableOf reads the rows of one table out of a page of our own.
func tableOf(page io.Reader, id string) (rows [][]string, err error) {
	d := xml.NewDecoder(page)
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	inside, skip := false, 0 // skip: depth within what is not part of a cell's text
	var row []string
	var cell *strings.Builder
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		switch e := t.(type) {
		case xml.StartElement:
			switch {
			case !inside:
				inside = e.Name.Local == "table" && attribute(e, "id") == id
			case skip > 0 || silent(e):
				skip++
			case e.Name.Local == "tr":
				row = nil
			case e.Name.Local == "th", e.Name.Local == "td":
				cell = &strings.Builder{}
			case cell != nil && e.Name.Local == "time":
				cell.WriteString(" " + attribute(e, "datetime"))
				skip++ // the text of a time is for readers
			case cell != nil:
				cell.WriteByte(' ')
			}
		case xml.CharData:
			if inside && skip == 0 && cell != nil {
				cell.Write(e)
			}
		case xml.EndElement:
			switch {
			case !inside:
			case skip > 0:
				skip--
			case e.Name.Local == "table":
				return rows, nil
			case (e.Name.Local == "th" || e.Name.Local == "td") && cell != nil:
				row, cell = append(row, strings.Join(strings.Fields(cell.String()), " ")), nil
			case e.Name.Local == "tr":
				rows = append(rows, row)
			}
		}
	}
}

// silent says that an element says nothing of its own: pictures, tips, forms
// and what is hidden.
func silent(e xml.StartElement) bool {
	switch e.Name.Local {
	case "svg", "button", "select", "input", "caption", "script":
		return true
	}
	return strings.Contains(attribute(e, "class"), "tip-text") || attribute(e, "aria-hidden") == "true"
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
