package register

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// Field is something devices are looked for by.
type Field string

// The fields.
const (
	ByMaker  Field = "manufacturer"
	ByName   Field = "model" // what the maker calls the model
	ByModel  Field = "model id"
	ByKind   Field = "type" // number, RefID or LOINC of its kind
	ByPlace  Field = "location"
	ByState  Field = "status"
	ByDI     Field = "udi-di"
	ByOwner  Field = "owner"
	ByCalled Field = "name"

	byRelease Field = "release id" // counts the releases of a model
)

// catalogue knows which devices have a value in a field, so that no search
// walks through the register. It holds what counts now; what changed is taken
// up before the next search. Guarded by Register.mu.
type catalogue struct {
	fields  map[Field]map[string]*drawer
	sorted  map[Field][]*drawer // by value; absent: to be made
	numbers map[uint64][]*unit  // by the hash of an identifier
	seed    maphash.Seed
	stale   []*unit   // to be taken up
	inOrder bool      // what is left of stale is sorted by id
	had     []*drawer // of the unit that is being filed: where it was, and is until it is taken out
	// hadNumbers are the numbers it had, likewise.
	hadNumbers []uint64
	ends       []ending             // what stops counting, or begins to, at an instant
	next       time.Time            // the first of them
	entered    map[string]time.Time // models that something is said of, and when it was said last
	list       []string             // ids of all models, sorted; nil: to be made
	times      []stamp              // of all taken up, sorted
	moved      []*unit              // whose stamp there is old
}

// drawer holds the devices that have one value in a field.
type drawer struct {
	field Field
	value string // folded
	name  string // as it was written
	maker string // of a model
	units []*unit
	place *Location
	inner map[*drawer]struct{} // releases of a model, locations in a location
	outer *drawer
}

type ending struct {
	at   time.Time
	unit *unit
}

// stamp is when something of a device changed last.
type stamp struct {
	at   int64 // µs since 1970
	unit *unit
}

func compareStamps(a, b stamp) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.unit.dev.ID, b.unit.dev.ID))
}

func newCatalogue() catalogue {
	return catalogue{
		fields: map[Field]map[string]*drawer{}, sorted: map[Field][]*drawer{}, numbers: map[uint64][]*unit{},
		seed: maphash.MakeSeed(), entered: map[string]time.Time{},
	}
}

// filed is what the catalogue knows of a unit.
type filed struct {
	in      []*drawer
	numbers []uint64
	updated time.Time // something of it changed
	stamped int64     // under which it stands in times
	ending  time.Time // the next instant from which something else counts
	known   bool      // it stands in times
	stale   bool
}

// touch notes that something of a unit changed. Called with r.mu held.
func (r *Register) touch(u *unit, at time.Time) {
	u.sought.text, u.isKnown = "", false
	r.unjudge(u)
	r.recount(u)
	if at.After(u.filed.updated) {
		u.filed.updated = at
	}
	if !u.filed.stale {
		u.filed.stale = true
		r.catalogue.stale = append(r.catalogue.stale, u)
	}
}

// batch is how many units are taken up before others get a turn.
const batch = 50

// TakeUp brings the catalogue up to date, in small steps so that nobody waits
// long. A search does it itself.
func (r *Register) TakeUp(now time.Time) { r.takeUpAll(now, func(time.Duration) {}) }

// takeUpAll goes on until all is done; between is called after each step with
// how long it took.
func (r *Register) takeUpAll(now time.Time, between func(took time.Duration)) {
	for done := false; !done; {
		r.mu.Lock()
		began := time.Now()
		done = r.takeUp(now)
		took := time.Since(began)
		r.mu.Unlock()
		if !done {
			between(took)
		}
	}
}

// takeUp does one step; it says whether all is done. Called with r.mu held.
func (r *Register) takeUp(now time.Time) bool {
	c := &r.catalogue
	if len(c.ends) > 0 && !c.next.After(now) {
		r.passEnds(now)
	}
	if len(c.stale) > batch && !c.inOrder { // so that drawers are filled at their ends
		slices.SortFunc(c.stale, func(a, b *unit) int { return cmp.Compare(a.dev.ID, b.dev.ID) })
	}
	n := min(batch, len(c.stale))
	c.inOrder = len(c.stale) > n
	for _, u := range c.stale[:n] {
		u.filed.stale = false
		was, numbers := u.filed.in, u.filed.numbers
		u.filed.in, u.filed.numbers = nil, nil
		if r.units[u.dev.ID] == u {
			c.had, c.hadNumbers = was, numbers
			r.file(u, now)
			c.had, c.hadNumbers = nil, nil
		} else {
			c.moved = append(c.moved, u)
		}
		c.takeOut(u, was, numbers)
	}
	if c.stale = c.stale[n:]; len(c.stale) > 0 {
		return false
	}
	c.stale = nil
	return true
}

// passEnds touches the units of which something else counts by now.
func (r *Register) passEnds(now time.Time) {
	c := &r.catalogue
	kept := c.ends[:0]
	c.next = time.Time{}
	for _, e := range c.ends {
		switch {
		case r.units[e.unit.dev.ID] != e.unit || !e.unit.filed.ending.Equal(e.at): // no more
		case e.at.After(now):
			kept = append(kept, e)
			c.nearest(e.at)
		default:
			r.touch(e.unit, e.at)
		}
	}
	clear(c.ends[len(kept):])
	c.ends = kept
}

func (c *catalogue) nearest(at time.Time) {
	if c.next.IsZero() || at.Before(c.next) {
		c.next = at
	}
}

// takeOut takes a unit out of the drawers and numbers of before that it is no
// more in.
func (c *catalogue) takeOut(u *unit, was []*drawer, numbers []uint64) {
	for _, d := range was {
		if slices.Contains(u.filed.in, d) {
			continue
		}
		if i, ok := findUnit(d.units, u); ok {
			d.units = slices.Delete(d.units, i, i+1)
		}
		if len(d.units) == 0 {
			c.drop(d)
		}
	}
	for _, n := range numbers {
		if slices.Contains(u.filed.numbers, n) {
			continue
		}
		list := c.numbers[n]
		if i := slices.Index(list, u); i >= 0 {
			list = slices.Delete(list, i, i+1)
		}
		if c.numbers[n] = list; len(list) == 0 {
			delete(c.numbers, n)
		}
	}
}

func (c *catalogue) drop(d *drawer) {
	delete(c.fields[d.field], d.value)
	c.unsort(d.field)
	if d.outer != nil {
		delete(d.outer.inner, d)
	}
}

// unsort forgets the order of a field of which the values changed.
func (c *catalogue) unsort(field Field) {
	delete(c.sorted, field)
	if field == ByModel {
		c.list = nil
	}
}

func findUnit(list []*unit, u *unit) (int, bool) {
	return slices.BinarySearchFunc(list, u.dev.ID, func(v *unit, id model.DeviceID) int { return cmp.Compare(v.dev.ID, id) })
}

// file puts a unit into the drawers of what counts of it now.
func (r *Register) file(u *unit, now time.Time) {
	c, f := &r.catalogue, &u.filed
	v := r.view(u)
	counts := Counts(&v, now)
	end := time.Time{}
	for i := range v.Said {
		s := &v.Said[i]
		for _, at := range [...]time.Time{s.From, s.Until} {
			if at.After(now) && (end.IsZero() || at.Before(end)) {
				end = at
			}
		}
		if s.Believed.After(f.updated) {
			f.updated = s.Believed
		}
	}
	if !end.IsZero() && !end.Equal(f.ending) {
		c.ends = append(c.ends, ending{end, u})
		c.nearest(end)
	}
	f.ending = end
	f.updated = later(f.updated, u.dev.Observed.FirstSeen)
	if u.dev.Adoption != nil {
		f.updated = later(f.updated, u.dev.Adoption.At)
	}
	for _, t := range u.dev.Observed.Turns {
		f.updated = later(f.updated, t.At)
	}
	for field, text := range map[Field]string{
		ByMaker: counts["manufacturer"], ByName: counts["model"], ByOwner: counts["owner"], ByCalled: counts["name"],
		ByState: Standing(counts["life"], u.dev.Adoption != nil),
	} {
		c.put(u, field, text, text)
	}
	if v.Model != "" {
		m := c.put(u, ByModel, v.Model, counts["model"])
		m.maker = counts["manufacturer"]
		if v.Release != "" {
			c.within(c.put(u, byRelease, v.Release, counts["release"]), m)
		}
	}
	k := &u.dev.Observed.Kind
	if k.MDC != 0 {
		c.put(u, ByKind, strconv.FormatUint(uint64(k.MDC), 10), "")
	}
	c.put(u, ByKind, k.RefID, "")
	c.put(u, ByKind, k.LOINC, "")
	if di, _ := unitOfUDI(counts["udi"]); di != "" {
		c.put(u, ByDI, di, di)
	}
	var outer *drawer
	for _, l := range locations(PlaceOf(counts)) {
		d := c.put(u, ByPlace, l.ID, l.Name)
		if d.place == nil {
			d.place = &l
		}
		c.within(d, outer)
		outer = d
	}
	c.number(u, string(u.dev.ID))
	for _, id := range u.dev.Observed.Identifiers {
		c.number(u, id.Value)
	}
	for _, k := range identities {
		c.number(u, counts[k])
	}
	c.stampUnit(u)
	r.soughtOf(u)
}

// identities are the facts that are numbers or names of one device.
var identities = []string{"serial", "udi", "asset", "mac", "ip", "host", "hl7", "ae", "mqtt", "certificate"}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// put lays a unit into a drawer, which is made where there is none; nil for an
// empty value.
func (c *catalogue) put(u *unit, field Field, value, name string) *drawer {
	if value = foldLower(value); value == "" {
		return nil
	}
	of := c.fields[field]
	if of == nil {
		of = map[string]*drawer{}
		c.fields[field] = of
	}
	d := of[value]
	if d == nil {
		d = &drawer{field: field, value: value, name: name}
		of[value] = d
		c.unsort(field)
	}
	if slices.Contains(u.filed.in, d) {
		return d
	}
	u.filed.in = append(u.filed.in, d)
	if slices.Contains(c.had, d) {
		return d // it was there before
	}
	if n := len(d.units); n == 0 || d.units[n-1].dev.ID < u.dev.ID {
		d.units = append(d.units, u)
	} else if i, ok := findUnit(d.units, u); !ok {
		d.units = slices.Insert(d.units, i, u)
	}
	return d
}

// within says which drawer one belongs into.
func (c *catalogue) within(d, outer *drawer) {
	if d == nil || outer == nil || d.outer == outer {
		return
	}
	if outer.inner == nil {
		outer.inner = map[*drawer]struct{}{}
	}
	d.outer = outer
	outer.inner[d] = struct{}{}
}

func (c *catalogue) number(u *unit, text string) {
	if text = foldLower(text); text == "" {
		return
	}
	h := c.hash(text)
	if slices.Contains(u.filed.numbers, h) {
		return
	}
	u.filed.numbers = append(u.filed.numbers, h)
	if !slices.Contains(c.hadNumbers, h) {
		c.numbers[h] = append(c.numbers[h], u)
	}
}

func (c *catalogue) hash(text string) uint64 { return maphash.String(c.seed, text) }

func foldLower(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

func (c *catalogue) stampUnit(u *unit) {
	if f := &u.filed; !f.known || f.stamped != f.updated.UnixMicro() {
		c.moved = append(c.moved, u)
	}
}

// stamps brings the order of changes up to date. Few changes are moved one by
// one, many make the order anew.
func (r *Register) stamps() []stamp {
	c := &r.catalogue
	if len(c.moved) > 64 {
		for _, u := range c.moved {
			u.filed.known = false
		}
		c.times = c.times[:0]
		for _, u := range r.order {
			u.filed.stamped, u.filed.known = u.filed.updated.UnixMicro(), true
			c.times = append(c.times, stamp{u.filed.stamped, u})
		}
		slices.SortFunc(c.times, compareStamps)
		c.moved = nil
	}
	for _, u := range c.moved {
		f := &u.filed
		if f.known {
			if i, ok := slices.BinarySearchFunc(c.times, stamp{f.stamped, u}, compareStamps); ok {
				c.times = slices.Delete(c.times, i, i+1)
			}
		}
		f.known = r.units[u.dev.ID] == u
		if f.known {
			f.stamped = f.updated.UnixMicro()
			i, _ := slices.BinarySearchFunc(c.times, stamp{f.stamped, u}, compareStamps)
			c.times = slices.Insert(c.times, i, stamp{f.stamped, u})
		}
	}
	c.moved = nil
	return c.times
}

// of gives the drawers of a field, sorted by value. Called with r.mu held.
func (c *catalogue) of(field Field) []*drawer {
	list, ok := c.sorted[field]
	if !ok {
		list = make([]*drawer, 0, len(c.fields[field]))
		for _, d := range c.fields[field] {
			list = append(list, d)
		}
		slices.SortFunc(list, func(a, b *drawer) int { return cmp.Compare(a.value, b.value) })
		c.sorted[field] = list
	}
	return list
}

// noteModel remembers models of which something is said.
func (c *catalogue) noteModel(s fact.Subject, said bool, at time.Time) {
	if s.Layer() != fact.OfModel {
		return
	}
	if !said {
		delete(c.entered, s.ID())
		c.list = nil
		return
	}
	c.entered[s.ID()] = later(c.entered[s.ID()], at)
	c.list = nil
}
