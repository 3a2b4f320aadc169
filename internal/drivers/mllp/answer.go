package mllp

import (
	"bytes"
	"errors"
	"strconv"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/codec/mllpframe"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// refusal is why a message is not accepted. The zero refusal: it is.
type refusal struct {
	again bool // AE/CE: the same message may be sent again; else AR/CR
	code  int  // HL7 table 0357
	place hl7v2.Path
	fault string // our code
	text  string // one sentence for the sender's engineer
	about string // more for him, ERR-7
}

func (r *refusal) none() bool { return r.text == "" }

var (
	header = hl7v2.Path{Segment: "MSH", Occurrence: 1}

	refuseOversize = refusal{code: hl7v2.ErrApplicationInternal, fault: "mllp.oversize", text: "The message is longer than this receiver accepts", about: "split it, or have max_frame raised"}
	refuseCut      = refusal{again: true, code: hl7v2.ErrSegmentSequence, fault: "mllp.half-frame", text: "The message broke off in the middle of a segment; send it again", about: "FS CR is missing at its end"}
	refuseStalled  = refusal{again: true, code: hl7v2.ErrSegmentSequence, fault: "mllp.half-frame", text: "The end of the message did not come in time; send it again", about: "FS CR is missing at its end"}
	refuseEmpty    = refusal{code: hl7v2.ErrSegmentSequence, place: header, fault: "mllp.empty", text: "The frame is empty", about: "a message begins with MSH"}
	refuseBusy     = refusal{again: true, code: hl7v2.ErrApplicationInternal, fault: "mllp.busy", text: "Too many long messages are under way; send it again", about: "no memory is left for unfinished long messages"}
)

// refusalOf says what to answer when intake did not take a message.
func refusalOf(err error) refusal {
	if err == nil {
		return refusal{}
	}
	r := refusal{again: fault.KindOf(err) != fault.Invalid, code: hl7v2.ErrApplicationInternal, fault: fault.CodeOf(err)}
	r.text = "The message could not be stored; send it again later"
	if !r.again {
		r.text = "The message cannot be accepted"
	}
	if f := (*fault.Fault)(nil); errors.As(err, &f) {
		r.about = f.Text
	}
	return r
}

// refusalOfHeader says what to answer when the header cannot be used. Such a
// message is in the journal all the same (R11).
func refusalOfHeader(err error) refusal {
	r := refusal{code: hl7v2.ErrSegmentSequence, place: header, fault: fault.CodeOf(err), text: "This is not an HL7 v2 message"}
	if f := (*fault.Fault)(nil); errors.As(err, &f) {
		r.text = f.Text
		switch f.Place {
		case "MSH-9", "MSH-10":
			r.code = hl7v2.ErrRequiredField
			r.place.Field, _ = strconv.Atoi(f.Place[4:])
		}
	}
	return r
}

// answer appends what is to be answered to a turn, framed; nothing when the
// sender asked for silence.
func (c *conn) answer(out []byte, t *turn, seq model.Seq) []byte {
	q, err := hl7v2.ParseEnvelope(t.content)
	if err == nil && t.refusal.none() {
		err = q.Check()
	}
	if err != nil && t.refusal.none() {
		t.refusal = refusalOfHeader(err)
		c.d.notes.Add(c.peer, "mllp.refused", "a message was kept but refused: "+t.refusal.text, "Have the sender correct it; what it sent is in the message list.")
	}
	if len(q.Charset) == 0 && c.d.settings.Charset != "" {
		q.Charset = []byte(c.d.settings.Charset)
	}
	r := hl7v2.Reply{Application: "THALAMUS"}
	if t.refusal.none() {
		// R18: a message that comes again gets the first answer.
		first := c.d.answered.first(t.content, receipt{seq, c.arrived})
		r.ControlID, r.Now = "T"+strconv.FormatUint(uint64(first.seq), 10), first.at.UTC()
	} else {
		n := c.d.refused.Add(1)
		r.ControlID, r.Now = "R"+strconv.FormatInt(c.arrived.UnixMilli(), 36)+"-"+strconv.FormatUint(n, 36), c.arrived.UTC()
		r.Text = t.refusal.text
		r.Errors = []hl7v2.AckError{{
			Place: t.refusal.place, Code: t.refusal.code, Severity: "E",
			Application: t.refusal.fault, Diagnostic: t.refusal.about, UserMessage: t.refusal.text,
		}}
	}
	accept, application := c.d.settings.wanted(&q, t.refusal.none())
	if !accept && !application && !t.refusal.none() {
		c.d.notes.Add(c.peer, "mllp.unanswered", "a message was refused and its sender had asked for no answer: "+t.refusal.text, "Have the sender set MSH-15 to ER or AL.")
	}
	if accept {
		r.Code = t.refusal.ack(hl7v2.CA, hl7v2.CE, hl7v2.CR)
		out = appendAck(out, q, r)
	}
	if application {
		r.Code = t.refusal.ack(hl7v2.AA, hl7v2.AE, hl7v2.AR)
		if accept {
			r.ControlID += "A"
		}
		out = appendAck(out, q, r)
	}
	return out
}

func appendAck(out []byte, q hl7v2.Envelope, r hl7v2.Reply) []byte {
	out = append(out, mllpframe.VT)
	out = hl7v2.AppendAck(out, q, r)
	return append(out, mllpframe.FS, mllpframe.CR)
}

func (r *refusal) ack(accept, again, reject hl7v2.AckCode) hl7v2.AckCode {
	switch {
	case r.none():
		return accept
	case r.again:
		return again
	}
	return reject
}

// wanted says which acknowledgements a message gets (HL7 v2.5.1 §2.9.2 and
// §2.9.3). In original mode that is the application's alone. In enhanced mode
// MSH-15 and MSH-16 decide; an application acknowledgement follows an accept
// acknowledgement only when that was positive. An empty MSH-15 counts as AL
// unless MSH-16 asks for an answer, so that no sender waits for ever.
func (s *Settings) wanted(q *hl7v2.Envelope, good bool) (accept, application bool) {
	if s.Acknowledgement == ackOriginal || s.Acknowledgement != ackEnhanced && !q.Enhanced() {
		return false, true
	}
	application = asks(q.ApplicationAck, good, false)
	byDefault := s.Acknowledgement != ackAuto || len(q.ApplicationAck) == 0 || string(bytes.TrimSpace(q.ApplicationAck)) == "NE"
	accept = asks(q.AcceptAck, good, byDefault)
	if s.Acknowledgement == ackNeverApplication || accept && !good {
		application = false
	}
	return accept, application
}

// asks reads a condition of HL7 table 0155; one it does not list counts as AL.
func asks(condition []byte, good, whenEmpty bool) bool {
	switch string(bytes.TrimSpace(condition)) {
	case "":
		return whenEmpty
	case "NE", `""`:
		return false
	case "ER":
		return !good
	case "SU":
		return good
	}
	return true
}
