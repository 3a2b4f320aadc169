package cli

import (
	"context"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/service"
)

// replayRhythm is how often a replay is looked at while somebody waits for it.
const replayRhythm = 200 * time.Millisecond

// watchReplay returns when everything a replay asks for is queued, with how
// much that is for each destination.
func (c *program) watchReplay(ctx context.Context, caller service.Caller, id uint64) error {
	bar := c.progress("replaying")
	defer bar.end()
	for {
		var all []deliver.Replay
		if err := caller.Call(ctx, "replay.list", service.ReplayListAsk{After: id + 1, Limit: 1}, &all); err != nil {
			return err
		}
		if len(all) == 0 || all[0].ID != id {
			return fault.New(fault.Absent, "cli.replay", "replay %d is not in the list any more", id)
		}
		queued, done := int64(0), true
		for _, j := range all[0].Jobs {
			queued += j.Queued
			done = done && j.Done
		}
		bar.count(queued, "messages queued")
		if done {
			bar.end()
			return c.print(all[0])
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(replayRhythm):
		}
	}
}
