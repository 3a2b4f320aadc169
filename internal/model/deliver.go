package model

import "time"

// Channel is a configured link: a driver, a codec, settings.
type Channel struct {
	ID       ChannelID      `json:"id" yaml:"id"`                                 // its short name, unique
	Name     string         `json:"name,omitempty" yaml:"name,omitempty"`         // its name for people
	Driver   string         `json:"driver" yaml:"driver"`                         // the link: see the settings by driver
	Codec    string         `json:"codec,omitempty" yaml:"codec,omitempty"`       // how its frames are read; the driver's first codec unless told
	Zone     string         `json:"zone,omitempty" yaml:"zone,omitempty"`         // IANA zone of times without one
	Clock    string         `json:"clock,omitempty" yaml:"clock,omitempty"`       // about devices' clocks that are off: offset corrects their times, none never does
	Unknown  string         `json:"unknown,omitempty" yaml:"unknown,omitempty"`   // devices nobody adopted: accept (default) or quarantine
	Accept   string         `json:"accept,omitempty" yaml:"accept,omitempty"`     // acceptance before use: required lets out what only accepted devices send, strict also stops what was reopened; default: not asked for
	Disabled bool           `json:"disabled,omitempty" yaml:"disabled,omitempty"` // closed
	Settings map[string]any `json:"settings,omitempty" yaml:"settings,omitempty"` // the driver's own, checked by it
}

// Route says what goes where. An empty list matches everything; a list
// matches when one of its elements does; all lists must match (R25).
type Route struct {
	ID           RouteID         `json:"id" yaml:"id"`                                           // its short name, unique
	Channels     []ChannelID     `json:"channels,omitempty" yaml:"channels,omitempty"`           // ids of channels
	Types        []string        `json:"types,omitempty" yaml:"types,omitempty"`                 // "ORU^R01", "ADT"
	Devices      []DeviceID      `json:"devices,omitempty" yaml:"devices,omitempty"`             // ids of devices
	Models       []string        `json:"models,omitempty" yaml:"models,omitempty"`               // "Acme/VM-200" or "VM-200"
	Locations    []string        `json:"locations,omitempty" yaml:"locations,omitempty"`         // "ICU" or "ICU^2" or "ICU^2^23"
	Codes        []string        `json:"codes,omitempty" yaml:"codes,omitempty"`                 // RefID, MDC number or LOINC; a message matches when it holds one
	PatientClass []string        `json:"patient_class,omitempty" yaml:"patient_class,omitempty"` // PV1-2: I, O, E …
	Simulated    bool            `json:"simulated,omitempty" yaml:"simulated,omitempty"`         // also pass simulated values (R17)
	Destinations []DestinationID `json:"destinations" yaml:"destinations"`                       // ids of the destinations it goes to
	Disabled     bool            `json:"disabled,omitempty" yaml:"disabled,omitempty"`           // not in use
}

// Destination is a configured receiver.
type Destination struct {
	ID       DestinationID  `json:"id" yaml:"id"`                                 // its short name, unique
	Name     string         `json:"name,omitempty" yaml:"name,omitempty"`         // its name for people
	Kind     string         `json:"kind" yaml:"kind"`                             // fhir hl7v2 webhook file
	Disabled bool           `json:"disabled,omitempty" yaml:"disabled,omitempty"` // paused: what is owed waits
	Delivery DeliveryRules  `json:"delivery,omitzero" yaml:"delivery,omitempty"`  // how hard it is tried
	Settings map[string]any `json:"settings,omitempty" yaml:"settings,omitempty"` // the kind's own, checked by it
}

// DeliveryRules say how hard a destination is tried; 0 means the default.
type DeliveryRules struct {
	Concurrency    int    `json:"concurrency,omitempty" yaml:"concurrency,omitempty"`         // calls at once, across keys; default: the kind's
	Batch          int    `json:"batch,omitempty" yaml:"batch,omitempty"`                     // most messages in one call; default and limit: the kind's
	TimeoutSeconds int    `json:"timeout_seconds,omitempty" yaml:"timeout_seconds,omitempty"` // of one call; default 60
	MaxAttempts    int    `json:"max_attempts,omitempty" yaml:"max_attempts,omitempty"`       // failures of one message before it is a dead letter; default: no limit
	MaxAgeHours    int    `json:"max_age_hours,omitempty" yaml:"max_age_hours,omitempty"`     // from its first failure until it is a dead letter; default 168
	OnDead         string `json:"on_dead,omitempty" yaml:"on_dead,omitempty"`                 // continue (default) with the key's next message, or hold the key until somebody decides
}

// Decision is what routing decided about one message and one destination.
// Refused says why it may not go out; empty: it is owed.
type Decision struct {
	Route       RouteID       `json:"route,omitempty"`   // the route that named it
	Destination DestinationID `json:"destination"`       // id of the destination
	Refused     string        `json:"refused,omitempty"` // quarantine acceptance blocked simulated duplicate …
	// OnlyNew says that the destination is owed only what no earlier message
	// brought it: the parts with Same are left out (R18).
	OnlyNew bool `json:"onlyNew,omitempty"`
}

// RefusedQuarantine in Decision.Refused says that the message waits until
// somebody adopts its devices, and goes out then (R11, R29). Every other
// refusal is for good.
const RefusedQuarantine = "quarantine"

// RefusedAcceptance in Decision.Refused says that the message waits until its
// devices are accepted for use, and goes out then (R32).
const RefusedAcceptance = "acceptance"

// RefusedBlocked in Decision.Refused says that one of the message's devices is
// blocked. It goes out only when somebody decides so once that is over.
const RefusedBlocked = "blocked"

// Demands on devices before their messages go out, in Channel.Accept.
const (
	AcceptRequired = "required" // what was accepted goes on when it was reopened or has run out
	AcceptStrict   = "strict"   // it stops
)

// RefusedDuplicate in Decision.Refused says that the destination was owed all
// of it with earlier messages (R18).
const RefusedDuplicate = "duplicate"

// Owed says whether the message goes out, now or once its devices are adopted,
// accepted and blocked no more.
func (d Decision) Owed() bool { return d.Refused == "" || d.Waits() }

// Waits says whether it waits for its devices.
func (d Decision) Waits() bool {
	return d.Refused == RefusedQuarantine || d.Refused == RefusedAcceptance || d.Refused == RefusedBlocked
}

// DeliveryState of one delivery.
type DeliveryState string

const (
	Queued    DeliveryState = "queued"    // owed, not tried or to be tried again
	Delivered DeliveryState = "delivered" // the destination acknowledged
	Dead      DeliveryState = "dead"      // given up: a dead letter with its reason
	Discarded DeliveryState = "discarded" // a dead letter somebody set aside, with a reason
	// Quarantined: it waits until the device it came from is adopted, or accepted.
	Quarantined DeliveryState = "quarantined"
)

// Delivery is one message owed to one destination, and how it went.
type Delivery struct {
	Destination DestinationID `json:"destination"`         // id of the destination
	Ref         MessageRef    `json:"ref"`                 // the message
	Replay      uint64        `json:"replay,omitempty"`    // 0: the first time; else the replay that asked again
	Key         string        `json:"key,omitempty"`       // what order is kept by: patient, else device, else channel
	State       DeliveryState `json:"state"`               // how it stands
	Attempts    int           `json:"attempts"`            // calls so far
	FirstTried  time.Time     `json:"firstTried,omitzero"` // the first call
	Settled     time.Time     `json:"settled,omitzero"`    // when it was delivered or given up
	NextTry     time.Time     `json:"nextTry,omitzero"`    // the next call
	Receipt     string        `json:"receipt,omitempty"`   // what the destination answered, short, no patient data
	FaultCode   string        `json:"faultCode,omitempty"` // why not, by the fault list
	Reason      string        `json:"reason,omitempty"`    // why not
}
