package record

import (
	"fmt"
	"slices"

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
		if l, late := lives.Take(reportOf(m, a)); l != nil {
			tell(a, l, late)
		}
	}
}

// reportOf is an alert of a message as its life takes it.
func reportOf(m *model.Message, a *model.Alert) *alert.Report {
	return &alert.Report{
		Alert: a, Device: DeviceOf(m, a.Device), Patient: PatientOf(m), Channel: m.Channel, Ref: m.Ref,
		At: TimeOf(&a.DeviceTime, m), Arrived: m.Arrived,
	}
}

// vanished is the field of an alert that is no longer on a list.
const vanished = "vanished"

// Conclude adds to a message the ends of the alerts that stood on a list of
// its device and are not on it any more, where a profile says that the list is
// complete (R21, decision 192). Nothing else is concluded from silence.
func Conclude(m *model.Message, lives *alert.Lives, names Names) {
	reported := len(m.Alerts)
	for _, list := range m.AlertLists {
		device := DeviceOf(m, list.Device)
		named := func(id string) bool {
			return slices.ContainsFunc(m.Alerts[:reported], func(a model.Alert) bool { return a.ID == id && DeviceOf(m, a.Device) == device })
		}
		var missing []*alert.Life
		for _, name := range namesOf(names, device) {
			missing = append(missing, lives.Missing(name, list.Name, TimeOf(&m.DeviceTime, m), named)...)
		}
		for _, l := range missing {
			if mine := PatientOf(m); mine != "" && l.Patient != "" && mine != l.Patient {
				continue // never two patients in one message (R13)
			}
			a := l.Alert
			m.Alerts = append(m.Alerts, model.Alert{
				Field: fmt.Sprintf("%s[%d]", vanished, len(m.Alerts)-reported), ID: a.ID, Code: a.Code, Received: a.Received, Text: a.Text, Phase: "end",
				Priority: a.Priority, Kind: a.Kind, Source: a.Source, DeviceTime: m.DeviceTime, Mapped: a.Mapped, Device: list.Device,
				Simulated: a.Simulated, Follows: a.Follows, List: a.List, Vanished: true,
			})
		}
	}
}

// unconclude takes away what an earlier try concluded.
func unconclude(m *model.Message) {
	if len(m.AlertLists) > 0 {
		m.Alerts = slices.DeleteFunc(m.Alerts, func(a model.Alert) bool { return a.Vanished })
	}
}

// KeepAlerts gives the reports of a message that is read again the lives that
// those of its first reading became part of, and keeps the ends that were
// concluded then from a list that it still has.
func KeepAlerts(m, old *model.Message) {
	for i := range old.Alerts {
		if a := &old.Alerts[i]; a.Vanished && slices.ContainsFunc(m.AlertLists, func(l model.AlertList) bool { return l.Name == a.List }) {
			m.Alerts = append(m.Alerts, *a)
		}
	}
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

// feed stamps each report with the life it is part of. What a stranger
// reported before it was merged into the device goes on under the device: the
// report says so, for whoever follows the lives beside the stage.
func (s *lives) feed(m *model.Message, names Names) {
	for i := range m.Alerts {
		a := &m.Alerts[i]
		if a.Same != (model.MessageRef{}) {
			continue
		}
		r := reportOf(m, a)
		a.Life.Before = ""
		if all := namesOf(names, r.Device); len(all) > 1 {
			a.Life.Before = s.batch.Before(r, all)
		}
		if l, late := s.batch.Take(r); l != nil {
			before := a.Life.Before
			a.Life = l.Stamp(late)
			a.Life.Before = before
		}
	}
}
