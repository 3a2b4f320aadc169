package phd

import "thalamus/internal/codec/mder"

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

func readDescription(r *mder.Reader) SegmentDescription {
	return SegmentDescription{Instance: r.U16("the segment"), Index: r.U32("the first entry"), Count: r.U32("the count of entries"), Status: r.U16("the status")}
}

// ParseSegmentEvent reads the content of an MDC_NOTI_SEGMENT_DATA event.
func ParseSegmentEvent(b []byte) (*SegmentEvent, error) {
	r := read(b)
	e := &SegmentEvent{SegmentDescription: readDescription(r), Entries: r.Octets("the entries")}
	return e, r.End("the segment")
}

// Bytes writes the event; as the answer to one, a SegmentDescription alone.
func (e *SegmentEvent) Bytes() []byte {
	w := &mder.Writer{B: e.SegmentDescription.Bytes()}
	w.Octets(e.Entries)
	return w.B
}

// Bytes writes the description: the content of the answer (SegmentDataResult).
func (d *SegmentDescription) Bytes() []byte {
	w := &mder.Writer{}
	w.U16(d.Instance)
	w.U32(d.Index)
	w.U32(d.Count)
	w.U16(d.Status)
	return w.B
}

// ParseSegmentResult reads an answer to a segment event.
func ParseSegmentResult(b []byte) (SegmentDescription, error) {
	r := read(b)
	d := readDescription(r)
	return d, r.End("the answer")
}

// Segment is one stored segment as the agent describes it (SegmentInfo).
type Segment struct {
	Instance   uint16
	Attributes []Attribute
}

// ParseSegments reads the answer to an MDC_ACT_SEG_GET_INFO action.
func ParseSegments(b []byte) (out []Segment, err error) {
	r := read(b)
	r.List("the list of segments", 6, func(r *mder.Reader) {
		out = append(out, Segment{Instance: r.U16("a segment"), Attributes: readAttributes(r, "a segment")})
	})
	return out, r.End("the list of segments")
}

// SegmentsBytes writes the answer to an MDC_ACT_SEG_GET_INFO action.
func SegmentsBytes(all []Segment) []byte {
	w := &mder.Writer{}
	w.List(len(all), func(i int) {
		w.U16(all[i].Instance)
		writeAttributes(w, all[i].Attributes)
	})
	return w.B
}

// AllSegments is the selection of every segment of a store (SegmSelection).
func AllSegments() []byte { return []byte{0, 1, 0, 2, 0, 0} }

// OneSegment is the selection of a segment by its number.
func OneSegment(instance uint16) []byte {
	w := &mder.Writer{}
	w.U16(2)
	w.Sized(func() { w.List(1, func(int) { w.U16(instance) }) })
	return w.B
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
	r := read(b)
	m := &SegmentMap{Header: r.U16("the header")}
	r.List("the map of a segment", 12, func(r *mder.Reader) {
		m.Elements = append(m.Elements, SegmentElement{Class: r.U16("an element"), Partition: r.U16("an element"), Code: r.U16("an element"), Handle: r.U16("an element"), Map: readValueMap(r)})
	})
	return m, r.End("the map of a segment")
}

// Bytes writes the map.
func (m *SegmentMap) Bytes() []byte {
	w := &mder.Writer{}
	w.U16(m.Header)
	w.List(len(m.Elements), func(i int) {
		e := &m.Elements[i]
		w.U16(e.Class)
		w.U16(e.Partition)
		w.U16(e.Code)
		w.U16(e.Handle)
		writeValueMap(w, e.Map)
	})
	return w.B
}
