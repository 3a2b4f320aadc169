package intellivue

import (
	"thalamus/internal/fault"
)

// magic begins what a frame knows beside the message: "TH".
const magic = 0x5448

// Known are attributes of an object that came earlier.
type Known struct {
	Object
	Attributes []Attribute
}

// Frame puts a message and what it refers to together, the original bytes
// first, as they are kept in the journal.
func Frame(message []byte, known []Known) []byte {
	b := append(make([]byte, 0, len(message)+512), message...)
	if len(known) == 0 {
		return b
	}
	in := &writer{}
	for i := range known {
		in.object(known[i].Object)
		in.attributes(known[i].Attributes)
	}
	if len(in.b) > 0xFFFF { // no frame can say it; the message alone is kept
		return b
	}
	w := &writer{b: b}
	w.u16(magic)
	w.u16(uint16(len(in.b)))
	w.raw(in.b)
	return w.b
}

// Split cuts a frame into the message and what is known. An error comes with the
// message where that is whole.
func Split(b []byte) (message []byte, known []Known, err error) {
	n, err := Size(b)
	if err != nil {
		return nil, nil, err
	}
	if n > len(b) {
		return nil, nil, short(len(b), "the message")
	}
	message = b[:n:n]
	if n == len(b) {
		return message, nil, nil
	}
	r := &reader{b: b, at: n}
	if r.u16("what is known") != magic || r.err != nil {
		return message, nil, fault.New(fault.Invalid, "intellivue.trailing", "%d bytes follow the message that belong to none", len(b)-n)
	}
	in := &reader{b: r.octets("what is known")}
	if err := r.end("what is known"); err != nil {
		return message, nil, err
	}
	for in.left() > 0 && in.err == nil {
		k := Known{Object: in.object("a known object"), Attributes: in.attributes("known attributes")}
		if in.err == nil {
			known = append(known, k)
		}
	}
	return message, known, in.err
}

// momentary attributes belong to one moment; the others hold until they are told
// again.
func momentary(id uint16) bool {
	switch id {
	case AttrNumeric, AttrCompound, AttrWave, AttrWaveCompound, AttrEnumeration, AttrStampAbs, AttrStampRel, AttrAlertCondition, AttrMetricState:
		return true
	}
	return false
}
