package deliver

import (
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/model"
)

// State of a destination.
type State string

const (
	Running State = "running" // what is owed goes out, or nothing is owed
	Waiting State = "waiting" // all that is owed waits for its next try, for a decision, or for our own store
	Down    State = "down"    // the circuit breaker is open: the destination is down; a probe follows at OpenUntil
	Paused  State = "paused"
)

// Stats of a destination, for the console and the metrics.
type Stats struct {
	Destination model.DestinationID `json:"destination"`
	State       State               `json:"state"`
	OpenUntil   time.Time           `json:"openUntil,omitzero"`
	InFlight    int                 `json:"inFlight"`    // calls under way
	WaitingKeys int                 `json:"waitingKeys"` // keys in back-off
	HeldKeys    int                 `json:"heldKeys"`    // keys held by a dead letter
	Queued      int64               `json:"queued"`      // owed and not settled, without the unread where the record cannot count them
	Unread      int64               `json:"unread"`      // journal entries recorded and not yet looked at
	Parked      int64               `json:"parked"`      // of these, in the store's queue
	Quarantined int64               `json:"quarantined"` // wait until somebody adopts their devices; not in Queued
	Oldest      time.Time           `json:"oldest,omitzero"`
	Delivered   int64               `json:"delivered"` // ever, replays included
	Dead        int64               `json:"dead"`      // dead letters open now
	Discarded   int64               `json:"discarded"`
	PerSecond   float64             `json:"perSecond"` // delivered, over the last ten seconds
	LastReceipt string              `json:"lastReceipt,omitempty"`
	LastTime    time.Time           `json:"lastTime,omitzero"` // of the last receipt
	LastCode    string              `json:"lastCode,omitempty"`
	LastReason  string              `json:"lastReason,omitempty"`
	LastFailed  time.Time           `json:"lastFailed,omitzero"`
	Cursor      model.MessageRef    `json:"cursor"`   // everything owed up to here is settled or parked
	InMemory    int                 `json:"inMemory"` // messages
}

// Stats gives the numbers of all destinations, by id.
func (d *Deliver) Stats(ctx context.Context) ([]Stats, error) {
	runners, err := d.targets(nil)
	if err != nil {
		return nil, nil
	}
	all := make([]Stats, 0, len(runners))
	for _, r := range runners {
		s, err := r.stats(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Stats) int { return strings.Compare(string(a.Destination), string(b.Destination)) })
	return all, nil
}

func (r *runner) stats(ctx context.Context) (Stats, error) {
	stored, err := r.o.Store.Counters(ctx, r.id)
	if err != nil {
		return Stats{}, err
	}
	var s Stats
	var read model.MessageRef
	if err := r.ask(ctx, func(done func(error)) {
		s, read = r.snapshot(time.Now()), r.read
		done(nil)
	}); err != nil {
		return Stats{}, err
	}
	if !stored.OldestParked.IsZero() && (s.Oldest.IsZero() || stored.OldestParked.Before(s.Oldest)) && s.Parked > 0 {
		s.Oldest = stored.OldestParked
	}
	if head := r.o.Record.Head(); head.Seq > read.Seq {
		s.Unread = int64(head.Seq - read.Seq)
	}
	if b, ok := r.o.Record.(Backlog); ok {
		n, err := b.Backlog(ctx, r.id, read)
		if err != nil {
			return Stats{}, err
		}
		s.Queued += n
	}
	return s, nil
}

func (r *runner) snapshot(now time.Time) Stats {
	n := &r.numbers
	s := Stats{
		Destination: r.id, State: Running, InFlight: r.inFlight, WaitingKeys: len(r.waiting),
		Queued: int64(r.parked + r.ledger.open), Parked: int64(r.parked), Quarantined: int64(r.waits.rows), Oldest: r.ledger.oldest(),
		Delivered: n.Delivered, Dead: n.Dead, Discarded: n.Discarded, PerSecond: n.perSecond(now),
		LastReceipt: n.receipt, LastTime: n.received, LastCode: n.code, LastReason: n.reason, LastFailed: n.failedAt,
		Cursor: r.cursor, InMemory: r.messages,
	}
	for _, l := range r.lanes {
		if l.state == held {
			s.HeldKeys++
		}
	}
	switch {
	case r.rules.paused:
		s.State = Paused
	case r.breaker.state != closed:
		s.State, s.OpenUntil = Down, r.breaker.until
	case r.storeErr != nil, r.readErr != nil,
		s.Queued > 0 && r.inFlight == 0 && r.ready.len() == 0 && s.WaitingKeys+s.HeldKeys > 0:
		s.State = Waiting
	}
	return s
}

// rateSpan is the number of seconds that a rate is taken over.
const rateSpan = 10

// numbers are what a runner counts; Counters go on from what is stored.
type numbers struct {
	Counters
	receipt  string
	received time.Time
	code     string
	reason   string
	failedAt time.Time
	weight   int // typical bytes of a message, a moving average
	seconds  [rateSpan + 1]struct{ at, n int64 }
}

func (n *numbers) delivered(at time.Time, receipt string) {
	n.Delivered++
	n.receipt, n.received = receipt, at
	second := &n.seconds[at.Unix()%int64(len(n.seconds))]
	if second.at != at.Unix() {
		second.at, second.n = at.Unix(), 0
	}
	second.n++
}

// perSecond is the rate over the last full seconds.
func (n *numbers) perSecond(now time.Time) float64 {
	var sum int64
	for _, s := range n.seconds {
		if s.at < now.Unix() && s.at >= now.Unix()-rateSpan {
			sum += s.n
		}
	}
	return float64(sum) / rateSpan
}

func (n *numbers) failed(at time.Time, err error) {
	n.code, n.reason, n.failedAt = codeOf(err), reasonOf(err), at
}

func (n *numbers) weighed(bytes int) {
	if n.weight == 0 {
		n.weight = bytes
	}
	n.weight += (bytes - n.weight) / 16
}
