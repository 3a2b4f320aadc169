// Package mds2 reads what a maker says of a device's security: the worksheet of
// ANSI/NEMA HN 1-2019, "Manufacturer Disclosure Statement for Medical Device
// Security" (MDS2), as a spreadsheet (XLSX) or as CSV saved from it (R32).
//
// A row of the worksheet has the id of a question (MPII-1, AUDT-2.8.1), the
// question, the answer (Yes, No, N/A, See Notes) and a note; behind them stand
// the clauses of other standards, which are not read. Makers move columns,
// leave rows out and add their own: a row counts when a cell is the id of a
// question of the form of 2019. Notes at the end ("Note 3: …") are put where
// they are named.
//
// What is read is bounded in size, unpacked size, rows and text; nothing of it
// is run or fetched.
package mds2

import (
	"regexp"
	"slices"
	"strings"

	"thalamus/internal/fault"
)

// Statement is one answer of the maker.
type Statement struct {
	ID       string // "MPII-2.1"
	Question string
	Answer   string // as it stands there; of DOC-1 to DOC-7 a text
	Note     string
}

// Value is yes, no or n/a, where the answer is one of these; else empty.
func (s Statement) Value() string {
	switch strings.ToLower(strings.Trim(s.Answer, " .")) {
	case "yes", "y":
		return "yes"
	case "no", "n":
		return "no"
	case "n/a", "na", "not applicable":
		return "n/a"
	}
	return ""
}

// Form is a worksheet as it was filled in.
type Form struct {
	Maker, Model string // DOC-1, DOC-3
	Document     string // DOC-4, its number
	Released     string // DOC-7, as it stands there
	Statements   []Statement
	Twice        []string // ids that stood there more than once: the first counts
}

// Bounds of what is read.
const (
	MaxSize       = 8 << 20 // bytes of a file
	maxUnpacked   = 48 << 20
	maxSheets     = 20
	maxRows       = 5000 // of a sheet
	maxColumns    = 40
	maxText       = 4000 // bytes of a cell
	maxStatements = 1000
	leastFilled   = 5 // fewer are no worksheet
)

// sections are those of the form of 2019, in its order.
var sections = []string{
	"DOC", "MPII", "ALOF", "AUDT", "AUTH", "CSUP", "DIDT", "DTBK", "EMRG", "IGAU", "MLDP", "NAUT", "CONN", "PAUT",
	"PLOK", "RDMP", "SBOM", "SAHD", "SGUD", "STCF", "TXCF", "TXIG", "RMOT", "OTHR",
}

var (
	idForm   = regexp.MustCompile(`^([A-Za-z]{3,4})\s*[-–—]\s*(\d{1,2}(?:\.\d{1,2}){0,3})\.?$`)
	noteForm = regexp.MustCompile(`(?is)^note\s*#?\s*(\d{1,3})\s*[:.)-]?\s*(.*)$`)
)

// Read reads a worksheet. Errors are fault.Invalid: mds2.form for what is no
// worksheet, mds2.too-large.
func Read(body []byte) (Form, error) {
	if len(body) > MaxSize {
		return Form{}, fault.New(fault.Invalid, "mds2.too-large", "the file has %d bytes; a worksheet has %d at most", len(body), MaxSize)
	}
	grid, err := cells(body)
	if err != nil {
		return Form{}, err
	}
	return read(grid)
}

// read takes the statements out of rows of cells.
func read(grid [][]string) (Form, error) {
	var f Form
	notes := map[string]string{}
	seen := map[string]bool{}
	for _, row := range grid {
		at, id := idOf(row)
		if id == "" {
			note(row, notes)
			continue
		}
		s := statement(row, at, id)
		if seen[id] {
			f.Twice = append(f.Twice, id)
			continue
		}
		seen[id] = true
		if len(f.Statements) >= maxStatements {
			return Form{}, fault.New(fault.Invalid, "mds2.too-large", "more than %d questions are answered; the form of 2019 has about 240", maxStatements)
		}
		f.Statements = append(f.Statements, s)
	}
	filled := 0
	for i := range f.Statements {
		s := &f.Statements[i]
		if m := noteForm.FindStringSubmatch(s.Note); m != nil && strings.TrimSpace(m[2]) == "" && notes[m[1]] != "" {
			s.Note = "Note " + m[1] + ": " + notes[m[1]]
		}
		if s.Answer != "" {
			filled++
		}
		switch s.ID {
		case "DOC-1":
			f.Maker = s.Answer
		case "DOC-3":
			f.Model = s.Answer
		case "DOC-4":
			f.Document = s.Answer
		case "DOC-7":
			f.Released = s.Answer
		}
	}
	if filled < leastFilled {
		return Form{}, fault.New(fault.Invalid, "mds2.form", "%d answered questions of MDS2 2019 were found (MPII-1, AUDT-2.1 …); give the filled-in worksheet of the form of 2019, as XLSX or as CSV saved from it", filled)
	}
	return f, nil
}

// idOf finds the id of a question in the first cells of a row.
func idOf(row []string) (at int, id string) {
	for i, cell := range row[:min(len(row), 4)] {
		m := idForm.FindStringSubmatch(cell)
		if m == nil {
			continue
		}
		section := strings.ToUpper(m[1])
		if section == "SHAD" {
			section = "SAHD" // SHAD-15: a slip that many filled-in forms have
		}
		if slices.Contains(sections, section) {
			return i, section + "-" + m[2]
		}
	}
	return 0, ""
}

// statement reads the cells behind an id: the question, and in the two columns
// behind it answer and note; further ones name other standards.
func statement(row []string, at int, id string) Statement {
	s := Statement{ID: id}
	rest := row[at+1:]
	for i, cell := range rest {
		if cell == "" {
			continue
		}
		s.Question, rest = cell, rest[i+1:]
		break
	}
	for _, cell := range rest[:min(len(rest), 2)] {
		switch {
		case blank(cell):
		case s.Answer == "":
			s.Answer = cell
		case s.Note == "":
			s.Note = cell
		}
	}
	if s.Value() == "" && s.Note != "" && (Statement{Answer: s.Note}).Value() != "" {
		s.Answer, s.Note = s.Note, s.Answer // the note stands before the answer
	}
	return s
}

// blank says whether a cell was left empty: the form fills such with lines.
func blank(cell string) bool { return strings.Trim(cell, "_-– .") == "" }

// note keeps "Note 3: text", in one cell or two.
func note(row []string, notes map[string]string) {
	for i, cell := range row[:min(len(row), 3)] {
		m := noteForm.FindStringSubmatch(cell)
		if m == nil {
			continue
		}
		text := strings.TrimSpace(m[2])
		for _, next := range row[i+1:] {
			if text == "" {
				text = next
			}
		}
		if text != "" && notes[m[1]] == "" && len(notes) < maxStatements {
			notes[m[1]] = text
		}
		return
	}
}
