package intellivue

import (
	"encoding/binary"

	"thalamus/internal/codec/mder"
	"thalamus/internal/fault"
)

// sessionData begins every message of an association (SPpdu: session id 0xE100,
// presentation context 2).
const sessionData = 0xE100

// Context of data export messages (p_context_id), as association requests
// negotiate it.
const presentation = 2

// APDU is one message of the Data Export protocol: SPpdu, ROapdus and the header
// of the operation.
type APDU struct {
	Kind    uint16 // Invoke, Result, Failed, Linked
	State   uint8  // of a linked result
	Part    uint8  // of a linked result, from 1
	ID      uint16 // invoke id
	Command uint16 // not of Failed
	Error   uint16 // of Failed
	Body    []byte
}

// First bytes of messages, by which they are told apart (DEIPG "Message Parsing").
const (
	firstBeacon     = 0x00
	firstFinish     = 0x09 // FN_SPDU_SI
	firstDisconnect = 0x0A // DN_SPDU_SI
	firstRefuse     = 0x0C // RF_SPDU_SI
	firstConnect    = 0x0D // CN_SPDU_SI
	firstAccept     = 0x0E // AC_SPDU_SI
	firstAbort      = 0x19 // AB_SPDU_SI
	firstData       = 0xE1
)

// Size tells how long the message is that b begins with. An error: it begins
// none.
func Size(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, unreadable.Ends(0, "the header")
	}
	switch b[0] {
	case firstBeacon, firstData:
		if len(b) < 8 {
			return 0, unreadable.Ends(len(b), "the header")
		}
		return 8 + int(binary.BigEndian.Uint16(b[6:])), nil
	case firstFinish, firstDisconnect, firstRefuse, firstConnect, firstAccept, firstAbort:
		r := mder.Read(b, 1, unreadable)
		n := readLi(r)
		return r.At() + n, r.Err
	}
	return 0, fault.New(fault.Invalid, "intellivue.garbage", "the byte 0x%02X begins no message of a monitor", b[0])
}

// IsData says whether b begins a message of the Data Export protocol.
func IsData(b []byte) bool { return len(b) > 0 && b[0] == firstData }

// Parse reads a message of the Data Export protocol. What it gives shares b's
// bytes.
func Parse(b []byte) (*APDU, error) {
	r := read(b)
	if session := r.U16("the header"); r.Err == nil && session != sessionData {
		return nil, fault.New(fault.Invalid, "intellivue.garbage", "the session id is 0x%04X", session)
	}
	r.U16("the header") // presentation context
	return readOperation(r)
}

// operation reads ROapdus and what follows.
func readOperation(r *mder.Reader) (*APDU, error) {
	a := &APDU{Kind: r.U16("the header")}
	length := int(r.U16("the header"))
	if r.Err == nil && length != r.Left() {
		return nil, unreadable.Contradicts(r.At(), "the header announces %d bytes and %d follow", length, r.Left())
	}
	switch a.Kind {
	case Invoke, Result:
		a.ID, a.Command = r.U16("the operation"), r.U16("the operation")
	case Linked:
		a.State, a.Part = r.U8("the operation"), r.U8("the operation")
		a.ID, a.Command = r.U16("the operation"), r.U16("the operation")
	case Failed:
		a.ID, a.Error = r.U16("the operation"), r.U16("the operation")
	default:
		if r.Err == nil {
			return nil, fault.New(fault.Invalid, "intellivue.operation", "an operation of kind %d is not described", a.Kind)
		}
	}
	a.Body = r.Octets("the operation")
	return a, r.End("the operation")
}

// Bytes writes the message.
func (a *APDU) Bytes() []byte {
	w := &mder.Writer{}
	w.U16(sessionData)
	w.U16(presentation)
	writeOperation(w, a)
	return w.B
}

func writeOperation(w *mder.Writer, a *APDU) {
	w.U16(a.Kind)
	w.Sized(func() {
		if a.Kind == Linked {
			w.U8(a.State)
			w.U8(a.Part)
		}
		w.U16(a.ID)
		if a.Kind == Failed {
			w.U16(a.Error)
		} else {
			w.U16(a.Command)
		}
		w.Sized(func() { w.Raw(a.Body) })
	})
}

// Event is an event report (EventReportArgument) or its answer
// (EventReportResult).
type Event struct {
	Object Object
	Time   uint32 // relative time
	Type   uint16
	Body   []byte
}

// ParseEvent reads the body of an event report.
func ParseEvent(b []byte) (e Event, err error) {
	r := read(b)
	e.Object, e.Time, e.Type = readObject(r, "the event"), r.U32("the event"), r.U16("the event")
	e.Body = r.Octets("the event")
	return e, r.End("the event")
}

// Bytes writes the body of an event report.
func (e *Event) Bytes() []byte {
	w := &mder.Writer{}
	writeObject(w, e.Object)
	w.U32(e.Time)
	w.U16(e.Type)
	w.Sized(func() { w.Raw(e.Body) })
	return w.B
}

// Create is what the MDS create event tells of the monitor (MdsCreateInfo).
type Create struct {
	Object     Object
	Attributes []Attribute
}

// ParseCreate reads the body of an MDS create event.
func ParseCreate(b []byte) (c Create, err error) {
	r := read(b)
	c.Object, c.Attributes = readObject(r, "the system"), readAttributes(r, "the system's attributes")
	return c, r.End("the system")
}

// Bytes writes the body of an MDS create event.
func (c *Create) Bytes() []byte {
	w := &mder.Writer{}
	writeObject(w, c.Object)
	writeAttributes(w, c.Attributes)
	return w.B
}

// AnswerEvent is the confirmation of an event report.
func AnswerEvent(a *APDU, e Event) []byte {
	e.Body = nil
	return (&APDU{Kind: Result, ID: a.ID, Command: CommandConfirmedEvent, Body: e.Bytes()}).Bytes()
}
