package intellivue

import (
	"encoding/binary"
	"time"

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
	w := &writer{}
	w.object(mds)
	w.u32(0) // scope
	if q.Extended {
		w.u16(ActionPollExt)
	} else {
		w.u16(ActionPoll)
	}
	w.sized(func() {
		w.u16(q.Number)
		w.u16(partObject)
		w.u16(q.Class)
		w.u16(q.Group)
		if q.Extended {
			var more []Attribute
			if q.Period > 0 {
				more = []Attribute{{AttrPollPeriod, binary.BigEndian.AppendUint32(nil, uint32(min(q.Period/tick, 1<<32-1)))}}
			}
			w.attributes(more)
		}
	})
	return (&APDU{Kind: Invoke, ID: invoke, Command: CommandAction, Body: w.b}).Bytes()
}

// ParseRequest reads the body of a poll.
func ParseRequest(b []byte) (q Request, err error) {
	r := &reader{b: b}
	r.object("the poll")
	r.u32("the poll")
	action := r.u16("the poll")
	in := &reader{b: r.octets("the poll")}
	if err := r.end("the poll"); err != nil {
		return q, err
	}
	if action != ActionPoll && action != ActionPollExt {
		return q, fault.New(fault.Invalid, "intellivue.operation", "the action 0x%04X is no poll", action)
	}
	q.Extended = action == ActionPollExt
	q.Number = in.u16("the poll")
	in.u16("the poll")
	q.Class, q.Group = in.u16("the poll"), in.u16("the poll")
	if q.Extended {
		if b := find(in.attributes("the poll's attributes"), AttrPollPeriod); len(b) == 4 {
			q.Period = time.Duration(binary.BigEndian.Uint32(b)) * tick
		}
	}
	return q, in.end("the poll")
}

// SetPriority asks a monitor for the waves or numerics with these labels in
// extended polls; list is AttrWavePriority or AttrNumericPriority.
func SetPriority(invoke, list uint16, labels []uint32) []byte {
	value := &writer{}
	value.list(len(labels), func(i int) { value.u32(labels[i]) })
	w := &writer{}
	w.object(mds)
	w.u32(0) // scope
	w.list(1, func(int) {
		w.u16(0) // REPLACE
		w.u16(list)
		w.sized(func() { w.raw(value.b) })
	})
	return (&APDU{Kind: Invoke, ID: invoke, Command: CommandConfirmedSet, Body: w.b}).Bytes()
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
	r := &reader{b: body}
	r.object("the result")
	action := r.u16("the result")
	in := &reader{b: r.octets("the result")}
	if err := r.end("the result"); err != nil {
		return nil, err
	}
	if action != ActionPoll && action != ActionPollExt {
		return nil, fault.New(fault.Invalid, "intellivue.operation", "the action 0x%04X is no poll", action)
	}
	p = &Reply{Extended: action == ActionPollExt}
	p.Number = in.u16("the reply")
	if p.Extended {
		p.Sequence = in.u16("the reply")
	}
	p.Relative, p.Absolute = in.u32("the reply"), in.take(8, "the reply")
	in.u16("the reply") // partition of the class
	p.Class, p.Group = in.u16("the reply"), in.u16("the reply")
	in.list("the reply's contexts", 6, func(r *reader) {
		context := r.u16("a context")
		r.list("the objects", 6, func(r *reader) {
			p.Objects = append(p.Objects, Polled{Context: context, Handle: r.u16("an object"), Attributes: r.attributes("the attributes")})
		})
	})
	return p, in.end("the reply")
}

// Bytes writes the body of a result; objects of one context stand together.
func (p *Reply) Bytes() []byte {
	w := &writer{}
	w.object(mds)
	if p.Extended {
		w.u16(ActionPollExt)
	} else {
		w.u16(ActionPoll)
	}
	w.sized(func() {
		w.u16(p.Number)
		if p.Extended {
			w.u16(p.Sequence)
		}
		w.u32(p.Relative)
		if len(p.Absolute) == 8 {
			w.raw(p.Absolute)
		} else {
			w.u32(1<<32 - 1)
			w.u32(1<<32 - 1)
		}
		w.u16(partObject)
		w.u16(p.Class)
		w.u16(p.Group)
		w.contexts(p.Objects)
	})
	return w.b
}

func (w *writer) contexts(all []Polled) {
	var runs [][]Polled
	for i := 0; i < len(all); {
		from := i
		for i < len(all) && all[i].Context == all[from].Context {
			i++
		}
		runs = append(runs, all[from:i])
	}
	w.list(len(runs), func(i int) {
		w.u16(runs[i][0].Context)
		w.list(len(runs[i]), func(k int) {
			w.u16(runs[i][k].Handle)
			w.attributes(runs[i][k].Attributes)
		})
	})
}
