package deliver

import (
	"context"
	"slices"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

const (
	replayChunk  = 256  // messages of a replay taken at once
	replayAhead  = 8192 // parcels parked beyond which a replay waits
	mostRefs     = 10000
	mostPerEntry = 100000
)

// ReplayRequest says what is to be delivered again: messages or whole entries
// by name, or everything that arrived in a time span, of one device or channel
// where these are given.
type ReplayRequest struct {
	Refs    []model.MessageRef
	Entries []model.Seq
	From    time.Time // zero: from the beginning
	Until   time.Time // zero: until now
	Device  model.DeviceID
	Channel model.ChannelID
	// Destinations that get it; what no route named for one of them goes
	// there as well, what a decision refused does not. Empty: every
	// destination gets what was owed to it.
	Destinations []model.DestinationID
	// Reread has the messages read and routed again with what is in force now.
	// The new reading decides who gets them.
	Reread bool
	Reason string
	Actor  model.ActorID
}

// Replay delivers again, with a reason, and gives the number under which it
// is done (Parcel.Replay). It comes behind all that is owed to the same key
// now. It returns when the request is durable; the rest goes on by itself,
// also after a restart (R25, R28).
func (d *Deliver) Replay(ctx context.Context, q ReplayRequest) (uint64, error) {
	if q.Reason == "" {
		return 0, fault.New(fault.Invalid, "deliver.no-reason", "a replay needs a reason; say why it is done")
	}
	replay := Replay{Reason: q.Reason, Actor: q.Actor, At: time.Now(), Span: Span{Refs: slices.Clone(q.Refs), From: q.From, Until: q.Until, Device: q.Device, Channel: q.Channel, Reread: q.Reread}}
	if q.Reread && d.options.Reread == nil {
		return 0, fault.New(fault.Invalid, "deliver.no-reread", "this program cannot read entries again; replay them as they were recorded")
	}
	named := len(q.Refs)+len(q.Entries) > 0
	if !named && q.From.IsZero() && q.Device == "" {
		return 0, fault.New(fault.Invalid, "deliver.replay-what", "nothing says what is to be replayed; name messages, a time span or a device")
	}
	if named && (!q.From.IsZero() || !q.Until.IsZero() || q.Device != "" || q.Channel != "") {
		return 0, fault.New(fault.Invalid, "deliver.replay-what", "a replay is of named messages or of a span, not of both; ask for two")
	}
	for _, seq := range q.Entries {
		for part := 0; part < mostPerEntry; part++ {
			ref := model.MessageRef{Seq: seq, Part: part}
			_, err := d.options.Record.Message(ctx, ref)
			if err != nil && (part == 0 || fault.KindOf(err) != fault.Absent) {
				return 0, err
			}
			if err != nil {
				break
			}
			replay.Span.Refs = append(replay.Span.Refs, ref)
		}
	}
	if named {
		refs := replay.Span.Refs
		slices.SortFunc(refs, func(a, b model.MessageRef) int {
			switch {
			case after(a, b):
				return 1
			case a == b:
				return 0
			}
			return -1
		})
		if replay.Span.Refs = slices.Compact(refs); len(replay.Span.Refs) > mostRefs {
			return 0, fault.New(fault.Invalid, "deliver.replay-what", "more than %d messages are named; replay a time span instead", mostRefs)
		}
	} else if q.Until.IsZero() {
		replay.Span.Until = replay.At
	}
	targets, err := d.targets(q.Destinations)
	if err != nil {
		return 0, err
	}
	for _, r := range targets {
		replay.Jobs = append(replay.Jobs, Job{Destination: r.id, Forced: len(q.Destinations) > 0})
	}
	if replay.ID, err = d.options.Store.AddReplay(ctx, replay); err != nil {
		return 0, err
	}
	head := d.options.Record.Head()
	for i, r := range targets {
		j := replay.Jobs[i]
		j.Replay, j.Span = replay.ID, replay.Span
		r.do(func() { r.jobs = append(r.jobs, &job{Job: j, head: head}) })
	}
	return replay.ID, nil
}

// Replays lists requests with a number below before (0: all), newest first.
func (d *Deliver) Replays(ctx context.Context, before uint64, limit int) ([]Replay, error) {
	return d.options.Store.Replays(ctx, before, limit)
}

func (d *Deliver) targets(ids []model.DestinationID) ([]*runner, error) {
	var all []*runner
	if len(ids) == 0 {
		d.mu.RLock()
		for _, r := range d.runners {
			all = append(all, r)
		}
		d.mu.RUnlock()
		slices.SortFunc(all, func(a, b *runner) int {
			if a.id < b.id {
				return -1
			}
			return 1
		})
	}
	for _, id := range ids {
		r := d.runner(id)
		if r == nil {
			return nil, fault.New(fault.Absent, "deliver.removed", "there is no destination %q; add it first, or correct the name", id)
		}
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		return nil, fault.New(fault.Absent, "deliver.removed", "there are no destinations; add one first")
	}
	return all, nil
}

// job is a replay that is being unrolled at one destination.
type job struct {
	Job
	head model.MessageRef // what is owed up to here comes first
}

// expansion is some of a replay's messages.
type expansion struct {
	job      *job
	messages []*model.Message
	refused  int64
	position model.MessageRef
	done     bool
}

// unrollNext begins with the oldest replay once everything that was owed when
// it was asked for has been read, so that it comes behind.
func (r *runner) unrollNext() {
	if r.unrolls || r.stopping || len(r.jobs) == 0 || after(r.jobs[0].head, r.read) {
		return
	}
	r.unrolls = true
	j := r.jobs[0]
	position := j.Position
	r.others.Go(func() { r.unroll(r.ctx, j, position) })
}

func (r *runner) roomForReplay() bool {
	return r.unrolls && !r.stopping && r.parked < replayAhead && r.unstored+r.pending.rows() < r.o.Pending
}

// unroll gives the loop a replay's messages in portions. It begins again
// behind the last portion when the record fails.
func (r *runner) unroll(ctx context.Context, j *job, position model.MessageRef) {
	pause := readRetry
	for ctx.Err() == nil {
		x := expansion{job: j, position: position}
		hand := func() bool {
			select {
			case r.expansions <- x:
				position = x.position
				x = expansion{job: j, position: position}
				pause = readRetry
				return true
			case <-ctx.Done():
				return false
			}
		}
		failed := false
		for ref, err := range r.refs(ctx, j) {
			if err != nil {
				failed = true
				break
			}
			if !after(ref, position) && position != (model.MessageRef{}) {
				continue
			}
			m, absent, err := r.replayed(ctx, j, ref)
			switch {
			case err != nil:
				failed = true
			case absent || !r.wanted(m, &j.Job):
				x.refused++
			default:
				x.messages = append(x.messages, m)
			}
			if failed {
				break
			}
			x.position = ref
			if len(x.messages) >= replayChunk || x.refused >= 16*replayChunk {
				if !hand() {
					return
				}
			}
		}
		if failed {
			sleep(ctx, pause)
			pause = min(2*pause, readAtMost)
			continue
		}
		x.done = true
		hand()
		return
	}
}

func (r *runner) refs(ctx context.Context, j *job) func(yield func(model.MessageRef, error) bool) {
	if len(j.Span.Refs) == 0 {
		return r.o.Record.Refs(ctx, j.Span.From, j.Span.Until, j.Span.Device, j.Span.Channel)
	}
	return func(yield func(model.MessageRef, error) bool) {
		for _, ref := range j.Span.Refs {
			if !yield(ref, nil) {
				return
			}
		}
	}
}

// wanted says whether a message may go to the destination again: a decision
// for it that refuses counts always, none at all only when nobody named the
// destination. What waits for its devices to be adopted is not replayed before.
// What is blocked is passed over, but for corrections: the destination may have
// the message under the wrong patient, and is told by the dead letter that the
// correction becomes (R20).
func (r *runner) wanted(m *model.Message, j *Job) bool {
	for _, one := range m.Routed {
		if one.Destination == r.id {
			return one.Owed() && r.waitsFor(m) == "" && (j.Span.Correction > 0 || r.o.blockers(m) == "")
		}
	}
	return j.Forced
}

// expanded queues some of a replay's messages, with the progress in the same
// batch.
func (r *runner) expanded(x expansion) {
	now := time.Now()
	for _, m := range x.messages {
		p := &parcel{ref: m.Ref, replay: x.job.Replay, owed: now}
		r.push(r.lane(KeyOf(m)), p, m)
	}
	x.job.Position = x.position
	x.job.Queued += int64(len(x.messages))
	x.job.Refused += x.refused
	x.job.Done = x.done
	r.pending.Jobs = append(r.pending.Jobs, x.job.Job)
	r.touched()
	if x.done {
		r.jobs = r.jobs[1:]
		r.unrolls = false
	}
}
