package gatt

import (
	"encoding/binary"

	"thalamus/internal/fault"
)

// The record access control point (0x2A52, GLS 1.0.1 §3.4, CGMS 1.0.2 §3.6):
// how a device is asked for the records it stored.

// Op codes, operators and filters.
const (
	RacpReport   = 1 // report stored records
	RacpDelete   = 2
	RacpAbort    = 3
	RacpCount    = 4 // report number of stored records
	RacpNumber   = 5 // its answer
	RacpResponse = 6

	RacpAll   = 1
	RacpFrom  = 3 // greater than or equal
	RacpFirst = 5
	RacpLast  = 6

	filterSequence = 1
)

// Results of a procedure.
const (
	RacpSuccess     = 1
	RacpUnsupported = 2
	RacpNoRecords   = 6
	RacpAborted     = 7
	RacpIncomplete  = 8
)

// RacpAsk asks for all records, or for those from a number on: the sequence
// number of glucose, the time offset in minutes of continuous glucose.
func RacpAsk(op uint8, from uint16, all bool) []byte {
	if all {
		return []byte{op, RacpAll}
	}
	return binary.LittleEndian.AppendUint16([]byte{op, RacpFrom, filterSequence}, from)
}

// RacpAnswer is what a device answered.
type RacpAnswer struct {
	Number  int   // of records, of RacpNumber
	Request uint8 // op code that is answered, of RacpResponse
	Result  uint8
}

// ParseRacp reads an answer.
func ParseRacp(b []byte) (a RacpAnswer, err error) {
	r := &reader{b: b}
	op := r.u8("the op code")
	r.u8("the operator")
	switch {
	case r.err != nil:
	case op == RacpNumber:
		a.Number, a.Request, a.Result = int(r.u16("the number")), RacpCount, RacpSuccess
	case op == RacpResponse:
		a.Request, a.Result = r.u8("the request"), r.u8("the result")
	default:
		return a, fault.New(fault.Invalid, "gatt.racp", "op code %d is no answer of a record access control point", op)
	}
	return a, r.end()
}

// Sequence is the number of the record in a value of 0x2A18; the greatest time
// offset in one of 0x2AA7. ok is false for values of others.
func Sequence(characteristic string, b []byte) (n uint16, ok bool) {
	switch {
	case characteristic == "2a18" && len(b) >= 3:
		return binary.LittleEndian.Uint16(b[1:]), true
	case characteristic == "2aa7":
		for len(b) >= 6 && int(b[0]) >= 6 && int(b[0]) <= len(b) {
			n, ok = max(n, binary.LittleEndian.Uint16(b[4:])), true
			b = b[b[0]:]
		}
	}
	return n, ok
}
