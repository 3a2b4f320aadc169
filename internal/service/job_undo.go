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
	if err := needReason(r.Reason); err != nil {
		return register.Job{}, err
	}
	of, err := c.s.Store.Job(ctx, r.ID)
	switch {
	case err != nil:
		return register.Job{}, err
	case !of.State.Ended():
		return register.Job{}, fault.New(fault.Conflict, "service.job-runs", "the job is not at its end; cancel it first").At("id")
	case of.Kind == "undo":
		return register.Job{}, fault.New(fault.Invalid, "service.job-undo", "what undid a job is not undone itself; do the import or the edit again").At("id")
	case of.Undone != "":
		return register.Job{}, fault.New(fault.Conflict, "service.job-undo", "%s took it back already", of.Undone).At("id")
	}
	j := register.Job{ID: "job-" + newChange(), Kind: "undo", Change: c.change, Name: of.Name, By: c.actor.ID, ByName: c.actor.Name, Reason: r.Reason, Made: c.s.now(), Total: of.Done, Of: of.ID}
	of.Undone = j.ID
	if err := c.s.Store.Update(ctx, func(tx Tx) error { return tx.SaveJob(ctx, of) }); err != nil {
		return j, err
	}
	c.object = "job " + of.ID
	return j, c.startJob(ctx, j)
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
