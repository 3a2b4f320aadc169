package intellivue

import (
	"bytes"
	"encoding/binary"
	"time"

	"thalamus/internal/codec/mder"
	"thalamus/internal/fault"
)

// Kinds of messages of the Association Control protocol (SessionHeader).
type Session byte

const (
	Connect    Session = firstConnect    // association request
	Accept     Session = firstAccept     // association response
	Refuse     Session = firstRefuse     // no association
	Finish     Session = firstFinish     // release request
	Disconnect Session = firstDisconnect // release response
	Abort      Session = firstAbort
)

// Versions, sides and start modes of an association (MDSEUserInfoStd).
const (
	ProtocolVersion1    uint32 = 0x80000000 // MDDL_VERSION1
	NomenclatureVersion uint32 = 0x40000000 // NOMEN_VERSION
	SystemClient        uint32 = 0x80000000 // SYST_CLIENT
	SystemServer        uint32 = 0x00800000 // SYST_SERVER
	ColdStart           uint32 = 0x20000000
	pollProfileRevision uint32 = 0x80000000 // POLL_PROFILE_REV_0
	dynamicObjects      uint32 = 0x60000000 // P_OPT_DYN_CREATE_OBJECTS, P_OPT_DYN_DELETE_OBJECTS
	unlimited           uint32 = 0xFFFFFFFF
)

// Options of extended polls (PollProfileExtOptions).
const (
	ExtendNumerics     uint32 = 0x80000000 // POLL_EXT_PERIOD_NU_1SEC
	ExtendWaves        uint32 = 0x08000000 // POLL_EXT_PERIOD_RTSA
	ExtendEnumerations uint32 = 0x04000000 // POLL_EXT_ENUM
	ExtendPriority     uint32 = 0x02000000 // POLL_EXT_NU_PRIO_LIST
)

// LargestMTU of the network interface in bytes, and of the serial one (DEIPG
// "PollProfileSupport").
const (
	LargestMTU       = 1364
	LargestSerialMTU = 1000
)

// Association is what both sides agree on (MDSEUserInfoStd with its profiles).
type Association struct {
	Protocol, Nomenclature, Units uint32
	System, Start                 uint32
	HasPoll                       bool          // the poll profile is among the profiles
	MinPoll                       time.Duration // of polls for one kind of object
	Receive, Transmit             uint32        // largest messages in bytes, as the client sees it
	Extended                      bool          // the poll profile extensions are agreed on
	Options                       uint32        // ExtendNumerics …
}

// Timeout is after how much silence of ours the monitor aborts the association
// (DEIPG, table of association time-outs).
func (a *Association) Timeout() time.Duration {
	switch {
	case a.MinPoll <= 3300*time.Millisecond:
		return 10 * time.Second
	case a.MinPoll <= 43*time.Second:
		return 3 * a.MinPoll
	}
	return 130 * time.Second
}

// Object identifiers and tags of the presentation and ACSE headers, as the
// guide gives them for copying: everything but the lengths is fixed.
var (
	sessionParameters = []byte{0x05, 0x08, 0x13, 0x01, 0x00, 0x16, 0x01, 0x02, 0x80, 0x00, 0x14, 0x02, 0x00, 0x02}
	oidPrefix         = []byte{0x06, 0x0C, 0x2A, 0x86, 0x48, 0xCE, 0x14, 0x02, 0x01, 0x00, 0x00, 0x00} // 1.2.840.10004.2.1.0.0.0
	requestHead       = join([]byte{0x31, 0x80, 0xA0, 0x80, 0x80, 0x01, 0x01, 0x00, 0x00, 0xA2, 0x80, 0xA0, 0x03, 0x00, 0x00, 0x01, 0xA4, 0x80,
		0x30, 0x80, 0x02, 0x01, 0x01, 0x06, 0x04, 0x52, 0x01, 0x00, 0x01, 0x30, 0x80, 0x06, 0x02, 0x51, 0x01, 0, 0, 0, 0,
		0x30, 0x80, 0x02, 0x01, 0x02}, oidPrefix, []byte{0x01, 0x01, 0x30, 0x80}, oidPrefix, []byte{0x02, 0x01, 0, 0, 0, 0, 0, 0,
		0x61, 0x80, 0x30, 0x80, 0x02, 0x01, 0x01, 0xA0, 0x80, 0x60, 0x80, 0xA1, 0x80}, oidPrefix, []byte{0x03, 0x01, 0, 0, 0xBE, 0x80, 0x28, 0x80}, oidPrefix,
		[]byte{0x01, 0x01, 0x02, 0x01, 0x02, 0x81})
	acceptHead = join([]byte{0x31, 0x80, 0xA0, 0x80, 0x80, 0x01, 0x01, 0x00, 0x00, 0xA2, 0x80, 0xA0, 0x03, 0x00, 0x00, 0x01, 0xA5, 0x80,
		0x30, 0x80, 0x80, 0x01, 0x00, 0x81, 0x02, 0x51, 0x01, 0, 0, 0x30, 0x80, 0x80, 0x01, 0x00, 0x81}, oidPrefix[1:], []byte{0x02, 0x01, 0, 0, 0, 0,
		0x61, 0x80, 0x30, 0x80, 0x02, 0x01, 0x01, 0xA0, 0x80, 0x61, 0x80, 0xA1, 0x80}, oidPrefix, []byte{0x03, 0x01, 0, 0,
		0xA2, 0x03, 0x02, 0x01, 0x00, 0xA3, 0x05, 0xA1, 0x03, 0x02, 0x01, 0x00, 0xBE, 0x80, 0x28, 0x80, 0x02, 0x01, 0x02, 0x81})
	userStart = []byte{0xBE, 0x80, 0x28, 0x80} // user information, external
)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// trailer closes the open lengths of the headers.
const trailer = 16

// li reads a length of one byte, or of three that begin with 0xFF (LI).
func readLi(r *mder.Reader) int {
	n := int(r.U8("a length"))
	if n == 0xFF {
		n = int(r.U16("a length"))
	}
	return n
}

func writeLi(w *mder.Writer, n int) {
	if n < 0xFF {
		w.U8(uint8(n))
		return
	}
	w.U8(0xFF)
	w.U16(uint16(n))
}

// Bytes writes the association as a request (Connect) or its answer (Accept).
func (a *Association) Bytes(as Session) []byte {
	user := &mder.Writer{}
	for _, v := range [...]uint32{a.Protocol, a.Nomenclature, a.Units, a.System, a.Start} {
		user.U32(v)
	}
	writeAttributes(user, nil)
	writeAttributes(user, a.profiles())
	head := requestHead
	if as == Accept {
		head = acceptHead
	}
	in := &mder.Writer{B: bytes.Clone(head)}
	switch n := len(user.B); {
	case n < 0x80:
		in.U8(uint8(n))
	default:
		in.U8(0x82)
		in.U16(uint16(n))
	}
	in.Raw(user.B)
	in.Raw(make([]byte, trailer))
	body := &mder.Writer{B: bytes.Clone(sessionParameters)}
	body.U8(0xC1)
	writeLi(body, len(in.B))
	body.Raw(in.B)
	w := &mder.Writer{}
	w.U8(byte(as))
	writeLi(w, len(body.B))
	w.Raw(body.B)
	return w.B
}

// most says how many objects of a class a client takes (MdibObjectSupport); the
// counts are those open clients ask for.
var most = [...]struct {
	class uint16
	count uint32
}{{ClassMDS, 1}, {ClassNumeric, 201}, {ClassWave, 60}, {ClassEnumeration, 16}, {ClassPatient, 1}, {ClassAlerts, 1}}

func (a *Association) profiles() []Attribute {
	if !a.HasPoll {
		return nil
	}
	poll := &mder.Writer{}
	for _, v := range [...]uint32{pollProfileRevision, uint32(a.MinPoll / tick), a.Receive, a.Transmit, unlimited, dynamicObjects} {
		poll.U32(v)
	}
	var packages []Attribute
	if a.Extended {
		ext := &mder.Writer{}
		ext.U32(a.Options)
		writeAttributes(ext, nil)
		packages = []Attribute{{attrPollExtensions, ext.B}}
	}
	writeAttributes(poll, packages)
	support := &mder.Writer{}
	support.List(len(most), func(i int) {
		support.U16(partObject)
		support.U16(most[i].class)
		support.U32(most[i].count)
	})
	return []Attribute{{attrPollProfile, poll.B}, {attrObjectSupport, support.B}}
}

// ParseAssociation reads the user data of a request or its answer.
func ParseAssociation(b []byte) (*Association, error) {
	at := bytes.Index(b, userStart)
	if at < 0 {
		return nil, fault.New(fault.Invalid, "intellivue.association", "an association message has no user information")
	}
	r := mder.Read(b, at+len(userStart), unreadable)
	for r.Err == nil {
		tag := r.U8("the user information")
		if tag == 0x81 {
			break
		}
		if tag != 0x02 && tag != 0x06 { // which context, which syntax
			return nil, fault.New(fault.Invalid, "intellivue.association", "the user information of an association begins with 0x%02X", tag)
		}
		r.Take(int(r.U8("the user information")), "the user information")
	}
	n := int(r.U8("the user information"))
	switch n {
	case 0x81:
		n = int(r.U8("the user information"))
	case 0x82:
		n = int(r.U16("the user information"))
	}
	in := read(r.Take(n, "the user information"))
	if r.Err != nil {
		return nil, r.Err
	}
	a := &Association{}
	for _, v := range [...]*uint32{&a.Protocol, &a.Nomenclature, &a.Units, &a.System, &a.Start} {
		*v = in.U32("the user information")
	}
	readAttributes(in, "the options")
	profiles := readAttributes(in, "the profiles")
	if in.Err != nil {
		return nil, in.Err
	}
	return a, a.learn(profiles)
}

func (a *Association) learn(profiles []Attribute) error {
	b := find(profiles, attrPollProfile)
	if b == nil {
		return nil
	}
	r := read(b)
	r.U32("the poll profile") // revision
	a.HasPoll = true
	a.MinPoll = time.Duration(r.U32("the poll profile")) * tick
	a.Receive, a.Transmit = r.U32("the poll profile"), r.U32("the poll profile")
	r.U32("the poll profile") // bandwidth
	r.U32("the poll profile") // options
	packages := readAttributes(r, "the poll profile's packages")
	if r.Err != nil {
		return r.Err
	}
	if ext := find(packages, attrPollExtensions); len(ext) >= 4 {
		a.Extended, a.Options = true, binary.BigEndian.Uint32(ext)
	}
	return nil
}

// Bytes of the messages that end an association.
func releaseBytes(kind Session, tag byte) []byte {
	return []byte{byte(kind), 0x18, 0xC1, 0x16, 0x61, 0x80, 0x30, 0x80, 0x02, 0x01, 0x01, 0xA0, 0x80, tag, 0x80, 0x80, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0}
}

// ReleaseRequest asks to end the association.
func ReleaseRequest() []byte { return releaseBytes(Finish, 0x62) }

// ReleaseResponse says that it ended.
func ReleaseResponse() []byte { return releaseBytes(Disconnect, 0x63) }

// AbortMessage ends it at once.
func AbortMessage() []byte {
	return join([]byte{byte(Abort), 0x2E, 0x11, 0x01, 0x03, 0xC1, 0x29, 0xA0, 0x80, 0xA0, 0x80, 0x30, 0x80, 0x02, 0x01, 0x01, 0x06, 0x02, 0x51, 0x01, 0, 0, 0, 0,
		0x61, 0x80, 0x30, 0x80, 0x02, 0x01, 0x01, 0xA0, 0x80, 0x64, 0x80, 0x80, 0x01, 0x01}, make([]byte, 10))
}

// RefuseMessage refuses an association.
func RefuseMessage() []byte { return []byte{byte(Refuse), 0x03, 0x32, 0x01, 0x00} }

// SessionOf tells which message of the Association Control protocol b is; false
// for any other.
func SessionOf(b []byte) (Session, bool) {
	if len(b) == 0 {
		return 0, false
	}
	switch s := Session(b[0]); s {
	case Connect, Accept, Refuse, Finish, Disconnect, Abort:
		return s, true
	}
	return 0, false
}

// String names the message.
func (s Session) String() string {
	switch s {
	case Connect:
		return "association request"
	case Accept:
		return "association response"
	case Refuse:
		return "refusal"
	case Finish:
		return "release request"
	case Disconnect:
		return "release response"
	case Abort:
		return "abort"
	}
	return "?"
}
