package clock

import (
	"iter"
	"time"

	"thalamus/internal/model"
)

// Reading is what a message shows of one device's clock.
type Reading struct {
	Device model.DeviceID
	Sample Sample
	Field  string // where the newest time stands
	// Header says that the newest time is that of the message: its sender is
	// the device.
	Header bool
}

// earliest and latest bound the times whose distances can be counted in ns.
var (
	earliest = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2150, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Readings gives what a message shows of the clocks of its devices, whose ids
// are known. The newest time of a device's observations, curves and alerts is
// its clock's; where a device does not tell its parts (Level), and so may be a
// laboratory's, whose results bear the times of people, it is the time of the
// message, if that has no other device. Times that are ambiguous or less
// precise than a minute show nothing, nor do those that the device did not say
// (Timestamp.Ours), nor what came before over another path (Same): how late it is
// tells of the path.
func Readings(m *model.Message) iter.Seq[Reading] {
	return func(yield func(Reading) bool) {
		if m.Arrived.Before(earliest) || m.Arrived.After(latest) || m.Duplicate != (model.MessageRef{}) {
			return
		}
		for i := range m.Devices {
			id := m.Devices[i].ID
			if id == "" || !first(m, i) {
				continue
			}
			r := Reading{Device: id}
			single := single(m, id) && m.Repeated() == 0
			if m.Codec == "hl7v2" && !tells(m, id) {
				if single {
					r.take(&m.DeviceTime, time.Time{}, "MSH-7")
					r.Header = true
				}
			} else {
				r.newest(m, id)
				if r.Sample.Grain == 0 && single {
					field := "" // of the message as a whole
					if m.Codec == "hl7v2" {
						field = "MSH-7"
					}
					r.take(&m.DeviceTime, time.Time{}, field)
					r.Header = true
				}
			}
			if r.Sample.Grain == 0 {
				continue
			}
			r.Sample.Arrived = m.Arrived.UnixNano()
			if !yield(r) {
				return
			}
		}
	}
}

// first says that no device before i has its id.
func first(m *model.Message, i int) bool {
	for k := range i {
		if m.Devices[k].ID == m.Devices[i].ID {
			return false
		}
	}
	return true
}

func single(m *model.Message, id model.DeviceID) bool {
	for i := range m.Devices {
		if m.Devices[i].ID != id && m.Devices[i].ID != "" {
			return false
		}
	}
	return true
}

// tells says that the device names its parts.
func tells(m *model.Message, id model.DeviceID) bool {
	for i := range m.Devices {
		if m.Devices[i].ID == id && m.Devices[i].Level != "" {
			return true
		}
	}
	return false
}

// of says whether a part with this index is of the device. What names no
// device is of the message's first.
func of(m *model.Message, i int, id model.DeviceID) bool {
	if i >= 0 && i < len(m.Devices) && m.Devices[i].ID != "" {
		return m.Devices[i].ID == id
	}
	for k := range m.Devices {
		if m.Devices[k].ID != "" {
			return m.Devices[k].ID == id
		}
	}
	return false
}

func (r *Reading) newest(m *model.Message, id model.DeviceID) {
	var last time.Time // the observations of a message mostly share one
	for i := range m.Observations {
		o := &m.Observations[i]
		if o.Same != (model.MessageRef{}) || o.DeviceTime.UTC == last && o.DeviceTimeEnd.IsZero() || !of(m, o.Device, id) {
			continue
		}
		last = o.DeviceTime.UTC
		r.take(&o.DeviceTime, o.DeviceTimeEnd, o.Field)
	}
	for i := range m.Waveforms {
		w := &m.Waveforms[i]
		if w.Same != (model.MessageRef{}) || !of(m, w.Device, id) {
			continue
		}
		end := time.Time{}
		if span := w.PeriodNS * int64(len(w.Samples)); w.PeriodNS > 0 && w.PeriodNS < 1e12 && span < int64(farAhead) {
			end = w.DeviceTime.UTC.Add(time.Duration(span))
		}
		r.take(&w.DeviceTime, end, w.Field)
	}
	for i := range m.Alerts {
		if a := &m.Alerts[i]; a.Same == (model.MessageRef{}) && of(m, a.Device, id) {
			r.take(&a.DeviceTime, time.Time{}, a.Field)
		}
	}
}

// take keeps a time if it is the newest. What was corrected counts as it was
// said.
func (r *Reading) take(t *model.Timestamp, end time.Time, field string) {
	at := t.UTC
	if at.IsZero() || t.Ambiguous || t.Ours() {
		return
	}
	if end.After(at) {
		at = end
	}
	if at.Before(earliest) || at.After(latest) {
		return
	}
	grain := grainOf(t.Precision)
	said := at.UnixNano() + t.ClockOffsetNS
	if grain == 0 || r.Sample.Grain != 0 && said <= r.Sample.Said {
		return
	}
	r.Sample.Said, r.Sample.Grain, r.Field = said, grain, field
}

// grainOf gives how precise a time is, in ns; 0 for what shows nothing of a
// clock.
func grainOf(precision string) int64 {
	switch precision {
	case "fraction":
		return int64(time.Millisecond)
	case "second":
		return int64(time.Second)
	case "minute":
		return int64(time.Minute)
	}
	return 0
}

// Correct takes the device's offset off all times of its clock in the message:
// those of its observations, curves and alerts, and where the message has no
// other device, of its reports, and its own if that is of the same clock.
func (r *Reading) Correct(m *model.Message, offset, uncertainty int64) {
	each(m, r.Device, func(t *model.Timestamp, end *time.Time) { correct(t, end, offset, uncertainty) })
	if !single(m, r.Device) {
		return
	}
	for i := range m.Orders {
		correct(&m.Orders[i].Start, nil, offset, uncertainty)
		correct(&m.Orders[i].End, nil, offset, uncertainty)
	}
	apart := m.DeviceTime.UTC.UnixNano() - r.Sample.Said
	if r.Header || apart < int64(time.Minute) && apart > -int64(time.Minute) {
		correct(&m.DeviceTime, nil, offset, uncertainty)
	}
}

func each(m *model.Message, id model.DeviceID, do func(t *model.Timestamp, end *time.Time)) {
	for i := range m.Observations {
		if o := &m.Observations[i]; of(m, o.Device, id) {
			do(&o.DeviceTime, &o.DeviceTimeEnd)
		}
	}
	for i := range m.Waveforms {
		if w := &m.Waveforms[i]; of(m, w.Device, id) {
			do(&w.DeviceTime, nil)
		}
	}
	for i := range m.Alerts {
		if a := &m.Alerts[i]; of(m, a.Device, id) {
			do(&a.DeviceTime, nil)
		}
	}
}

func correct(t *model.Timestamp, end *time.Time, offset, uncertainty int64) {
	if t.UTC.IsZero() || t.Ours() || t.ClockOffsetNS != 0 || t.UncertaintyNS != 0 || offset == 0 && uncertainty == 0 {
		return
	}
	t.UTC = t.UTC.Add(-time.Duration(offset))
	t.ClockOffsetNS, t.UncertaintyNS = offset, uncertainty
	if end != nil && !end.IsZero() {
		*end = end.Add(-time.Duration(offset))
	}
}

// Restore undoes every correction of a message: its times are again what the
// clocks said.
func Restore(m *model.Message) {
	for i := range m.Observations {
		restore(&m.Observations[i].DeviceTime, &m.Observations[i].DeviceTimeEnd)
	}
	for i := range m.Waveforms {
		restore(&m.Waveforms[i].DeviceTime, nil)
	}
	for i := range m.Alerts {
		restore(&m.Alerts[i].DeviceTime, nil)
	}
	for i := range m.Orders {
		restore(&m.Orders[i].Start, nil)
		restore(&m.Orders[i].End, nil)
	}
	restore(&m.DeviceTime, nil)
}

func restore(t *model.Timestamp, end *time.Time) {
	if t.ClockOffsetNS == 0 && t.UncertaintyNS == 0 {
		return
	}
	t.UTC = t.UTC.Add(time.Duration(t.ClockOffsetNS))
	if end != nil && !end.IsZero() {
		*end = end.Add(time.Duration(t.ClockOffsetNS))
	}
	t.ClockOffsetNS, t.UncertaintyNS = 0, 0
}
