package register

import (
	"context"
	"encoding/json"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// JobState says how far a job is.
type JobState string

// The states. A draft was checked and changes nothing until somebody begins it.
const (
	JobDraft   JobState = "draft"
	JobWaiting JobState = "waiting" // another one runs
	JobRunning JobState = "running"
	JobDone    JobState = "done"
	JobStopped JobState = "stopped" // by somebody; what it did stays, and it can go on
	JobFailed  JobState = "failed"  // for the reason it gives; it can go on
)

// Ended says that nothing happens by itself any more.
func (s JobState) Ended() bool { return s == JobDone || s == JobStopped || s == JobFailed }

// Job is a change of many things in the background: an import, an edit of all
// devices that match, or the undoing of one of these. Everything that it says
// carries its change id (R56).
type Job struct {
	ID     string          `json:"id"`
	Kind   string          `json:"kind"` // import, edit, undo
	State  JobState        `json:"state"`
	Change string          `json:"change,omitempty"`
	Name   string          `json:"name,omitempty"` // of the file
	By     model.ActorID   `json:"by"`
	ByName string          `json:"byName,omitempty"`
	Reason string          `json:"reason,omitempty"`
	Made   time.Time       `json:"made"`
	Began  time.Time       `json:"began,omitzero"`
	Ended  time.Time       `json:"ended,omitzero"`
	Done   int             `json:"done"`             // rows settled
	Total  int             `json:"total"`            // rows there are
	Counts map[string]int  `json:"counts,omitempty"` // rows by what became of them
	Failed string          `json:"failed,omitempty"`
	Code   string          `json:"code,omitempty"`     // of the fault
	Of     string          `json:"of,omitempty"`       // the job that an undo takes back
	Undone string          `json:"undoneBy,omitempty"` // the job that took it back
	Ask    json.RawMessage `json:"ask,omitempty"`      // what was asked, as its kind has it
}

// JobLine is what became of one row of a job.
type JobLine struct {
	N       int          `json:"row"`
	Outcome string       `json:"outcome"` // new, changed, same, skipped, wrong; undone, removed, kept
	Subject fact.Subject `json:"subject,omitempty"`
	Text    string       `json:"text,omitempty"` // why, where it is not plain
}

// JobStore keeps jobs.
type JobStore interface {
	// Jobs gives the latest jobs first; drafts are left out.
	Jobs(ctx context.Context, limit int) ([]Job, error)
	// Job gives a job, or a fault.Absent, code register.no-job.
	Job(ctx context.Context, id string) (Job, error)
	// JobInput gives what a job works on; nil where that is gone.
	JobInput(ctx context.Context, id string) ([]byte, error)
	// JobLines gives the lines after a row, in order; those of one outcome
	// where it is not empty.
	JobLines(ctx context.Context, id, outcome string, after, limit int) ([]JobLine, error)
	// JobOfChange gives the job with a change id, or a fault.Absent.
	JobOfChange(ctx context.Context, change string) (Job, error)
}

// JobTx changes jobs.
type JobTx interface {
	// SaveJob stores a job, made or changed.
	SaveJob(ctx context.Context, j Job) error
	// SaveJobInput stores what a job works on; nil removes it.
	SaveJobInput(ctx context.Context, id string, input []byte) error
	// SaveJobLines stores lines; a line that is there already stays as it is.
	SaveJobLines(ctx context.Context, id string, lines []JobLine) error
	// DropDrafts removes drafts made before a time.
	DropDrafts(ctx context.Context, before time.Time) error
}

// NoJob says that there is no such job.
func NoJob(id string) error {
	return fault.New(fault.Absent, "register.no-job", "there is no job %q; list the jobs to see their ids", clip(id))
}
