package deliver

import (
	"context"
	"time"

	"thalamus/internal/model"
)

// Store keeps where each destination stands and how each delivery went.
// Package storetest has the suite every store passes.
type Store interface {
	// Standing gives where a destination stands; a zero Standing for one that
	// no batch was ever committed for.
	Standing(ctx context.Context, dest model.DestinationID) (Standing, error)
	// Commit makes all of b durable, or nothing. Committing the same batch
	// again changes nothing.
	Commit(ctx context.Context, b *Batch) error
	// Queued gives up to limit parked parcels of a key with Ord > after, by Ord.
	Queued(ctx context.Context, dest model.DestinationID, key string, after int64, limit int) ([]Queued, error)
	// ByMessage gives what is known of a message's deliveries: parked ones and
	// settled ones, by destination and replay.
	ByMessage(ctx context.Context, ref model.MessageRef) ([]model.Delivery, error)
	// DeadLetters lists dead letters, newest first.
	DeadLetters(ctx context.Context, f DeadFilter) ([]DeadLetter, error)
	// DeadLetter gives one; fault.Absent when it is none any more.
	DeadLetter(ctx context.Context, id uint64) (DeadLetter, error)
	// AddReplay keeps a request with one job for each of its destinations and
	// gives its number, which is never used again.
	AddReplay(ctx context.Context, r Replay) (uint64, error)
	// Replays lists requests with a number below before (0: all), newest first.
	Replays(ctx context.Context, before uint64, limit int) ([]Replay, error)
	Versions
	// Counters gives the numbers of a destination.
	Counters(ctx context.Context, dest model.DestinationID) (Counters, error)
	// Trim forgets how the deliveries of messages up to a sequence number went
	// (retention); dead letters and what is queued stay. It works in small
	// steps and gives the number of rows that went.
	Trim(ctx context.Context, upTo model.Seq) (int64, error)
}

// Standing is what a runner starts from.
type Standing struct {
	Known  bool
	Cursor model.MessageRef // everything owed up to here is settled or parked
	// Done are the messages after the cursor that are settled or parked
	// already, of those owed for the first time (Replay 0).
	Done      []model.MessageRef
	Lanes     []LaneStanding
	Waiting   []WaitingStanding
	Held      []Held
	LowestOrd int64 // of the parked and the waiting parcels; 0 when there are none
	LastOrd   int64
	Jobs      []Job // replays not yet queued completely, oldest first
	Counters  Counters
}

// LaneStanding says how many parcels of a key are parked.
type LaneStanding struct {
	Key  string
	Rows int
}

// WaitingStanding says how many parcels of a key wait for devices to be
// adopted.
type WaitingStanding struct {
	For    string // as in Detained
	Key    string
	Rows   int
	Oldest time.Time // since when the oldest of them is owed
}

// Detained is a parcel in quarantine: it has its place in the order of its key
// and is not in the queue until its devices are adopted.
type Detained struct {
	Ord  int64 // as in Queued, among the same numbers
	Key  string
	Ref  model.MessageRef
	Owed time.Time
	For  string // the devices it waits for, sorted, a blank between them
}

// Release queues what waits for some devices.
type Release struct {
	For string // as in Detained
	// Moved are keys that have another name by now: their device was merged
	// into another, and its rows take their place in the order of that one.
	Moved map[string]string
}

// Reject sets aside for good what waits for some devices.
type Reject struct {
	For    string
	Reason string
	At     time.Time
}

// Held is a key that waits for somebody to decide about a dead letter.
type Held struct {
	Key    string
	Ref    model.MessageRef
	Replay uint64
}

// Queued is a parked parcel: a message that waits in the store.
type Queued struct {
	Ord          int64 // order among the parked of a destination; may be negative, never 0
	Key          string
	Ref          model.MessageRef
	Replay       uint64
	Attempts     int // calls in which it took part
	Failures     int // of these, the ones that failed because of it
	Owed         time.Time
	FirstTried   time.Time
	FailingSince time.Time // its first failure
	NextTry      time.Time
	Code, Reason string // of the last failure
}

// Settled is a delivery that came to its end.
type Settled struct {
	Ref          model.MessageRef
	Replay       uint64
	State        model.DeliveryState // Delivered or Dead
	Key          string
	Attempts     int
	FirstTried   time.Time
	Settled      time.Time
	Receipt      string
	Code, Reason string
	Hold         bool // a dead letter that holds its key
}

// Discard sets a dead letter aside.
type Discard struct {
	Letter uint64
	Reason string
	At     time.Time
}

// Batch is what happened at one destination since the last commit.
type Batch struct {
	Destination model.DestinationID
	Cursor      model.MessageRef // zero: unchanged
	Park        []Queued         // new rows
	Failing     []Queued         // rows that are there, changed by a failure
	Settled     []Settled
	Unqueue     []int64  // Ord of rows that are settled
	Revived     []uint64 // dead letters that are queued again; their settled row goes
	Discarded   []Discard
	Wait        []Detained // new rows
	Released    []Release  // what waits is queued, each at its place
	Rejected    []Reject   // what waits for these is discarded
	Jobs        []Job      // progress of replays
}

// rows says how much work a batch is for the store.
func (b *Batch) rows() int {
	return len(b.Park) + len(b.Failing) + len(b.Settled) + len(b.Unqueue) + len(b.Revived) + len(b.Discarded) + len(b.Wait) + len(b.Released) + len(b.Rejected) + len(b.Jobs)
}

// DeadLetter is a delivery that was given up.
type DeadLetter struct {
	ID          uint64              `json:"id"`
	Destination model.DestinationID `json:"destination"`
	Ref         model.MessageRef    `json:"ref"`
	Replay      uint64              `json:"replay,omitempty"`
	Key         string              `json:"key"`
	Code        string              `json:"code"`
	Reason      string              `json:"reason"`
	Attempts    int                 `json:"attempts"`
	FirstTried  time.Time           `json:"firstTried,omitzero"`
	Died        time.Time           `json:"died"`
	Holds       bool                `json:"holds,omitempty"` // its key waits until somebody decides
}

// DeadFilter chooses dead letters; zero fields choose all.
type DeadFilter struct {
	Destination model.DestinationID
	Key         string
	Code        string
	From, Until time.Time // of the moment of giving up: [From, Until)
	Before      uint64    // only ids below: the next page begins below the last id of this one
	Limit       int       // 0 means 100; at most 1000
}

// Replay is a request to deliver again.
type Replay struct {
	ID     uint64        `json:"id"`
	Reason string        `json:"reason"`
	Actor  model.ActorID `json:"actor,omitempty"`
	At     time.Time     `json:"at"`
	Span   Span          `json:"span"`
	Jobs   []Job         `json:"jobs"`
}

// Span says which messages a replay is about: those named, or those that
// arrived in a time span, of one device or channel where these are given.
type Span struct {
	Refs    []model.MessageRef `json:"refs,omitempty"`
	From    time.Time          `json:"from,omitzero"`
	Until   time.Time          `json:"until,omitzero"`
	Device  model.DeviceID     `json:"device,omitempty"`
	Channel model.ChannelID    `json:"channel,omitempty"`
	Reread  bool               `json:"reread,omitempty"` // read and routed again with what is in force
	// Correction is the number of the correction that the replay tells of: the
	// messages are those kept as its versions.
	Correction uint64 `json:"correction,omitempty"`
}

// Job is a replay's work at one destination.
type Job struct {
	Replay      uint64              `json:"-"`
	Destination model.DestinationID `json:"destination"`
	Forced      bool                `json:"forced,omitempty"` // also what no route named for this destination
	Span        Span                `json:"-"`                // filled by Standing
	Position    model.MessageRef    `json:"-"`                // everything up to here is queued
	Queued      int64               `json:"queued"`
	Refused     int64               `json:"refused"` // a decision forbids it, or the message is gone
	Done        bool                `json:"done"`    // all of it is queued
}

// Counters of a destination, as of the last commit.
type Counters struct {
	Delivered    int64     // ever, replays included
	Dead         int64     // dead letters open now
	Discarded    int64     // ever
	Parked       int64     // rows in the queue now
	OldestParked time.Time // since when the oldest of them is owed
}
