package intellivue

import (
	"thalamus/internal/codec/mder"
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
	in := &mder.Writer{}
	for i := range known {
		writeObject(in, known[i].Object)
		writeAttributes(in, known[i].Attributes)
	}
	if len(in.B) > 0xFFFF { // no frame can say it; the message alone is kept
		return b
	}
	w := &mder.Writer{B: b}
	w.U16(magic)
	w.U16(uint16(len(in.B)))
	w.Raw(in.B)
	return w.B
}

// Split cuts a frame into the message and what is known. An error comes with the
// message where that is whole.
func Split(b []byte) (message []byte, known []Known, err error) {
	n, err := Size(b)
	if err != nil {
		return nil, nil, err
	}
	if n > len(b) {
		return nil, nil, unreadable.Ends(len(b), "the message")
	}
	message = b[:n:n]
	if n == len(b) {
		return message, nil, nil
	}
	r := mder.Read(b, n, unreadable)
	if r.U16("what is known") != magic || r.Err != nil {
		return message, nil, fault.New(fault.Invalid, "intellivue.trailing", "%d bytes follow the message that belong to none", len(b)-n)
	}
	in := read(r.Octets("what is known"))
	if err := r.End("what is known"); err != nil {
		return message, nil, err
	}
	for in.Left() > 0 && in.Err == nil {
		k := Known{Object: readObject(in, "a known object"), Attributes: readAttributes(in, "known attributes")}
		if in.Err == nil {
			known = append(known, k)
		}
	}
	return message, known, in.Err
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
