package model

import "time"

// Identifier is a number somebody gave a patient, visit or device.
type Identifier struct {
	Value  string `json:"value"`            // the number
	System string `json:"system,omitempty"` // assigning authority: OID, URI or name as sent
	Type   string `json:"type,omitempty"`   // HL7 table 0203: MR PI AN VN SN …; for devices: EUI-64, serial, udi, mac
}

// Patient as a message tells of one. ID is set by record, from patients.
type Patient struct {
	ID          PatientID    `json:"id,omitempty"`          // our own id, when recorded
	Identifiers []Identifier `json:"identifiers,omitempty"` // PID-3
	Family      string       `json:"family,omitempty"`      // PID-5.1
	Given       []string     `json:"given,omitempty"`       // PID-5.2 and PID-5.3
	Prefix      string       `json:"prefix,omitempty"`      // PID-5.5
	Suffix      string       `json:"suffix,omitempty"`      // PID-5.4
	BirthDate   string       `json:"birthDate,omitempty"`   // YYYY, YYYY-MM or YYYY-MM-DD
	Sex         string       `json:"sex,omitempty"`         // FHIR administrative gender: male female other unknown
	Deceased    bool         `json:"deceased,omitempty"`    // PID-30
	DeceasedAt  Timestamp    `json:"deceasedAt,omitzero"`   // PID-29
	Phones      []string     `json:"phones,omitempty"`      // PID-13
	Address     *Address     `json:"address,omitempty"`     // PID-11
	FromADT     bool         `json:"fromAdt,omitempty"`     // associated by bed through ADT, not named in the message
	FoundBy     string       `json:"foundBy,omitempty"`     // scan, hand: connected to the device by people, not named in the message
	Said        bool         `json:"said,omitempty"`        // associated, and the message itself gave the family name
}

// Named says that the message itself names the patient by a number: nothing
// that is said beside it changes that (R20).
func (p *Patient) Named() bool { return p != nil && p.ID != "" && !p.FromADT && p.FoundBy == "" }

// Amendment says that a message's patient was corrected after it was recorded.
type Amendment struct {
	Correction uint64    `json:"correction"`      // number of the correction it came with
	Version    int       `json:"version"`         // 1 for the first correction of this message
	First      PatientID `json:"first,omitempty"` // as first recorded; empty: nobody
	Was        *Patient  `json:"was,omitempty"`   // in the version before; none: nobody
	At         time.Time `json:"at"`              // when it was corrected
	Cause      string    `json:"cause,omitempty"` // what told so, no patient's data
}

// Address as in XAD.
type Address struct {
	Lines      []string `json:"lines,omitempty"`      // street and what else
	City       string   `json:"city,omitempty"`       // XAD.3
	State      string   `json:"state,omitempty"`      // XAD.4
	PostalCode string   `json:"postalCode,omitempty"` // XAD.5
	Country    string   `json:"country,omitempty"`    // XAD.6
}

// Place is an HL7 PL: point of care, room, bed, facility.
type Place struct {
	PointOfCare string `json:"pointOfCare,omitempty"` // PL.1, the ward
	Room        string `json:"room,omitempty"`        // PL.2
	Bed         string `json:"bed,omitempty"`         // PL.3
	Facility    string `json:"facility,omitempty"`    // PL.4
}

// String is "ICU^2^23", empty for no place.
func (p Place) String() string {
	if p == (Place{}) {
		return ""
	}
	s := p.PointOfCare + "^" + p.Room + "^" + p.Bed
	if p.Facility != "" {
		s += "^" + p.Facility
	}
	return s
}

// Visit is the encounter of PV1.
type Visit struct {
	Number     Identifier `json:"number,omitzero"`     // PV1-19
	Class      string     `json:"class,omitempty"`     // PV1-2: I O E P R B …
	Place      Place      `json:"place,omitzero"`      // PV1-3
	Prior      Place      `json:"prior,omitzero"`      // PV1-6
	Attending  string     `json:"attending,omitempty"` // PV1-7
	Admitted   Timestamp  `json:"admitted,omitzero"`   // PV1-44
	Discharged Timestamp  `json:"discharged,omitzero"` // PV1-45
}

// PatientEvent is what an ADT message says happened.
type PatientEvent struct {
	Trigger  string       `json:"trigger"`           // A01 … A40
	Action   string       `json:"action"`            // admit transfer discharge register pre-admit update cancel-admit cancel-transfer cancel-discharge merge …
	Occurred Timestamp    `json:"occurred,omitzero"` // EVN-6, else EVN-2
	Merged   []Identifier `json:"merged,omitempty"`  // MRG-1: identifiers that are no longer to be used
}

// Device is one physical unit as a message tells of it (an MDS, VMD or the
// sending system). ID is set by record, from the register.
type Device struct {
	ID           DeviceID     `json:"id,omitempty"`           // our own id, when recorded
	Field        string       `json:"field,omitempty"`        // where it stands: "OBX[1]"
	Identifiers  []Identifier `json:"identifiers,omitempty"`  // EUI-64, serial number, MAC …
	Manufacturer string       `json:"manufacturer,omitempty"` // its maker
	Model        string       `json:"model,omitempty"`        // its model
	Serial       string       `json:"serial,omitempty"`       // serial number
	Release      string       `json:"release,omitempty"`      // software version
	Hardware     string       `json:"hardware,omitempty"`     // hardware version
	UDI          string       `json:"udi,omitempty"`          // unique device identifier
	Kind         Code         `json:"kind,omitzero"`          // MDC_DEV_…_MDS
	Level        string       `json:"level,omitempty"`        // mds vmd chan
	SubID        string       `json:"subId,omitempty"`        // OBX-4
	Parent       int          `json:"parent"`                 // index of the device it is part of, -1 for the whole
	Place        Place        `json:"place,omitzero"`         // where it is, as the message says
	Battery      string       `json:"battery,omitempty"`      // as sent
	// Personal is what a personal health device tells beside; nil: nothing. It
	// belongs to all copies of the device: replace it, never change it.
	Personal *Personal `json:"personal,omitempty"`
}

// Severity of an issue.
type Severity string

const (
	Note    Severity = "note"    // understood; something the standard asks for is not there, and nothing is lost by it
	Warning Severity = "warning" // understood, but not as the standard says
	Error   Severity = "error"   // a part could not be understood and has no observation
)

// Issue is a part that could not be understood, or only by leniency. Nothing
// is dropped: what the issue is about stays in the journal (R11, R17).
// Text and Hint never contain a patient's data; Received may hold a code or
// unit as sent, never a name or a value.
type Issue struct {
	Code     string   `json:"code"`               // catalogued in package fault: "hl7v2.pid-glued"
	Severity Severity `json:"severity"`           // note, warning or error
	Field    string   `json:"field,omitempty"`    // "OBX[3]-6"
	Offset   int      `json:"offset,omitempty"`   // byte in the message
	Text     string   `json:"text"`               // what is wrong, for people
	Hint     string   `json:"hint,omitempty"`     // what to do
	Received string   `json:"received,omitempty"` // a code or unit as sent
}

// Association says which patient a device or bed had, in a time span.
type Association struct {
	Place   Place     `json:"place,omitzero"`
	Device  DeviceID  `json:"device,omitempty"`
	Patient PatientID `json:"patient"`
	Source  string    `json:"source"` // message adt scan hand
	From    time.Time `json:"from"`
	Until   time.Time `json:"until,omitzero"`
}
