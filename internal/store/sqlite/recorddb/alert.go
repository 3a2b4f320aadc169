package recorddb

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/alert"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// alerts follows the life of each alert, from the first event that was seen to
// its end (R21). What was reported is what is known; nothing is invented: an
// alert whose end never came stays active, with the time of its last news.
type alerts struct {
	lives *alert.Lives
	// touched since the last seal, ended ones among them, by the message and
	// place of their first event.
	touched map[string]*record.AlertState
}

func newAlerts() *alerts {
	return &alerts{lives: alert.NewLives(), touched: map[string]*record.AlertState{}}
}

// lifeOf names one life of an alert.
func lifeOf(s *record.AlertState) string {
	ref, _ := s.First.MarshalText()
	return string(ref) + " " + string(s.Device) + " " + s.Alert.ID
}

func (all *alerts) add(m *model.Message) {
	record.HearAlerts(m, all.lives, func(_ *model.Alert, l *alert.Life, _ bool) { all.touched[lifeOf(l)] = l })
}

// load takes over what is followed, and what had ended so shortly before the
// last seal that later messages may still be about it.
func (all *alerts) load(r *reading, sealed ordinal) error {
	return r.rows("SELECT body FROM alert WHERE active=1 OR arrived>=(SELECT coalesce(max(clock),0) FROM block WHERE id<=?)-? ORDER BY since", func(s *sqlite3.Stmt) (bool, error) {
		l := new(alert.Life)
		err := unjson(s.ColumnRawText(0), l)
		if l.Stage == "" { // kept before stages were
			l.Stage = alert.StageOf(&l.Alert)
		}
		all.lives.Load(l)
		return true, err
	}, int64(sealed), int64(time.Hour))
}

// Lives gives the alerts that are followed, and those that ended lately: what
// the stage that records goes on from.
func (d *DB) Lives() []*alert.Life {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []*alert.Life
	for l := range d.fresh.alerts.lives.Each {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *alert.Life) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.First.Seq, b.First.Seq), cmp.Compare(a.First.Part, b.First.Part), cmp.Compare(a.Alert.ID, b.Alert.ID))
	})
	return all
}

func sortAlerts(list []record.AlertState) {
	slices.SortFunc(list, func(a, b record.AlertState) int {
		return cmp.Or(b.Arrived.Compare(a.Arrived), cmp.Compare(b.Ref.Seq, a.Ref.Seq), cmp.Compare(b.Ref.Part, a.Ref.Part), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Alert.ID, b.Alert.ID))
	})
}

// Alerts gives alerts, the latest news first.
func (d *DB) Alerts(ctx context.Context, q record.AlertQuery) ([]record.AlertState, error) {
	limit := q.Most()
	lives := map[string]*record.AlertState{}
	d.mu.RLock()
	for s := range d.fresh.alerts.lives.Each {
		if q.Matches(s) {
			lives[lifeOf(s)] = s
		}
	}
	known := make(map[string]bool, len(d.fresh.alerts.touched))
	for life, s := range d.fresh.alerts.touched {
		known[life] = true
		if q.Matches(s) {
			lives[life] = s
		}
	}
	files := d.filesAfter(0)
	d.mu.RUnlock()
	if !q.Active {
		lo, hi := span(q.From, q.Until)
		for _, f := range slices.Backward(files) {
			if f.clock < lo {
				break
			}
			n := 0
			err := d.read(ctx, f.f, func(r *reading) error {
				return r.rows("SELECT life, body FROM alert WHERE arrived>=? AND since<? ORDER BY arrived DESC", func(st *sqlite3.Stmt) (bool, error) {
					life := st.ColumnText(0)
					if known[life] || lives[life] != nil {
						return true, nil // a later state is known
					}
					s := new(record.AlertState)
					if err := unjson(st.ColumnRawText(1), s); err != nil {
						return false, err
					}
					known[life] = true
					if q.Matches(s) {
						lives[life] = s
						n++
					}
					return n < limit, nil
				}, lo, hi)
			})
			if err != nil {
				return nil, err
			}
			if len(lives) >= limit {
				break
			}
		}
	}
	list := make([]record.AlertState, 0, len(lives))
	for _, s := range lives {
		list = append(list, *s)
	}
	sortAlerts(list)
	return list[:min(len(list), limit)], nil
}
