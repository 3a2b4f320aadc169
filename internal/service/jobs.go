package service

import (
	"context"
	"errors"
	"sync"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/fault"
	"thalamus/internal/register"
)

// JobAct is an act on one job.
type JobAct struct {
	ID     string `json:"id" arg:"id" doc:"id of the job"`
	Reason string `json:"reason" doc:"why, for the audit; needed"`
}

// JobLinesAsk says which lines of a job to show.
type JobLinesAsk struct {
	ID      string `json:"id" arg:"id" doc:"id of the job"`
	Outcome string `json:"outcome,omitempty" doc:"only rows of which this became: new, changed, same, skipped, wrong, undone, removed, kept"`
	After   int    `json:"after,omitempty" doc:"the next page: the last row of the page before"`
	Limit   int    `json:"limit,omitempty" doc:"rows of a page, 200 unless told"`
}

func jobOps() []Op {
	return []Op{
		define(Reads, "job.list", "List imports, edits of many devices and what undid them, the latest first.", "", func(ctx context.Context, c *call, _ None) ([]register.Job, error) {
			return c.s.Store.Jobs(ctx, 200)
		}),
		define(Reads, "job.get", "Show how far a job is, and what became of its rows.", "job-0a1b2c3d4e5f6071", func(ctx context.Context, c *call, r ID) (register.Job, error) { return c.s.Store.Job(ctx, r.ID) }),
		define(Reads, "job.history", "List what became of each row of a job.", "job-0a1b2c3d4e5f6071 --outcome skipped", func(ctx context.Context, c *call, r JobLinesAsk) ([]register.JobLine, error) {
			if _, err := c.s.Store.Job(ctx, r.ID); err != nil {
				return nil, err
			}
			return c.s.Store.JobLines(ctx, r.ID, r.Outcome, r.After, r.Limit)
		}),
		define(Works, "job.cancel", "Stop a job; what it did stays, and is taken back with job.undo.", "job-0a1b2c3d4e5f6071 --reason 'the wrong file'", cancelJob),
		define(Works, "job.resume", "Let a job that was stopped or failed go on where it was.", "job-0a1b2c3d4e5f6071 --reason 'there is room again'", resumeJob),
		define(Works, "job.undo", "Take back what a job said, except where somebody changed the same since; devices it made that were never heard go.", "job-0a1b2c3d4e5f6071 --reason 'wrong column'", undoJob),
	}
}

// jobs runs jobs in the background, one at a time.
type jobs struct {
	one     chan struct{} // held by the job that runs
	closing context.Context
	close   context.CancelFunc
	work    sync.WaitGroup

	mu      sync.Mutex
	running map[string]context.CancelCauseFunc
}

var errJobStopped = errors.New("stopped by somebody")

func newJobs() *jobs {
	j := &jobs{one: make(chan struct{}, 1), running: map[string]context.CancelCauseFunc{}}
	j.closing, j.close = context.WithCancel(context.Background())
	return j
}

// EndJobs stops what runs and waits until it rests; it goes on with the server.
func (s *Service) EndJobs() {
	s.jobs.close()
	s.jobs.work.Wait()
}

// jobWork does the rows of a job from where it is.
type jobWork func(ctx context.Context, s *Service, j *register.Job) error

func worksOf(kind string) jobWork {
	switch kind {
	case "import":
		return importRows
	case "edit":
		return editRows
	}
	return undoRows
}

// startJob stores a job as waiting and runs it in the background. The audit
// holds a record of its end.
func (c *call) startJob(ctx context.Context, j register.Job) error {
	j.State, j.Failed, j.Code, j.Ended = register.JobWaiting, "", "", time.Time{}
	if j.Began.IsZero() {
		j.Began = c.s.now()
	}
	if err := c.s.Store.Update(ctx, func(tx Tx) error { return tx.SaveJob(ctx, j) }); err != nil {
		return err
	}
	later := *c
	later.object, later.reason, later.change = "job "+j.ID, j.Reason, j.Change
	run, cancel := context.WithCancelCause(c.s.jobs.closing)
	c.s.jobs.mu.Lock()
	c.s.jobs.running[j.ID] = cancel
	c.s.jobs.mu.Unlock()
	c.s.jobs.work.Go(func() {
		defer cancel(nil)
		later.s.runJob(run, &later, j)
	})
	return nil
}

func (s *Service) runJob(ctx context.Context, c *call, j register.Job) {
	var err error
	select {
	case s.jobs.one <- struct{}{}:
		defer func() { <-s.jobs.one }()
		j.State = register.JobRunning
		err = worksOf(j.Kind)(ctx, s, &j)
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.jobs.mu.Lock()
	delete(s.jobs.running, j.ID)
	s.jobs.mu.Unlock()
	switch {
	case err == nil:
		j.State, j.Ended = register.JobDone, s.now()
	case s.jobs.closing.Err() != nil:
		j.State = register.JobWaiting // it goes on with the server
	case errors.Is(context.Cause(ctx), errJobStopped):
		j.State, j.Ended, err = register.JobStopped, s.now(), nil
	default:
		j.State, j.Ended, j.Failed, j.Code = register.JobFailed, s.now(), err.Error(), fault.CodeOf(err)
	}
	last := context.WithoutCancel(ctx)
	failed := s.Store.Update(last, func(tx Tx) error {
		if err := tx.SaveJob(last, j); err != nil {
			return err
		}
		if j.State == register.JobDone {
			if err := tx.SaveJobInput(last, j.ID, nil); err != nil {
				return err
			}
		}
		return c.write(last, tx, err)
	})
	if failed != nil {
		s.Log.Error("job not settled", "job", j.ID, "error", failed)
	}
	s.events.publish(Event{Kind: "changed", Name: c.op.Name, Object: c.object})
}

// settle stores how far a job is together with the lines of the rows it did.
func (s *Service) settle(ctx context.Context, tx Tx, j *register.Job, lines []register.JobLine) error {
	if j.Counts == nil {
		j.Counts = map[string]int{}
	}
	for i := range lines {
		j.Counts[lines[i].Outcome]++
	}
	j.Done += len(lines)
	if err := tx.SaveJobLines(ctx, j.ID, lines); err != nil {
		return err
	}
	return tx.SaveJob(ctx, *j)
}

// batch does a part of a job in one transaction: when that fails, the job
// stands as before it.
func (s *Service) batch(ctx context.Context, j *register.Job, work func(tx Tx, now *register.Job) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := *j
	now.Counts = map[string]int{}
	for k, n := range j.Counts {
		now.Counts[k] = n
	}
	if err := s.Store.Update(ctx, func(tx Tx) error { return work(tx, &now) }); err != nil {
		return err
	}
	*j = now
	s.events.publish(Event{Kind: "changed", Name: "job.get", Object: "job " + j.ID})
	return nil
}

func (s *Service) markOf(j *register.Job) register.Mark {
	return register.Mark{By: j.By, At: s.now(), Change: j.Change}
}

func cancelJob(ctx context.Context, c *call, r JobAct) (register.Job, error) {
	if err := needReason(r.Reason); err != nil {
		return register.Job{}, err
	}
	j, err := c.s.Store.Job(ctx, r.ID)
	if err != nil {
		return j, err
	}
	c.s.jobs.mu.Lock()
	cancel := c.s.jobs.running[r.ID]
	c.s.jobs.mu.Unlock()
	if cancel != nil {
		cancel(errJobStopped)
		return j, nil
	}
	if j.State == register.JobDraft {
		return j, c.s.Store.Update(ctx, func(tx Tx) error {
			j.State, j.Ended = register.JobStopped, c.s.now()
			if err := tx.SaveJob(ctx, j); err != nil {
				return err
			}
			return tx.SaveJobInput(ctx, j.ID, nil)
		})
	}
	return j, nil
}

func resumeJob(ctx context.Context, c *call, r JobAct) (register.Job, error) {
	if err := needReason(r.Reason); err != nil {
		return register.Job{}, err
	}
	j, err := c.s.Store.Job(ctx, r.ID)
	if err != nil {
		return j, err
	}
	c.s.jobs.mu.Lock()
	_, runs := c.s.jobs.running[j.ID]
	c.s.jobs.mu.Unlock()
	if runs || j.State == register.JobDone {
		return j, nil
	}
	if j.State == register.JobDraft {
		return j, fault.New(fault.Invalid, "service.job-draft", "the job was never begun; begin it with device.import").At("id")
	}
	return j, c.startJob(ctx, j)
}

// goOnJobs lets the jobs that the end of the server cut go on, and drops
// drafts that nobody began.
func (s *Service) goOnJobs(ctx context.Context) error {
	if err := s.Store.Update(ctx, func(tx Tx) error { return tx.DropDrafts(ctx, s.now().Add(-24*time.Hour)) }); err != nil {
		return err
	}
	list, err := s.Store.Jobs(ctx, 200)
	if err != nil {
		return err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].State != register.JobWaiting && list[i].State != register.JobRunning {
			continue
		}
		d := s.As(access.Itself(), Origin{Remote: "local"})
		if err := d.Call(ctx, "job.resume", JobAct{ID: list[i].ID, Reason: "the server was started again"}, nil); err != nil {
			return err
		}
	}
	return nil
}
