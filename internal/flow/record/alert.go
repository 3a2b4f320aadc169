package record

import (
	"thalamus/internal/alert"
	"thalamus/internal/model"
)

// HearAlerts adds what a message reports to the lives of its alerts, and tells
// of each report which life it became part of and whether it came late: what
// Stage does, and a store in the same order, so that both know the same (R21).
// What an earlier message brought over another path was heard there.
func HearAlerts(m *model.Message, lives *alert.Lives, tell func(a *model.Alert, l *alert.Life, late bool)) {
	for i := range m.Alerts {
		a := &m.Alerts[i]
		if a.Same != (model.MessageRef{}) {
			continue
		}
		l, late := lives.Take(&alert.Report{
			Alert: a, Device: DeviceOf(m, a.Device), Patient: PatientOf(m), Channel: m.Channel, Ref: m.Ref,
			At: TimeOf(&a.DeviceTime, m), Arrived: m.Arrived,
		})
		if l != nil {
			tell(a, l, late)
		}
	}
}

// KeepAlerts gives the reports of a message that is read again the lives that
// those of its first reading became part of.
func KeepAlerts(m, old *model.Message) {
	for i := range m.Alerts {
		for k := range old.Alerts {
			if m.Alerts[i].Field == old.Alerts[k].Field {
				m.Alerts[i].Life = old.Alerts[k].Life
				break
			}
		}
	}
}

// lives follows the alerts for the stage: what a batch changes is kept apart
// until the batch is in the record.
type lives struct {
	known, batch *alert.Lives
}

// load takes over what the store follows; once.
func (s *lives) load(store Store) {
	if s.known != nil {
		return
	}
	s.known = alert.NewLives()
	if keeper, ok := store.(interface{ Lives() []*alert.Life }); ok {
		for _, l := range keeper.Lives() {
			s.known.Load(l)
		}
	}
	s.batch = s.known.Over()
}

// feed stamps each report with the life it is part of.
func (s *lives) feed(m *model.Message) {
	HearAlerts(m, s.batch, func(a *model.Alert, l *alert.Life, late bool) { a.Life = l.Stamp(late) })
}
