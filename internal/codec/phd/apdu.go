package phd

import (
	"encoding/binary"

	"thalamus/internal/codec/mder"
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
		return 0, unreadable.Ends(0, "the header")
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
		return nil, unreadable.Contradicts(2, "the header announces %d bytes and there are %d", n, len(b))
	}
	r := mder.Read(b, 4, unreadable)
	a := &APDU{Choice: binary.BigEndian.Uint16(b)}
	switch a.Choice {
	case ChoiceAARQ:
		a.Request = &Association{Version: r.U32("the association version")}
		r.List("the list of protocols", 4, func(r *mder.Reader) {
			a.Request.Protocols = append(a.Request.Protocols, readProtocol(r))
		})
	case ChoiceAARE:
		a.Answer = &Answer{Result: r.U16("the result")}
		a.Answer.Protocol = readProtocol(r)
	case ChoiceRLRQ, ChoiceRLRE, ChoiceABRT:
		a.Reason = r.U16("the reason")
	case ChoicePRST:
		inner := r.Octets("the presentation APDU")
		if r.Err == nil {
			a.Call, r.Err = parseCall(inner)
		}
	}
	if err := r.End("the APDU"); err != nil {
		return nil, err
	}
	return a, nil
}

func readProtocol(r *mder.Reader) Protocol {
	p := Protocol{ID: r.U16("a protocol"), Raw: r.Octets("a protocol")}
	if r.Err == nil && p.ID == Protocol20601 {
		in := read(p.Raw)
		p.Info = &Information{
			Protocol: in.U32("the protocol version"), Rules: in.U16("the encoding rules"), Nomenclature: in.U32("the nomenclature version"),
			Units: in.U32("the functional units"), SystemType: in.U32("the system type"), SystemID: in.Octets("the system id"),
			Config: in.U16("the configuration id"), RequestMode: in.U16("the request modes"), AgentCount: in.U8("the request modes"), ManagerCount: in.U8("the request modes"),
		}
		p.Info.Options = readAttributes(in, "the options")
		r.Err = in.End("the association information")
	}
	return p
}

func readAttributes(r *mder.Reader, what string) (out []Attribute) {
	r.List(what, 4, func(r *mder.Reader) {
		out = append(out, Attribute{ID: r.U16(what), Value: r.Octets(what)})
	})
	return out
}

func parseCall(b []byte) (*Call, error) {
	r := read(b)
	c := &Call{Invoke: r.U16("the invoke id"), Op: r.U16("the operation")}
	in := read(r.Octets("the operation"))
	if err := r.End("the operation"); err != nil {
		return nil, err
	}
	switch c.Op {
	case OpEvent, OpEventConfirmed, OpEventResult:
		c.Handle, c.Time, c.Type, c.Info = in.U16("the handle"), in.U32("the event time"), in.U16("the event type"), in.Octets("the event")
	case OpAction, OpActionConfirmed, OpActionResult:
		c.Handle, c.Type, c.Info = in.U16("the handle"), in.U16("the action type"), in.Octets("the action")
	case OpGet:
		c.Handle = in.U16("the handle")
		in.List("the list of attributes", 2, func(r *mder.Reader) { c.IDs = append(c.IDs, r.U16("an attribute")) })
	case OpSet, OpSetConfirmed:
		c.Handle = in.U16("the handle")
		in.List("the list of changes", 6, func(r *mder.Reader) {
			c.Changes = append(c.Changes, Change{Operator: r.U16("a change"), Attribute: Attribute{ID: r.U16("a change"), Value: r.Octets("a change")}})
		})
	case OpGetResult, OpSetResult:
		c.Handle = in.U16("the handle")
		c.Attributes = readAttributes(in, "the list of attributes")
	case OpError:
		c.Code, c.Info = in.U16("the error"), in.Octets("the error")
	case OpReject:
		c.Code = in.U16("the problem")
	default:
		return nil, fault.New(fault.Invalid, "phd.operation", "operation %#04x is none of IEEE 11073-20601", c.Op)
	}
	return c, in.End("the operation")
}

// Bytes writes the APDU.
func (a *APDU) Bytes() []byte {
	w := &mder.Writer{}
	w.U16(a.Choice)
	w.Sized(func() {
		switch {
		case a.Request != nil:
			w.U32(a.Request.Version)
			w.List(len(a.Request.Protocols), func(i int) { writeProtocol(w, &a.Request.Protocols[i]) })
		case a.Answer != nil:
			w.U16(a.Answer.Result)
			writeProtocol(w, &a.Answer.Protocol)
		case a.Call != nil:
			w.Sized(func() { writeCall(w, a.Call) })
		default:
			w.U16(a.Reason)
		}
	})
	return w.B
}

func writeProtocol(w *mder.Writer, p *Protocol) {
	w.U16(p.ID)
	if p.Info == nil {
		w.Octets(p.Raw)
		return
	}
	w.Sized(func() {
		i := p.Info
		w.U32(i.Protocol)
		w.U16(i.Rules)
		w.U32(i.Nomenclature)
		w.U32(i.Units)
		w.U32(i.SystemType)
		w.Octets(i.SystemID)
		w.U16(i.Config)
		w.U16(i.RequestMode)
		w.U8(i.AgentCount)
		w.U8(i.ManagerCount)
		writeAttributes(w, i.Options)
	})
}

func writeAttribute(w *mder.Writer, a *Attribute) {
	w.U16(a.ID)
	w.Octets(a.Value)
}

func writeAttributes(w *mder.Writer, all []Attribute) {
	w.List(len(all), func(i int) { writeAttribute(w, &all[i]) })
}

func writeCall(w *mder.Writer, c *Call) {
	w.U16(c.Invoke)
	w.U16(c.Op)
	w.Sized(func() {
		switch c.Op {
		case OpEvent, OpEventConfirmed, OpEventResult:
			w.U16(c.Handle)
			w.U32(c.Time)
			w.U16(c.Type)
			w.Octets(c.Info)
		case OpAction, OpActionConfirmed, OpActionResult:
			w.U16(c.Handle)
			w.U16(c.Type)
			w.Octets(c.Info)
		case OpGet:
			w.U16(c.Handle)
			w.List(len(c.IDs), func(i int) { w.U16(c.IDs[i]) })
		case OpSet, OpSetConfirmed:
			w.U16(c.Handle)
			w.List(len(c.Changes), func(i int) {
				w.U16(c.Changes[i].Operator)
				writeAttribute(w, &c.Changes[i].Attribute)
			})
		case OpGetResult, OpSetResult:
			w.U16(c.Handle)
			writeAttributes(w, c.Attributes)
		case OpError:
			w.U16(c.Code)
			w.Octets(c.Info)
		case OpReject:
			w.U16(c.Code)
		}
	})
}
