package hl7v2

import (
	"bytes"
	"strconv"
	"time"
)

// AckCode answers a message (HL7 table 0008).
type AckCode string

const (
	AA AckCode = "AA" // application accept
	AE AckCode = "AE" // application error: send again later, or correct
	AR AckCode = "AR" // application reject: never acceptable as it is
	CA AckCode = "CA" // commit accept: it is durable here
	CE AckCode = "CE" // commit error
	CR AckCode = "CR" // commit reject
)

// Accepted tells whether the code says that the message was taken.
func (c AckCode) Accepted() bool { return c == AA || c == CA }

// AckError is one thing that was wrong (an ERR segment).
type AckError struct {
	Place       Path   // ERR-2; a zero Path when no place can be named
	Code        int    // HL7 table 0357: 100 segment sequence … 207 internal error
	Severity    string // E, W or I; empty means E
	Application string // ERR-5, our fault code
	Diagnostic  string // ERR-7, for the engineer
	UserMessage string // ERR-8, for a person
}

// Reply is what an acknowledgement says beside what it repeats of the request.
type Reply struct {
	Code        AckCode
	Text        string // one sentence; MSA-3 where the version has it
	Errors      []AckError
	ControlID   string    // MSH-10 of the acknowledgement
	Now         time.Time // MSH-7, in the zone given
	Application string    // MSH-3 when the request names no receiver
	Facility    string    // MSH-4 likewise
}

// Error codes of HL7 table 0357.
const (
	ErrSegmentSequence     = 100
	ErrRequiredField       = 101
	ErrFieldType           = 102
	ErrTableValue          = 103
	ErrUnsupportedMessage  = 200
	ErrUnsupportedEvent    = 201
	ErrUnsupportedMode     = 202
	ErrUnsupportedVersion  = 203
	ErrUnknownKey          = 204
	ErrDuplicateKey        = 205
	ErrRecordLocked        = 206
	ErrApplicationInternal = 207
)

// errorText is the text of HL7 table 0357.
func errorText(code int) string {
	switch code {
	case 0:
		return "Message accepted"
	case ErrSegmentSequence:
		return "Segment sequence error"
	case ErrRequiredField:
		return "Required field missing"
	case ErrFieldType:
		return "Data type error"
	case ErrTableValue:
		return "Table value not found"
	case ErrUnsupportedMessage:
		return "Unsupported message type"
	case ErrUnsupportedEvent:
		return "Unsupported event code"
	case ErrUnsupportedMode:
		return "Unsupported processing id"
	case ErrUnsupportedVersion:
		return "Unsupported version id"
	case ErrUnknownKey:
		return "Unknown key identifier"
	case ErrDuplicateKey:
		return "Duplicate key identifier"
	case ErrRecordLocked:
		return "Application record locked"
	}
	return "Application internal error"
}

// Ack makes the acknowledgement of a request, with the request's delimiters,
// version, processing id and character set, and sender and receiver changed
// places. It fills MSA and ERR as the request's version knows them:
// ERR-1 and MSA-6 before 2.5, ERR-2 to ERR-8 from 2.5, MSA-3 until 2.6
// (HL7 v2.3 §2.24.2, v2.5.1 §2.15.5 and §2.15.8, v2.7 §2.14.8). A request that
// could not be read (the zero Envelope) is answered with standard delimiters
// as version 2.5. The bytes end with CR.
func Ack(request Envelope, r Reply) []byte { return AppendAck(nil, request, r) }

// AppendAck appends what Ack gives.
func AppendAck(to []byte, q Envelope, r Reply) []byte {
	d := q.Delimiters
	if d.Field == 0 {
		d = standard
	}
	w := ackWriter{b: to, d: d, cs: &asciiSet}
	if cs, _, _ := bytes.Cut(q.Charset, []byte{d.Repetition}); len(cs) > 0 {
		if w.cs = lookup(cs); w.cs == nil {
			w.cs = &asciiSet
		}
	}
	version := string(q.VersionID())
	if version == "" {
		version = "2.5"
	}
	rank := versionRank(version)

	w.b = append(w.b, "MSH"...)
	w.b = append(w.b, d.Field)
	w.b = d.encoding(w.b)
	w.raw(q.ReceivingApp, r.Application)
	w.raw(q.ReceivingFacility, r.Facility)
	w.raw(q.SendingApp, "")
	w.raw(q.SendingFacility, "")
	w.field()
	if rank < 23 || d.taken('+') || d.taken('-') {
		w.b = r.Now.AppendFormat(w.b, "20060102150405")
	} else {
		w.b = r.Now.AppendFormat(w.b, "20060102150405-0700")
	}
	w.field() // MSH-8
	w.field()
	w.b = append(w.b, "ACK"...)
	if trigger := q.Trigger(); len(trigger) > 0 && rank >= 22 {
		w.b = append(append(w.b, d.Component), trigger...)
		if rank > 23 {
			w.b = append(append(w.b, d.Component), "ACK"...)
		}
	}
	w.text(r.ControlID)
	w.raw(q.Processing, "P")
	w.raw(q.Version, version)
	if cs := bytes.TrimSpace(q.Charset); len(cs) > 0 {
		for range 5 {
			w.field()
		}
		w.raw(cs, "")
	}
	w.end()

	w.b = append(w.b, "MSA"...)
	w.text(string(r.Code))
	w.raw(q.ControlID, "")
	if rank < 27 && r.Text != "" {
		w.text(r.Text)
		if rank < 25 && rank >= 23 && len(r.Errors) > 0 {
			w.field()
			w.field()
			w.field()
			w.coded(r.Errors[0].Code, d.Component)
		}
	}
	w.end()

	errors := r.Errors
	if len(errors) == 0 && !r.Code.Accepted() && r.Code != "" {
		errors = []AckError{{Code: ErrApplicationInternal, UserMessage: r.Text}}
	}
	for i := range errors {
		if rank < 25 {
			w.errOld(&errors[i])
		} else {
			w.errNew(&errors[i], r.Text)
		}
	}
	return w.b
}

// versionRank is 251 → 25, 23 → 23, 2.3.1 → 24: what an acknowledgement's form
// depends on. An unknown version counts as 2.5.
func versionRank(v string) int {
	switch v {
	case "2.1":
		return 21
	case "2.2":
		return 22
	case "2.3":
		return 23
	case "2.3.1", "2.4":
		return 24
	case "2.6":
		return 26
	case "2.7", "2.7.1":
		return 27
	case "2.8", "2.8.1", "2.8.2", "2.9", "2.9.1":
		return 28
	}
	return 25
}

type ackWriter struct {
	b  []byte
	d  Delimiters
	cs *charset
}

func (w *ackWriter) field() { w.b = append(w.b, w.d.Field) }

func (w *ackWriter) end() {
	for len(w.b) > 0 && w.b[len(w.b)-1] == w.d.Field {
		w.b = w.b[:len(w.b)-1]
	}
	w.b = append(w.b, '\r')
}

// raw writes a field as the request had it, else a text of ours. Characters
// that would end the segment are left out, and what begins a wide character
// without ending it, for it would take the delimiter that follows into it.
func (w *ackWriter) raw(sent []byte, otherwise string) {
	w.field()
	if len(bytes.TrimSpace(sent)) == 0 {
		w.b = w.d.AppendEscaped(w.b, otherwise)
		return
	}
	from := len(w.b)
	for _, c := range sent {
		if c >= ' ' || c == 0x1b || c == '\t' {
			w.b = append(w.b, c)
		}
	}
	if w.cs.trail == noTrail || asciiOnly(w.b[from:]) {
		return
	}
	for len(w.b) > from {
		seen := append(append([]byte(nil), w.b[from:]...), w.d.Field, w.d.Field, w.d.Field)
		w.cs.hide(seen, false, w.d.Escape)
		if seen[len(seen)-3] == w.d.Field {
			return
		}
		w.b = w.b[:len(w.b)-1]
	}
}

func (w *ackWriter) text(s string) {
	w.field()
	from := len(w.b)
	if w.b = w.d.AppendEscaped(w.b, s); !asciiOnly(w.b[from:]) {
		w.b, _ = w.cs.encode(w.b[:from], string(w.b[from:]))
	}
}

func (w *ackWriter) coded(code int, sep byte) {
	w.b = strconv.AppendInt(w.b, int64(code), 10)
	w.b = append(w.b, sep)
	w.b = w.d.AppendEscaped(w.b, errorText(code))
	w.b = append(w.b, sep)
	w.b = append(w.b, "HL70357"...)
}

// errOld writes ERR-1, an ELD: segment, occurrence, field, code (v2.3 §2.24.3).
func (w *ackWriter) errOld(e *AckError) {
	c := w.d.Component
	sub := w.d.Sub
	if sub == 0 {
		sub = ' '
	}
	w.b = append(w.b, "ERR"...)
	w.field()
	w.b = append(w.b, e.Place.Segment...)
	w.b = append(w.b, c)
	if e.Place.Segment != "" {
		w.b = strconv.AppendInt(w.b, int64(max(e.Place.Occurrence, 1)), 10)
	}
	w.b = append(w.b, c)
	w.number(e.Place.Field)
	w.b = append(w.b, c)
	w.coded(e.Code, sub)
	w.end()
}

// errNew writes ERR-2 (ERL), ERR-3, ERR-4, ERR-5, ERR-7 and ERR-8
// (v2.5.1 §2.15.5).
func (w *ackWriter) errNew(e *AckError, text string) {
	w.b = append(w.b, "ERR"...)
	w.field()
	w.field()
	if p := e.Place; p.Segment != "" {
		w.b = append(w.b, p.Segment...)
		for _, n := range [...]int{max(p.Occurrence, 1), p.Field, p.Rep, p.Component, p.Sub} {
			if n == 0 && p.Field == 0 {
				break
			}
			w.b = append(w.b, w.d.Component)
			w.number(n)
		}
		for w.b[len(w.b)-1] == w.d.Component {
			w.b = w.b[:len(w.b)-1]
		}
	}
	w.field()
	w.coded(e.Code, w.d.Component)
	severity := e.Severity
	if severity == "" {
		severity = "E"
	}
	w.text(severity)
	w.text(e.Application)
	w.field()
	w.text(e.Diagnostic)
	if e.UserMessage != "" {
		text = e.UserMessage
	}
	w.text(text)
	w.end()
}

func (w *ackWriter) number(n int) {
	if n > 0 {
		w.b = strconv.AppendInt(w.b, int64(n), 10)
	}
}
