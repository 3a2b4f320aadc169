package recorddb

import (
	"context"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// One call of Search looks into so many messages, or through the indexes of so
// many seals, at most.
const (
	searchMessages = 4000
	searchSeals    = 200
)

// search is one call of Search.
type search struct {
	d     *DB
	q     record.Query
	limit int
	found []record.Summary
	next  model.MessageRef
	done  bool

	messages, seals int // work left
}

// Search finds messages, newest first.
func (d *DB) Search(ctx context.Context, q record.Query) ([]record.Summary, model.MessageRef, error) {
	s := search{d: d, q: q, limit: q.Most(), messages: searchMessages, seals: searchSeals}
	d.mu.RLock()
	files := d.filesAfter(keyOf(q.After))
	d.mu.RUnlock()
	before := keyOf(q.Before)
	for _, f := range slices.Backward(files) {
		if before != 0 && f.first >= before || !q.Until.IsZero() && f.begins-f.skew > nanoseconds(q.Until) {
			continue
		}
		if !q.From.IsZero() && f.clock < nanoseconds(q.From) {
			continue
		}
		if err := s.file(ctx, f.f); err != nil {
			return nil, model.MessageRef{}, err
		}
		if s.done {
			break
		}
	}
	return s.found, s.next, nil
}

// file looks through one file.
func (s *search) file(ctx context.Context, f *file) error {
	wanted := s.wanted()
	view := s.d.look(f, wanted, s.q.ControlText)
	return s.d.read(ctx, f, func(r *reading) error {
		r.extent = view.extent
		lo, hi, err := s.bounds(r)
		if err != nil || lo > hi {
			return err
		}
		p := &page{r: r}
		// What came since the last seal.
		if hi > r.sealed {
			if view.any {
				err = s.run(p, max(lo, r.sealed+1), hi)
			} else {
				err = s.some(p, view.found, max(lo, r.sealed+1), hi)
			}
			if err != nil || s.done {
				return err
			}
		}
		if r.sealed == 0 || lo > r.sealed {
			return nil
		}
		return s.sealed(p, wanted, lo, min(hi, r.sealed))
	})
}

// bounds gives the ordinals within the query's references and times.
func (s *search) bounds(r *reading) (lo, hi ordinal, err error) {
	lo, hi = 1, r.messages
	if s.q.Before != (model.MessageRef{}) && keyOf(s.q.Before) <= r.last {
		// Up to the block in which it is; exactly by the reference of each.
		p, ok, err := r.blockOf(keyOf(s.q.Before))
		if err != nil || !ok {
			return 1, 0, err
		}
		hi = p.id + ordinal(p.count) - 1
	}
	if s.q.After != (model.MessageRef{}) {
		p, ok, err := r.blockOf(keyOf(s.q.After))
		if err != nil {
			return 1, 0, err
		}
		if ok {
			lo = p.id
		}
	}
	from, to, err := r.within(s.q.From, s.q.Until)
	return max(lo, from), min(hi, to), err
}

// run looks at all messages from hi down to lo.
func (s *search) run(p *page, lo, hi ordinal) error {
	for n := hi; n >= lo; n-- {
		if err := s.try(p, n); err != nil || s.done {
			return err
		}
	}
	return nil
}

// some looks at those of the list, which ascends, from hi down to lo.
func (s *search) some(p *page, list []ordinal, lo, hi ordinal) error {
	for _, n := range slices.Backward(list) {
		if n < lo || n > hi {
			continue
		}
		if err := s.try(p, n); err != nil || s.done {
			return err
		}
	}
	return nil
}

// try looks at one message.
func (s *search) try(p *page, n ordinal) error {
	b, i, err := p.block(n)
	if err != nil {
		return err
	}
	k := keyOf(b.Ref(i))
	if before := keyOf(s.q.Before); before != 0 && k >= before || k <= keyOf(s.q.After) {
		return nil
	}
	var m model.Message
	if err := b.Read(i, &m); err != nil {
		return err
	}
	if s.q.Matches(&m) {
		s.found = append(s.found, record.Summarise(&m))
	}
	if s.messages--; len(s.found) == s.limit || s.messages == 0 {
		s.next, s.done = m.Ref, true
	}
	return nil
}

// group is names of one kind; a message must bear one of them.
type group struct {
	kind nameKind
	is   func(text string) bool
	text []string // when only these can be it
}

// wanted gives the groups of names a message must be under, the rarest first.
func (s *search) wanted() []group {
	var all []group
	exact := func(kind nameKind, text ...string) { all = append(all, group{kind: kind, text: text}) }
	if len(s.q.Patients) > 0 {
		var ids []string
		for _, p := range s.q.Patients {
			ids = append(ids, string(p))
		}
		exact(namePatient, ids...)
	}
	if s.q.Device != "" {
		exact(nameDevice, string(s.q.Device))
	}
	for trait, asked := range map[string]bool{traitRefused: s.q.Refused, traitAlerts: s.q.WithAlerts, traitIssues: s.q.WithIssues} {
		if asked {
			exact(nameTrait, trait)
		}
	}
	if s.q.Code != "" {
		all = append(all, group{kind: nameCodes, is: func(text string) bool { return inCodeSet(text, s.q.Code) }})
	}
	if s.q.Type != "" {
		all = append(all, group{kind: nameType, is: func(text string) bool { return record.TypeIs(text, s.q.Type) }})
	}
	if s.q.Channel != "" {
		exact(nameChannel, string(s.q.Channel))
	}
	return all
}

// view is what memory knows of a file and a query, at one moment.
type view struct {
	extent
	found []ordinal // since the last seal, ascending
	any   bool      // nothing narrows the search: all of them
}

// look takes a view. For all but the newest file it is the extent.
func (d *DB) look(f *file, wanted []group, control string) view {
	d.mu.RLock()
	defer d.mu.RUnlock()
	v := view{extent: f.extent}
	if f != d.files[len(d.files)-1] || f.sealed == f.messages {
		return v
	}
	if v.any = len(wanted) == 0 && control == ""; v.any {
		return v
	}
	first := true
	narrow := func(list []ordinal) {
		if first {
			v.found, first = list, false
		} else {
			v.found = both(v.found, list)
		}
	}
	for _, g := range wanted {
		var list []ordinal
		d.fresh.names.each(g, func(n *name) { list, _ = readPosting(list, n.body) })
		slices.Sort(list)
		narrow(slices.Compact(list))
	}
	if control != "" {
		narrow(withControl(d.fresh.controls, control, f.sealed+1))
	}
	return v
}

// each calls do with the names of a group.
func (n *names) each(g group, do func(one *name)) {
	for _, text := range g.text {
		if one := n.all[nameKey{g.kind, text}]; one != nil {
			do(one)
		}
	}
	if g.is == nil {
		return
	}
	for k, one := range n.all {
		if k.kind == g.kind && g.is(k.text) {
			do(one)
		}
	}
}

// numbers gives the numbers of a group's names in a file.
func (r *reading) numbers(g group) ([]int64, error) {
	var ids []int64
	for _, text := range g.text {
		err := r.rows("SELECT id FROM name WHERE kind=? AND text=?", func(s *sqlite3.Stmt) (bool, error) {
			ids = append(ids, s.ColumnInt64(0))
			return true, nil
		}, int(g.kind), text)
		if err != nil {
			return nil, err
		}
	}
	if g.is == nil {
		return ids, nil
	}
	return ids, r.rows("SELECT id, text FROM name WHERE kind=?", func(s *sqlite3.Stmt) (bool, error) {
		if g.is(s.ColumnText(1)) {
			ids = append(ids, s.ColumnInt64(0))
		}
		return true, nil
	}, int(g.kind))
}
