package profile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/mdc"
	"thalamus/internal/model"
	"thalamus/internal/ucum"
)

// columns of a table; the order in the file is free.
var columns = []string{"code", "kind", "label", "max", "meaning", "min", "missing", "unit", "unit_in"}

// table is a table file that is being read: a heading, and rows of cells. Lines
// with # are comments.
type table struct {
	name    string
	r       *csv.Reader
	heading []string
}

func openTable(name string, raw []byte, columns []string) (*table, error) {
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comma, r.Comment, r.LazyQuotes, r.FieldsPerRecord = ';', '#', false, -1
	heading, err := r.Read()
	t := &table{name, r, heading}
	if err != nil {
		return nil, fault.New(fault.Invalid, "profile.table", "expected a first line label;code;…").At(name + ":1:1")
	}
	for i, h := range heading {
		if heading[i] = strings.TrimSpace(h); !slices.Contains(columns, heading[i]) {
			return nil, t.wrong(i, "unknown column %q; known: %s", h, strings.Join(columns, ", "))
		}
	}
	return t, nil
}

// wrong says what is wrong with a cell of the row that was read last.
func (t *table) wrong(column int, text string, args ...any) error {
	line, col := t.r.FieldPos(column)
	return fault.New(fault.Invalid, "profile.table", text, args...).At(fmt.Sprintf("%s:%d:%d", t.name, line, col))
}

// next is the next row, nil at the end.
func (t *table) next() ([]string, error) {
	row, err := t.r.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	var syntax *csv.ParseError
	if errors.As(err, &syntax) {
		return nil, fault.New(fault.Invalid, "profile.table", "%s", syntax.Err).At(fmt.Sprintf("%s:%d:%d", t.name, syntax.Line, syntax.Column))
	} else if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "profile.table", "the table cannot be read").At(t.name)
	}
	if len(row) > len(t.heading) {
		return nil, t.wrong(len(t.heading), "the row has more cells than the heading")
	}
	return row, nil
}

// parseTable reads label;code;… with a heading.
func parseTable(name string, raw []byte) (map[string]*Label, error) {
	t, err := openTable(name, raw, columns)
	if err != nil {
		return nil, err
	}
	labels := map[string]*Label{}
	for {
		row, err := t.next()
		if row == nil || err != nil {
			return labels, err
		}
		l := &Label{}
		for i, cell := range row {
			if text, args := l.put(t.heading[i], strings.TrimSpace(cell)); text != "" {
				return nil, t.wrong(i, text, args...)
			}
		}
		key := squeeze(l.Label)
		switch {
		case key == "":
			return nil, t.wrong(0, "the label is empty")
		case labels[key] != nil:
			return nil, t.wrong(0, "the label %q stands twice", l.Label)
		case l.Code == "" && l.Kind != "ignore":
			return nil, t.wrong(0, "the label %q has no code; where it says nothing, set kind to ignore", l.Label)
		case len(labels) >= maxLabels:
			return nil, t.wrong(0, "the table has more than %d rows", maxLabels)
		}
		if text, args := l.agree(); text != "" {
			return nil, t.wrong(0, text, args...)
		}
		labels[key] = l
	}
}

// put fills one cell; it gives what is wrong with it.
func (l *Label) put(column, cell string) (string, []any) {
	unit := func(to *string) (string, []any) {
		if cell != "" {
			if _, err := ucum.Parse(cell); err != nil {
				return "%q is no UCUM unit", []any{cell}
			}
		}
		*to = cell
		return "", nil
	}
	number := func(to *string) (string, []any) {
		if cell != "" {
			if _, err := model.ParseDecimal(cell); err != nil {
				return "%q is no number", []any{cell}
			}
		}
		*to = cell
		return "", nil
	}
	switch column {
	case "label":
		l.Label = cell
	case "code":
		if l.Code = cell; cell != "" {
			if _, ok := meaning(cell); !ok {
				return "%q is neither an MDC refid nor a LOINC code of the table; `thalamus code find` searches it", []any{cell}
			}
		}
	case "unit_in":
		return unit(&l.UnitIn)
	case "unit":
		return unit(&l.Unit)
	case "min":
		return number(&l.Min)
	case "max":
		return number(&l.Max)
	case "missing":
		for _, one := range strings.Split(cell, "|") {
			if one = strings.TrimSpace(one); one != "" {
				l.Missing = append(l.Missing, one)
			}
		}
	case "kind":
		if cell != "" && !slices.Contains([]string{"numeric", "setting", "enumeration", "text", "ignore"}, cell) {
			return "expected numeric, setting, enumeration, text or ignore, not %q", []any{cell}
		}
		l.Kind = cell
	case "meaning":
		l.Meaning = cell
	}
	return "", nil
}

// agree checks that the row's units measure what its code does.
func (l *Label) agree() (string, []any) {
	t, ok := mdc.ByRefID(l.Code)
	if !ok {
		return "", nil
	}
	for _, u := range []string{l.UnitIn, l.Unit} {
		if u == "" || len(t.Units) == 0 {
			continue
		}
		unit, err := ucum.Parse(u)
		if err != nil {
			continue
		}
		fits := func(known *ucum.Unit) bool { return ucum.Commensurable(unit, known) }
		if !slices.ContainsFunc(t.Units, fits) {
			return "%s is measured in %s, which %s cannot be converted to", []any{l.Code, t.UCUM, u}
		}
	}
	return "", nil
}

// squeeze is what counts of a label: small letters and digits, and signs that
// make a difference.
func squeeze(s string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(s) {
		if c != ' ' && c != '_' && c != '-' && c != '.' && c != '\t' {
			b.WriteRune(c)
		}
	}
	return b.String()
}
