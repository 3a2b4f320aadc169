package recorddb

import (
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/grid"
	"thalamus/internal/model"
)

// seriesKey is what keeps values together: patient and device, code, unit, and
// whether they are simulated, which keeps them apart (R17).
type seriesKey struct {
	patient   model.PatientID
	device    model.DeviceID
	code      codeKey
	unit      string
	simulated bool
	wave      bool
}

// codeKey is Code.Key without making a text of it; where a code is not known,
// it is the code as sent.
type codeKey struct {
	text string
	mdc  uint32
	kind byte // r RefID, m MDC, l LOINC, s as sent
}

func codeKeyOf(c *model.Code, sent *model.Coding) codeKey {
	switch {
	case c.RefID != "":
		return codeKey{text: c.RefID, kind: 'r'}
	case c.MDC != 0:
		return codeKey{mdc: c.MDC, kind: 'm'}
	case c.LOINC != "":
		return codeKey{text: c.LOINC, kind: 'l'}
	}
	return codeKey{text: sent.Code, kind: 's'}
}

// series is the values of one key: those since the last seal, and the last.
type series struct {
	seriesKey
	meaning model.Code
	sent    model.Coding
	id      int64 // in the newest file; 0: not saved there yet
	chunk

	// The last value: as it was, or until somebody asks, the message that
	// brought it.
	latest   record.LatestValue
	known    bool
	from     *file
	at       ordinal
	lastTime int64 // Unix ns, the device's
	touched  bool  // since the last seal
}

// Bounds that hostile senders meet; what is beyond is in the messages only.
const (
	mostSeries      = 200_000
	mostUnknown     = 500     // series of codes nobody knows, per device
	longestSentCode = 100     // of a code nobody knows
	mostText        = 4 << 10 // of a text kept as the latest value
)

// allSeries holds the series of the newest file and the latest values.
type allSeries struct {
	all       map[seriesKey]*series
	byPatient map[model.PatientID][]*series
	byDevice  map[model.DeviceID][]*series
	unknown   map[model.DeviceID]int
	last      int64 // highest id given in the newest file
}

func newAllSeries() *allSeries {
	return &allSeries{
		all: map[seriesKey]*series{}, byPatient: map[model.PatientID][]*series{},
		byDevice: map[model.DeviceID][]*series{}, unknown: map[model.DeviceID]int{},
	}
}

// get gives the series of a key, made when it is new; nil when there are too
// many.
func (a *allSeries) get(k seriesKey, c *model.Code, sent *model.Coding) *series {
	if s := a.all[k]; s != nil {
		return s
	}
	if len(a.all) >= mostSeries || k.patient == "" && k.device == "" {
		return nil
	}
	if k.code.kind == 's' {
		if k.code.text == "" || len(k.code.text) > longestSentCode || a.unknown[k.device] >= mostUnknown {
			return nil
		}
	}
	s := &series{seriesKey: k, meaning: *c, sent: *sent}
	a.put(s)
	return s
}

// of gives the series of a subject; all when it is zero.
func (a *allSeries) of(s record.Subject) []*series {
	var list []*series
	switch {
	case s.Device != "":
		list = a.byDevice[s.Device]
	case s.Patient != "":
		list = a.byPatient[s.Patient]
	default:
		for _, one := range a.all {
			list = append(list, one)
		}
		return list
	}
	if s.Device == "" || s.Patient == "" {
		return list
	}
	var both []*series
	for _, one := range list {
		if one.patient == s.Patient {
			both = append(both, one)
		}
	}
	return both
}

// roll begins a new file: series have no number there yet, and those that the
// file which ended brought nothing of are forgotten.
func (a *allSeries) roll(ended *file) {
	next := newAllSeries()
	for _, s := range a.all {
		if s.from == ended {
			s.id, s.touched, s.chunk = 0, false, chunk{}
			next.put(s)
		}
	}
	*a = *next
}

func (a *allSeries) put(s *series) {
	a.all[s.seriesKey] = s
	if s.patient != "" {
		a.byPatient[s.patient] = append(a.byPatient[s.patient], s)
	}
	if s.device != "" {
		a.byDevice[s.device] = append(a.byDevice[s.device], s)
	}
	if s.code.kind == 's' {
		a.unknown[s.device]++
	}
}

// add takes the observations and waveforms of a message.
func (a *allSeries) add(m *model.Message, f *file, at ordinal) {
	patient := record.PatientOf(m)
	for i := range m.Observations {
		o := &m.Observations[i]
		if o.Same != (model.MessageRef{}) {
			continue
		}
		key := seriesKey{patient: patient, device: record.DeviceOf(m, o.Device), code: codeKeyOf(&o.Code, &o.Received), unit: o.UnitUCUM, simulated: o.Simulated || m.Test}
		s := a.get(key, &o.Code, &o.Received)
		if s == nil {
			continue
		}
		t := record.TimeOf(&o.DeviceTime, m)
		p := point{time: t.UnixNano(), value: o.Value.Number, ref: keyOf(m.Ref)}
		switch o.Status {
		case model.StatusCorrected:
			p.flags = corrects
		case model.StatusCancelled, model.StatusError:
			p.flags = voids
		}
		if o.Absent != "" {
			p.flags |= byte(grid.Absent) << kindShift
			p.value = model.Decimal{}
		} else {
			p.flags |= byte(grid.KindOf(o.Value.Comparator)) << kindShift
		}
		if o.Value.Kind == model.ValueNumber || p.flags&voids != 0 || o.Absent != "" {
			s.chunk.add(p, p.time)
		}
		s.seen(o, m, t, f, at)
	}
	for i := range m.Waveforms {
		w := &m.Waveforms[i]
		if w.Same != (model.MessageRef{}) {
			continue
		}
		key := seriesKey{patient: patient, device: record.DeviceOf(m, w.Device), code: codeKeyOf(&w.Code, &w.Received), unit: w.UnitUCUM, simulated: w.Simulated || m.Test, wave: true}
		s := a.get(key, &w.Code, &w.Received)
		if s == nil {
			continue
		}
		t := record.TimeOf(&w.DeviceTime, m).UnixNano()
		long := lengthOf(w)
		s.chunk.add(point{time: t, value: model.Decimal{Coef: long}, ref: keyOf(m.Ref)}, t+long)
		s.from, s.at, s.touched = f, at, true
	}
}

// lengthOf gives how long a waveform lasts, in nanoseconds, a day at the most.
func lengthOf(w *model.Waveform) int64 {
	const day = int64(24 * time.Hour)
	n := int64(len(w.Samples))
	if w.PeriodNS <= 0 || n == 0 {
		return 0
	}
	if n > day/w.PeriodNS {
		return day
	}
	return n * w.PeriodNS
}

// seen notes the last value, unless a later one is known.
func (s *series) seen(o *model.Observation, m *model.Message, t time.Time, f *file, at ordinal) {
	ns := t.UnixNano()
	if s.from != nil && ns < s.lastTime {
		s.touched = true
		return
	}
	s.lastTime, s.from, s.at, s.known, s.touched = ns, f, at, true, true
	s.latest.Ref, s.latest.Time, s.latest.Arrived = m.Ref, t, m.Arrived
	s.latest.Patient, s.latest.Device = s.patient, s.device
	s.latest.Code, s.latest.Received, s.latest.UnitUCUM = o.Code, o.Received, o.UnitUCUM
	s.latest.Value = o.Value
	if len(s.latest.Value.Text) > mostText {
		s.latest.Value.Text = s.latest.Value.Text[:mostText]
	}
	s.latest.Status, s.latest.Absent, s.latest.Simulated = o.Status, o.Absent, s.simulated
}
