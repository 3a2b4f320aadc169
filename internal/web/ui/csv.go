package ui

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
)

// CSV writes a list as a file: UTF-8, a head, CRLF (RFC 4180).
type CSV struct{ w *csv.Writer }

// StartCSV begins a file; name has no ending.
func StartCSV(w http.ResponseWriter, name string, head ...string) CSV {
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	f := CSV{csv.NewWriter(w)}
	f.w.UseCRLF = true
	f.Row(head...)
	return f
}

// Row writes one row; End tells whether it could be written.
func (f CSV) Row(cells ...string) {
	safe := make([]string, len(cells))
	for i, c := range cells {
		safe[i] = harmless(c)
	}
	_ = f.w.Write(safe) // the writer keeps its first error, End gives it
}

// End finishes the file.
func (f CSV) End() error {
	f.w.Flush()
	return f.w.Error()
}

// harmless makes a text harmless in a spreadsheet (decision 88, CWE-1236): what
// would be taken for a formula gets one apostrophe in front, unless it is a
// number.
func harmless(text string) string {
	bare := strings.TrimLeft(text, "'")
	if bare == "" || !strings.ContainsRune("=+-@\t\r", rune(bare[0])) {
		return text
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return text
	}
	return "'" + text
}
