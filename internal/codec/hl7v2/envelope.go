package hl7v2

import (
	"bytes"

	"thalamus/internal/fault"
)

// Envelope is the header of a message or batch: what is needed to
// acknowledge it. Its slices are views of the bytes it was read from, as they
// were sent, escapes and components included. It costs no allocation.
type Envelope struct {
	Delimiters
	Segment                         string // MSH, or BHS or FHS for a batch
	SendingApp, SendingFacility     []byte // MSH-3, MSH-4
	ReceivingApp, ReceivingFacility []byte // MSH-5, MSH-6
	Time                            []byte // MSH-7
	Type                            []byte // MSH-9; empty for a batch
	ControlID                       []byte // MSH-10, BHS-11, FHS-11
	Processing                      []byte // MSH-11
	Version                         []byte // MSH-12
	AcceptAck                       []byte // MSH-15
	ApplicationAck                  []byte // MSH-16
	Charset                         []byte // MSH-18
	Switching                       []byte // MSH-20: how sets are switched inside a field
}

// ParseEnvelope reads the header segment and nothing after it. A fault says
// that b does not begin like HL7.
func ParseEnvelope(b []byte) (Envelope, error) {
	start, id, err := findHeader(b)
	if err != nil {
		return Envelope{}, err
	}
	d, _, err := readDelimiters(b[start:], start)
	if err != nil {
		return Envelope{}, err
	}
	e := scanHeader(b[start:], d)
	e.Segment = id
	return e, nil
}

// scanHeader collects the fields of the header segment that begins b.
func scanHeader(b []byte, d Delimiters) Envelope {
	e := Envelope{Delimiters: d, Segment: headerName(b)}
	b = line(b)
	batch := b[0] != 'M'
	rest := b[4:]
	for n := 2; n <= 20; n++ {
		field := rest
		i := bytes.IndexByte(rest, d.Field)
		if i >= 0 {
			field, rest = rest[:i], rest[i+1:]
		}
		e.put(n, field, batch)
		if i < 0 {
			break
		}
	}
	return e
}

func (e *Envelope) put(n int, field []byte, batch bool) {
	switch {
	case n == 3:
		e.SendingApp = field
	case n == 4:
		e.SendingFacility = field
	case n == 5:
		e.ReceivingApp = field
	case n == 6:
		e.ReceivingFacility = field
	case n == 7:
		e.Time = field
	case n == 11 && batch:
		e.ControlID = field
	case batch:
	case n == 9:
		e.Type = field
	case n == 10:
		e.ControlID = field
	case n == 11:
		e.Processing = field
	case n == 12:
		e.Version = field
	case n == 15:
		e.AcceptAck = field
	case n == 16:
		e.ApplicationAck = field
	case n == 18:
		e.Charset = field
	case n == 20:
		e.Switching = field
	}
}

// Batch tells whether this heads a batch (BHS or FHS).
func (e *Envelope) Batch() bool { return e.Segment == "BHS" || e.Segment == "FHS" }

// Enhanced tells whether the sender asks for the enhanced acknowledgement
// mode: MSH-15 or MSH-16 is filled (HL7 v2.5.1 §2.9.3).
func (e *Envelope) Enhanced() bool { return len(e.AcceptAck) > 0 || len(e.ApplicationAck) > 0 }

// Code is the first component of MSH-9: ORU.
func (e *Envelope) Code() []byte { return e.component(e.Type, 0) }

// Trigger is the second component of MSH-9: R01.
func (e *Envelope) Trigger() []byte { return e.component(e.Type, 1) }

// VersionID is the first component of MSH-12: 2.6.
func (e *Envelope) VersionID() []byte { return e.component(e.Version, 0) }

func (e *Envelope) component(field []byte, skip int) []byte {
	for ; ; skip-- {
		i := bytes.IndexByte(field, e.Component)
		if skip == 0 {
			if i >= 0 {
				field = field[:i]
			}
			return bytes.TrimSpace(field)
		}
		if i < 0 {
			return nil
		}
		field = field[i+1:]
	}
}

// Check says what a receiver must refuse with AR: no message type or no
// control id. Nil when the header is complete.
func (e *Envelope) Check() error {
	if e.Batch() {
		return nil
	}
	if len(bytes.TrimSpace(e.ControlID)) == 0 {
		return fault.New(fault.Invalid, codeNoControlID, "the message has no control id, so no acknowledgement can name it; fill MSH-10 with a text of its own for each message").At("MSH-10")
	}
	if code := e.Code(); len(code) == 0 || string(code) == `""` {
		return fault.New(fault.Invalid, codeNoType, "the message does not say what type it is; fill MSH-9, for example ORU^R01^ORU_R01").At("MSH-9")
	}
	return nil
}
