package intellivue

import (
	"encoding/binary"
	"time"

	"thalamus/internal/codec/mder"
	"thalamus/internal/fault"
)

// mds is the object that answers polls (DEIPG "SINGLE POLL DATA REQUEST").
var mds = Object{Class: ClassMDS}

// Request is a poll (PollMdibDataReq, PollMdibDataReqExt).
type Request struct {
	Number   uint16 // comes back in the reply
	Class    uint16
	Group    uint16
	Extended bool
	Period   time.Duration // extended: replies come by themselves for so long; 0: one
}

// tick of relative time is an eighth of a millisecond.
const tick = 125 * time.Microsecond

// Bytes writes the poll as a message.
func (q *Request) Bytes(invoke uint16) []byte {
	w := &mder.Writer{}
	writeObject(w, mds)
	w.U32(0) // scope
	if q.Extended {
		w.U16(ActionPollExt)
	} else {
		w.U16(ActionPoll)
	}
	w.Sized(func() {
		w.U16(q.Number)
		w.U16(partObject)
		w.U16(q.Class)
		w.U16(q.Group)
		if q.Extended {
			var more []Attribute
			if q.Period > 0 {
				more = []Attribute{{AttrPollPeriod, binary.BigEndian.AppendUint32(nil, uint32(min(q.Period/tick, 1<<32-1)))}}
			}
			writeAttributes(w, more)
		}
	})
	return (&APDU{Kind: Invoke, ID: invoke, Command: CommandAction, Body: w.B}).Bytes()
}

// ParseRequest reads the body of a poll.
func ParseRequest(b []byte) (q Request, err error) {
	r := read(b)
	readObject(r, "the poll")
	r.U32("the poll")
	action := r.U16("the poll")
	in := read(r.Octets("the poll"))
	if err := r.End("the poll"); err != nil {
		return q, err
	}
	if action != ActionPoll && action != ActionPollExt {
		return q, fault.New(fault.Invalid, "intellivue.operation", "the action 0x%04X is no poll", action)
	}
	q.Extended = action == ActionPollExt
	q.Number = in.U16("the poll")
	in.U16("the poll")
	q.Class, q.Group = in.U16("the poll"), in.U16("the poll")
	if q.Extended {
		if b := find(readAttributes(in, "the poll's attributes"), AttrPollPeriod); len(b) == 4 {
			q.Period = time.Duration(binary.BigEndian.Uint32(b)) * tick
		}
	}
	return q, in.End("the poll")
}

// SetPriority asks a monitor for the waves or numerics with these labels in
// extended polls; list is AttrWavePriority or AttrNumericPriority.
func SetPriority(invoke, list uint16, labels []uint32) []byte {
	value := &mder.Writer{}
	value.List(len(labels), func(i int) { value.U32(labels[i]) })
	w := &mder.Writer{}
	writeObject(w, mds)
	w.U32(0) // scope
	w.List(1, func(int) {
		w.U16(0) // REPLACE
		w.U16(list)
		w.Sized(func() { w.Raw(value.B) })
	})
	return (&APDU{Kind: Invoke, ID: invoke, Command: CommandConfirmedSet, Body: w.B}).Bytes()
}

// Polled is one object of a reply (ObservationPoll).
type Polled struct {
	Context, Handle uint16
	Attributes      []Attribute
}

// Reply answers a poll (PollMdibDataReply, PollMdibDataReplyExt).
type Reply struct {
	Number   uint16
	Sequence uint16 // of extended polls
	Relative uint32
	Absolute []byte // 8 bytes of an absolute time; all 0xFF: none
	Class    uint16
	Group    uint16
	Extended bool
	Objects  []Polled
}

// ParseReply reads the body of a result or linked result of a poll.
func ParseReply(body []byte) (p *Reply, err error) {
	r := read(body)
	readObject(r, "the result")
	action := r.U16("the result")
	in := read(r.Octets("the result"))
	if err := r.End("the result"); err != nil {
		return nil, err
	}
	if action != ActionPoll && action != ActionPollExt {
		return nil, fault.New(fault.Invalid, "intellivue.operation", "the action 0x%04X is no poll", action)
	}
	p = &Reply{Extended: action == ActionPollExt}
	p.Number = in.U16("the reply")
	if p.Extended {
		p.Sequence = in.U16("the reply")
	}
	p.Relative, p.Absolute = in.U32("the reply"), in.Take(8, "the reply")
	in.U16("the reply") // partition of the class
	p.Class, p.Group = in.U16("the reply"), in.U16("the reply")
	in.List("the reply's contexts", 6, func(r *mder.Reader) {
		context := r.U16("a context")
		r.List("the objects", 6, func(r *mder.Reader) {
			p.Objects = append(p.Objects, Polled{Context: context, Handle: r.U16("an object"), Attributes: readAttributes(r, "the attributes")})
		})
	})
	return p, in.End("the reply")
}

// Bytes writes the body of a result; objects of one context stand together.
func (p *Reply) Bytes() []byte {
	w := &mder.Writer{}
	writeObject(w, mds)
	if p.Extended {
		w.U16(ActionPollExt)
	} else {
		w.U16(ActionPoll)
	}
	w.Sized(func() {
		w.U16(p.Number)
		if p.Extended {
			w.U16(p.Sequence)
		}
		w.U32(p.Relative)
		if len(p.Absolute) == 8 {
			w.Raw(p.Absolute)
		} else {
			w.U32(1<<32 - 1)
			w.U32(1<<32 - 1)
		}
		w.U16(partObject)
		w.U16(p.Class)
		w.U16(p.Group)
		writeContexts(w, p.Objects)
	})
	return w.B
}

func writeContexts(w *mder.Writer, all []Polled) {
	var runs [][]Polled
	for i := 0; i < len(all); {
		from := i
		for i < len(all) && all[i].Context == all[from].Context {
			i++
		}
		runs = append(runs, all[from:i])
	}
	w.List(len(runs), func(i int) {
		w.U16(runs[i][0].Context)
		w.List(len(runs[i]), func(k int) {
			w.U16(runs[i][k].Handle)
			writeAttributes(w, runs[i][k].Attributes)
		})
	})
}
