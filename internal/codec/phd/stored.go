package phd

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"thalamus/internal/codec/mder"
	"thalamus/internal/model"
)

// segment reads a part of a stored segment: the entries that one event holds,
// laid out as the segment's map says (§8.9.3.4).
func (d *decoder) segment() {
	e, err := ParseSegmentEvent(d.call.Info)
	if err != nil {
		d.fault(err, "segment")
		return
	}
	place := "segment " + strconv.Itoa(int(e.Instance))
	attributes, known := d.context.segments[d.call.Handle][e.Instance]
	layout := find(attributes, AttrSegmentMap)
	if !known || layout == nil {
		d.issue(model.Issue{Code: "phd.no-segment-map", Severity: model.Error, Field: place,
			Text: "how the entries of this stored segment are laid out is not known: the device's description of it is not with it", Hint: "receive over a channel with the driver phd"})
		return
	}
	m, err := ParseSegmentMap(layout)
	if err != nil {
		d.fault(err, place)
		return
	}
	if b := find(attributes, AttrSegmentPerson); len(b) == 2 {
		d.person(binary.BigEndian.Uint16(b))
	}
	b := e.Entries
	for i := uint32(0); len(b) > 0; i++ {
		if i == e.Count {
			d.fault(unreadable.Contradicts(len(d.call.Info)-len(b), "a segment has %d bytes more than its %d entries take", len(b), e.Count), place)
			return
		}
		at, rest, err := d.entryTime(m.Header, b, attributes, e.Index+i, place)
		if err != nil {
			d.fault(err, place)
			return
		}
		if b = rest; len(m.Elements) == 0 && m.Header == 0 {
			d.fault(unreadable.Contradicts(0, "the map of a segment has no elements"), place)
			return
		}
		for j := range m.Elements {
			el := &m.Elements[j]
			var values []Attribute
			if values, b, err = split(el.Map, b); err != nil {
				d.fault(err, place)
				return
			}
			d.element(el, values, attributes, at, e.Index+i)
		}
	}
}

// entryTime reads the times before an entry; without one, a segment that was
// sampled regularly gives it by start, period and place.
func (d *decoder) entryTime(header uint16, b []byte, segment []Attribute, index uint32, place string) (at model.Timestamp, rest []byte, err error) {
	r := read(b)
	times := map[uint16][]byte{}
	for _, h := range [...]struct {
		bit, attribute uint16
		size           int
	}{{HeaderAbsolute, AttrStampAbs, 8}, {HeaderRelative, AttrStampRel, 4}, {HeaderHiRes, AttrStampRelHi, 8}, {HeaderBase, AttrStampBO, 8}} {
		if header&h.bit != 0 {
			times[h.attribute] = r.Take(h.size, "the time of an entry")
		}
	}
	if r.Err != nil {
		return at, nil, r.Err
	}
	at = d.stamp(func(id uint16) []byte { return times[id] }, place)
	period := find(segment, AttrSamplePeriod)
	if len(times) > 0 || len(period) != 4 {
		return at, b[r.At():], nil
	}
	late := time.Duration(index) * time.Duration(binary.BigEndian.Uint32(period)) * tick
	if start, ok := baseOffset(find(segment, AttrSegmentStartBO)); ok {
		at = later(start, "2006-01-02T15:04:05.999999999Z07:00", late)
	} else if start, ok := absolute(find(segment, AttrSegmentStart)); ok {
		at = later(start, "2006-01-02T15:04:05.999999999", late)
	}
	return at, b[r.At():], nil
}

func later(ts model.Timestamp, layout string, by time.Duration) model.Timestamp {
	t, err := time.Parse(layout, ts.Original)
	if err != nil || by < 0 {
		return model.Timestamp{}
	}
	ts.Original = t.Add(by).Format(layout)
	return ts
}

// element reads one object of an entry. The map names its term itself; unit and
// the rest come from the configuration, or from the segment's static
// attributes.
func (d *decoder) element(el *SegmentElement, values, segment []Attribute, at model.Timestamp, index uint32) {
	o := &Object{Class: el.Class, Handle: el.Handle}
	if known := d.context.objects[el.Handle]; known != nil {
		o.Attributes = append(o.Attributes, known.Attributes...)
	}
	typed := append([]Attribute{{AttrType, TypeValue(el.Partition, el.Code)}}, static(segment, el)...)
	s := newScan(d, o, append(typed, values...))
	if s.at == (model.Timestamp{}) {
		s.at, s.shared.DeviceTime = at, at
	}
	s.shared.Instance = fmt.Sprintf("%d/%d", el.Handle, index)
	found := false
	for _, a := range values {
		known, err := s.value(a)
		if err != nil {
			d.fault(err, d.field(el.Handle))
		}
		found = found || known
	}
	if !found && len(values) > 0 {
		d.issue(model.Issue{Code: "phd.no-value", Severity: model.Warning, Field: d.field(el.Handle), Text: "the report tells of an object and has no value of it that could be read", Hint: "it was kept as it came"})
	}
}

// static are the attributes that hold for an element in the whole segment
// (PmSegmElemStaticAttrList).
func static(segment []Attribute, el *SegmentElement) (out []Attribute) {
	r := read(find(segment, AttrSegmentStatic))
	r.List("the static attributes", 10, func(r *mder.Reader) {
		class, part, code := r.U16("an element"), r.U16("an element"), r.U16("an element")
		all := readAttributes(r, "an element")
		if class == el.Class && part == el.Partition && code == el.Code {
			out = append(out, all...)
		}
	})
	return out
}
