package intellivue

import (
	"bytes"
	"maps"
	"slices"

	"thalamus/internal/mdc"
)

// Memory is what a link keeps of one monitor, so that a frame can carry what its
// message refers to. It is bounded, whatever the monitor says, and is used by one
// goroutine.
type Memory struct {
	objects map[Object][]Attribute
	size    int
}

// Bounds of a Memory.
const (
	mostObjects   = 1024
	mostBytes     = 512 << 10
	mostAttribute = 4096 // of one attribute; alarm lists are the longest
)

// mdsKept are the attributes of the monitor itself that every frame carries.
var mdsKept = [...]uint16{AttrSystemID, AttrModel, AttrProduction, AttrBedLabel, AttrMode, AttrTimeAbs, AttrTimeRel}

// Forget ends an association. Alarms stay: that they are over is told by not
// being named any more, by the next association too.
func (m *Memory) Forget() {
	maps.DeleteFunc(m.objects, func(o Object, all []Attribute) bool {
		if o.Class == ClassAlerts {
			return false
		}
		m.size -= sizeOf(all)
		return true
	})
}

func sizeOf(all []Attribute) (n int) {
	for _, a := range all {
		n += len(a.Value)
	}
	return n
}

// Context is what a message of this monitor refers to, as it was before the
// message. Take it before Learn.
func (m *Memory) Context(message []byte) []Known {
	a, err := Parse(message)
	if err != nil || a.Kind != Result && a.Kind != Linked || a.Command != CommandAction {
		return nil
	}
	reply, err := ParseReply(a.Body)
	if err != nil {
		return nil
	}
	var out []Known
	for _, class := range [...]uint16{ClassMDS, ClassPatient} {
		for _, o := range m.of(class) {
			out = append(out, Known{o, m.objects[o]})
		}
	}
	if reply.Class == ClassMDS || reply.Class == ClassPatient {
		return out
	}
	for i := range reply.Objects {
		p := &reply.Objects[i]
		o := Object{reply.Class, p.Context, p.Handle}
		var more []Attribute
		for _, k := range m.objects[o] {
			if reply.Class == ClassAlerts || find(p.Attributes, k.ID) == nil {
				more = append(more, k)
			}
		}
		if len(more) > 0 {
			out = append(out, Known{o, more})
		}
	}
	return out
}

// of lists the known objects of a class, in order.
func (m *Memory) of(class uint16) (out []Object) {
	for o := range m.objects {
		if o.Class == class {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b Object) int {
		return int(a.Context)<<16 + int(a.Handle) - int(b.Context)<<16 - int(b.Handle)
	})
	return out
}

// Learn keeps what a message tells for good.
func (m *Memory) Learn(message []byte) {
	a, err := Parse(message)
	if err != nil {
		return
	}
	switch {
	case a.Kind == Invoke && a.Command == CommandConfirmedEvent:
		e, err := ParseEvent(a.Body)
		if err != nil || e.Type != EventCreate {
			return
		}
		if c, err := ParseCreate(e.Body); err == nil {
			m.keep(Object{Class: ClassMDS}, c.Attributes)
		}
	case (a.Kind == Result || a.Kind == Linked) && a.Command == CommandAction:
		if reply, err := ParseReply(a.Body); err == nil {
			for i := range reply.Objects {
				p := &reply.Objects[i]
				switch reply.Class {
				case ClassMDS:
					m.keep(Object{Class: ClassMDS}, p.Attributes)
				case ClassPatient:
					m.replace(Object{Class: ClassPatient}, p.Attributes)
				default:
					m.keep(Object{reply.Class, p.Context, p.Handle}, p.Attributes)
				}
			}
		}
	}
}

// replace is keep for an object that always tells all of itself.
func (m *Memory) replace(o Object, all []Attribute) {
	m.size -= sizeOf(m.objects[o])
	delete(m.objects, o)
	m.keep(o, all)
}

func (m *Memory) keep(o Object, all []Attribute) {
	if m.objects == nil {
		m.objects = map[Object][]Attribute{}
	}
	was, known := m.objects[o]
	if !known && len(m.objects) >= mostObjects {
		return
	}
	now := slices.Clone(was)
	for _, a := range all {
		if momentary(a.ID) || len(a.Value) > mostAttribute || o.Class == ClassMDS && !slices.Contains(mdsKept[:], a.ID) {
			continue
		}
		if o.Class == ClassAlerts && a.ID != AttrPatientAlarms && a.ID != AttrTechnicalAlarms {
			continue
		}
		i := slices.IndexFunc(now, func(x Attribute) bool { return x.ID == a.ID })
		before := 0
		if i >= 0 {
			before = len(now[i].Value)
		}
		if m.size+len(a.Value)-before > mostBytes {
			continue
		}
		m.size += len(a.Value) - before
		a.Value = bytes.Clone(a.Value)
		if i >= 0 {
			now[i] = a
		} else {
			now = append(now, a)
		}
	}
	m.objects[o] = now
}

// Described says whether every object of a reply is known by more than its
// values.
func (m *Memory) Described(p *Reply) bool {
	for i := range p.Objects {
		one := &p.Objects[i]
		if find(one.Attributes, AttrLabel) == nil && find(m.objects[Object{p.Class, one.Context, one.Handle}], AttrLabel) == nil {
			return false
		}
	}
	return true
}

// TextID gives the text id by which monitors call a measurement that has a name
// in ISO/IEEE 11073-10101: "MDC_ECG_ELEC_POTL_II". These ids are partition and
// code (NLS_NOM_…).
func TextID(refid string) (uint32, bool) {
	t, ok := mdc.ByRefID(refid)
	if !ok || t.Code>>16 != partSCADA {
		return 0, false
	}
	return t.Code, true
}
