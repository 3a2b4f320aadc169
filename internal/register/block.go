package register

import (
	"time"

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
