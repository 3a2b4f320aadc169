package extract

import (
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// Form of the files.
type Form string

const (
	Parquet Form = "parquet"
	FHIR    Form = "fhir"
	CSV     Form = "csv"
)

// Ask says what an extract holds. Empty lists match everything; a list matches
// when one of its elements does; all that is given must match.
type Ask struct {
	Form     Form              `json:"form"`
	From     time.Time         `json:"from,omitzero"`  // arrived at or after
	Until    time.Time         `json:"until,omitzero"` // arrived before
	Places   []string          `json:"places,omitempty"`
	Devices  []model.DeviceID  `json:"devices,omitempty"`
	Patients []model.PatientID `json:"patients,omitempty"`
	Channels []model.ChannelID `json:"channels,omitempty"`
	Codes    []string          `json:"codes,omitempty"` // RefID, MDC number, LOINC or the code as sent
	Tables   []Table           `json:"tables,omitempty"`
}

// Table is one of the tables of an extract.
type Table string

const (
	Observations Table = "observations"
	Waveforms    Table = "waveforms"
	Alerts       Table = "alerts"
	Messages     Table = "messages"
	Issues       Table = "issues"
)

// Tables lists them.
func Tables() []Table { return []Table{Observations, Waveforms, Alerts, Messages, Issues} }

// Check says what is wrong with an ask.
func (a *Ask) Check() error {
	wrong := func(place, text string, args ...any) error {
		return fault.New(fault.Invalid, "extract.ask", text, args...).At(place)
	}
	switch a.Form {
	case Parquet, FHIR, CSV:
	default:
		return wrong("form", "expected parquet, fhir or csv")
	}
	if !a.From.IsZero() && !a.Until.IsZero() && !a.From.Before(a.Until) {
		return wrong("until", "the span ends before it begins; give an end that is later")
	}
	for _, p := range a.Places {
		if p == "" || strings.Count(p, "^") > 3 || strings.Trim(p, "^ ") == "" {
			return wrong("places", "not a place; write point of care, room, bed and facility joined by ^, for example ICU or ICU^2^23")
		}
	}
	for _, t := range a.Tables {
		if !slices.Contains(Tables(), t) {
			return wrong("tables", "there is no table %q; expected observations, waveforms, alerts, messages or issues", string(t))
		}
	}
	for _, list := range [][]string{texts(a.Devices), texts(a.Patients), texts(a.Channels), a.Codes} {
		if slices.Contains(list, "") {
			return wrong("", "one of the lists holds an empty text")
		}
	}
	return nil
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = string(list[i])
	}
	return out
}

// has says whether a table is wanted.
func (a *Ask) has(t Table) bool { return len(a.Tables) == 0 || slices.Contains(a.Tables, t) }

// query is what the record can look for by its indexes; the rest is told by
// filter.
func (a *Ask) query() record.Query {
	q := record.Query{Patients: a.Patients}
	if len(a.Devices) == 1 {
		q.Device = a.Devices[0]
	}
	if len(a.Channels) == 1 {
		q.Channel = a.Channels[0]
	}
	if len(a.Codes) == 1 {
		q.Code = a.Codes[0]
	}
	return q
}

// filter tells which messages and which of their parts are wanted.
type filter struct {
	ask    *Ask
	places []model.Place
}

func newFilter(a *Ask) filter {
	f := filter{ask: a}
	for _, text := range a.Places {
		part := append(strings.Split(text, "^"), "", "", "")
		f.places = append(f.places, model.Place{PointOfCare: part[0], Room: part[1], Bed: part[2], Facility: part[3]})
	}
	return f
}

func (f *filter) message(m *model.Message) bool {
	a := f.ask
	return (len(a.Channels) == 0 || slices.Contains(a.Channels, m.Channel)) &&
		(len(a.Patients) == 0 || slices.Contains(a.Patients, record.PatientOf(m))) &&
		(len(a.Devices) == 0 || slices.ContainsFunc(m.Devices, func(d model.Device) bool { return slices.Contains(a.Devices, d.ID) })) &&
		(len(f.places) == 0 || f.placed(m))
}

// placed says whether the visit or a device of the message is at a place that
// is wanted; a component that is not given is any.
func (f *filter) placed(m *model.Message) bool {
	for _, want := range f.places {
		at := func(have model.Place) bool {
			return (want.PointOfCare == "" || have.PointOfCare == want.PointOfCare) && (want.Room == "" || have.Room == want.Room) &&
				(want.Bed == "" || have.Bed == want.Bed) && (want.Facility == "" || have.Facility == want.Facility)
		}
		if m.Visit != nil && at(m.Visit.Place) || slices.ContainsFunc(m.Devices, func(d model.Device) bool { return at(d.Place) }) {
			return true
		}
	}
	return false
}

// part says whether what a device said under a code is wanted.
func (f *filter) part(m *model.Message, device int, c *model.Code, sent *model.Coding) bool {
	a := f.ask
	return (len(a.Devices) == 0 || slices.Contains(a.Devices, record.DeviceOf(m, device))) &&
		(len(a.Codes) == 0 || slices.ContainsFunc(a.Codes, func(word string) bool { return record.CodeIs(c, sent, word) }))
}

// alert is part for an alert: also by the code of what it is about.
func (f *filter) alert(m *model.Message, a *model.Alert) bool {
	return f.part(m, a.Device, &a.Code, &a.Received) || f.part(m, a.Device, &a.Source, &a.Received)
}

// narrow gives the message with only what is wanted of it, for forms that take
// a whole message. The lists it changes are its own.
func (f *filter) narrow(m *model.Message) *model.Message {
	a := f.ask
	if len(a.Devices)+len(a.Codes)+len(a.Tables) == 0 {
		return m
	}
	n := *m
	n.Observations, n.Waveforms, n.Alerts = nil, nil, nil
	for i := range m.Observations {
		if o := &m.Observations[i]; a.has(Observations) && f.part(m, o.Device, &o.Code, &o.Received) {
			n.Observations = append(n.Observations, *o)
		}
	}
	for i := range m.Waveforms {
		if w := &m.Waveforms[i]; a.has(Waveforms) && f.part(m, w.Device, &w.Code, &w.Received) {
			n.Waveforms = append(n.Waveforms, *w)
		}
	}
	for i := range m.Alerts {
		if one := &m.Alerts[i]; a.has(Alerts) && f.alert(m, one) {
			n.Alerts = append(n.Alerts, *one)
		}
	}
	return &n
}
