package flows

import (
	"cmp"
	"slices"
)

// Between is what is seen between two parts of the house.
type Between struct {
	From       string `json:"from"` // department or segment; empty: none is known
	To         string `json:"to"`
	FromOwn    bool   `json:"fromOwn,omitempty"` // the program itself
	ToOwn      bool   `json:"toOwn,omitempty"`
	Flows      int    `json:"flows"`
	Unapproved int    `json:"unapproved"`
	Plain      int    `json:"plain"` // not encrypted
	Unknown    int    `json:"unknown"`
}

// Total counts rows.
type Total struct {
	Flows      int `json:"flows"`
	Unapproved int `json:"unapproved"`
	Plain      int `json:"plain"`   // not encrypted
	Unknown    int `json:"unknown"` // whether encrypted is not known
}

// Parts of the house by which flows are gathered.
const (
	BySegment    = "segment"
	ByDepartment = "department"
)

// Part gives the part of the house an end lies in.
func (e *End) Part(by string) (name string, own bool) {
	if e.Own != "" {
		return "", true
	}
	if by == ByDepartment {
		return e.Department, false
	}
	return e.Segment, false
}

// Gather counts flows between parts of the house, those with most unapproved
// flows first.
func Gather(rows []Row, by string) ([]Between, Total) {
	type key struct {
		from, to       string
		fromOwn, toOwn bool
	}
	var total Total
	found := map[key]*Between{}
	for i := range rows {
		r := &rows[i]
		var k key
		k.from, k.fromOwn = r.From.Part(by)
		k.to, k.toOwn = r.To.Part(by)
		b := found[k]
		if b == nil {
			b = &Between{From: k.from, To: k.to, FromOwn: k.fromOwn, ToOwn: k.toOwn}
			found[k] = b
		}
		b.Flows++
		total.Flows++
		if r.Approved == ByNone {
			b.Unapproved++
			total.Unapproved++
		}
		switch r.Encrypted {
		case "no":
			b.Plain++
			total.Plain++
		case "yes":
		default:
			b.Unknown++
			total.Unknown++
		}
	}
	out := make([]Between, 0, len(found))
	for _, b := range found {
		out = append(out, *b)
	}
	own := func(is bool) int {
		if is {
			return 1
		}
		return 0
	}
	slices.SortFunc(out, func(a, b Between) int {
		return cmp.Or(cmp.Compare(b.Unapproved, a.Unapproved), cmp.Compare(b.Plain, a.Plain), cmp.Compare(b.Flows, a.Flows),
			cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(own(a.FromOwn), own(b.FromOwn)), cmp.Compare(own(a.ToOwn), own(b.ToOwn)))
	})
	return out, total
}
