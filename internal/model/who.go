package model

import "time"

// Identifier is a number somebody gave a patient, visit or device.
type Identifier struct {
	Value  string `json:"value"`
	System string `json:"system,omitempty"` // assigning authority: OID, URI or name as sent
	Type   string `json:"type,omitempty"`   // HL7 table 0203: MR PI AN VN SN …; for devices: EUI-64, serial, udi, mac
}

// Patient as a message tells of one. ID is set by record, from patients.
type Patient struct {
	ID          PatientID    `json:"id,omitempty"`
	Identifiers []Identifier `json:"identifiers,omitempty"`
	Family      string       `json:"family,omitempty"`
	Given       []string     `json:"given,omitempty"`
	Prefix      string       `json:"prefix,omitempty"`
	Suffix      string       `json:"suffix,omitempty"`
	BirthDate   string       `json:"birthDate,omitempty"` // YYYY, YYYY-MM or YYYY-MM-DD
	Sex         string       `json:"sex,omitempty"`       // FHIR administrative gender: male female other unknown
	Deceased    bool         `json:"deceased,omitempty"`
	DeceasedAt  Timestamp    `json:"deceasedAt,omitzero"`
	Phones      []string     `json:"phones,omitempty"`
	Address     *Address     `json:"address,omitempty"`
	FromADT     bool         `json:"fromAdt,omitempty"` // associated by bed through ADT, not named in the message
}

// Address as in XAD.
type Address struct {
	Lines      []string `json:"lines,omitempty"`
	City       string   `json:"city,omitempty"`
	State      string   `json:"state,omitempty"`
	PostalCode string   `json:"postalCode,omitempty"`
	Country    string   `json:"country,omitempty"`
}

// Place is an HL7 PL: point of care, room, bed, facility.
type Place struct {
	PointOfCare string `json:"pointOfCare,omitempty"`
	Room        string `json:"room,omitempty"`
	Bed         string `json:"bed,omitempty"`
	Facility    string `json:"facility,omitempty"`
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
	Number     Identifier `json:"number,omitzero"` // PV1-19
	Class      string     `json:"class,omitempty"` // PV1-2: I O E P R B …
	Place      Place      `json:"place,omitzero"`  // PV1-3
	Prior      Place      `json:"prior,omitzero"`  // PV1-6
	Attending  string     `json:"attending,omitempty"`
	Admitted   Timestamp  `json:"admitted,omitzero"`
	Discharged Timestamp  `json:"discharged,omitzero"`
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
	ID           DeviceID     `json:"id,omitempty"`
	Field        string       `json:"field,omitempty"`
	Identifiers  []Identifier `json:"identifiers,omitempty"`
	Manufacturer string       `json:"manufacturer,omitempty"`
	Model        string       `json:"model,omitempty"`
	Serial       string       `json:"serial,omitempty"`
	Release      string       `json:"release,omitempty"` // software version
	Hardware     string       `json:"hardware,omitempty"`
	UDI          string       `json:"udi,omitempty"`
	Kind         Code         `json:"kind,omitzero"`   // MDC_DEV_…_MDS
	Level        string       `json:"level,omitempty"` // mds vmd chan
	SubID        string       `json:"subId,omitempty"`
	Parent       int          `json:"parent"` // index of the device it is part of, -1 for the whole
	Place        Place        `json:"place,omitzero"`
	Battery      string       `json:"battery,omitempty"`
}

// Severity of an issue.
type Severity string

const (
	Warning Severity = "warning" // understood, but not as the standard says
	Error   Severity = "error"   // a part could not be understood and has no observation
)

// Issue is a part that could not be understood, or only by leniency. Nothing
// is dropped: what the issue is about stays in the journal (R11, R17).
// Text and Hint never contain a patient's data; Received may hold a code or
// unit as sent, never a name or a value.
type Issue struct {
	Code     string   `json:"code"` // catalogued in package fault: "hl7v2.pid-glued"
	Severity Severity `json:"severity"`
	Field    string   `json:"field,omitempty"`  // "OBX[3]-6"
	Offset   int      `json:"offset,omitempty"` // byte in the message
	Text     string   `json:"text"`
	Hint     string   `json:"hint,omitempty"` // what to do
	Received string   `json:"received,omitempty"`
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
