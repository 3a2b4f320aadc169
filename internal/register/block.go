package register

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Block is the decision that nothing of a device leaves for destinations. It
// is heard, acknowledged, journaled and recorded as before.
type Block struct {
	By     model.ActorID `json:"by"`
	At     time.Time     `json:"at"`
	Reason string        `json:"reason"`
	Until  time.Time     `json:"until,omitzero"` // it ends by itself
	// Ended is when somebody ended it. What it set aside then waits for a
	// decision, and the block is remembered until that is made.
	Ended   time.Time     `json:"ended,omitzero"`
	EndedBy model.ActorID `json:"endedBy,omitempty"`
}

// End is when it ended or will end; zero: when somebody ends it.
func (b *Block) End() time.Time {
	if !b.Ended.IsZero() && (b.Until.IsZero() || b.Ended.Before(b.Until)) {
		return b.Ended
	}
	return b.Until
}

// InForce says whether a block holds at an instant; none never does.
func (b *Block) InForce(now time.Time) bool {
	if b == nil {
		return false
	}
	end := b.End()
	return end.IsZero() || now.Before(end)
}

// BlockAsk is what somebody decides of a device.
type BlockAsk struct {
	ID     model.DeviceID
	Expect int64 // version of the device, or AnyVersion
	Reason string
	Until  time.Time // zero: until somebody ends it
}

// Block lets nothing of a device leave from now on, in the caller's
// transaction. Errors: fault.Conflict, code register.block, where it is blocked.
func (r *Register) Block(ctx context.Context, tx Tx, ask BlockAsk, mark Mark) (Device, error) {
	if !ask.Until.IsZero() && !ask.Until.After(mark.At) {
		return Device{}, fault.New(fault.Invalid, "register.block", "a block that ends before it begins stops nothing; give a time that is to come, or none").At("until")
	}
	var refused error
	d, err := r.change(ctx, tx, ask.ID, ask.Expect, func(d *Device) []Change {
		if d.Block.InForce(mark.At) {
			refused = fault.New(fault.Conflict, "register.block", "%s is blocked already; unblock it first to change that", clip(string(ask.ID)))
			return nil
		}
		d.Block = &Block{By: mark.By, At: mark.At, Reason: ask.Reason, Until: ask.Until}
		return []Change{{Device: ask.ID, At: mark.At, Fact: "blocked", Now: "blocked", By: mark.By, Change: mark.Change}}
	})
	if refused != nil {
		return Device{}, refused
	}
	return d, err
}

// Unblock lets what comes next leave again. What was set aside goes only with
// send, then or with another call; until that is decided the block is
// remembered.
func (r *Register) Unblock(ctx context.Context, tx Tx, id model.DeviceID, send bool, expect int64, mark Mark) (Device, error) {
	var refused error
	d, err := r.change(ctx, tx, id, expect, func(d *Device) []Change {
		switch {
		case d.Block == nil:
			refused = fault.New(fault.Conflict, "register.block", "%s is not blocked", clip(string(id)))
			return nil
		case send:
			d.Block = nil
		case !d.Block.InForce(mark.At):
			refused = fault.New(fault.Conflict, "register.block", "the block of %s has ended; what it set aside is sent with send, or rejected", clip(string(id)))
			return nil
		default:
			ended := *d.Block
			ended.Ended, ended.EndedBy = mark.At, mark.By
			d.Block = &ended
		}
		return []Change{{Device: id, At: mark.At, Fact: "blocked", Was: "blocked", By: mark.By, Change: mark.Change}}
	})
	if refused != nil {
		return Device{}, refused
	}
	return d, err
}

// Blocked says whether a message of a device that arrived at an instant may not
// leave: a block is in force, or it came before the end of one about which
// nobody has decided yet. It asks memory only, and costs nothing while no
// device is blocked.
func (r *Register) Blocked(id model.DeviceID, arrived, now time.Time) bool {
	if r.blocks.Load() == 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.unit(id)
	if u == nil || u.dev.Block == nil {
		return false
	}
	b := u.dev.Block
	return b.InForce(now) || arrived.Before(b.End())
}

// Undecided says whether a device is blocked, or was and nobody has decided
// yet to send what was set aside.
func (r *Register) Undecided(id model.DeviceID) bool {
	if r.blocks.Load() == 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.unit(id)
	return u != nil && u.dev.Block != nil
}
