package service_test

import (
	"fmt"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/service"
)

// A job that is stopped keeps what it did, goes on behind it, and does no row
// twice.
func TestJobStopsAndGoesOn(t *testing.T) {
	h := apptest.Start(t)
	const rows = 4000
	var text strings.Builder
	text.WriteString("Serial,Manufacturer,Owner\n")
	for i := range rows {
		fmt.Fprintf(&text, "S-%d,Acme,Clinic\n", i)
	}
	var check service.ImportCheck
	h.Call("device.import", service.ImportAsk{Content: []byte(text.String())}, &check)
	h.Call("device.import", service.ImportAsk{Job: check.Job.ID, Begin: true, Digest: check.Digest, Reason: "a test"}, nil)
	id := check.Job.ID
	var j register.Job
	h.Until("some of it is done", func() bool {
		h.Call("job.get", service.ID{ID: id}, &j)
		return j.Done > 0
	})
	h.Call("job.cancel", service.JobAct{ID: id, Reason: "a test"}, nil)
	if j = jobEnded(h, id); j.State == register.JobStopped {
		if j.Done == 0 || j.Done >= rows {
			t.Errorf("stopped with %d rows done", j.Done)
		}
		h.Call("job.resume", service.JobAct{ID: id, Reason: "a test"}, nil)
		h.Until("it is done", func() bool {
			h.Call("job.get", service.ID{ID: id}, &j)
			return j.State == register.JobDone
		})
	}
	if j.Done != rows || j.Counts["new"] != rows || j.Total != rows {
		t.Errorf("%+v", j)
	}
	var lines []register.JobLine
	h.Call("job.history", service.JobLinesAsk{ID: id, After: rows - 2}, &lines)
	if len(lines) != 3 || lines[2].N != rows+1 || lines[2].Outcome != "new" || lines[2].Subject == "" {
		t.Errorf("%+v", lines)
	}
	var undone service.ChangeUndone // by the id of the change, too
	h.Call("change.undo", service.ChangeUndo{Change: j.Change, Reason: "a test"}, &undone)
	var back register.Job
	h.Until("the import is taken back", func() bool {
		return h.Door().Call(t.Context(), "job.get", service.ID{ID: undone.Job}, &back) == nil && back.State == register.JobDone
	})
	if back.Of != id || back.Counts["removed"] == 0 {
		t.Errorf("taken back: %+v", back)
	}
	err := h.Door().Call(t.Context(), "change.undo", service.ChangeUndo{Change: j.Change, Reason: "a test"}, nil)
	expect(t, "twice", err, fault.Conflict, "service.job-undo")
}
