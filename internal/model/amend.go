package model

import "time"

// Review asks whose the recorded messages of a device or bed are, because what
// is known of that time span changed (R20).
type Review struct {
	ID     uint64
	Device DeviceID // empty: the devices heard in Bed
	Bed    string   // key of the bed, empty for a device
	From   time.Time
	Until  time.Time // zero: to the present
	Cause  string    // what changed, no patient's data
	Actor  ActorID   // who said so; empty: the patient administration
	Reason string
	Made   time.Time
}

// Correction gives recorded messages their right patient, as new versions.
type Correction struct {
	ID     uint64    `json:"id"`
	Cause  string    `json:"cause"`
	Actor  ActorID   `json:"actor,omitempty"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// Amended is one message of a correction.
type Amended struct {
	Ref     MessageRef
	Device  DeviceID  // whose values they are, as in the record's series
	First   PatientID // as first recorded
	Was     PatientID // in the version before
	Version int
	Patient *Patient // whose it is now; nil: nobody's
	Correction
}
