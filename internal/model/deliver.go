package model

import "time"

// Channel is a configured link: a driver, a codec, settings.
type Channel struct {
	ID       ChannelID      `json:"id" yaml:"id"`
	Name     string         `json:"name,omitempty" yaml:"name,omitempty"`
	Driver   string         `json:"driver" yaml:"driver"`
	Codec    string         `json:"codec" yaml:"codec"`
	Zone     string         `json:"zone,omitempty" yaml:"zone,omitempty"`       // IANA zone of times without one
	Clock    string         `json:"clock,omitempty" yaml:"clock,omitempty"`     // about devices' clocks that are off: offset corrects their times, none never does
	Unknown  string         `json:"unknown,omitempty" yaml:"unknown,omitempty"` // devices nobody adopted: accept (default) or quarantine
	Disabled bool           `json:"disabled,omitempty" yaml:"disabled,omitempty"`
	Settings map[string]any `json:"settings,omitempty" yaml:"settings,omitempty"` // the driver's own, checked by it
}

// Route says what goes where. An empty list matches everything; a list
// matches when one of its elements does; all lists must match (R25).
type Route struct {
	ID           RouteID         `json:"id" yaml:"id"`
	Channels     []ChannelID     `json:"channels,omitempty" yaml:"channels,omitempty"`
	Types        []string        `json:"types,omitempty" yaml:"types,omitempty"` // "ORU^R01", "ADT"
	Devices      []DeviceID      `json:"devices,omitempty" yaml:"devices,omitempty"`
	Models       []string        `json:"models,omitempty" yaml:"models,omitempty"`       // "Acme/VM-200" or "VM-200"
	Locations    []string        `json:"locations,omitempty" yaml:"locations,omitempty"` // "ICU" or "ICU^2" or "ICU^2^23"
	Codes        []string        `json:"codes,omitempty" yaml:"codes,omitempty"`         // RefID, MDC number or LOINC; a message matches when it holds one
	PatientClass []string        `json:"patient_class,omitempty" yaml:"patient_class,omitempty"`
	Simulated    bool            `json:"simulated,omitempty" yaml:"simulated,omitempty"` // also pass simulated values (R17)
	Destinations []DestinationID `json:"destinations" yaml:"destinations"`
	Disabled     bool            `json:"disabled,omitempty" yaml:"disabled,omitempty"`
}

// Destination is a configured receiver.
type Destination struct {
	ID       DestinationID  `json:"id" yaml:"id"`
	Name     string         `json:"name,omitempty" yaml:"name,omitempty"`
	Kind     string         `json:"kind" yaml:"kind"`                             // fhir hl7v2 webhook file
	Disabled bool           `json:"disabled,omitempty" yaml:"disabled,omitempty"` // paused: what is owed waits
	Delivery DeliveryRules  `json:"delivery,omitzero" yaml:"delivery,omitempty"`
	Settings map[string]any `json:"settings,omitempty" yaml:"settings,omitempty"`
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
	Route       RouteID       `json:"route,omitempty"`
	Destination DestinationID `json:"destination"`
	Refused     string        `json:"refused,omitempty"` // quarantine simulated duplicate …
}

// RefusedQuarantine in Decision.Refused says that the message waits until
// somebody adopts its devices, and goes out then (R11, R29). Every other
// refusal is for good.
const RefusedQuarantine = "quarantine"

// Owed says whether the message goes out, now or once its devices are adopted.
func (d Decision) Owed() bool { return d.Refused == "" || d.Refused == RefusedQuarantine }

// DeliveryState of one delivery.
type DeliveryState string

const (
	Queued    DeliveryState = "queued"    // owed, not tried or to be tried again
	Delivered DeliveryState = "delivered" // the destination acknowledged
	Dead      DeliveryState = "dead"      // given up: a dead letter with its reason
	Discarded DeliveryState = "discarded" // a dead letter somebody set aside, with a reason
	// Quarantined: it waits until somebody adopts the device it came from.
	Quarantined DeliveryState = "quarantined"
)

// Delivery is one message owed to one destination, and how it went.
type Delivery struct {
	Destination DestinationID `json:"destination"`
	Ref         MessageRef    `json:"ref"`
	Replay      uint64        `json:"replay,omitempty"` // 0: the first time; else the replay that asked again
	Key         string        `json:"key,omitempty"`    // what order is kept by: patient, else device, else channel
	State       DeliveryState `json:"state"`
	Attempts    int           `json:"attempts"`
	FirstTried  time.Time     `json:"firstTried,omitzero"`
	Settled     time.Time     `json:"settled,omitzero"`
	NextTry     time.Time     `json:"nextTry,omitzero"`
	Receipt     string        `json:"receipt,omitempty"` // what the destination answered, short, no patient data
	FaultCode   string        `json:"faultCode,omitempty"`
	Reason      string        `json:"reason,omitempty"`
}
