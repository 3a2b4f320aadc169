package pack

import "thalamus/internal/model"

// putObservation writes what a device's observations of one code have in
// common: everything but values, times and notes.
func putObservation(b []byte, o *model.Observation) []byte {
	mapped := o.Mapping() != (model.Mapping{})
	b = putBits(b, o.Simulated, o.Setting, mapped)
	b = putText(b, o.Field)
	b = putText(b, o.SubID)
	b = putCoding(b, o.Received)
	b = putCoding(b, o.Alternate)
	b = putText(b, o.ValueType)
	b = putCoding(b, o.UnitSent)
	b = putCoding(b, o.UnitOther)
	b = putCode(b, o.Code)
	b = putWord(b, string(o.Value.Kind))
	b = putText(b, o.UnitUCUM)
	b = putWord(b, string(o.Status))
	b = putText(b, o.Absent)
	b = putTexts(b, o.Flags)
	b = putText(b, o.RangeText)
	b = putCoding(b, o.BodySite)
	b = putCoding(b, o.Method)
	b = putInt(b, int64(o.Device))
	b = putInt(b, int64(o.Order))
	b = putText(b, o.Parent)
	if mapped {
		b = putMapping(b, o.Mapped)
	}
	return b
}

func (r *reader) observation(o *model.Observation) {
	bits := r.byte()
	o.Simulated, o.Setting = bits&1 != 0, bits&2 != 0
	o.Field = r.text()
	o.SubID = r.text()
	o.Received = r.coding()
	o.Alternate = r.coding()
	o.ValueType = r.text()
	o.UnitSent = r.coding()
	o.UnitOther = r.coding()
	o.Code = r.code()
	o.Value.Kind = model.ValueKind(r.word())
	o.UnitUCUM = r.text()
	o.Status = model.Status(r.word())
	o.Absent = r.text()
	o.Flags = r.texts()
	o.RangeText = r.text()
	o.BodySite = r.coding()
	o.Method = r.coding()
	o.Device = int(r.int())
	o.Order = int(r.int())
	o.Parent = r.text()
	if bits&4 != 0 {
		o.Mapped = new(model.Mapping)
		r.mapping(o.Mapped)
	}
}

func putMapping(b []byte, m *model.Mapping) []byte {
	b = putBits(b, m.Low != nil, m.High != nil)
	b = putCode(b, m.Code)
	b = putText(b, m.UnitUCUM)
	b = putText(b, m.Wanted)
	if m.Low != nil {
		b = putDecimal(b, *m.Low)
	}
	if m.High != nil {
		b = putDecimal(b, *m.High)
	}
	b = putText(b, m.Meaning)
	return putText(b, m.By)
}

func (r *reader) mapping(m *model.Mapping) {
	bits := r.byte()
	m.Code = r.code()
	m.UnitUCUM, m.Wanted = r.text(), r.text()
	if bits&1 != 0 {
		low := r.decimal()
		m.Low = &low
	}
	if bits&2 != 0 {
		high := r.decimal()
		m.High = &high
	}
	m.Meaning, m.By = r.text(), r.text()
}

// putWaveform writes everything of a waveform but samples and time.
func putWaveform(b []byte, w *model.Waveform) []byte {
	b = putBits(b, w.Simulated, w.Low != nil, w.High != nil)
	b = putText(b, w.Field)
	b = putText(b, w.SubID)
	b = putCoding(b, w.Received)
	b = putCode(b, w.Code)
	b = putCoding(b, w.UnitSent)
	b = putText(b, w.UnitUCUM)
	b = putInt(b, w.PeriodNS)
	b = putDecimal(b, w.Origin)
	b = putDecimal(b, w.Scale)
	if w.Low != nil {
		b = putDecimal(b, *w.Low)
	}
	if w.High != nil {
		b = putDecimal(b, *w.High)
	}
	b = putInt(b, int64(w.Device))
	return putWord(b, string(w.Status))
}

func (r *reader) waveform(w *model.Waveform) {
	bits := r.byte()
	w.Simulated = bits&1 != 0
	w.Field = r.text()
	w.SubID = r.text()
	w.Received = r.coding()
	w.Code = r.code()
	w.UnitSent = r.coding()
	w.UnitUCUM = r.text()
	w.PeriodNS = r.int()
	w.Origin = r.decimal()
	w.Scale = r.decimal()
	if bits&2 != 0 {
		d := r.decimal()
		w.Low = &d
	}
	if bits&4 != 0 {
		d := r.decimal()
		w.High = &d
	}
	w.Device = int(r.int())
	w.Status = model.Status(r.word())
}

// putSamples writes each sample as the difference to the one before.
func putSamples(b []byte, samples []int32) []byte {
	b = putLen(b, len(samples), samples == nil)
	var last int32
	for _, s := range samples {
		b = putInt(b, int64(s)-int64(last))
		last = s
	}
	return b
}

func (r *reader) samples() []int32 {
	n, isNil := r.len()
	if isNil {
		return nil
	}
	samples := make([]int32, n)
	var last int64
	for i := range samples {
		last += r.int()
		samples[i] = int32(last)
	}
	return samples
}

func putAlert(b []byte, a *model.Alert, base int64) []byte {
	lived := a.Life != (model.AlertLife{})
	mapped, since := a.Mapped != (model.Mapping{}), a.Onset != (model.Timestamp{})
	b = putBits(b, a.Simulated, a.Follows, a.Heartbeat, a.Update != 0, lived, mapped, since, a.List != "" || a.Vanished)
	b = putText(b, a.Field)
	b = putText(b, a.ID)
	b = putCode(b, a.Code)
	b = putCoding(b, a.Received)
	b = putText(b, a.Text)
	b = putText(b, a.Phase)
	b = putText(b, a.State)
	b = putText(b, a.Muted)
	b = putText(b, a.Priority)
	b = putText(b, a.Kind)
	b = putCode(b, a.Source)
	b = putWord(b, string(a.Value.Kind))
	b = putValue(b, &a.Value, base)
	b = putText(b, a.UnitUCUM)
	b = putText(b, a.Limits)
	b = putStamp(b, a.DeviceTime, base)
	b = putInt(b, int64(a.Device))
	if a.Update != 0 {
		b = putInt(b, int64(a.Update))
	}
	if lived {
		b = putLife(b, &a.Life, base)
	}
	if mapped {
		b = putMapping(b, &a.Mapped)
	}
	if since {
		b = putStamp(b, a.Onset, base)
	}
	if a.List != "" || a.Vanished {
		b = putText(b, a.List)
		b = putBits(b, a.Vanished)
	}
	return b
}

func (r *reader) alert(a *model.Alert, base int64) {
	bits := r.byte()
	a.Simulated, a.Follows, a.Heartbeat = bits&1 != 0, bits&2 != 0, bits&4 != 0
	a.Field = r.text()
	a.ID = r.text()
	a.Code = r.code()
	a.Received = r.coding()
	a.Text = r.text()
	a.Phase = r.text()
	a.State = r.text()
	a.Muted = r.text()
	a.Priority = r.text()
	a.Kind = r.text()
	a.Source = r.code()
	a.Value.Kind = model.ValueKind(r.word())
	r.value(&a.Value, base)
	a.UnitUCUM = r.text()
	a.Limits = r.text()
	a.DeviceTime = r.stamp(base)
	a.Device = int(r.int())
	if bits&8 != 0 {
		a.Update = int(r.int())
	}
	if bits&16 != 0 {
		r.life(&a.Life, base)
	}
	if bits&32 != 0 {
		r.mapping(&a.Mapped)
	}
	if bits&64 != 0 {
		a.Onset = r.stamp(base)
	}
	if bits&128 != 0 {
		a.List, a.Vanished = r.text(), r.byte()&1 != 0
	}
}

func putLife(b []byte, l *model.AlertLife, base int64) []byte {
	b = putBits(b, l.Late, l.Before != "")
	b = putUint(b, uint64(l.First.Seq))
	b = putInt(b, int64(l.First.Part))
	b = putText(b, l.Stage)
	b = putOptional(b, l.Began, base)
	b = putOptional(b, l.Ended, base)
	for _, s := range [...]string{l.Phase, l.State, l.Muted, l.Priority} {
		b = putText(b, s)
	}
	if l.Before != "" {
		b = putText(b, string(l.Before))
	}
	return b
}

func (r *reader) life(l *model.AlertLife, base int64) {
	bits := r.byte()
	l.Late = bits&1 != 0
	l.First = model.MessageRef{Seq: model.Seq(r.uint()), Part: int(r.int())}
	l.Stage = r.text()
	l.Began, l.Ended = r.optional(base), r.optional(base)
	l.Phase, l.State, l.Muted, l.Priority = r.text(), r.text(), r.text(), r.text()
	if bits&2 != 0 {
		l.Before = model.DeviceID(r.text())
	}
}

// putIssue writes an issue but its offset.
func putIssue(b []byte, i *model.Issue) []byte {
	b = putText(b, i.Code)
	b = putWord(b, string(i.Severity))
	b = putText(b, i.Field)
	b = putText(b, i.Text)
	b = putText(b, i.Hint)
	return putText(b, i.Received)
}

func (r *reader) issue(i *model.Issue) {
	i.Code = r.text()
	i.Severity = model.Severity(r.word())
	i.Field = r.text()
	i.Text = r.text()
	i.Hint = r.text()
	i.Received = r.text()
}

// putOrder writes what orders of one kind have in common.
func putOrder(b []byte, o *model.Order) []byte {
	b = putText(b, o.Field)
	b = putCoding(b, o.Code)
	b = putWord(b, string(o.Status))
	b = putText(b, o.Placer.System)
	b = putText(b, o.Placer.Type)
	b = putText(b, o.Filler.System)
	b = putText(b, o.Filler.Type)
	b = putText(b, o.Parent.System)
	return putText(b, o.Parent.Type)
}

func (r *reader) order(o *model.Order) {
	o.Field = r.text()
	o.Code = r.coding()
	o.Status = model.Status(r.word())
	o.Placer.System = r.text()
	o.Placer.Type = r.text()
	o.Filler.System = r.text()
	o.Filler.Type = r.text()
	o.Parent.System = r.text()
	o.Parent.Type = r.text()
}

// putOrderOwn writes what an order has for itself.
func putOrderOwn(b []byte, o *model.Order, ofMessage model.Timestamp, base int64) []byte {
	b = putText(b, o.Placer.Value)
	b = putText(b, o.Filler.Value)
	b = putText(b, o.Parent.Value)
	b = putStampBeside(b, o.Start, ofMessage, base)
	b = putStampBeside(b, o.End, ofMessage, base)
	return putTexts(b, o.Notes)
}

func (r *reader) orderOwn(o *model.Order, ofMessage model.Timestamp, base int64) {
	o.Placer.Value = r.text()
	o.Filler.Value = r.text()
	o.Parent.Value = r.text()
	o.Start = r.stampBeside(ofMessage, base)
	o.End = r.stampBeside(ofMessage, base)
	o.Notes = r.texts()
}
