package pack

import "thalamus/internal/model"

func hasPersonal(m *model.Message) bool {
	for i := range m.Devices {
		if m.Devices[i].Personal != nil {
			return true
		}
	}
	return false
}

// putPersonal writes what a personal device tells beside: what stays the same as
// a template, the reading of its clock after it.
func (b *Builder) putPersonal(out []byte, d *model.Personal, base int64) []byte {
	if d == nil {
		return putBits(out, false)
	}
	c := &d.Clock
	out = putBits(out, true, *c != (model.ClockReading{}))
	out = b.putTemplate(out, putPersonal(b.begin(kindPersonal), d))
	if *c != (model.ClockReading{}) {
		out = putUint(out, uint64(c.Kind))
		out = putStamp(out, c.Said, base)
		out = putInt(out, c.TicksUS)
		out = putOptional(out, c.Heard, base)
	}
	return out
}

func (p *parser) personal(base int64) *model.Personal {
	bits := p.byte()
	if bits&1 == 0 {
		return nil
	}
	d := new(model.Personal)
	if t := p.template(kindPersonal); t != nil {
		*d = t.personal
	} else {
		p.reader.personal(d)
	}
	if bits&2 != 0 {
		d.Clock = model.ClockReading{Kind: uint32(p.uint()), Said: p.stamp(base), TicksUS: p.int(), Heard: p.optional(base)}
	}
	return d
}

func putPersonal(b []byte, d *model.Personal) []byte {
	b = putLen(b, len(d.Specialisations), d.Specialisations == nil)
	for _, s := range d.Specialisations {
		b = putUint(b, uint64(s.Code))
		b = putText(b, s.Version)
	}
	b = putLen(b, len(d.Versions), d.Versions == nil)
	for _, v := range d.Versions {
		b = putUint(b, uint64(v.Kind))
		b = putText(b, v.Value)
	}
	b = putUint(b, uint64(d.TimeBits))
	b = putUint(b, uint64(d.TimeSync))
	b = putInt(b, d.TimeAccuracyUS)
	for _, n := range d.ResolutionUS {
		b = putInt(b, n)
	}
	b = putLen(b, len(d.Certified), d.Certified == nil)
	for _, n := range d.Certified {
		b = putUint(b, uint64(n))
	}
	return putText(b, d.Regulated)
}

func (r *reader) personal(d *model.Personal) {
	if n, isNil := r.len(); !isNil {
		d.Specialisations = make([]model.Specialisation, n)
		for i := range d.Specialisations {
			d.Specialisations[i] = model.Specialisation{Code: uint32(r.uint()), Version: r.text()}
		}
	}
	if n, isNil := r.len(); !isNil {
		d.Versions = make([]model.DeviceVersion, n)
		for i := range d.Versions {
			d.Versions[i] = model.DeviceVersion{Kind: uint32(r.uint()), Value: r.text()}
		}
	}
	d.TimeBits = uint16(r.uint())
	d.TimeSync = uint32(r.uint())
	d.TimeAccuracyUS = r.int()
	for i := range d.ResolutionUS {
		d.ResolutionUS[i] = r.int()
	}
	if n, isNil := r.len(); !isNil {
		d.Certified = make([]uint16, n)
		for i := range d.Certified {
			d.Certified[i] = uint16(r.uint())
		}
	}
	d.Regulated = r.text()
}
