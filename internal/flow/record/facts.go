package record

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"thalamus/internal/model"
)

// part is one measurement, run of samples or event of the message in work.
type part struct {
	fact
	where uint64            // device and code
	id    uint64            // key of the sender's own id, 0: none
	same  *model.MessageRef // in the message
	first int64             // the fact it repeats, -1 for none
	alone bool              // its device is heard over this path only
	field string
	code  *model.Code
}

// begin takes a message in work whose devices are known.
func (w *window) begin(m *model.Message) {
	w.now = saying{ref: m.Ref, path: w.pathOf(m)}
	if y := m.Arrived.Year(); y > 1700 && y < 2200 {
		w.now.arrived = m.Arrived.UnixNano()
	}
	w.clock = max(w.clock, w.now.arrived)
	w.mine = w.mine[:0]
	device, of, alone := uint64(0), -2, false
	add := func(p part, ts *model.Timestamp, index int, same *model.MessageRef, code *model.Code, sent *model.Coding) {
		if len(w.mine) == mostParts {
			return
		}
		if index != of {
			device, of = w.hash(string(DeviceOf(m, index))), index
			alone = device != 0 && w.alone(device)
		}
		var ok bool
		if p.second, p.nanos, ok = instant(ts); device == 0 || !ok {
			return
		}
		p.where, p.term = mix(device, w.termOf(code, sent)), uint32(w.hash(code.RefID))
		p.key, p.same, p.first, p.code = mix(p.where, uint64(p.second)), same, -1, code
		p.alone = alone
		w.mine = append(w.mine, p)
	}
	for i := range m.Observations {
		o := &m.Observations[i]
		p := w.measured(o, m.Test)
		p.field = o.Field
		add(p, &o.DeviceTime, o.Device, &o.Same, &o.Code, &o.Received)
		if n := len(w.mine) - 1; o.Instance != "" && n >= 0 && w.mine[n].same == &o.Same {
			w.mine[n].id = mix(w.mine[n].where, w.hash("#"+o.Instance))
		}
	}
	for i := range m.Waveforms {
		c := &m.Waveforms[i]
		add(part{fact: w.sampled(c, m.Test), field: c.Field}, &c.DeviceTime, c.Device, &c.Same, &c.Code, &c.Received)
	}
	for i := range m.Alerts {
		a := &m.Alerts[i]
		add(part{fact: w.told(a, m.Test), field: a.Field}, &a.DeviceTime, a.Device, &a.Same, &a.Code, &a.Received)
	}
}

// instant gives when something was so, as the device's clock said; ok is false
// where that is not said to the second.
func instant(ts *model.Timestamp) (second int64, nanos int32, ok bool) {
	if y := ts.UTC.Year(); y <= 1700 || y >= 2200 {
		return 0, 0, false
	}
	switch ts.Precision {
	case "year", "month", "day", "hour", "minute":
		return 0, 0, false
	}
	at := ts.UTC.Add(time.Duration(ts.ClockOffsetNS))
	return at.Unix(), int32(at.Nanosecond()), true
}

// pathOf tells paths apart: the channel and who sends.
func (w *window) pathOf(m *model.Message) uint32 {
	h := w.hash(string(m.Channel))
	for _, s := range [...]string{m.Sender.Application, m.Sender.ApplicationID, m.Sender.Facility} {
		h = mix(h, w.hash(s))
	}
	return uint32(h) | 1
}

// termOf is the code by which measurements are looked for: LOINC where it is
// known, since one path may say MDC and the other LOINC.
func (w *window) termOf(c *model.Code, sent *model.Coding) uint64 {
	switch {
	case c.LOINC != "":
		return w.hash(c.LOINC)
	case c.RefID != "":
		return w.hash(c.RefID)
	case c.MDC != 0:
		return mix(uint64(c.MDC), 2)
	}
	return mix(w.hash(sent.System), w.hash(sent.Code))
}

// rankOf orders versions of a measurement: one of a lower rank says nothing
// that a higher one did not say. Withdrawals repeat only themselves.
func rankOf(s model.Status) uint8 {
	switch s {
	case model.StatusFinal:
		return 1
	case model.StatusCorrected:
		return corrected
	case model.StatusCancelled:
		return withdrawn
	case model.StatusError:
		return withdrawn + 1
	}
	return 0
}

const (
	corrected = 2
	withdrawn = 3
)

func (w *window) measured(o *model.Observation, test bool) (p part) {
	v := &o.Value
	p.rank = rankOf(o.Status)
	p.class = mix(mix(w.hash(string(v.Kind)), w.hash(o.UnitUCUM)), w.hash(v.Comparator))
	if o.Simulated || test {
		p.class++
	}
	hash := func(n uint64) { p.number = model.Decimal{Coef: int64(n)} }
	switch v.Kind {
	case model.ValueNumber:
		p.number, p.plain, p.counts, p.rounded = v.Number, true, true, o.ValueSent != nil
	case model.ValueRange, model.ValueRatio:
		p.counts = true
		hash(mix(w.decimal(v.Number), w.decimal(v.High)))
	case model.ValueCoded:
		p.counts = true
		if key := v.Code.Key(); key != "" {
			hash(w.hash(key))
		} else {
			hash(mix(w.hash(v.Coding.Code), w.hash(v.Coding.System)))
		}
	case model.ValueTime:
		hash(uint64(v.Timestamp().UTC.UnixNano()))
	case model.ValueNone:
		sent := o.Sent()
		hash(mix(w.hash(o.Absent), mix(w.decimal(sent.Number), w.hash(sent.Text))))
	default:
		hash(w.hash(strings.TrimSpace(v.Text)))
	}
	return p
}

func (w *window) sampled(c *model.Waveform, test bool) (f fact) {
	f.rank = rankOf(c.Status)
	f.class = mix(mix(w.hash("waveform"), w.hash(c.UnitUCUM)), uint64(c.PeriodNS))
	if c.Simulated || test {
		f.class++
	}
	var h maphash.Hash
	h.SetSeed(w.seed)
	var b [512]byte
	for run := range slices.Chunk(c.Samples, len(b)/4) {
		for i, s := range run {
			binary.LittleEndian.PutUint32(b[4*i:], uint32(s))
		}
		h.Write(b[:4*len(run)])
	}
	f.number.Coef = int64(mix(h.Sum64(), mix(w.decimal(c.Origin), w.decimal(c.Scale))))
	return f
}

// told is an event of an alert. Its text, limits and id are left out: a station
// in between gives its own.
func (w *window) told(a *model.Alert, test bool) (f fact) {
	f.class = mix(w.hash("alert"), w.hash(a.Source.Key()))
	if a.Simulated || test {
		f.class++
	}
	h := uint64(1)
	for _, s := range [...]string{a.Phase, a.State, a.Muted, a.Priority} {
		h = mix(h, w.hash(s))
	}
	f.number.Coef = int64(h)
	return f
}

// decimal gives the same for 37 and 37.0.
func (w *window) decimal(d model.Decimal) uint64 {
	for d.Coef != 0 && d.Coef%10 == 0 {
		d.Coef /= 10
		d.Exp++
	}
	if d.Coef == 0 {
		d.Exp = 0
	}
	return mix(uint64(d.Coef), uint64(uint8(d.Exp)))
}
