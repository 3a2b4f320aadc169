package normalise

import (
	"errors"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/hl7time"
	"thalamus/internal/model"
)

// ahead is how far a sender's clock may be in the future before an issue
// says so.
const ahead = 24 * time.Hour

// times resolves the times of everything but waveforms and alerts.
func (n *normaliser) times() {
	m := n.m
	m.DeviceTime = n.time(m.DeviceTime, n.place("MSH-7", "time"))
	for i := range m.Devices {
		if p := m.Devices[i].Personal; p != nil && p.Clock.Said.Original != "" {
			own := *p
			own.Clock.Said = n.time(p.Clock.Said, m.Devices[i].Field)
			m.Devices[i].Personal = &own
		}
	}
	if p := m.Patient; p != nil {
		p.DeceasedAt = n.time(p.DeceasedAt, "PID-29")
	}
	if v := m.Visit; v != nil {
		v.Admitted = n.time(v.Admitted, "PV1-44")
		v.Discharged = n.time(v.Discharged, "PV1-45")
	}
	if e := m.Event; e != nil {
		e.Occurred = n.time(e.Occurred, "EVN")
	}
	for i := range m.Orders {
		o := &m.Orders[i]
		if o.Start.Original != "" {
			o.Start = n.time(o.Start, n.place(o.Field+"-7", o.Field))
		}
		if o.End.Original != "" {
			o.End = n.time(o.End, n.place(o.Field+"-8", o.Field))
		}
	}
	for i := range m.Observations {
		o := &m.Observations[i]
		if n.plainly(o.DeviceTime.Original, o.DeviceTime.Format) {
			o.DeviceTime = n.last
		} else {
			o.DeviceTime = n.time(o.DeviceTime, o.Field)
		}
		o.DeviceTimeEnd = time.Time{}
		if m.Codec == "phd" && !o.DeviceTime.UTC.IsZero() {
			for _, note := range o.Notes {
				if took, ok := model.NoteSpan(note); ok {
					o.DeviceTimeEnd = o.DeviceTime.UTC.Add(took)
				}
			}
		}
		if o.Order >= len(m.Orders) {
			continue
		}
		// An observation with the time of its OBR stands for the OBR's span.
		r := &m.Orders[o.Order]
		if o.DeviceTime.Original == r.Start.Original && r.End.UTC.After(r.Start.UTC) {
			o.DeviceTimeEnd = r.End.UTC
		}
	}
}

// valueTime resolves the time of a value.
func (n *normaliser) valueTime(v *model.Value, field string) {
	if v.Time != nil {
		at := n.time(*v.Time, field)
		v.Time = &at
	}
}

// place is where a time stands, in a message or in a document.
func (n *normaliser) place(message, document string) string {
	if n.hl7 {
		return message
	}
	return document
}

// howTimesAreWritten is what to do about a time that cannot be read.
func (n *normaliser) howTimesAreWritten() string {
	if n.hl7 {
		return "the sender should write YYYYMMDDHHMMSS with its zone, or its profile say how it writes times (time.format)"
	}
	return "the sender should write ISO 8601 with its zone, or its profile say how it writes times (time.format)"
}

// plainly says that a time is the one read last, of which there is nothing to
// say.
func (n *normaliser) plainly(original, format string) bool {
	return n.clear && original == n.last.Original && format == n.last.Format
}

// read reads a time as its profile says that the device writes them, else as
// its codec does. Where a profile counts since 1970, a text of 14 digits that a
// calendar has is a time of HL7 all the same: a count of milliseconds has so
// many digits after the year 2286 only.
func (n *normaliser) read(ts model.Timestamp) (model.Timestamp, error) {
	form := n.form
	if form == "" || ts.Format != "" && ts.Format != hl7time.FormatHL7 {
		return n.zones.ReadAs(ts.Format, ts.Original, n.m.Arrived)
	}
	if len(ts.Original) == 14 && strings.HasPrefix(form, "epoch_") {
		if at, err := n.zones.ReadAs(ts.Format, ts.Original, n.m.Arrived); err == nil {
			return at, nil
		}
	}
	at, wrong := n.zones.ReadAs(form, ts.Original, n.m.Arrived)
	if wrong == nil {
		return at, nil
	}
	if at, err := n.zones.ReadAs(ts.Format, ts.Original, n.m.Arrived); err == nil {
		return at, nil
	}
	return ts, wrong
}

// textOf is what a fault says is wrong; it never holds what was received.
func textOf(err error) string {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f.Text
	}
	return "its form is not known"
}

// time resolves one timestamp. The text read last is remembered: the
// observations of a message mostly share one.
func (n *normaliser) time(ts model.Timestamp, field string) model.Timestamp {
	if ts.Original == "" || !n.hl7 && ts.Format == "" {
		return ts
	}
	if ts.Original != n.last.Original || ts.Format != n.last.Format {
		n.clear = false
		n.last, n.fault = n.read(ts)
	}
	switch {
	case n.fault != nil:
		n.once(model.Issue{Code: prefix + "time", Severity: model.Error, Field: field, Received: fault.CodeOf(n.fault),
			Text: "the time cannot be read, only its text was kept: " + textOf(n.fault), Hint: n.howTimesAreWritten()}, ts.Original)
	case n.last.Ambiguous:
		n.once(model.Issue{Code: prefix + "time-ambiguous", Severity: model.Warning, Field: field, Received: string(n.last.Zone),
			Text: "the local time happened twice or never, because the clocks were changed", Hint: "the sender should give the zone, for example +0100"}, ts.Original)
	case !n.m.Arrived.IsZero() && n.last.UTC.Sub(n.m.Arrived) > ahead:
		n.once(model.Issue{Code: prefix + "time-future", Severity: model.Warning, Field: field,
			Text: "the time is more than a day after the message arrived", Hint: "set the device's clock, or its zone"}, ts.Original)
	default:
		n.clear = true
	}
	return n.last
}
