package roster

import (
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// Table is what is imported: Rows are as long as Columns each, First is the
// number the first row has for people.
type Table struct {
	Columns []string
	First   int
	Rows    [][]string
}

// Problem is what is wrong with one cell, or with a row.
type Problem struct {
	Row    int    `json:"row"` // as people count
	Column string `json:"column,omitempty"`
	Value  string `json:"value,omitempty"` // what stands there, cut
	Want   string `json:"want"`            // what was expected
}

// Row is what one row says.
type Row struct {
	N      int               `json:"row"` // as people count
	ID     string            `json:"id,omitempty"`
	Values map[string]string `json:"values"` // by fact, in the form the register keeps
	Wrong  bool              `json:"wrong,omitempty"`
}

// Empty says that the row says nothing.
func (r *Row) Empty() bool { return r.ID == "" && len(r.Values) == 0 }

const longestShown = 60

func shown(s string) string {
	if len(s) > longestShown {
		return strings.ToValidUTF8(s[:longestShown], "") + "…"
	}
	return s
}

// Check says what is wrong with a mapping. The error is fault.Invalid, code
// roster.mapping.
func (m Mapping) Check(columns []string, w What) error {
	have := map[string]bool{}
	for _, c := range columns {
		have[c] = true
	}
	may := map[string]bool{}
	for _, t := range Targets(w) {
		may[t] = true
	}
	taken := map[string]string{}
	for _, c := range columns {
		t := m[c]
		switch {
		case t == "":
		case !may[t]:
			return fault.New(fault.Invalid, "roster.mapping", "no column can tell %q; there are %s", shown(t), strings.Join(Targets(w), ", ")).At("mapping")
		case taken[t] != "":
			return fault.New(fault.Invalid, "roster.mapping", "two columns tell %s: %q and %q; choose one", t, shown(taken[t]), shown(c)).At("mapping")
		default:
			taken[t] = c
		}
	}
	for c := range m {
		if !have[c] {
			return fault.New(fault.Invalid, "roster.mapping", "the table has no column %q", shown(c)).At("mapping")
		}
	}
	if len(taken) == 0 {
		return fault.New(fault.Invalid, "roster.mapping", "no column tells anything; say what at least one column tells").At("mapping")
	}
	if w == Models {
		if taken["manufacturer"] == "" && taken["udi-di"] == "" {
			return fault.New(fault.Invalid, "roster.mapping", "no column names the model; map the maker and the model, or the UDI device identifier").At("mapping")
		}
		return nil
	}
	for _, t := range []string{TargetID, "udi", "serial", "asset", "mac"} {
		if taken[t] != "" {
			return nil
		}
	}
	return fault.New(fault.Invalid, "roster.mapping", "no column names the device; map at least one of id, udi, serial, asset, mac").At("mapping")
}

// Read reads the rows of a table. What cannot be read is a problem, and its
// row is wrong; empty rows are passed over. An empty cell says nothing.
func Read(t Table, m Mapping, w What, dates Dates) (rows []Row, problems []Problem) {
	layer := fact.OfDevice
	if w == Models {
		layer = fact.OfModel
	}
	stages := lifeWords()
	targets := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		targets[i] = m[c]
	}
	for i, cells := range t.Rows {
		r := Row{N: t.First + i, Values: map[string]string{}}
		var place [4]string
		for k, cell := range cells[:min(len(cells), len(targets))] {
			cell = strings.TrimSpace(cell)
			if cell == "" || targets[k] == "" {
				continue
			}
			switch targets[k] {
			case TargetID:
				r.ID = cell
				continue
			case TargetWard, TargetRoom, TargetBed, TargetFacility:
				part := map[string]int{TargetWard: 0, TargetRoom: 1, TargetBed: 2, TargetFacility: 3}[targets[k]]
				place[part] = strings.ReplaceAll(cell, "^", " ")
				continue
			}
			v, want := value(layer, targets[k], cell, dates, stages)
			if want != "" {
				problems = append(problems, Problem{Row: r.N, Column: t.Columns[k], Value: shown(cell), Want: want})
				r.Wrong = true
				continue
			}
			if v != "" {
				r.Values[targets[k]] = v
			}
		}
		if p := strings.TrimRight(strings.Join(place[:], "^"), "^"); p != "" {
			if whole := r.Values["place"]; whole != "" && place[0] == "" && !strings.Contains(whole, "^") {
				p = strings.ReplaceAll(whole, "^", " ") + p // the ward stands in the column of places
			}
			if len(p) > 200 {
				problems = append(problems, Problem{Row: r.N, Want: "a place of at most 200 bytes"})
				r.Wrong = true
			} else {
				r.Values["place"] = p
			}
		}
		if r.Empty() && !r.Wrong {
			continue
		}
		if p := r.Values["place"]; p != "" {
			part := append(strings.SplitN(p, "^", 4), "", "", "")
			r.Values["place"] = model.Place{PointOfCare: part[0], Room: part[1], Bed: part[2], Facility: part[3]}.String()
		}
		if p, ok := r.nameless(w); ok && !r.Wrong {
			problems = append(problems, p)
			r.Wrong = true
		}
		rows = append(rows, r)
	}
	return rows, problems
}

// nameless says that nothing in the row names what it is about.
func (r *Row) nameless(w What) (Problem, bool) {
	if w == Models {
		if r.Values["udi-di"] != "" || r.Values["manufacturer"] != "" && r.Values["model"] != "" {
			return Problem{}, false
		}
		return Problem{Row: r.N, Want: "the maker and the model, or a UDI device identifier"}, true
	}
	if r.ID != "" {
		return Problem{}, false
	}
	for _, n := range []string{"udi", "serial", "asset", "mac"} {
		if v := r.Values[n]; v != "" && !worthless(v) {
			return Problem{}, false
		}
	}
	return Problem{Row: r.N, Want: "something that names the device: its serial number, UDI, asset number or MAC address"}, true
}
