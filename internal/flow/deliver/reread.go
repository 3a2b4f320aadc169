package deliver

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// A replay may ask for its messages to be read again: the entry's bytes are
// decoded, given their meaning and routed with what is in force today. What
// came of that is a version of the message, kept under the replay's number
// before anything is queued, so that every destination and every restart
// delivers the same one. The record keeps the first reading; the two stand side
// by side on the message's page (R12, R28). docs/decisions/0062 says more.

// Version is a message as a replay read it again.
type Version struct {
	Replay  uint64         `json:"replay"`
	Made    time.Time      `json:"made"`
	Message *model.Message `json:"message"`
}

// Versions keeps what replays read again. Every Store implements it.
type Versions interface {
	// AddVersions keeps messages under a replay, durably; of one that is there
	// already the first version stays.
	AddVersions(ctx context.Context, replay uint64, made time.Time, messages []*model.Message) error
	// Version gives a message as a replay read it; fault.Absent when that
	// replay did not read it again.
	Version(ctx context.Context, replay uint64, ref model.MessageRef) (*model.Message, error)
	// AddCorrection keeps a replay with its messages as versions, durably and
	// at once; of one that is there already it gives the number, and fresh is
	// false.
	AddCorrection(ctx context.Context, correction uint64, r Replay, messages []*model.Message) (number uint64, fresh bool, err error)
	// VersionsOf gives all versions of a message, by replay.
	VersionsOf(ctx context.Context, ref model.MessageRef) ([]Version, error)
}

// Versions gives what replays read a message as, by replay.
func (d *Deliver) Versions(ctx context.Context, ref model.MessageRef) ([]Version, error) {
	return d.options.Store.VersionsOf(ctx, ref)
}

// replayed gives a message as a replay is to deliver it: as it was recorded,
// or read again. absent: there is nothing to deliver.
func (r *runner) replayed(ctx context.Context, j *job, ref model.MessageRef) (m *model.Message, absent bool, err error) {
	if j.Span.Correction > 0 {
		m, err = r.o.Store.Version(ctx, j.Replay, ref)
		return m, false, err
	}
	m, err = r.o.Record.Message(ctx, ref)
	if err == nil && j.Span.Reread {
		m, err = r.reread(ctx, j.Replay, m)
	}
	if err != nil && fault.KindOf(err) == fault.Absent {
		return nil, true, nil
	}
	return m, false, err
}

func (r *runner) reread(ctx context.Context, replay uint64, old *model.Message) (*model.Message, error) {
	m, err := r.o.Store.Version(ctx, replay, old.Ref)
	if err == nil || fault.KindOf(err) != fault.Absent {
		return m, err
	}
	if m, err = r.o.Reread(ctx, old); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, fault.New(fault.Absent, "deliver.no-version", "the entry does not hold message %d.%d any more", old.Ref.Seq, old.Ref.Part)
	}
	if err := r.o.Store.AddVersions(ctx, replay, time.Now(), []*model.Message{m}); err != nil {
		return nil, err
	}
	// Another destination's runner may have been first.
	return r.o.Store.Version(ctx, replay, old.Ref)
}

// message gives what a parcel without one in memory carries.
func (r *runner) message(ctx context.Context, ref model.MessageRef, replay uint64) (*model.Message, error) {
	if replay > 0 {
		m, err := r.o.Store.Version(ctx, replay, ref)
		if err == nil || fault.KindOf(err) != fault.Absent {
			return m, err
		}
	}
	return r.o.Record.Message(ctx, ref)
}
