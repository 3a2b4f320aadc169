package roster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// Outcome is what becomes of a row.
type Outcome string

// The outcomes.
const (
	New      Outcome = "new"      // a device is made
	Changed  Outcome = "changed"  // something is said of a known one
	Same     Outcome = "same"     // all of it is known
	Doubtful Outcome = "doubtful" // which device it is must be decided
	Wrong    Outcome = "wrong"    // it has problems
)

// Step is what is to be done for one row.
type Step struct {
	Row        int         `json:"row"`
	Outcome    Outcome     `json:"outcome"`
	ID         string      `json:"id,omitempty"`  // the device it is
	Why        string      `json:"why,omitempty"` // it is that one: id, udi, asset, serial-and-maker, mac
	Changes    []Change    `json:"changes,omitempty"`
	Candidates []Candidate `json:"candidates,omitempty"` // of a doubtful row

	Values map[string]string `json:"-"` // all that the row says
}

// Change is one fact that would be said.
type Change struct {
	Name string `json:"name"`
	Was  string `json:"was,omitempty"`
	Now  string `json:"now"`
}

// Candidate is a device that a row may be about, and why.
type Candidate struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

// Plan says what becomes of every row. chosen decides doubtful rows: the id of
// the device, or "new". Rows of one table that name the same device are
// problems, because one of them would be lost.
func Plan(rows []Row, known *Known, chosen map[int]string) (steps []Step, problems []Problem) {
	first := map[string]int{} // what names a device, to the row that had it first
	for i := range rows {
		r := &rows[i]
		s := Step{Row: r.N, Outcome: Wrong, Values: r.Values}
		if !r.Wrong {
			if p, ok := twice(r, known, first); ok {
				problems = append(problems, p)
			} else if p, ok := known.match(r, &s, chosen[r.N]); !ok {
				problems = append(problems, p)
			}
		}
		if s.ID != "" {
			if n := first["device|"+s.ID]; n != 0 {
				problems = append(problems, Problem{Row: r.N, Want: fmt.Sprintf("another device than row %d: both are %s", n, s.ID)})
				s = Step{Row: r.N, Outcome: Wrong, Values: r.Values}
			} else {
				first["device|"+s.ID] = r.N
			}
		}
		steps = append(steps, s)
	}
	return steps, problems
}

// twice says that an earlier row has the same number.
func twice(r *Row, known *Known, first map[string]int) (Problem, bool) {
	keys := map[string]string{}
	if v := r.Values["serial"]; v != "" && !worthless(v) {
		keys["serial|"+plain(r.Values["manufacturer"])+"|"+plain(r.Values["model"])+"|"+squeeze(v)] = "serial number"
	}
	if id := known.identity(r.Values["udi"]); id != "" {
		keys["udi|"+id] = "UDI"
	}
	if v := r.Values["asset"]; v != "" {
		keys["asset|"+squeeze(v)] = "asset number"
	}
	if v := r.Values["mac"]; v != "" {
		keys["mac|"+squeeze(v)] = "MAC address"
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if n := first[k]; n != 0 {
			return Problem{Row: r.N, Want: fmt.Sprintf("another %s than row %d has", keys[k], n)}, true
		}
	}
	for k := range keys {
		first[k] = r.N
	}
	return Problem{}, false
}

// match finds the device of a row.
func (k *Known) match(r *Row, s *Step, chosen string) (Problem, bool) {
	if r.ID != "" {
		u, ok := k.Unit(r.ID)
		if !ok {
			return Problem{Row: r.N, Value: shown(r.ID), Want: "the id of a device in the register"}, false
		}
		s.is(u, "id")
		return Problem{}, true
	}
	if chosen != "" {
		if chosen == "new" {
			s.Outcome = New
			s.all()
			return Problem{}, true
		}
		u := k.units[chosen]
		if u == nil {
			return Problem{Row: r.N, Value: shown(chosen), Want: "the id of a device in the register, or new"}, false
		}
		s.is(u, "chosen")
		return Problem{}, true
	}
	found := k.candidates(r)
	switch {
	case len(found) == 0:
		s.Outcome = New
		s.all()
	case len(found) == 1 && found[0].certain:
		s.is(k.units[found[0].ID], found[0].Why)
	default:
		s.Outcome = Doubtful
		for _, c := range found[:min(len(found), 5)] {
			s.Candidates = append(s.Candidates, c.Candidate)
		}
	}
	return Problem{}, true
}

type candidate struct {
	Candidate
	certain bool
}

// candidates gives the devices that a row may be about, each with the
// strongest reason. A number that fits while another one speaks against it is
// no certainty.
func (k *Known) candidates(r *Row) []candidate {
	var out []candidate
	add := func(id, why string, certain bool) {
		if !slices.ContainsFunc(out, func(c candidate) bool { return c.ID == id }) {
			out = append(out, candidate{Candidate{id, why}, certain})
		}
	}
	if id := k.identity(r.Values["udi"]); id != "" {
		for _, unit := range k.by["udi|"+id] {
			add(unit, "udi", true)
		}
	}
	contradicted := func(u *Unit) bool { // another serial number
		v := r.Values["serial"]
		if v == "" || worthless(v) || len(u.Names["serial"]) == 0 {
			return false
		}
		return !slices.ContainsFunc(u.Names["serial"], func(s string) bool { return squeeze(s) == squeeze(v) })
	}
	if v := r.Values["asset"]; v != "" {
		for _, unit := range k.by["asset|"+squeeze(v)] {
			if contradicted(k.units[unit]) {
				add(unit, "asset number, but another serial number", false)
				continue
			}
			add(unit, "asset number", true)
		}
	}
	if v := r.Values["serial"]; v != "" && !worthless(v) {
		for _, unit := range k.by["serial|"+squeeze(v)] {
			if why, certain, ok := bySerial(r, k.units[unit]); ok {
				add(unit, why, certain)
			}
		}
	}
	if v := r.Values["mac"]; v != "" {
		for _, unit := range k.by["mac|"+squeeze(v)] {
			if contradicted(k.units[unit]) {
				add(unit, "MAC address, but another serial number", false)
				continue
			}
			add(unit, "MAC address", true)
		}
	}
	return out
}

// bySerial says how sure a serial number is: makers number their units on
// their own, so the number alone is none.
func bySerial(r *Row, u *Unit) (why string, certain, ok bool) {
	maker, model := r.Values["manufacturer"], r.Values["model"]
	best := func(said string, known []string) (same, near bool) {
		for _, v := range known {
			s, n := alike(said, v)
			same, near = same || s, near || n
		}
		return same, near
	}
	sameMaker, nearMaker := best(maker, u.Names["manufacturer"])
	sameModel, nearModel := best(model, u.Names["model"])
	switch {
	case maker != "" && sameMaker && (model == "" || len(u.Names["model"]) == 0 || nearModel):
		return "serial number and maker", true, true
	case model != "" && sameModel && (maker == "" || len(u.Names["manufacturer"]) == 0 || nearMaker):
		return "serial number and model", true, true
	case maker == "" && model == "":
		return "serial number alone", false, true
	case len(u.Names["manufacturer"]) == 0 && len(u.Names["model"]) == 0:
		return "serial number; its maker is not known", false, true
	case nearMaker || nearModel:
		return "serial number; maker or model are written in another way", false, true
	}
	return "", false, false // the same number of another maker
}

// is takes the row for one about u.
func (s *Step) is(u *Unit, why string) {
	s.ID, s.Why, s.Outcome = u.ID, why, Same
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		if was := u.Said[name]; was != s.Values[name] {
			s.Changes = append(s.Changes, Change{Name: name, Was: was, Now: s.Values[name]})
			s.Outcome = Changed
		}
	}
}

// all takes everything the row says as a change.
func (s *Step) all() {
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		s.Changes = append(s.Changes, Change{Name: name, Now: s.Values[name]})
	}
}

// Digest names a plan: two plans with the same digest do the same.
func Digest(steps []Step) string {
	h := sha256.New()
	for i := range steps {
		s := &steps[i]
		fmt.Fprintf(h, "%d\x00%s\x00%s\x00", s.Row, s.Outcome, s.ID)
		for _, c := range s.Changes {
			fmt.Fprintf(h, "%s\x00%s\x00%s\x00", c.Name, c.Was, c.Now)
		}
		for _, c := range s.Candidates {
			fmt.Fprintf(h, "?%s\x00", c.ID)
		}
		h.Write([]byte{'\n'})
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Counts says how many rows have which outcome.
func Counts(steps []Step) map[Outcome]int {
	out := map[Outcome]int{}
	for i := range steps {
		out[steps[i].Outcome]++
	}
	return out
}
