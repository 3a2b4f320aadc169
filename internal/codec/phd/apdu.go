package phd

import (
	"encoding/binary"

	"thalamus/internal/fault"
)

// APDU is one message of the protocol (IEEE 11073-20601 annex A.10).
type APDU struct {
	Choice  uint16
	Request *Association // aarq
	Answer  *Answer      // aare
	Reason  uint16       // rlrq, rlre, abrt
	Call    *Call        // prst
}

// Association is what an agent proposes (annex A.8).
type Association struct {
	Version   uint32 // AssociationVersion, bits
	Protocols []Protocol
}

// Protocol is a proposal or the choice of one.
type Protocol struct {
	ID   uint16 // 20601, 65535: of a manufacturer
	Raw  []byte // its content as it came
	Info *Information
}

// Information of the 20601 protocol (PhdAssociationInformation).
type Information struct {
	Protocol     uint32 // bits: 1 is the most significant
	Rules        uint16 // encoding rules, bits
	Nomenclature uint32
	Units        uint32 // functional units
	SystemType   uint32
	SystemID     []byte // EUI-64
	Config       uint16
	RequestMode  uint16
	AgentCount   uint8
	ManagerCount uint8
	Options      []Attribute
}

// Answer to an association request.
type Answer struct {
	Result   uint16
	Protocol Protocol
}

// Attribute of an object: its number in MDC_PART_OBJ and its value.
type Attribute struct {
	ID    uint16
	Value []byte
}

// Call is an operation, a result, an error or a rejection.
type Call struct {
	Invoke uint16
	Op     uint16

	Handle     uint16
	Time       uint32      // of event reports and their results: the agent's relative time, in 1/8 ms
	Type       uint16      // of the event or action
	Info       []byte      // of the event or action
	Attributes []Attribute // of get and set results
	IDs        []uint16    // of get
	Changes    []Change    // of set
	Code       uint16      // error or problem
}

// Change of one attribute.
type Change struct {
	Operator uint16 // 0 replace, 1 add, 2 remove, 3 default
	Attribute
}

// Size says how many bytes the APDU has that begins with these four: its header
// and what it announces (annex A.10: choice, length).
func Size(header []byte) (int, error) {
	if len(header) < 4 {
		return 0, short(0, "the header")
	}
	choice := binary.BigEndian.Uint16(header)
	switch choice {
	case ChoiceAARQ, ChoiceAARE, ChoiceRLRQ, ChoiceRLRE, ChoiceABRT, ChoicePRST:
		return 4 + int(binary.BigEndian.Uint16(header[2:])), nil
	}
	return 0, fault.New(fault.Invalid, "phd.choice", "a message begins with %#04x, which is no APDU of IEEE 11073-20601", choice)
}

// Parse reads one whole APDU.
func Parse(b []byte) (*APDU, error) {
	n, err := Size(b)
	if err != nil {
		return nil, err
	}
	if n != len(b) {
		return nil, contradiction(2, "the header announces %d bytes and there are %d", n, len(b))
	}
	r := &reader{b: b, at: 4}
	a := &APDU{Choice: binary.BigEndian.Uint16(b)}
	switch a.Choice {
	case ChoiceAARQ:
		a.Request = &Association{Version: r.u32("the association version")}
		r.list("the list of protocols", 4, func(r *reader) {
			a.Request.Protocols = append(a.Request.Protocols, r.protocol())
		})
	case ChoiceAARE:
		a.Answer = &Answer{Result: r.u16("the result")}
		a.Answer.Protocol = r.protocol()
	case ChoiceRLRQ, ChoiceRLRE, ChoiceABRT:
		a.Reason = r.u16("the reason")
	case ChoicePRST:
		inner := r.octets("the presentation APDU")
		if r.err == nil {
			a.Call, r.err = parseCall(inner)
		}
	}
	if err := r.end("the APDU"); err != nil {
		return nil, err
	}
	return a, nil
}

func (r *reader) protocol() Protocol {
	p := Protocol{ID: r.u16("a protocol"), Raw: r.octets("a protocol")}
	if r.err == nil && p.ID == Protocol20601 {
		in := &reader{b: p.Raw}
		p.Info = &Information{
			Protocol: in.u32("the protocol version"), Rules: in.u16("the encoding rules"), Nomenclature: in.u32("the nomenclature version"),
			Units: in.u32("the functional units"), SystemType: in.u32("the system type"), SystemID: in.octets("the system id"),
			Config: in.u16("the configuration id"), RequestMode: in.u16("the request modes"), AgentCount: in.u8("the request modes"), ManagerCount: in.u8("the request modes"),
		}
		p.Info.Options = in.attributes("the options")
		r.err = in.end("the association information")
	}
	return p
}

func (r *reader) attributes(what string) (out []Attribute) {
	r.list(what, 4, func(r *reader) {
		out = append(out, Attribute{ID: r.u16(what), Value: r.octets(what)})
	})
	return out
}

func parseCall(b []byte) (*Call, error) {
	r := &reader{b: b}
	c := &Call{Invoke: r.u16("the invoke id"), Op: r.u16("the operation")}
	in := &reader{b: r.octets("the operation")}
	if err := r.end("the operation"); err != nil {
		return nil, err
	}
	switch c.Op {
	case OpEvent, OpEventConfirmed, OpEventResult:
		c.Handle, c.Time, c.Type, c.Info = in.u16("the handle"), in.u32("the event time"), in.u16("the event type"), in.octets("the event")
	case OpAction, OpActionConfirmed, OpActionResult:
		c.Handle, c.Type, c.Info = in.u16("the handle"), in.u16("the action type"), in.octets("the action")
	case OpGet:
		c.Handle = in.u16("the handle")
		in.list("the list of attributes", 2, func(r *reader) { c.IDs = append(c.IDs, r.u16("an attribute")) })
	case OpSet, OpSetConfirmed:
		c.Handle = in.u16("the handle")
		in.list("the list of changes", 6, func(r *reader) {
			c.Changes = append(c.Changes, Change{Operator: r.u16("a change"), Attribute: Attribute{ID: r.u16("a change"), Value: r.octets("a change")}})
		})
	case OpGetResult, OpSetResult:
		c.Handle = in.u16("the handle")
		c.Attributes = in.attributes("the list of attributes")
	case OpError:
		c.Code, c.Info = in.u16("the error"), in.octets("the error")
	case OpReject:
		c.Code = in.u16("the problem")
	default:
		return nil, fault.New(fault.Invalid, "phd.operation", "operation %#04x is none of IEEE 11073-20601", c.Op)
	}
	return c, in.end("the operation")
}

// Bytes writes the APDU.
func (a *APDU) Bytes() []byte {
	w := &writer{}
	w.u16(a.Choice)
	w.sized(func() {
		switch {
		case a.Request != nil:
			w.u32(a.Request.Version)
			w.list(len(a.Request.Protocols), func(i int) { w.protocol(&a.Request.Protocols[i]) })
		case a.Answer != nil:
			w.u16(a.Answer.Result)
			w.protocol(&a.Answer.Protocol)
		case a.Call != nil:
			w.sized(func() { w.call(a.Call) })
		default:
			w.u16(a.Reason)
		}
	})
	return w.b
}

func (w *writer) protocol(p *Protocol) {
	w.u16(p.ID)
	if p.Info == nil {
		w.octets(p.Raw)
		return
	}
	w.sized(func() {
		i := p.Info
		w.u32(i.Protocol)
		w.u16(i.Rules)
		w.u32(i.Nomenclature)
		w.u32(i.Units)
		w.u32(i.SystemType)
		w.octets(i.SystemID)
		w.u16(i.Config)
		w.u16(i.RequestMode)
		w.u8(i.AgentCount)
		w.u8(i.ManagerCount)
		w.attributes(i.Options)
	})
}

func (w *writer) attribute(a *Attribute) {
	w.u16(a.ID)
	w.octets(a.Value)
}

func (w *writer) attributes(all []Attribute) {
	w.list(len(all), func(i int) { w.attribute(&all[i]) })
}

func (w *writer) call(c *Call) {
	w.u16(c.Invoke)
	w.u16(c.Op)
	w.sized(func() {
		switch c.Op {
		case OpEvent, OpEventConfirmed, OpEventResult:
			w.u16(c.Handle)
			w.u32(c.Time)
			w.u16(c.Type)
			w.octets(c.Info)
		case OpAction, OpActionConfirmed, OpActionResult:
			w.u16(c.Handle)
			w.u16(c.Type)
			w.octets(c.Info)
		case OpGet:
			w.u16(c.Handle)
			w.list(len(c.IDs), func(i int) { w.u16(c.IDs[i]) })
		case OpSet, OpSetConfirmed:
			w.u16(c.Handle)
			w.list(len(c.Changes), func(i int) {
				w.u16(c.Changes[i].Operator)
				w.attribute(&c.Changes[i].Attribute)
			})
		case OpGetResult, OpSetResult:
			w.u16(c.Handle)
			w.attributes(c.Attributes)
		case OpError:
			w.u16(c.Code)
			w.octets(c.Info)
		case OpReject:
			w.u16(c.Code)
		}
	})
}
