package roster

import (
	"cmp"
	"fmt"
	"slices"
)

// AddModel takes a model in, which Names give its maker, name and UDI device
// identifiers.
func (k *Known) AddModel(u Unit) {
	k.units[u.ID] = &u
	for _, di := range u.Names["udi-di"] {
		k.by["udi-di|"+squeeze(di)] = append(k.by["udi-di|"+squeeze(di)], u.ID)
	}
}

// PlanModels is Plan for tables of models. id names a model by maker and name.
func PlanModels(rows []Row, known *Known, chosen map[int]string, id func(maker, name string) string) (steps []Step, problems []Problem) {
	first := map[string]int{}
	for i := range rows {
		r := &rows[i]
		s := Step{Row: r.N, Outcome: Wrong, Values: r.Values}
		if r.Wrong {
			steps = append(steps, s)
			continue
		}
		found, why := known.by["udi-di|"+squeeze(r.Values["udi-di"])], "udi-di"
		own := ""
		if r.Values["manufacturer"] != "" && r.Values["model"] != "" {
			own = id(r.Values["manufacturer"], r.Values["model"])
			if len(found) == 0 && known.units[own] != nil {
				found, why = []string{own}, "maker and name"
			}
		}
		switch pick := chosen[r.N]; {
		case pick != "" && pick != "new" && known.units[pick] == nil:
			problems = append(problems, Problem{Row: r.N, Value: shown(pick), Want: "the id of a model in the register, or new"})
		case pick != "" && pick != "new":
			s.isModel(known.units[pick], "chosen")
		case len(found) == 1:
			s.isModel(known.units[found[0]], why)
		case len(found) > 1:
			s.Outcome = Doubtful
			for _, one := range found[:min(len(found), 5)] {
				s.Candidates = append(s.Candidates, Candidate{one, why})
			}
		case own == "":
			problems = append(problems, Problem{Row: r.N, Want: "the maker and the model: the register knows no model with this UDI device identifier"})
		default:
			s.ID, s.Outcome = own, New
			s.all()
		}
		if s.ID != "" {
			if n := first[s.ID]; n != 0 {
				problems = append(problems, Problem{Row: r.N, Want: fmt.Sprintf("another model than row %d: both are %s", n, s.ID)})
				s = Step{Row: r.N, Outcome: Wrong, Values: r.Values}
			} else {
				first[s.ID] = r.N
			}
		}
		steps = append(steps, s)
	}
	return steps, problems
}

// isModel takes the row for one about a known model, which keeps its name.
func (s *Step) isModel(u *Unit, why string) {
	values := s.Values
	s.Values = map[string]string{}
	for name, v := range values {
		if name != "manufacturer" && name != "model" {
			s.Values[name] = v
		}
	}
	s.is(u, why)
}

// SortProblems puts problems in the order of the rows.
func SortProblems(list []Problem) {
	slices.SortStableFunc(list, func(a, b Problem) int { return cmp.Compare(a.Row, b.Row) })
}
