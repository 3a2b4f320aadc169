package deliver

import (
	"context"
	"time"

	"thalamus/internal/model"
)

// Correct tells every destination of messages whose patient was corrected: to
// each that was owed one its new version goes, as a replay of its own that
// comes behind all that was said of the message before (KeyOf, decision 0093).
// Asked again for the same number it does nothing, so a crash between this and
// what its caller notes tells nobody twice (R20, R25).
func (d *Deliver) Correct(ctx context.Context, c model.Correction, messages []*model.Message) (uint64, error) {
	d.correcting.Lock()
	defer d.correcting.Unlock()
	reason := "correction of whose the values are: " + c.Cause
	if c.Reason != "" {
		reason += "; " + c.Reason
	}
	replay := Replay{Reason: reason, Actor: c.Actor, At: time.Now(), Span: Span{Correction: c.ID}}
	for _, m := range messages {
		replay.Span.Refs = append(replay.Span.Refs, m.Ref)
	}
	targets, err := d.targets(nil)
	if err != nil {
		targets = nil // there are no destinations: the versions are kept
	}
	for _, r := range targets {
		replay.Jobs = append(replay.Jobs, Job{Destination: r.id})
	}
	number, fresh, err := d.options.Store.AddCorrection(ctx, c.ID, replay, messages)
	if err != nil || !fresh {
		return number, err
	}
	head := d.options.Record.Head()
	for i, r := range targets {
		j := replay.Jobs[i]
		j.Replay, j.Span = number, replay.Span
		r.do(func() { r.jobs = append(r.jobs, &job{Job: j, head: head}) })
	}
	return number, nil
}
