package service

import (
	"context"
	"strconv"

	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
)

// undoJob begins to take back what a job said.
func undoJob(ctx context.Context, c *call, r JobAct) (register.Job, error) {
	of, err := c.s.Store.Job(ctx, r.ID)
	if err != nil {
		return register.Job{}, err
	}
	j, err := c.undoingOf(of, r.Reason)
	if err != nil {
		return register.Job{}, err
	}
	if err := c.s.Store.Update(ctx, func(tx Tx) error { return takenBack(ctx, tx, of, j) }); err != nil {
		return j, err
	}
	return j, c.startJob(ctx, j)
}

// undoOfJob is undoJob within a transaction: the job begins once that is through.
func (c *call) undoOfJob(ctx context.Context, of register.Job, reason string) (string, error) {
	if !c.s.Access.May(c.actor, "job.undo") {
		return "", fault.New(fault.Denied, "access.denied", "%s may not job.undo, which taking this back needs; ask an administrator for a role that may", c.actor.Name)
	}
	j, err := c.undoingOf(of, reason)
	if err != nil {
		return "", err
	}
	c.after(func(ctx context.Context) error { return c.startJob(ctx, j) })
	return j.ID, takenBack(ctx, c.tx, of, j)
}

// undoingOf gives the job that takes another back, and refuses where that cannot be.
func (c *call) undoingOf(of register.Job, reason string) (register.Job, error) {
	if err := needReason(reason); err != nil {
		return register.Job{}, err
	}
	switch {
	case !of.State.Ended():
		return register.Job{}, fault.New(fault.Conflict, "service.job-runs", "the job is not at its end; cancel it first").At("id")
	case of.Kind == "undo":
		return register.Job{}, fault.New(fault.Invalid, "service.job-undo", "what undid a job is not undone itself; do the import or the edit again").At("id")
	case of.Undone != "":
		return register.Job{}, fault.New(fault.Conflict, "service.job-undo", "%s took it back already", of.Undone).At("id")
	}
	c.object = "job " + of.ID
	return register.Job{ID: "job-" + newChange(), Kind: "undo", Change: c.change, Name: of.Name, By: c.actor.ID, ByName: c.actor.Name, Reason: reason, Made: c.s.now(), Total: of.Done, Of: of.ID}, nil
}

func takenBack(ctx context.Context, tx Tx, of, by register.Job) error {
	of.Undone = by.ID
	return tx.SaveJob(ctx, of)
}

// rowsAtOnce is how many rows one transaction does: what arrives on the wire
// meanwhile waits no longer than one of them takes.
const rowsAtOnce = 500

func undoRows(ctx context.Context, s *Service, j *register.Job) error {
	of, err := s.Store.Job(ctx, j.Of)
	if err != nil {
		return err
	}
	done, err := s.Store.JobLines(ctx, j.ID, "", 0, 1)
	if err != nil {
		return err
	}
	after := 0
	for len(done) > 0 { // to the last row that was taken back before a break
		after = done[len(done)-1].N
		if done, err = s.Store.JobLines(ctx, j.ID, "", after, 1000); err != nil {
			return err
		}
	}
	for {
		rows, err := s.Store.JobLines(ctx, of.ID, "", after, rowsAtOnce)
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1].N
		var subjects []fact.Subject
		at := map[fact.Subject]int{}
		made := map[fact.Subject]bool{}
		lines := make([]register.JobLine, len(rows))
		for i, l := range rows {
			lines[i] = register.JobLine{N: l.N, Outcome: "same", Subject: l.Subject}
			if l.Outcome == "new" || l.Outcome == "changed" {
				at[l.Subject] = i
				subjects = append(subjects, l.Subject)
				made[l.Subject] = l.Outcome == "new"
			}
		}
		err = s.batch(ctx, j, func(tx Tx, now *register.Job) error {
			back, err := s.Register.TakeBack(ctx, tx, of.Change, subjects, made, s.markOf(now))
			if err != nil {
				return err
			}
			for k, b := range back {
				l := &lines[at[subjects[k]]]
				switch {
				case b.Removed:
					l.Outcome = "removed"
				case b.Kept > 0:
					l.Outcome, l.Text = "kept", "somebody changed "+strconv.Itoa(b.Kept)+" of its facts since"
				case b.Undone > 0:
					l.Outcome = "undone"
				}
			}
			return s.settle(ctx, tx, now, lines)
		})
		if err != nil {
			return err
		}
	}
}
