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

// Restated gives an amended message with its final results called corrected,
// as receivers are told of a new version (HL7 table 0085: C, FHIR: corrected).
// Any other message is given as it is.
func (m *Message) Restated() *Message {
	if m.Amended == nil {
		return m
	}
	return m.called(func(s Status) Status {
		if s == StatusFinal || s == "" || s == StatusUnknown {
			return StatusCorrected
		}
		return s
	})
}

// Withdrawn gives the version before as results that were sent for the wrong
// patient (HL7 table 0085: W, FHIR: entered-in-error), nil where there was
// nobody to withdraw them from.
func (m *Message) Withdrawn() *Message {
	if m.Amended == nil || m.Amended.Was == nil {
		return nil
	}
	one := m.called(func(Status) Status { return StatusError })
	one.Patient = m.Amended.Was
	if m.Visit != nil {
		one.Visit = &Visit{Place: m.Visit.Place, Prior: m.Visit.Prior}
	}
	return one
}

func (m *Message) called(name func(Status) Status) *Message {
	one := *m
	one.Observations = append([]Observation(nil), m.Observations...)
	for i := range one.Observations {
		one.Observations[i].Status = name(one.Observations[i].Status)
	}
	one.Waveforms = append([]Waveform(nil), m.Waveforms...)
	for i := range one.Waveforms {
		one.Waveforms[i].Status = name(one.Waveforms[i].Status)
	}
	one.Orders = append([]Order(nil), m.Orders...)
	for i := range one.Orders {
		if one.Orders[i].Status != "" {
			one.Orders[i].Status = name(one.Orders[i].Status)
		}
	}
	return &one
}
