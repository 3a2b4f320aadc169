package model

import "time"

// Message is one protocol message, decoded. Decode fills what the sender
// said; normalise adds what it means (Code.*, UnitUCUM, UTC); record adds who
// (Patient.ID, Devices[i].ID) and what was decided (Routed).
// The JSON form is the stable schema of `thalamus decode` (docs/reference).
type Message struct {
	Ref      MessageRef `json:"ref"`                // its entry and its place there, "4711.0"
	Channel  ChannelID  `json:"channel,omitempty"`  // id of the channel it came over; "file" offline
	Codec    string     `json:"codec"`              // how its bytes were read
	Peer     string     `json:"peer,omitempty"`     // address of the sender
	Identity string     `json:"identity,omitempty"` // identity of the sender by its TLS certificate or credential
	Topic    string     `json:"topic,omitempty"`    // where the sender filed it: MQTT topic, name of a file, path of a resource

	Type      string `json:"type"`                // MSH-9, "ORU^R01^ORU_R01"
	Profile   string `json:"profile,omitempty"`   // MSH-21.1 or what was recognised: "IHE_PCD_001"
	ReadWith  string `json:"readWith,omitempty"`  // the device profile it was read with, "acme/vm200@3"
	Version   string `json:"version,omitempty"`   // MSH-12
	ControlID string `json:"controlId,omitempty"` // MSH-10
	Sender    Party  `json:"sender"`              // MSH-3 and MSH-4
	Receiver  Party  `json:"receiver"`            // MSH-5 and MSH-6
	Test      bool   `json:"test,omitempty"`      // MSH-11 = T or D

	DeviceTime Timestamp `json:"deviceTime,omitzero"` // of the message (MSH-7)
	Arrived    time.Time `json:"arrived,omitzero"`    // when our socket had the bytes
	Recorded   time.Time `json:"recorded,omitzero"`   // when it was stored

	Patient      *Patient      `json:"patient,omitempty"`      // whom it is about
	Visit        *Visit        `json:"visit,omitempty"`        // PV1
	Event        *PatientEvent `json:"event,omitempty"`        // ADT only
	Devices      []Device      `json:"devices,omitempty"`      // what it tells of devices, parts after the whole
	Orders       []Order       `json:"orders,omitempty"`       // what the observations stand under (OBR)
	Observations []Observation `json:"observations,omitempty"` // values, in the order of the message
	Waveforms    []Waveform    `json:"waveforms,omitempty"`    // runs of samples
	Alerts       []Alert       `json:"alerts,omitempty"`       // what alarms did
	Issues       []Issue       `json:"issues,omitempty"`       // what could not be understood, or only by leniency
	Notes        []string      `json:"notes,omitempty"`        // comments on the message or patient as a whole
	Ended        *Ending       `json:"ended,omitempty"`        // it says that its devices are not connected any more; it is not their voice

	// AlertLists are lists that name every alert of theirs that a device has.
	AlertLists []AlertList `json:"-"`

	Routed    []Decision `json:"routed,omitempty"`   // what routing decided, for each destination
	Duplicate MessageRef `json:"duplicate,omitzero"` // the first message with the same identity and content
	Amended   *Amendment `json:"amended,omitempty"`  // whose it is was corrected after it was recorded
}

// Party is an application and facility (MSH-3/4, MSH-5/6).
type Party struct {
	Application   string `json:"application,omitempty"`   // HD.1
	ApplicationID string `json:"applicationId,omitempty"` // HD.2, e.g. an EUI-64
	Facility      string `json:"facility,omitempty"`      // MSH-4 or MSH-6
}

// ZoneSource says where the zone of a timestamp came from (R16).
type ZoneSource string

const (
	ZoneMessage ZoneSource = "message" // in the field itself or in MSH-7
	ZoneDevice  ZoneSource = "device"
	ZoneChannel ZoneSource = "channel"
	ZoneSite    ZoneSource = "site"
)

// Timestamp is a sender's time: the instant in UTC beside the original text.
// A zero UTC with an Original means: there was one, it could not be read.
type Timestamp struct {
	UTC       time.Time  `json:"utc,omitzero"`        // the instant
	Original  string     `json:"original,omitempty"`  // as the sender wrote it
	Precision string     `json:"precision,omitempty"` // year month day hour minute second fraction
	Zone      ZoneSource `json:"zone,omitempty"`      // where its zone came from
	Ambiguous bool       `json:"ambiguous,omitempty"` // daylight-saving gap or overlap
	Format    string     `json:"format,omitempty"`    // how Original is written, where that is not the codec's own: see profile.TimeRule
	// Where the sender's clock was corrected, UTC is the corrected instant, UTC
	// plus ClockOffsetNS what its clock said, and UncertaintyNS how far UTC may
	// be off. All in ns; both 0 where nothing was corrected (R16).
	ClockOffsetNS int64 `json:"clockOffsetNs,omitempty"`
	UncertaintyNS int64 `json:"uncertaintyNs,omitempty"` // how far the instant may be off
}

// Ours says that no sender said this time: a codec put that of arrival in its
// place. It has no text and no zone, and shows nothing of the sender's clock.
func (t *Timestamp) Ours() bool {
	return t.Original == "" && t.Zone == "" && !t.UTC.IsZero()
}

// Coding is a coded element as it was sent (CWE.1-3).
type Coding struct {
	Code   string `json:"code,omitempty"`   // the code
	Text   string `json:"text,omitempty"`   // its text
	System string `json:"system,omitempty"` // its coding system, by the name in HL7 table 0396 or as sent
}

// Code is what a coding means: the IEEE 11073-10101 term and LOINC where the
// table has them. All empty: nobody knows (an Issue says so).
type Code struct {
	MDC   uint32 `json:"mdc,omitempty"`   // context-free code, partition<<16 | term
	RefID string `json:"refid,omitempty"` // "MDC_PULS_OXIM_SAT_O2"
	LOINC string `json:"loinc,omitempty"` // "59408-5"
	Name  string `json:"name,omitempty"`  // English display name
}

// Key is the one text under which observations of a code are kept together:
// the RefID, else "mdc:N", else "loinc:N", else empty.
func (c Code) Key() string {
	switch {
	case c.RefID != "":
		return c.RefID
	case c.MDC != 0:
		return "mdc:" + utoa(c.MDC)
	case c.LOINC != "":
		return "loinc:" + c.LOINC
	}
	return ""
}

func utoa(n uint32) string {
	var b [10]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return string(b[i:])
		}
	}
}

// Status is the sender's result status, in FHIR's words.
type Status string

const (
	StatusFinal       Status = "final"
	StatusPreliminary Status = "preliminary"
	StatusRegistered  Status = "registered"
	StatusCorrected   Status = "corrected"
	StatusCancelled   Status = "cancelled"
	StatusError       Status = "entered-in-error"
	StatusUnknown     Status = "unknown"
)

// ValueKind says which part of a Value holds.
type ValueKind string

const (
	ValueNone   ValueKind = ""       // absent: no value was sent (see Observation.Absent)
	ValueNumber ValueKind = "number" // Number (+ Comparator)
	ValueRange  ValueKind = "range"  // Number … High
	ValueRatio  ValueKind = "ratio"  // Number : High
	ValueText   ValueKind = "text"   // Text
	ValueCoded  ValueKind = "coded"  // Coding, meaning in Code where known
	ValueTime   ValueKind = "time"   // Time
	ValueBinary ValueKind = "binary" // Text is base64 as sent, Coding.Code its media type
)

// Value of an observation.
type Value struct {
	Kind       ValueKind  `json:"kind,omitempty"`       // which of the fields below hold
	Number     Decimal    `json:"number,omitzero"`      // with every digit that was sent
	High       Decimal    `json:"high,omitzero"`        // upper end of a range, second number of a ratio
	Comparator string     `json:"comparator,omitempty"` // < <= >= >
	Text       string     `json:"text,omitempty"`       // a text, or base64
	Coding     Coding     `json:"coding,omitzero"`      // a coded value as sent
	Code       Code       `json:"code,omitzero"`        // what it means, where known
	Time       *Timestamp `json:"time,omitempty"`       // a time; nil: none. It belongs to all copies of the value: replace it, never change it
}

// Timestamp is the value's time, zero where it has none.
func (v *Value) Timestamp() Timestamp {
	if v.Time == nil {
		return Timestamp{}
	}
	return *v.Time
}

// Mapping is what a profile says an observation means; it wins over what the
// tables of standard codes say (R15).
type Mapping struct {
	Code     Code     `json:"code,omitzero"`    // what was mapped to
	UnitUCUM string   `json:"unit,omitempty"`   // the unit the value is in, where it says none or one that nobody knows
	Wanted   string   `json:"wanted,omitempty"` // the UCUM unit to convert to, where it is not the table's preferred one
	Low      *Decimal `json:"low,omitempty"`    // plausible, in the unit converted to
	High     *Decimal `json:"high,omitempty"`
	Meaning  string   `json:"meaning,omitempty"` // the profile's enumeration by which the value is read
	By       string   `json:"by"`                // "acme/vm200@3"
}

// Observation is one measured, set or reported value (R13).
type Observation struct {
	Field     string `json:"field"`               // where it stands in the message: "OBX[3]"
	SubID     string `json:"subId,omitempty"`     // OBX-4, containment "1.1.1.5"
	Received  Coding `json:"received"`            // code as sent
	Alternate Coding `json:"alternate,omitzero"`  // the same code in a second system (OBX-3.4-6)
	ValueType string `json:"valueType,omitempty"` // OBX-2
	UnitSent  Coding `json:"unitSent,omitzero"`   // OBX-6 as sent
	UnitOther Coding `json:"unitOther,omitzero"`  // the same unit in a second system, as sent

	Mapped   *Mapping `json:"mapped,omitempty"` // by a profile, a codec or a person; nil: by nobody. Replace it, never change it
	Code     Code     `json:"code"`             // what was observed; empty: nobody knows
	Value    Value    `json:"value"`            // the value, in unit
	UnitUCUM string   `json:"unit,omitempty"`   // UCUM
	// ValueSent is the value as it was sent, in UnitSent, where Value is not
	// that: it was converted, or it is not to be used (see Absent). Else nil.
	// Replace it, never change it.
	ValueSent *Value `json:"valueSent,omitempty"`

	DeviceTime    Timestamp `json:"deviceTime,omitzero"`    // OBX-14, else of the order or message
	DeviceTimeEnd time.Time `json:"deviceTimeEnd,omitzero"` // when the value stands for a span

	Status    Status   `json:"status"`              // OBX-11
	Absent    string   `json:"absent,omitempty"`    // FHIR data-absent-reason: unknown, error, not-performed, …
	Simulated bool     `json:"simulated,omitempty"` // R17: demo mode, test
	Setting   bool     `json:"setting,omitempty"`   // set by a person, not measured
	Flags     []string `json:"flags,omitempty"`     // OBX-8 as sent
	RangeText string   `json:"range,omitempty"`     // OBX-7
	BodySite  Coding   `json:"bodySite,omitzero"`   // OBX-20
	Method    Coding   `json:"method,omitzero"`     // OBX-17
	Device    int      `json:"device"`              // index into Message.Devices, -1 when nobody is named
	Order     int      `json:"order"`               // which OBR it stands under, from 0
	Parent    string   `json:"parent,omitempty"`    // SubID of what it qualifies (a facet, an attribute)
	Notes     []string `json:"notes,omitempty"`     // comments (NTE)
	Instance  string   `json:"instance,omitempty"`  // OBX-21: the sender's own id of this one measurement
	// Same is the message that brought this measurement first, over another
	// path: it counts there, not here (R18).
	Same MessageRef `json:"same,omitzero"`
}

// Mapping is what Mapped says, zero where nobody mapped the observation.
func (o *Observation) Mapping() Mapping {
	if o.Mapped == nil {
		return Mapping{}
	}
	return *o.Mapped
}

// Sent is what ValueSent says, zero where that is nil.
func (o *Observation) Sent() Value {
	if o.ValueSent == nil {
		return Value{}
	}
	return *o.ValueSent
}

// KeepSent puts the value into ValueSent, unless what was sent is there
// already, or nothing was.
func (o *Observation) KeepSent() { o.keepSent(nil) }

func (o *Observation) keepSent(room *SentValues) {
	if o.ValueSent == nil && o.Value.Kind != ValueNone {
		o.ValueSent = room.next()
		*o.ValueSent = o.Value
	}
}

// SentValues makes room for values as sent, several at a time: where one value
// of a message is converted, most are. The zero one is ready for use.
type SentValues struct {
	room []Value
	last int // how many were made room for at a time
}

// mostRoom is how many values are made room for at a time.
const mostRoom = 16

func (s *SentValues) next() *Value {
	if s == nil {
		return new(Value)
	}
	if len(s.room) == 0 {
		s.last = min(max(1, 2*s.last), mostRoom)
		s.room = make([]Value, s.last)
	}
	v := &s.room[0]
	s.room = s.room[1:]
	return v
}

// Keep is KeepSent of an observation, with room of s.
func (s *SentValues) Keep(o *Observation) { o.keepSent(s) }

// PutAside moves the value to ValueSent, where nobody takes it for one; absent
// is FHIR's reason.
func (o *Observation) PutAside(absent string) {
	o.KeepSent()
	o.Value, o.Absent = Value{}, absent
}

// Order is one request or report that observations stand under (OBR):
// Observation.Order is its index in Message.Orders.
type Order struct {
	Field  string     `json:"field"`            // where it stands: "OBR[1]"
	Placer Identifier `json:"placer,omitzero"`  // OBR-2
	Filler Identifier `json:"filler,omitzero"`  // OBR-3
	Parent Identifier `json:"parent,omitzero"`  // OBR-29: the report this one goes on with
	Code   Coding     `json:"code,omitzero"`    // OBR-4
	Start  Timestamp  `json:"start,omitzero"`   // OBR-7
	End    Timestamp  `json:"end,omitzero"`     // OBR-8
	Status Status     `json:"status,omitempty"` // OBR-25
	Notes  []string   `json:"notes,omitempty"`  // comments (NTE)
}

// Waveform is a run of samples at a fixed rate. A sample's value is
// Origin + Samples[i] × Scale; a missing or invalid sample is Gap.
type Waveform struct {
	Field      string    `json:"field"`               // where it stands: "OBX[3]"
	SubID      string    `json:"subId,omitempty"`     // OBX-4
	Received   Coding    `json:"received"`            // code as sent
	Code       Code      `json:"code"`                // what was sampled
	UnitSent   Coding    `json:"unitSent,omitzero"`   // OBX-6 as sent
	UnitUCUM   string    `json:"unit,omitempty"`      // UCUM
	DeviceTime Timestamp `json:"deviceTime,omitzero"` // of the first sample
	PeriodNS   int64     `json:"periodNs"`            // nanoseconds between samples
	Origin     Decimal   `json:"origin,omitzero"`     // value of sample 0
	Scale      Decimal   `json:"scale"`               // value of one step
	Samples    []int32   `json:"samples"`             // -2147483648 is a gap
	Low        *Decimal  `json:"low,omitempty"`       // data range, in the unit sent
	High       *Decimal  `json:"high,omitempty"`      // data range, in the unit sent
	Simulated  bool      `json:"simulated,omitempty"` // demo mode, test
	Device     int       `json:"device"`              // index into devices, -1 when nobody is named
	Status     Status    `json:"status"`              // OBX-11
	// Same is the message that brought these samples first (R18).
	Same MessageRef `json:"same,omitzero"`
}

// Gap marks a sample that was missing or invalid.
const Gap = -1 << 31

// Alert is one event in an alarm's life (R21), as reported.
type Alert struct {
	Field      string    `json:"field"`               // where it stands: "OBX[3]"
	ID         string    `json:"id"`                  // stable over its life: sender's alert id (OBR-29/FillerOrder) or device+source+code
	Code       Code      `json:"code"`                // what happened
	Received   Coding    `json:"received"`            // code as sent
	Text       string    `json:"text,omitempty"`      // for people
	Phase      string    `json:"phase"`               // start update continue escalate de-escalate end
	State      string    `json:"state,omitempty"`     // active inactive latched
	Muted      string    `json:"muted,omitempty"`     // inactivation state as sent: enabled audio-paused audio-off alarm-paused alarm-off …
	Priority   string    `json:"priority,omitempty"`  // high medium low none
	Kind       string    `json:"kind,omitempty"`      // physiological technical advisory
	Source     Code      `json:"source,omitzero"`     // the metric it is about
	Value      Value     `json:"value,omitzero"`      // of the metric it is about
	UnitUCUM   string    `json:"unit,omitempty"`      // UCUM
	Limits     string    `json:"limits,omitempty"`    // OBX-7 of the source metric
	DeviceTime Timestamp `json:"deviceTime,omitzero"` // of the event
	Onset      Timestamp `json:"onset,omitzero"`      // when it began, where a report says it beside its own time
	Mapped     Mapping   `json:"mapped,omitzero"`     // what a profile says it is; wins over the tables of standard codes
	Device     int       `json:"device"`              // index into devices, -1 when nobody is named
	Simulated  bool      `json:"simulated,omitempty"` // demo mode, test
	Update     int       `json:"update,omitempty"`    // the sender's count of reports of this alert, from 1; 0: it does not count
	Follows    bool      `json:"follows,omitempty"`   // it names the report it goes on with (OBR-29)
	Heartbeat  bool      `json:"heartbeat,omitempty"` // no alert: the source says that it is there
	Life       AlertLife `json:"life,omitzero"`       // what the record knew of the alert's life with this report
	List       string    `json:"list,omitempty"`      // the list of its device that it stands on, if a profile calls that complete
	Vanished   bool      `json:"vanished,omitempty"`  // its end was told by its absence from that list, not by a report
	// Same is the message that told of this event first (R18).
	Same MessageRef `json:"same,omitzero"`
	// Told is what a profile made the alert of; it lives as long as the
	// message is read, so that another profile can begin anew.
	Told *Told `json:"-"`
}

// AlertList says that a message names every alert of one list that a device
// has at that time: what stood on it before and is not named has ended.
type AlertList struct {
	Name    string // as alerts have it: the profile, and where the list lies
	Device  int    // index into devices, -1 when nobody is named
	Refined bool   // found in observations, and again whenever they are refined
}

// Told is what an alert was before a profile read it.
type Told struct {
	At           []int         // places among the message's observations
	Observations []Observation // what stood there
	Alert        *Alert        // the alert as the codec knew it
}
