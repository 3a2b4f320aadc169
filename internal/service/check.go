package service

import (
	"context"
	"sync"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/journal"
	"thalamus/internal/model"
)

// JournalCheck is a verification of the journal in the background: the one
// under way, or the last one. A server that was started again knows of none.
type JournalCheck struct {
	Running bool            `json:"running"`
	By      model.ActorID   `json:"by,omitempty"`
	Began   time.Time       `json:"began,omitzero"`
	Ended   time.Time       `json:"ended,omitzero"`
	Done    int64           `json:"done"`  // bytes read
	Whole   int64           `json:"whole"` // bytes to read
	Entries uint64          `json:"entries"`
	Result  JournalVerified `json:"result"` // once it ended
	Failed  string          `json:"failed,omitempty"`
}

// checks keeps the state of the one verification there may be at a time.
type checks struct {
	mu   sync.Mutex
	last JournalCheck
}

func checkOps() []Op {
	return []Op{
		define(Works, "journal.check", "Begin to read the whole journal and check it, in the background.", "", beginCheck),
		define(Reads, "journal.checked", "Show how far the check of the journal is, or how the last one ended.", "", func(_ context.Context, c *call, _ None) (JournalCheck, error) { return c.s.checks.state(), nil }),
	}
}

func (k *checks) state() JournalCheck {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last
}

func beginCheck(ctx context.Context, c *call, _ None) (JournalCheck, error) {
	k := &c.s.checks
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last.Running {
		return k.last, fault.New(fault.Conflict, "service.check-runs", "a check of the journal is under way; wait for its end")
	}
	k.last = JournalCheck{Running: true, By: c.actor.ID, Began: c.s.now()}
	later := *c // this call is recorded while the check goes on
	go later.check(context.WithoutCancel(ctx))
	return k.last, nil
}

// check reads the journal and records how that ended. It ends with the
// journal: a closing one reads no further.
func (c *call) check(ctx context.Context) {
	k := &c.s.checks
	told := time.Now()
	report, err := c.s.Journal.Verify(ctx, func(p journal.Progress) {
		k.mu.Lock()
		k.last.Done, k.last.Whole, k.last.Entries = p.BytesDone, p.Bytes, p.Entries
		k.mu.Unlock()
		if time.Since(told) > time.Second {
			told = time.Now()
			c.s.events.publish(Event{Kind: "changed", Name: c.op.Name})
		}
	})
	k.mu.Lock()
	k.last.Running, k.last.Ended = false, c.s.now()
	if err != nil {
		k.last.Failed = err.Error()
	} else {
		k.last.Result, k.last.Entries, k.last.Done = Verified(report), report.Entries, k.last.Whole
	}
	k.mu.Unlock()
	c.object = "journal, found good"
	if err == nil && !report.OK() {
		c.object = "journal, found damaged"
	}
	if failed := c.log(ctx, err); failed != nil {
		c.s.Log.Error("audit record not written", "action", c.op.Name, "error", failed)
	}
	c.s.events.publish(Event{Kind: "changed", Name: c.op.Name})
}
