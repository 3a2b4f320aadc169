package recorddb

import (
	"bytes"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// within gives the ordinals between which a span of arrival lies: exact but for
// the messages of a block and for messages that came behind others, which the
// time of each tells.
func (r *reading) within(from, until time.Time) (lo, hi ordinal, err error) {
	lo, hi = 1, r.messages
	if !from.IsZero() {
		p, ok, err := r.lastBlock(r.messages, func(p place) bool { return p.clock < nanoseconds(from) })
		if err != nil {
			return lo, hi, err
		}
		if ok {
			lo = p.id + ordinal(p.count)
		}
	}
	if !until.IsZero() {
		limit := min(nanoseconds(until), 1<<63-1-r.skew) + r.skew
		p, ok, err := r.lastBlock(r.messages, func(p place) bool { return p.clock < limit })
		if err != nil {
			return lo, hi, err
		}
		// The block after it may begin before its clock.
		hi = 0
		if ok {
			hi = p.id + ordinal(p.count) - 1
		}
		if next, there, err := r.holding(hi + 1); err != nil {
			return lo, hi, err
		} else if there {
			hi = next.id + ordinal(next.count) - 1
		}
	}
	return lo, hi, nil
}

// oneSeal is a row of the table seal.
type oneSeal struct {
	id          int64
	first, last ordinal
}

// seals gives the seals that touch the ordinals from lo to hi, newest first,
// until each returns false.
func (r *reading) seals(lo, hi ordinal) (list []oneSeal, err error) {
	err = r.rows("SELECT id, first, last FROM seal WHERE id<=? ORDER BY id DESC", func(s *sqlite3.Stmt) (bool, error) {
		one := oneSeal{s.ColumnInt64(0), ordinal(s.ColumnInt64(1)), ordinal(s.ColumnInt64(2))}
		if one.first <= hi && one.last >= lo {
			list = append(list, one)
		}
		return one.first > lo, nil
	}, r.seal)
	return list, err
}

// sealed looks through what is sealed, from hi down to lo.
func (s *search) sealed(p *page, wanted []group, lo, hi ordinal) error {
	if len(wanted) == 0 && s.q.ControlText == "" {
		return s.run(p, lo, hi)
	}
	r := p.r
	ids := make([][]int64, len(wanted))
	for i, g := range wanted {
		var err error
		if ids[i], err = r.numbers(g); err != nil || len(ids[i]) == 0 {
			return err
		}
	}
	seals, err := r.seals(lo, hi)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		in, err := r.sealsOf(ids[0])
		if err != nil {
			return err
		}
		seals = slices.DeleteFunc(seals, func(one oneSeal) bool { return !in[one.id] })
	}
	for _, one := range seals {
		if s.seals--; s.seals < 0 {
			// The next call goes on with this seal.
			ref, err := p.ref(min(one.last, hi))
			s.next, s.done = (keyOf(ref) + 1).ref(), true
			return err
		}
		list, err := r.inSeal(one, ids, s.q.ControlText)
		if err != nil {
			return err
		}
		if err := s.some(p, list, lo, hi); err != nil || s.done {
			return err
		}
	}
	return nil
}

// sealsOf gives the seals in which one of the names occurs.
func (r *reading) sealsOf(ids []int64) (map[int64]bool, error) {
	in := map[int64]bool{}
	for _, id := range ids {
		err := r.rows("SELECT seal FROM posting WHERE name=?", func(s *sqlite3.Stmt) (bool, error) {
			in[s.ColumnInt64(0)] = true
			return true, nil
		}, id)
		if err != nil {
			return nil, err
		}
	}
	return in, nil
}

// inSeal gives the messages of a seal that bear a name of each list, and have
// the text in their control id, ascending.
func (r *reading) inSeal(one oneSeal, ids [][]int64, control string) ([]ordinal, error) {
	var found []ordinal
	for i, group := range ids {
		list, err := r.postings(one.id, group)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			found = list
		} else {
			found = both(found, list)
		}
		if len(found) == 0 {
			return nil, nil
		}
	}
	if control == "" {
		return found, nil
	}
	var with []ordinal
	err := r.rows("SELECT control FROM seal WHERE id=?", func(s *sqlite3.Stmt) (bool, error) {
		ids, err := r.press.Unshrink(s.ColumnRawBlob(0))
		with = withControl(ids, control, one.first)
		return false, err
	}, one.id)
	if len(ids) == 0 || err != nil {
		return with, err
	}
	return both(found, with), nil
}

// postings gives the messages of a seal that bear one of the names, ascending.
func (r *reading) postings(seal int64, ids []int64) ([]ordinal, error) {
	var list []ordinal
	for _, id := range ids {
		err := r.rows("SELECT body FROM posting WHERE name=? AND seal=?", func(s *sqlite3.Stmt) (bool, error) {
			body, err := r.press.Unshrink(s.ColumnRawBlob(0))
			if err == nil {
				list, err = readPosting(list, body)
			}
			return false, err
		}, id, seal)
		if err != nil {
			return nil, err
		}
	}
	if len(ids) > 1 {
		slices.Sort(list)
		list = slices.Compact(list)
	}
	return list, nil
}

// withControl gives the messages with the text in their control id; first is
// the ordinal of the first of the ids, each of which a line feed follows.
func withControl(ids []byte, text string, first ordinal) []ordinal {
	text = string(appendControl(nil, text))
	text = text[:len(text)-1]
	var list []ordinal
	n := first
	for len(ids) > 0 {
		at := bytes.Index(ids, []byte(text))
		if at < 0 {
			break
		}
		n += ordinal(bytes.Count(ids[:at], []byte{'\n'}))
		list = append(list, n)
		end := bytes.IndexByte(ids[at:], '\n')
		if end < 0 {
			break
		}
		n++
		ids = ids[at+end+1:]
	}
	return list
}
