package care

import (
	"context"

	"thalamus/internal/model"
)

// OrderQuery selects orders. Empty fields match all.
type OrderQuery struct {
	Device model.DeviceID
	Plan   string
	Kind   Kind
	States []State
	Before int64 // page on: ids less than this
	Limit  int   // 0 means 100, at most 1000
}

// AccessoryQuery selects accessories. Empty fields match all.
type AccessoryQuery struct {
	Device  model.DeviceID
	Removed bool  // also those that were taken away
	After   int64 // page on: ids greater than this
	Limit   int   // 0 means 100, at most 1000
}

// DoneRow is the last work by a plan on a device that passed.
type DoneRow struct {
	Device model.DeviceID
	Plan   string
	Done
}

// Reader reads orders and accessories. Both a store and a transaction do.
type Reader interface {
	// Order gives one, or a fault.Absent, code care.absent.
	Order(ctx context.Context, id int64) (Order, error)
	// Orders gives those that match, the newest first.
	Orders(ctx context.Context, q OrderQuery) ([]Order, error)
	// LastDone gives for each plan the last work that passed, on one device,
	// or on all of them where it is empty.
	LastDone(ctx context.Context, device model.DeviceID) ([]DoneRow, error)
	// Accessories gives those that match, in the order in which they were added.
	Accessories(ctx context.Context, q AccessoryQuery) ([]Accessory, error)
}

// Tx writes them.
type Tx interface {
	Reader
	// PutOrder stores the next version of an order when o.Version is the one
	// that is stored, else a fault.Conflict, code register.version. An order
	// with id 0 gets the next id and version 1.
	PutOrder(ctx context.Context, o Order) (Order, error)
	// AddAccessory stores one and gives it with its id.
	AddAccessory(ctx context.Context, a Accessory) (Accessory, error)
	// PutAccessory stores what became of one: it was taken away, or is back.
	// Errors: fault.Absent, code care.absent.
	PutAccessory(ctx context.Context, a Accessory) error
}
