package register

import (
	"cmp"
	"slices"
	"strings"

	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// Query selects devices. Empty fields match all; Text is looked for in ids,
// identifiers, names, makers, models and places, whatever the case.
type Query struct {
	Text    string
	Channel model.ChannelID
	Adopted *bool
	Heard   bool              // only those that were heard on the wire
	Profile string            // read with any version of this one
	Read    bool              // only those that some profile reads
	Outside bool              // only those whose software is outside the range of their profile
	Alarms  bool              // only those that have reported alerts
	Model   string            // of this model
	Release string            // of this release of a model
	Facts   map[string]string // for which this is said; an empty value: nothing is said
	Limit   int               // 0 means 100, at most 1000
	After   model.DeviceID    // page on: ids greater than this

	wanted []want // of Facts, by ready
	runs   runs   // of Text, by normal
}

// want is a fact that a query asks for.
type want struct {
	name  uint32 // in the register
	value string
	kind  fact.Kind
}

// normal brings the text into the form in which it is looked for.
func (q *Query) normal() {
	q.Text = strings.ToLower(strings.TrimSpace(q.Text))
	q.runs = runsOf(q.Text)
}

// ready finishes the query for a register. Called with r.mu held.
func (r *Register) ready(q *Query) {
	if len(q.wanted) == len(q.Facts) {
		return
	}
	q.wanted = make([]want, 0, len(q.Facts))
	for name, value := range q.Facts {
		kind, _ := fact.KindOf(name)
		q.wanted = append(q.wanted, want{name: r.names.have(name), value: value, kind: kind})
	}
}

// List gives the devices that match, sorted by id, and how many match in all.
func (r *Register) List(q Query) (page []Device, total int) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, 1000)
	q.normal()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready(&q)
	for _, u := range r.order {
		if !r.matches(u, &q) {
			continue
		}
		total++
		if u.dev.ID > q.After && len(page) < q.Limit {
			page = append(page, u.dev.copy())
		}
	}
	return page, total
}

// View is a device with what is said of it, of its model and of its release.
type View struct {
	Device
	Model       string // id, empty where it is not known
	Release     string
	Said        []fact.Fact // believed now, also what is not true yet or any more
	ModelSaid   []fact.Fact
	ReleaseSaid []fact.Fact
}

// Walk gives the devices that match from q.After on, up to q.Limit, sorted by
// id. Unlike List it does not count, so that walking through the whole register
// costs one pass.
func (r *Register) Walk(q Query) []View {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.normal()
	var out []View
	for r.walkStep(&q, &out) {
	}
	return out
}

// aTurn is how many devices are passed through before others get a turn: what
// the wire tells waits meanwhile.
const aTurn = 2048

// walkStep goes on by some devices from q.After on; it says whether there may be
// more.
func (r *Register) walkStep(q *Query, out *[]View) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready(q)
	rest := r.behind(q.After)
	part := rest[:min(aTurn, len(rest))]
	for _, u := range part {
		if !r.matches(u, q) {
			continue
		}
		if *out = append(*out, r.view(u)); len(*out) == q.Limit {
			return false
		}
	}
	if len(part) > 0 {
		q.After = part[len(part)-1].dev.ID
	}
	return len(part) < len(rest)
}

// behind gives the units with ids greater than one. Called with r.mu held.
func (r *Register) behind(id model.DeviceID) []*unit {
	i, found := slices.BinarySearchFunc(r.order, id, func(u *unit, id model.DeviceID) int { return cmp.Compare(u.dev.ID, id) })
	if found {
		i++
	}
	return r.order[i:]
}

// View gives one device with what is said of it.
func (r *Register) View(id model.DeviceID) (View, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.unit(id); u != nil {
		return r.view(u), nil
	}
	return View{}, absent(id)
}

// view copies. What is said of the model and release is shared: a change makes
// new lists.
func (r *Register) view(u *unit) View {
	is := r.modelOf(u)
	v := View{Device: u.dev.copy(), Model: is.models, Release: is.releases, Said: r.told(u)}
	if is.models != "" {
		v.ModelSaid = r.beliefs[fact.Of(fact.OfModel, is.models)]
	}
	if is.releases != "" {
		v.ReleaseSaid = r.beliefs[fact.Of(fact.OfRelease, is.releases)]
	}
	return v
}

// Matches says whether a device is one of those selected, wherever a page
// begins.
func (r *Register) Matches(q *Query, id model.DeviceID) bool {
	q.normal()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready(q)
	u := r.unit(id)
	return u != nil && r.matches(u, q)
}

// all says that every unit is one of those selected.
func (q *Query) all() bool {
	return q.Channel == "" && q.Adopted == nil && !q.Heard && !q.Alarms && q.Profile == "" && !q.Read && !q.Outside && q.Model == "" && q.Release == "" && len(q.Facts) == 0 && q.Text == ""
}

// matches says whether a unit is one of those selected. Called with r.mu held.
func (r *Register) matches(u *unit, q *Query) bool {
	switch {
	case q.Channel != "" && u.dev.Observed.Channel != q.Channel && u.dev.Seen.Channel != q.Channel,
		q.Adopted != nil && *q.Adopted != (u.dev.Adoption != nil),
		q.Heard && u.dev.Seen.Messages == 0,
		q.Alarms && u.dev.Seen.Alerts == 0,
		q.Profile != "" && u.dev.Observed.Reading.Name() != q.Profile,
		q.Read && u.dev.Observed.Reading.Profile == "",
		q.Outside && u.dev.Observed.Reading.Outside.IsZero(),
		q.Model != "" && r.modelOf(u).models != q.Model,
		q.Release != "" && r.modelOf(u).releases != q.Release,
		len(q.Facts) > 0 && !says(u, q):
		return false
	}
	return q.Text == "" || r.soughtOf(u).has(q)
}

// place puts a new unit where it stands in the order of ids.
func (r *Register) place(u *unit) {
	i, _ := slices.BinarySearchFunc(r.order, u.dev.ID, func(v *unit, id model.DeviceID) int { return cmp.Compare(v.dev.ID, id) })
	r.order = slices.Insert(r.order, i, u)
}

// placeAll puts new units where they stand in the order of ids.
func (r *Register) placeAll(made []*unit) {
	byID := func(a, b *unit) int { return cmp.Compare(a.dev.ID, b.dev.ID) }
	slices.SortFunc(made, byID)
	i, k := len(r.order)-1, len(made)-1
	r.order = append(r.order, made...)
	for at := len(r.order) - 1; k >= 0; at-- { // from the end, so that nothing is overwritten that is still to be moved
		if i >= 0 && byID(r.order[i], made[k]) > 0 {
			r.order[at] = r.order[i]
			i--
		} else {
			r.order[at] = made[k]
			k--
		}
	}
}

// sought is what a search looks through.
type sought struct {
	runs runs   // of text
	text string // in lower case; empty: to be made
}

// has says whether the text that is looked for is there.
func (s *sought) has(q *Query) bool {
	return s.runs.have(&q.runs) && strings.Contains(s.text, q.Text)
}

// soughtOf is what a search looks through of a unit. It is made when it is first
// asked for after the unit changed. Called with r.mu held.
func (r *Register) soughtOf(u *unit) *sought {
	if u.sought.text != "" {
		return &u.sought
	}
	o := &u.dev.Observed
	parts := []string{string(u.dev.ID), u.dev.Asserted.Name, u.dev.Asserted.Place.String(), o.Manufacturer + " " + o.Model, o.Serial, o.UDI, o.Place.String()}
	for _, id := range o.Identifiers {
		parts = append(parts, id.Value)
	}
	for i := range u.facts {
		parts = append(parts, u.facts[i].value)
	}
	u.sought.text = strings.ToLower(strings.Join(parts, "\n"))
	u.sought.runs = runsOf(u.sought.text)
	return &u.sought
}

// runs says which runs of three bytes a text has, a bit for each hash. Where one
// is missing that another text needs, that text is not in it: of 100,000 devices
// few texts are looked through, and those that are not cost a glance.
type runs [8]uint64

func runsOf(text string) (r runs) {
	for i := 2; i < len(text); i++ {
		run := uint32(text[i-2])<<16 | uint32(text[i-1])<<8 | uint32(text[i])
		bit := run * 0x9E3779B1 >> 23 // nine bits of Fibonacci hashing, Knuth, TAOCP 6.4
		r[bit/64] |= 1 << (bit % 64)
	}
	return r
}

// have says whether all runs of another text are there.
func (r *runs) have(other *runs) bool {
	for i := range r {
		if other[i]&^r[i] != 0 {
			return false
		}
	}
	return true
}
