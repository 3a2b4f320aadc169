package recorddb

import (
	"cmp"
	"context"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// mostActive bounds the alerts whose life is followed at once; beyond it an
// alert is in its messages only.
const mostActive = 20_000

// alertKey names an alert among those of its device.
type alertKey struct {
	device model.DeviceID
	id     string
}

// alerts follows the life of each alert, from the first event that was seen to
// its end (R21). What was reported last is what is known; nothing is invented:
// an alert whose end never came stays active, with the time of its last news.
type alerts struct {
	active map[alertKey]*record.AlertState
	// touched since the last seal, ended ones among them, by the message and
	// place of their first event.
	touched map[string]*record.AlertState
}

func newAlerts() *alerts {
	return &alerts{active: map[alertKey]*record.AlertState{}, touched: map[string]*record.AlertState{}}
}

// lifeOf names one life of an alert.
func lifeOf(s *record.AlertState) string {
	ref, _ := s.First.MarshalText()
	return string(ref) + " " + string(s.Device) + " " + s.Alert.ID
}

func (all *alerts) add(m *model.Message) {
	for i := range m.Alerts {
		a := &m.Alerts[i]
		k := alertKey{record.DeviceOf(m, a.Device), a.ID}
		s := all.active[k]
		if s == nil {
			if len(all.active) >= mostActive {
				continue
			}
			s = &record.AlertState{Started: record.TimeOf(&a.DeviceTime, m), Since: m.Arrived, First: m.Ref}
		} else {
			// Readers hold the state they were given: change a copy.
			one := *s
			s = &one
		}
		s.Alert, s.Ref, s.Channel = *a, m.Ref, m.Channel
		s.Patient, s.Device = record.PatientOf(m), k.device
		s.Updated = record.TimeOf(&a.DeviceTime, m)
		s.Arrived = m.Arrived
		s.Events++
		s.Active = !record.Ended(a)
		if s.Active {
			all.active[k] = s
		} else {
			delete(all.active, k)
		}
		all.touched[lifeOf(s)] = s
	}
}

func sortAlerts(list []record.AlertState) {
	slices.SortFunc(list, func(a, b record.AlertState) int {
		return cmp.Or(b.Arrived.Compare(a.Arrived), cmp.Compare(b.Ref.Seq, a.Ref.Seq), cmp.Compare(b.Ref.Part, a.Ref.Part), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Alert.ID, b.Alert.ID))
	})
}

// Alerts gives alerts, the latest news first.
func (d *DB) Alerts(ctx context.Context, q record.AlertQuery) ([]record.AlertState, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = 200
	}
	lives := map[string]*record.AlertState{}
	d.mu.RLock()
	for _, s := range d.fresh.alerts.active {
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
