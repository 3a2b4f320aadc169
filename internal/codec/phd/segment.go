package phd

// SegmentEvent is a part of a stored segment on its way (SegmentDataEvent,
// annex A.11.5).
type SegmentEvent struct {
	SegmentDescription
	Entries []byte
}

// SegmentDescription says which entries of which segment an event holds.
type SegmentDescription struct {
	Instance uint16
	Index    uint32 // of the first entry, from 0
	Count    uint32 // of entries
	Status   uint16
}

// Bits of SegmentDescription.Status.
const (
	SegmentFirst     = 0x8000
	SegmentLast      = 0x4000
	SegmentAborted   = 0x0800 // by the agent
	SegmentConfirmed = 0x0080 // by the manager
	SegmentRefused   = 0x0008 // by the manager
)

func (r *reader) description() SegmentDescription {
	return SegmentDescription{Instance: r.u16("the segment"), Index: r.u32("the first entry"), Count: r.u32("the count of entries"), Status: r.u16("the status")}
}

// ParseSegmentEvent reads the content of an MDC_NOTI_SEGMENT_DATA event.
func ParseSegmentEvent(b []byte) (*SegmentEvent, error) {
	r := &reader{b: b}
	e := &SegmentEvent{SegmentDescription: r.description(), Entries: r.octets("the entries")}
	return e, r.end("the segment")
}

// Bytes writes the event; as the answer to one, a SegmentDescription alone.
func (e *SegmentEvent) Bytes() []byte {
	w := &writer{b: e.SegmentDescription.Bytes()}
	w.octets(e.Entries)
	return w.b
}

// Bytes writes the description: the content of the answer (SegmentDataResult).
func (d *SegmentDescription) Bytes() []byte {
	w := &writer{}
	w.u16(d.Instance)
	w.u32(d.Index)
	w.u32(d.Count)
	w.u16(d.Status)
	return w.b
}

// ParseSegmentResult reads an answer to a segment event.
func ParseSegmentResult(b []byte) (SegmentDescription, error) {
	r := &reader{b: b}
	d := r.description()
	return d, r.end("the answer")
}

// Segment is one stored segment as the agent describes it (SegmentInfo).
type Segment struct {
	Instance   uint16
	Attributes []Attribute
}

// ParseSegments reads the answer to an MDC_ACT_SEG_GET_INFO action.
func ParseSegments(b []byte) (out []Segment, err error) {
	r := &reader{b: b}
	r.list("the list of segments", 6, func(r *reader) {
		out = append(out, Segment{Instance: r.u16("a segment"), Attributes: r.attributes("a segment")})
	})
	return out, r.end("the list of segments")
}

// SegmentsBytes writes the answer to an MDC_ACT_SEG_GET_INFO action.
func SegmentsBytes(all []Segment) []byte {
	w := &writer{}
	w.list(len(all), func(i int) {
		w.u16(all[i].Instance)
		w.attributes(all[i].Attributes)
	})
	return w.b
}

// AllSegments is the selection of every segment of a store (SegmSelection).
func AllSegments() []byte { return []byte{0, 1, 0, 2, 0, 0} }

// OneSegment is the selection of a segment by its number.
func OneSegment(instance uint16) []byte {
	w := &writer{}
	w.u16(2)
	w.sized(func() { w.list(1, func(int) { w.u16(instance) }) })
	return w.b
}

// SegmentMap says how the entries of a segment are laid out
// (PmSegmentEntryMap).
type SegmentMap struct {
	Header   uint16 // bits: which times stand before each entry
	Elements []SegmentElement
}

// Bits of SegmentMap.Header.
const (
	HeaderAbsolute = 0x8000 // 8 bytes
	HeaderRelative = 0x4000 // 4 bytes
	HeaderHiRes    = 0x2000 // 8 bytes
	HeaderBase     = 0x1000 // base offset time, 8 bytes
)

// SegmentElement is one object in each entry.
type SegmentElement struct {
	Class     uint16
	Partition uint16
	Code      uint16
	Handle    uint16
	Map       []MapEntry
}

// ParseSegmentMap reads the attribute MDC_ATTR_PM_SEG_MAP.
func ParseSegmentMap(b []byte) (*SegmentMap, error) {
	r := &reader{b: b}
	m := &SegmentMap{Header: r.u16("the header")}
	r.list("the map of a segment", 12, func(r *reader) {
		m.Elements = append(m.Elements, SegmentElement{Class: r.u16("an element"), Partition: r.u16("an element"), Code: r.u16("an element"), Handle: r.u16("an element"), Map: r.valueMap()})
	})
	return m, r.end("the map of a segment")
}

// Bytes writes the map.
func (m *SegmentMap) Bytes() []byte {
	w := &writer{}
	w.u16(m.Header)
	w.list(len(m.Elements), func(i int) {
		e := &m.Elements[i]
		w.u16(e.Class)
		w.u16(e.Partition)
		w.u16(e.Code)
		w.u16(e.Handle)
		w.valueMap(e.Map)
	})
	return w.b
}
