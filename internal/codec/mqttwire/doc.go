// Package mqttwire reads and writes the control packets of MQTT 3.1.1 and 5
// (R1). It is pure: no packet is read from anywhere, bytes come in whole. A
// packet that breaks a rule gives an *Error with the reason code of MQTT 5
// §2.4 that a receiver answers with; memory is bounded by the packet's length.
package mqttwire

import "thalamus/internal/fault"

// Types of control packets (MQTT 5 §2.1.2).
const (
	CONNECT     = 1
	CONNACK     = 2
	PUBLISH     = 3
	PUBACK      = 4
	PUBREC      = 5
	PUBREL      = 6
	PUBCOMP     = 7
	SUBSCRIBE   = 8
	SUBACK      = 9
	UNSUBSCRIBE = 10
	UNSUBACK    = 11
	PINGREQ     = 12
	PINGRESP    = 13
	DISCONNECT  = 14
	AUTH        = 15
)

// Versions of the protocol as CONNECT names them.
const (
	V311 = 4
	V5   = 5
)

// Reason codes (MQTT 5 §2.4).
const (
	Success            = 0x00
	DisconnectWithWill = 0x04
	NoSubscription     = 0x11
	Unspecified        = 0x80
	Malformed          = 0x81
	ProtocolError      = 0x82
	Specific           = 0x83
	BadVersion         = 0x84
	BadClientID        = 0x85
	BadCredentials     = 0x86
	NotAuthorised      = 0x87
	Unavailable        = 0x88
	Busy               = 0x89
	ShuttingDown       = 0x8B
	BadAuthMethod      = 0x8C
	KeepAliveTimeout   = 0x8D
	TakenOver          = 0x8E
	BadFilter          = 0x8F
	BadTopic           = 0x90
	UnknownID          = 0x92
	ReceiveExceeded    = 0x93
	BadAlias           = 0x94
	TooLarge           = 0x95
	QuotaExceeded      = 0x97
	AdminAction        = 0x98
	NoSubscriptionIDs  = 0xA1
)

// Error is a packet that cannot be taken, with the reason code to answer.
type Error struct {
	Code byte
	Text string
}

func (e *Error) Error() string { return e.Text }

// Unwrap gives the fault that says the same to people.
func (e *Error) Unwrap() error {
	return fault.New(fault.Invalid, "mqtt.packet", "%s", e.Text)
}

func malformed(text string) error { return &Error{Malformed, text} }
func violates(text string) error  { return &Error{ProtocolError, text} }

// Packet is one control packet; which fields count depends on Type.
type Packet struct {
	Type           byte
	Dup, Retain    bool
	QoS            byte
	ID             uint16
	Code           byte // reason code, CONNACK's return code
	SessionPresent bool
	Topic          string
	Payload        []byte // shares the memory given to Decode
	Filters        []Filter
	Codes          []byte // SUBACK, UNSUBACK
	Connect        *Connect
	Props          *Properties // nil: none
}

// Filter is one line of SUBSCRIBE or UNSUBSCRIBE.
type Filter struct {
	Text              string
	QoS               byte
	NoLocal           bool
	RetainAsPublished bool
	RetainHandling    byte
}

// Connect is what CONNECT says.
type Connect struct {
	Version   byte
	Clean     bool
	KeepAlive uint16 // seconds; 0: none
	ClientID  string
	User      string
	Password  []byte
	HasUser   bool
	Will      *Will
}

// Will is the message a server sends for a client it lost.
type Will struct {
	Topic   string
	Payload []byte
	QoS     byte
	Retain  bool
	Props   *Properties
}

// Properties of MQTT 5 (§2.2.2.2). Has says which numbers were given, as a bit
// each; user properties and subscription identifiers stand in their lists.
type Properties struct {
	Has              uint64
	PayloadFormat    byte
	MessageExpiry    uint32 // s
	ContentType      string
	ResponseTopic    string
	Correlation      []byte
	SubscriptionIDs  []uint32
	SessionExpiry    uint32 // s
	AssignedClientID string
	ServerKeepAlive  uint16 // s
	AuthMethod       string
	AuthInfo         []byte
	RequestProblem   byte
	WillDelay        uint32 // s
	RequestResponse  byte
	ResponseInfo     string
	ServerReference  string
	Reason           string
	ReceiveMaximum   uint16
	TopicAliasMax    uint16
	TopicAlias       uint16
	MaximumQoS       byte
	RetainAvailable  byte
	User             [][2]string
	MaximumPacket    uint32 // bytes
	WildcardSubs     byte
	SubscriptionID   byte
	SharedSubs       byte
}

// Numbers of the properties.
const (
	PropPayloadFormat    = 1
	PropMessageExpiry    = 2
	PropContentType      = 3
	PropResponseTopic    = 8
	PropCorrelation      = 9
	PropSubscriptionID   = 11
	PropSessionExpiry    = 17
	PropAssignedClientID = 18
	PropServerKeepAlive  = 19
	PropAuthMethod       = 21
	PropAuthInfo         = 22
	PropRequestProblem   = 23
	PropWillDelay        = 24
	PropRequestResponse  = 25
	PropResponseInfo     = 26
	PropServerReference  = 28
	PropReason           = 31
	PropReceiveMaximum   = 33
	PropTopicAliasMax    = 34
	PropTopicAlias       = 35
	PropMaximumQoS       = 36
	PropRetainAvailable  = 37
	PropUser             = 38
	PropMaximumPacket    = 39
	PropWildcardSubs     = 40
	PropSubscriptionIDs  = 41
	PropSharedSubs       = 42
)

// Given says whether a property was given.
func (p *Properties) Given(number int) bool { return p != nil && p.Has&(1<<number) != 0 }

// Set marks a property as given, and gives p.
func (p *Properties) Set(number int) *Properties { p.Has |= 1 << number; return p }
