package register

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Replay is a request to deliver again, with its reason (R25, R28). Its ID is
// the number that parcels of the replay carry.
type Replay struct {
	ID           uint64                `json:"id"`
	Entries      []model.MessageRef    `json:"entries,omitempty"` // named messages, or else
	Device       model.DeviceID        `json:"device,omitempty"`  // of this device, and
	Patient      model.PatientID       `json:"patient,omitempty"` // of this patient, and
	From         time.Time             `json:"from,omitzero"`     // arrived in this span
	Until        time.Time             `json:"until,omitzero"`
	Destinations []model.DestinationID `json:"destinations,omitempty"` // empty: all that were owed
	Reason       string                `json:"reason"`
	State        string                `json:"state"` // asked running done failed
	Queued       uint64                `json:"queued"`
	Fault        string                `json:"fault,omitempty"`
	Mark
}

// Check says what is wrong with a request.
func (r Replay) Check() error {
	switch {
	case r.Reason == "":
		return fault.New(fault.Invalid, "register.reason", "a replay needs a reason")
	case len(r.Entries) == 0 && r.Device == "" && r.Patient == "" && r.From.IsZero():
		return fault.New(fault.Invalid, "register.incomplete", "a replay needs entries, a device, a patient or a time span")
	case !r.Until.IsZero() && r.Until.Before(r.From):
		return fault.New(fault.Invalid, "register.incomplete", "the replay's time span ends before it begins")
	}
	return nil
}

// Hold keeps a part of the journal from being dropped (R47).
type Hold struct {
	ID       uint64    `json:"id"`
	From     model.Seq `json:"from"`
	To       model.Seq `json:"to"`
	Reason   string    `json:"reason"`
	Released *Mark     `json:"released,omitempty"`
	Mark
}

// Check says what is wrong with a hold.
func (h Hold) Check() error {
	switch {
	case h.Reason == "":
		return fault.New(fault.Invalid, "register.reason", "a hold needs a reason")
	case h.From == 0 || h.To < h.From:
		return fault.New(fault.Invalid, "register.incomplete", "a hold needs the first and the last entry it keeps")
	}
	return nil
}

// Requests reads replays and holds, newest first; before 0 means from the
// newest.
type Requests interface {
	Replays(ctx context.Context, before uint64, limit int) ([]Replay, error)
	Replay(ctx context.Context, id uint64) (Replay, error)
	Holds(ctx context.Context) ([]Hold, error) // those not released
}

// RequestTx writes replays and holds.
type RequestTx interface {
	AddReplay(ctx context.Context, r Replay) (Replay, error) // gives it its ID
	SaveReplay(ctx context.Context, r Replay) error
	AddHold(ctx context.Context, h Hold) (Hold, error) // gives it its ID
	ReleaseHold(ctx context.Context, id uint64, mark Mark) error
}
