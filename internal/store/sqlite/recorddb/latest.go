package recorddb

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// Latest gives the last value of every code of a subject. It reaches back to
// the beginning of the file before the newest: yesterday.
func (d *DB) Latest(ctx context.Context, s record.Subject) ([]record.LatestValue, error) {
	return d.LastValues(ctx, record.LastQuery{Subjects: []record.Subject{s}})
}

// LastValues is Latest of several subjects and of some codes.
func (d *DB) LastValues(ctx context.Context, q record.LastQuery) ([]record.LatestValue, error) {
	if err := d.recall(ctx, q); err != nil {
		return nil, err
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	list := d.lastOf(q)
	slices.SortFunc(list, func(a, b *series) int { return compareKeys(&a.seriesKey, &b.seriesKey) })
	values := make([]record.LatestValue, 0, len(list))
	for _, one := range list {
		if one.known && !one.latest.Time.Before(q.Since) {
			values = append(values, one.latest)
		}
	}
	return values, nil
}

// lastOf gives the series that a query for last values asks for. DB.mu is held.
func (d *DB) lastOf(q record.LastQuery) []*series {
	var list []*series
	have := map[*series]bool{}
	for _, who := range q.Subjects {
		for _, s := range d.fresh.series.of(who) {
			if s.wave || have[s] || len(q.Codes) > 0 && !isOneOf(s, q.Codes) {
				continue
			}
			if list = append(list, s); len(q.Subjects) > 1 {
				have[s] = true
			}
		}
	}
	return list
}

// isOneOf says whether a series is of one of the codes a person named.
func isOneOf(s *series, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return record.CodeIs(&s.meaning, &s.sent, word) })
}

// recall reads the last values of series that were loaded without them, from
// the messages that brought them. It happens once after a start.
func (d *DB) recall(ctx context.Context, q record.LastQuery) error {
	type wish struct {
		series *series
		from   *file
		at     ordinal
	}
	var wishes []wish
	d.mu.RLock()
	for _, one := range d.lastOf(q) {
		if !one.known && one.from != nil {
			wishes = append(wishes, wish{one, one.from, one.at})
		}
	}
	d.mu.RUnlock()
	slices.SortFunc(wishes, func(a, b wish) int {
		return cmp.Or(strings.Compare(a.from.path, b.from.path), cmp.Compare(a.at, b.at))
	})
	for len(wishes) > 0 {
		n := 1
		for n < len(wishes) && wishes[n].from == wishes[0].from {
			n++
		}
		err := d.read(ctx, wishes[0].from, func(r *reading) error {
			page := page{r: r}
			m := new(model.Message)
			have := ordinal(0)
			for _, w := range wishes[:n] {
				if w.at != have {
					if err := page.message(w.at, m); err != nil {
						return err
					}
					have = w.at
				}
				d.mu.Lock()
				if !w.series.known && w.series.at == w.at {
					w.series.recall(m, w.from, w.at)
				}
				d.mu.Unlock()
			}
			return nil
		})
		if err != nil {
			return err
		}
		wishes = wishes[n:]
	}
	return nil
}

// recall takes the value of a series out of the message that brought it.
func (s *series) recall(m *model.Message, f *file, at ordinal) {
	touched := s.touched
	for i := range m.Observations {
		o := &m.Observations[i]
		if o.Same == (model.MessageRef{}) && o.UnitUCUM == s.unit && codeKeyOf(&o.Code, &o.Received) == s.code && record.DeviceOf(m, o.Device) == s.device && (o.Simulated || m.Test) == s.simulated {
			s.seen(o, m, record.TimeOf(&o.DeviceTime, m), f, at)
		}
	}
	s.touched = touched
}
