package clock

import (
	"strings"

	"thalamus/internal/model"
)

// Keep corrects a message that is read again as its first reading was: what a
// clock was thought of then is not thought of anew. Its devices have their ids;
// what the clocks of the first reading gave rise to stays an issue.
func Keep(m, old *model.Message) {
	for r := range Readings(m) {
		if offset, uncertainty, ok := corrected(old, r.Device); ok {
			r.Correct(m, offset, uncertainty)
		}
	}
	Forget(m)
	for _, i := range old.Issues {
		if strings.HasPrefix(i.Code, prefix) {
			m.Issues = append(m.Issues, i)
		}
	}
}

// corrected finds what was taken off the times of a device.
func corrected(m *model.Message, id model.DeviceID) (offset, uncertainty int64, ok bool) {
	look := func(t *model.Timestamp) {
		if !ok && (t.ClockOffsetNS != 0 || t.UncertaintyNS != 0) {
			offset, uncertainty, ok = t.ClockOffsetNS, t.UncertaintyNS, true
		}
	}
	for i := range m.Observations {
		if o := &m.Observations[i]; of(m, o.Device, id) {
			look(&o.DeviceTime)
		}
	}
	for i := range m.Waveforms {
		if w := &m.Waveforms[i]; of(m, w.Device, id) {
			look(&w.DeviceTime)
		}
	}
	for i := range m.Alerts {
		if a := &m.Alerts[i]; of(m, a.Device, id) {
			look(&a.DeviceTime)
		}
	}
	if single(m, id) {
		look(&m.DeviceTime)
	}
	return offset, uncertainty, ok
}
