package driver

import (
	"context"

	"thalamus/internal/model"
)

// Pairer is implemented by drivers whose devices come only with a person's
// consent.
type Pairer interface {
	// Pairings lists the devices near us that could be taken in, and ours.
	Pairings() []model.Pairing
	// Decide takes a person's decision about one. passkey is a number that the
	// device shows and that must be given to it, empty where there is none. An
	// error of kind Absent: there is no such device; Conflict: it is not asked
	// for now.
	Decide(ctx context.Context, id string, accept bool, passkey string) error
}
