package record

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/model"
)

// What a query means is said here once, for every store.

// Matches says whether a message is what a query asks for; Before, After and
// Limit aside.
func (q *Query) Matches(m *model.Message) bool {
	switch {
	case len(q.Patients) > 0 && !slices.Contains(q.Patients, PatientOf(m)),
		q.Device != "" && !slices.ContainsFunc(m.Devices, func(d model.Device) bool { return d.ID == q.Device }),
		q.Channel != "" && q.Channel != m.Channel,
		q.Type != "" && !TypeIs(m.Type, q.Type),
		q.ControlText != "" && !strings.Contains(m.ControlID, q.ControlText),
		!q.From.IsZero() && m.Arrived.Before(q.From),
		!q.Until.IsZero() && !m.Arrived.Before(q.Until),
		q.WithIssues && len(m.Issues) == 0,
		q.WithAlerts && len(m.Alerts) == 0,
		q.Refused && !slices.ContainsFunc(m.Routed, func(r model.Decision) bool { return r.Refused != "" }),
		q.Code != "" && !hasCode(m, q.Code):
		return false
	}
	return true
}

// TypeIs says whether a message type is the one wanted or a kind of it:
// "ORU^R01^ORU_R01" is "ORU^R01" and "ORU".
func TypeIs(have, want string) bool { return have == want || strings.HasPrefix(have, want+"^") }

func hasCode(m *model.Message, word string) (has bool) {
	EachCode(m, func(c *model.Code, sent *model.Coding) { has = has || CodeIs(c, sent, word) })
	return has
}

// EachCode calls each with the codes by which a message is found: of its
// observations, waveforms and alerts, and of what the alerts are about.
func EachCode(m *model.Message, each func(c *model.Code, sent *model.Coding)) {
	for i := range m.Observations {
		each(&m.Observations[i].Code, &m.Observations[i].Received)
	}
	for i := range m.Waveforms {
		each(&m.Waveforms[i].Code, &m.Waveforms[i].Received)
	}
	for i := range m.Alerts {
		each(&m.Alerts[i].Code, &m.Alerts[i].Received)
		each(&m.Alerts[i].Source, &m.Alerts[i].Received)
	}
}

// CodeIs says whether a person who asks for word means this code: by RefID,
// MDC number, LOINC, the code as sent, or Code.Key.
func CodeIs(c *model.Code, sent *model.Coding, word string) bool {
	return word != "" && (word == c.RefID || word == sent.Code || word == c.LOINC ||
		c.MDC != 0 && word == strconv.FormatUint(uint64(c.MDC), 10) || word == c.Key())
}

// PatientOf gives the patient a message is about, empty for nobody.
func PatientOf(m *model.Message) model.PatientID {
	if m.Patient == nil {
		return ""
	}
	return m.Patient.ID
}

// DeviceOf gives the device behind Message.Devices[i]: a part without an
// identity of its own belongs to its whole, and what names no device to the
// first one of the message.
func DeviceOf(m *model.Message, i int) model.DeviceID {
	if i >= 0 && i < len(m.Devices) {
		for range len(m.Devices) {
			d := &m.Devices[i]
			if d.ID != "" || d.Parent < 0 || d.Parent >= len(m.Devices) {
				break
			}
			i = d.Parent
		}
		if id := m.Devices[i].ID; id != "" {
			return id
		}
	}
	for k := range m.Devices {
		if m.Devices[k].ID != "" {
			return m.Devices[k].ID
		}
	}
	return ""
}

// TimeOf gives the time a value stands for: its own, else the message's, else
// that of arrival. A sender's time outside 1700 to 2200 is taken for none.
func TimeOf(t *model.Timestamp, m *model.Message) time.Time {
	for _, one := range [...]time.Time{t.UTC, m.DeviceTime.UTC} {
		if y := one.Year(); y > 1700 && y < 2200 {
			return one
		}
	}
	return m.Arrived
}

// Matches says whether an alert is what a query asks for.
func (q *AlertQuery) Matches(s *AlertState) bool {
	return (!q.Active || s.Active) && (q.Heartbeats || !s.Alert.Heartbeat) && (q.ID == "" || q.ID == s.Alert.ID) &&
		(q.Patient == "" || q.Patient == s.Patient) && (q.Device == "" || q.Device == s.Device) &&
		(q.From.IsZero() || !s.Arrived.Before(q.From)) && (q.Until.IsZero() || s.Since.Before(q.Until))
}
