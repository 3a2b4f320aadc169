package hl7time

import (
	"time"

	"thalamus/internal/model"
)

// Zones says where a time without a zone was taken. The first that is known
// counts: the message's own (MSH-7, HL7 v2.5.1 §2.A.77), the device's, the
// channel's, the site's; else UTC.
type Zones struct {
	Message Offset
	Device  *time.Location
	Channel *time.Location
	Site    *time.Location
}

// Offset is a zone known by its distance from UTC.
type Offset struct {
	Known   bool
	Seconds int32 // east of UTC
}

// HeaderZone gives the zone of MSH-7; unknown when the field has none or
// cannot be read.
func HeaderZone(msh7 string) Offset { return HeaderZoneAs("", msh7) }

// HeaderZoneAs is HeaderZone of a text written in a format of ParseAs. A count
// since 1970 says nothing of the sender's zone.
func HeaderZoneAs(format, msh7 string) Offset {
	switch format {
	case FormatSeconds, FormatMillis, FormatMicros, FormatAuto:
		return Offset{}
	}
	t, err := ParseAs(format, msh7)
	if err != nil || !t.Zoned {
		return Offset{}
	}
	return Offset{true, t.Offset}
}

// clockSlack is how far a sender's clock may run ahead of ours before a
// reading of an ambiguous time counts as in the future.
const clockSlack = 5 * time.Minute

// Resolve gives the instant in UTC, who decided the zone, and whether the
// local time was ambiguous: it happened twice (clocks set back) or never
// (clocks set forward). Then the latest reading that is not after arrived
// counts, because a measurement is sent after it was made; when all are, the
// earliest.
func (z *Zones) Resolve(t Time, arrived time.Time) (utc time.Time, source model.ZoneSource, ambiguous bool) {
	if t.Precision == None {
		return time.Time{}, "", false
	}
	wall := time.Date(int(t.Year), time.Month(t.Month), int(t.Day), int(t.Hour), int(t.Minute), int(t.Second), int(t.Nano), time.UTC)
	if t.Zoned {
		return wall.Add(-time.Duration(t.Offset) * time.Second), model.ZoneMessage, false
	}
	if z.Message.Known {
		return wall.Add(-time.Duration(z.Message.Seconds) * time.Second), model.ZoneMessage, false
	}
	loc, source := z.Site, model.ZoneSite
	switch {
	case z.Device != nil:
		loc, source = z.Device, model.ZoneDevice
	case z.Channel != nil:
		loc, source = z.Channel, model.ZoneChannel
	}
	if loc == nil || loc == time.UTC {
		return wall, source, false
	}
	before, after := offset(wall.Add(-26*time.Hour), loc), offset(wall.Add(26*time.Hour), loc)
	if before == after {
		return wall.Add(-before), source, false
	}
	// A change of the zone is near. A reading holds when the zone really had
	// that offset at that instant.
	a, b := wall.Add(-before), wall.Add(-after)
	holdsA, holdsB := offset(a, loc) == before, offset(b, loc) == after
	if holdsA != holdsB {
		if holdsA {
			return a, source, false
		}
		return b, source, false
	}
	if a.After(b) {
		a, b = b, a
	}
	if b.After(arrived.Add(clockSlack)) {
		return a, source, true
	}
	return b, source, true
}

func offset(t time.Time, loc *time.Location) time.Duration {
	_, s := t.In(loc).Zone()
	return time.Duration(s) * time.Second
}

// Read makes a timestamp of a field's text. An empty text gives the zero
// timestamp and no error; one that cannot be read gives its original and the
// fault, which never holds the text.
func (z *Zones) Read(text string, arrived time.Time) (model.Timestamp, error) {
	if text == "" {
		return model.Timestamp{}, nil
	}
	return z.ReadAs("", text, arrived)
}

// ReadAs is Read of a text written in a format of ParseAs.
func (z *Zones) ReadAs(format, text string, arrived time.Time) (model.Timestamp, error) {
	if text == "" {
		return model.Timestamp{}, nil
	}
	ts := model.Timestamp{Original: text, Format: format}
	t, err := ParseAs(format, text)
	if err != nil {
		return ts, err
	}
	ts.UTC, ts.Zone, ts.Ambiguous = z.Resolve(t, arrived)
	ts.Precision = t.Precision.String()
	return ts, nil
}
