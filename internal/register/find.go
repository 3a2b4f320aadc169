package register

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// How says how a value is compared. Letters' case and blanks never count.
type How string

// The ways.
const (
	Whole    How = "whole"
	Begins   How = "begins"
	Contains How = "contains"
	Within   How = "within" // of locations: there, or in a location in it
	Not      How = "not"
)

// Wish asks for devices with one of some values in a field.
type Wish struct {
	Field  Field    `json:"field"`
	Or     Field    `json:"or,omitempty"` // or in this one
	Values []string `json:"values"`
	Match  How      `json:"match,omitempty"` // whole unless told
}

// Wanted selects devices by what the catalogue knows; empty fields match all.
type Wanted struct {
	IDs     []model.DeviceID // one of them
	Numbers []string         // one of them identifies the device: serial, asset, MAC, EUI-64, UDI …
	Wishes  []Wish           // all of them
	Since   time.Time        // something of it changed then or later
	Until   time.Time        // and before
	Changed bool             // in the order of their changes, the last first; else by id
	After   string           // page on: Next of the page before
	Limit   int              // 0 means 50, at most 1000
}

// Sheet is a device with what counts of it.
type Sheet struct {
	View
	Counts   map[string]string // by the names of facts
	Location string            // id of where it stands, empty where that is not known
	Standing string            // active, inactive, unknown
	Updated  time.Time         // something of it changed
}

// mostWished bounds how many values one wish may come to.
const mostWished = 2000

// Search gives a page of the devices that match, and where the next begins.
// Its cost goes by the page and the rarest of the wishes, not by the register.
func (r *Register) Search(ctx context.Context, w Wanted, now time.Time) (page []Sheet, next string, err error) {
	if w.Limit <= 0 {
		w.Limit = 50
	}
	w.Limit = min(w.Limit, 1000)
	r.TakeUp(now)
	views, updated, next, err := r.search(ctx, &w, now)
	if err != nil {
		return nil, "", err
	}
	page = make([]Sheet, len(views))
	for i := range views {
		page[i] = sheetOf(views[i], updated[i], now)
	}
	return page, next, nil
}

// Sheet gives one device with what counts of it, or a fault.Absent.
func (r *Register) Sheet(id model.DeviceID, now time.Time) (Sheet, error) {
	r.TakeUp(now)
	r.mu.Lock()
	u := r.unit(id)
	if u == nil {
		r.mu.Unlock()
		return Sheet{}, absent(id)
	}
	v, updated := r.view(u), u.filed.updated
	r.mu.Unlock()
	return sheetOf(v, updated, now), nil
}

func sheetOf(v View, updated, now time.Time) Sheet {
	s := Sheet{View: v, Counts: Counts(&v, now), Updated: updated.UTC()}
	s.Location, s.Standing = LocationID(PlaceOf(s.Counts)), Standing(s.Counts["life"], v.Adopted())
	return s
}

// Count says how many devices match.
func (r *Register) Count(ctx context.Context, w Wanted, now time.Time) (int, error) {
	r.TakeUp(now)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(w.IDs)+len(w.Numbers)+len(w.Wishes) == 0 && w.Since.IsZero() && w.Until.IsZero() {
		return len(r.order), nil
	}
	s, err := r.selection(&w)
	if err != nil {
		return 0, err
	}
	if one := s.only(); one >= 0 {
		return one, nil
	}
	n := 0
	for _, u := range s.candidates(r) {
		if s.has(u, now, r) {
			n++
		}
		if n%4096 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
	return n, nil
}

func (r *Register) search(ctx context.Context, w *Wanted, now time.Time) (views []View, updated []time.Time, next string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.selection(w)
	if err != nil {
		return nil, nil, "", err
	}
	take := func(u *unit) (full bool) {
		if !s.has(u, now, r) {
			return false
		}
		if len(views) == w.Limit { // one more is there
			last := &views[len(views)-1]
			next = string(last.ID)
			if w.Changed {
				next = cursorOf(updated[len(updated)-1], last.ID)
			}
			return true
		}
		views, updated = append(views, r.view(u)), append(updated, u.filed.updated)
		return false
	}
	if w.Changed {
		return views, updated, next, r.walkChanges(ctx, w, s, func(u *unit) bool { return take(u) })
	}
	list := s.candidates(r)
	i := 0
	if w.After != "" {
		found := false
		if i, found = slices.BinarySearchFunc(list, model.DeviceID(w.After), func(u *unit, id model.DeviceID) int { return cmp.Compare(u.dev.ID, id) }); found {
			i++
		}
	}
	for n, u := range list[i:] {
		if n%4096 == 4095 && ctx.Err() != nil {
			return nil, nil, "", ctx.Err()
		}
		if take(u) {
			break
		}
	}
	return views, updated, next, nil
}

// walkChanges goes through the devices by when they changed, the last first.
func (r *Register) walkChanges(ctx context.Context, w *Wanted, s *selection, take func(*unit) bool) error {
	times := r.stamps()
	if s.drivers != nil || s.listed {
		// A few of many: put those in order.
		list := s.candidates(r)
		times = make([]stamp, len(list))
		for i, u := range list {
			times[i] = stamp{u.filed.updated.UnixMicro(), u}
		}
		slices.SortFunc(times, compareStamps)
	}
	end := len(times)
	if w.After != "" {
		at, id, err := readCursor(w.After)
		if err != nil {
			return err
		}
		end = lowerBound(times, at, id)
	} else if !w.Until.IsZero() {
		end = lowerBound(times, w.Until.UnixMicro(), "")
	}
	for i := end - 1; i >= 0; i-- {
		if !w.Since.IsZero() && times[i].at < w.Since.UnixMicro() {
			return nil
		}
		if i%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if take(times[i].unit) {
			return nil
		}
	}
	return nil
}

func lowerBound(times []stamp, at int64, id model.DeviceID) int {
	i, _ := slices.BinarySearchFunc(times, at, func(s stamp, at int64) int {
		return cmp.Or(cmp.Compare(s.at, at), cmp.Compare(s.unit.dev.ID, id))
	})
	return i
}

// selection is a query as the catalogue answers it.
type selection struct {
	w       *Wanted
	listed  bool // ids or numbers are given
	list    []*unit
	drivers []*drawer // the fewest devices that a wish names; nil: no such wish
	wishes  []wished
	numbers []string
	units   int // of the drivers
}

type wished struct {
	drawers map[*drawer]struct{}
	not     bool
}

func (r *Register) selection(w *Wanted) (*selection, error) {
	s := &selection{w: w}
	if w.IDs != nil {
		s.listed = true
		for _, id := range w.IDs {
			if u := r.unit(id); u != nil && !slices.Contains(s.list, u) {
				s.list = append(s.list, u)
			}
		}
	}
	if len(w.Numbers) > 0 {
		found := r.numbered(w.Numbers)
		if s.listed {
			found = slices.DeleteFunc(found, func(u *unit) bool { return !slices.Contains(s.list, u) })
		}
		s.listed, s.list = true, found
		for _, n := range w.Numbers {
			s.numbers = append(s.numbers, foldLower(n))
		}
	}
	slices.SortFunc(s.list, func(a, b *unit) int { return cmp.Compare(a.dev.ID, b.dev.ID) })
	for _, wish := range w.Wishes {
		drawers, err := r.catalogue.pick(wish)
		if err != nil {
			return nil, err
		}
		one := wished{drawers: map[*drawer]struct{}{}, not: wish.Match == Not}
		n := 0
		for _, d := range drawers {
			one.drawers[d] = struct{}{}
			n += len(d.units)
		}
		s.wishes = append(s.wishes, one)
		if !one.not && (s.drivers == nil || n < s.units) {
			s.units = n
			if s.drivers = drawers; drawers == nil {
				s.drivers = []*drawer{}
			}
		}
	}
	return s, nil
}

// numbered gives the units that one of some numbers may identify.
func (r *Register) numbered(numbers []string) (out []*unit) {
	c := &r.catalogue
	for _, n := range numbers {
		for _, u := range c.numbers[c.hash(foldLower(n))] {
			if !slices.Contains(out, u) {
				out = append(out, u)
			}
		}
	}
	return out
}

// pick gives the drawers a wish names.
func (c *catalogue) pick(w Wish) ([]*drawer, error) {
	var out []*drawer
	fields := []Field{w.Field}
	if w.Or != "" {
		fields = append(fields, w.Or)
	}
	for i := range len(fields) * len(w.Values) {
		field, value := fields[i/len(w.Values)], foldLower(w.Values[i%len(w.Values)])
		switch w.Match {
		case Whole, Within, Not, "":
			if d := c.fields[field][value]; d != nil {
				out = append(out, d)
			}
		case Begins:
			all := c.of(field)
			i, _ := slices.BinarySearchFunc(all, value, func(d *drawer, v string) int { return cmp.Compare(d.value, v) })
			for ; i < len(all) && strings.HasPrefix(all[i].value, value); i++ {
				out = append(out, all[i])
			}
		case Contains:
			for _, d := range c.of(field) {
				if strings.Contains(d.value, value) {
					out = append(out, d)
				}
			}
		default:
			return nil, fault.New(fault.Invalid, "register.wish", "there is no way %q to compare; use %s, %s, %s, %s or %s", clip(string(w.Match)), Whole, Begins, Contains, Within, Not).At("match")
		}
		if len(out) > mostWished {
			return nil, fault.New(fault.Invalid, "register.wish", "%q stands for more than %d different values; say more of it", clip(value), mostWished).At(string(w.Field))
		}
	}
	slices.SortFunc(out, func(a, b *drawer) int { return cmp.Compare(a.value, b.value) })
	return slices.Compact(out), nil
}

// only is how many match where one wish alone says it, else -1.
func (s *selection) only() int {
	if s.listed || len(s.wishes) != 1 || len(s.drivers) != 1 || !s.w.Since.IsZero() || !s.w.Until.IsZero() {
		return -1
	}
	if wish := s.w.Wishes[0]; wish.Field == ByPlace && wish.Match != Within {
		return -1
	}
	return len(s.drivers[0].units)
}

// candidates gives the fewest units among which all that match are, by id.
func (s *selection) candidates(r *Register) []*unit {
	switch {
	case s.listed:
		return s.list
	case s.drivers == nil:
		return r.order
	case len(s.drivers) == 1:
		return s.drivers[0].units
	}
	out := make([]*unit, 0, s.units)
	for _, d := range s.drivers {
		out = append(out, d.units...)
	}
	slices.SortFunc(out, func(a, b *unit) int { return cmp.Compare(a.dev.ID, b.dev.ID) })
	return slices.Compact(out)
}

// has says whether a unit matches.
func (s *selection) has(u *unit, now time.Time, r *Register) bool {
	f := &u.filed
	if !s.w.Since.IsZero() && f.updated.Before(s.w.Since) || !s.w.Until.IsZero() && !f.updated.Before(s.w.Until) {
		return false
	}
	for i, w := range s.wishes {
		if s.in(u, &w, &s.w.Wishes[i]) == w.not {
			return false
		}
	}
	if len(s.numbers) == 0 {
		return true
	}
	v := r.view(u) // few: equal hashes need not mean equal numbers
	counts := Counts(&v, now)
	for _, n := range s.numbers {
		if foldLower(string(v.ID)) == n || slices.ContainsFunc(v.Observed.Identifiers, func(id model.Identifier) bool { return foldLower(id.Value) == n }) ||
			slices.ContainsFunc(identities, func(k string) bool { return foldLower(counts[k]) == n }) {
			return true
		}
	}
	return false
}

func (s *selection) in(u *unit, w *wished, wish *Wish) bool {
	for i, d := range u.filed.in {
		if _, ok := w.drawers[d]; !ok {
			continue
		}
		if d.field != ByPlace || wish.Match == Within {
			return true
		}
		// It stands there itself when none of its other places is in there.
		if !slices.ContainsFunc(u.filed.in[i+1:], func(e *drawer) bool { return e.outer == d }) {
			return true
		}
	}
	return false
}

// Locations gives a page of locations with how many devices stand there, by
// id. text is looked for in names, parent selects by where they are.
func (r *Register) Locations(q LocationQuery, now time.Time) (page []Location, next string, total int) {
	r.TakeUp(now)
	if q.Limit <= 0 {
		q.Limit = 50
	}
	q.Limit = min(q.Limit, 1000)
	text := foldLower(q.Text)
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &r.catalogue
	list := c.of(ByPlace)
	if q.IDs != nil {
		list = nil
		for _, id := range q.IDs {
			if d := c.fields[ByPlace][id]; d != nil && !slices.Contains(list, d) {
				list = append(list, d)
			}
		}
	}
	if q.Parent != "" {
		var inner map[*drawer]struct{}
		if d := c.fields[ByPlace][q.Parent]; d != nil {
			inner = d.inner
		}
		if q.IDs == nil {
			list = slices.Collect(maps.Keys(inner))
		} else {
			list = slices.DeleteFunc(list, func(d *drawer) bool { _, ok := inner[d]; return !ok })
		}
	}
	if q.IDs != nil || q.Parent != "" {
		slices.SortFunc(list, func(a, b *drawer) int { return cmp.Compare(a.value, b.value) })
	}
	for _, d := range list {
		name := foldLower(d.place.Name)
		ok := q.Level == "" || d.place.Level == q.Level
		switch q.Match {
		case Contains:
			ok = ok && strings.Contains(name, text)
		case Whole:
			ok = ok && name == text
		default:
			ok = ok && strings.HasPrefix(name, text)
		}
		if !ok || q.Place != "" && foldLower(d.place.Place.String()) != foldLower(q.Place) {
			continue
		}
		if total++; d.value <= q.After {
			continue
		}
		if len(page) == q.Limit {
			next = page[len(page)-1].ID
			continue
		}
		l := *d.place
		l.Devices = len(d.units)
		page = append(page, l)
	}
	return page, next, total
}

// LocationQuery selects locations; empty fields match all.
type LocationQuery struct {
	IDs    []string
	Parent string // in this one
	Level  Level
	Place  string // this place: ICU^2^23
	Text   string // their name
	Match  How    // how; Begins unless told
	After  string
	Limit  int
}

// ModelSheet is a model with its releases and what is said of both.
type ModelSheet struct {
	Model
	Said        []fact.Fact
	ReleaseSaid map[string][]fact.Fact // by the id of the release
	Updated     time.Time              // something said of it changed; zero: nothing was said
}
