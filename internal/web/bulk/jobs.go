package bulk

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

func jobs(v *ui.Visit) (ui.View, error) {
	var all []service.Job
	if err := v.Call("job.list", nil, &all); err != nil {
		return ui.View{}, err
	}
	return ui.View{Title: ui.T(v.Context(), "Jobs"), Body: jobsBody(all), Styles: styles}, nil
}

// jobPage is one job with a page of its log.
type jobPage struct {
	service.Job
	Lines   []service.JobLine
	Names   map[string]string
	Outcome string
	Next    string
	Undoing *service.Job // the job that this one takes back
}

// shownLines is how many rows of a log a page has.
const shownLines = 100

func job(v *ui.Visit) (ui.View, error) {
	var j service.Job
	if err := v.Call("job.get", service.ID{ID: v.Path("id")}, &j); err != nil {
		return ui.View{}, err
	}
	return jobView(v, j)
}

func jobView(v *ui.Visit, j service.Job) (ui.View, error) {
	p := jobPage{Job: j, Outcome: v.Query("outcome"), Names: map[string]string{}}
	after, _ := strconv.Atoi(v.Query("after"))
	if j.State != "draft" {
		ask := service.JobLinesAsk{ID: j.ID, Outcome: p.Outcome, After: after, Limit: shownLines + 1}
		if err := v.Call("job.history", ask, &p.Lines); err != nil {
			return ui.View{}, err
		}
	}
	if len(p.Lines) > shownLines {
		p.Lines = p.Lines[:shownLines]
		p.Next = strconv.Itoa(p.Lines[shownLines-1].N)
	}
	var ids []string
	for _, l := range p.Lines {
		if _, id, ok := strings.Cut(string(l.Subject), "/"); ok {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 {
		if err := v.Call("name.list", service.CalledAsk{IDs: ids}, &p.Names); err != nil {
			return ui.View{}, err
		}
	}
	ctx := v.Context()
	title := kindText(ctx, j.Kind)
	if j.Name != "" {
		title += ": " + j.Name
	}
	return ui.View{
		Title: title, Body: jobBody(p), Actions: jobActions(p), Styles: styles,
		Trail: []ui.Link{{Text: ui.T(ctx, "Jobs"), To: "/jobs"}},
	}, nil
}

// act does one thing to a job.
func act(v *ui.Visit, operation string) (service.Job, error) {
	var j service.Job
	err := v.Call(operation, service.JobAct{ID: v.Path("id"), Reason: v.Typed("reason")}, &j)
	return j, err
}

func undo(v *ui.Visit) (ui.Done, error) {
	j, err := act(v, "job.undo")
	if err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/jobs/" + j.ID, Toast: &ui.Toast{Text: ui.T(v.Context(), "What the job said is being taken back.")}}, nil
}

func cancel(v *ui.Visit) (ui.Done, error) {
	j, err := act(v, "job.cancel")
	if err != nil {
		return ui.Done{}, err
	}
	if j.Began.IsZero() {
		return ui.Done{To: "/import", Toast: &ui.Toast{Text: ui.T(v.Context(), "The draft is discarded; nothing was written.")}}, nil
	}
	return ui.Done{To: "/jobs/" + j.ID, Toast: &ui.Toast{Text: ui.T(v.Context(), "The job stops. What it did stays until it is taken back.")}}, nil
}

func resume(v *ui.Visit) (ui.Done, error) {
	if _, err := act(v, "job.resume"); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/jobs/" + v.Path("id"), Toast: &ui.Toast{Text: ui.T(v.Context(), "The job goes on where it was.")}}, nil
}

// logCSV is the whole log of a job as a file.
func logCSV(v *ui.Visit, w http.ResponseWriter) error {
	ctx, id := v.Context(), v.Path("id")
	ask := service.JobLinesAsk{ID: id, Outcome: v.Query("outcome"), Limit: 1000}
	var lines []service.JobLine
	if err := v.Call("job.history", ask, &lines); err != nil { // no such job is a page, not half a file
		return err
	}
	f := ui.StartCSV(w, id, ui.T(ctx, "Row"), ui.T(ctx, "Became"), ui.T(ctx, "What"), ui.T(ctx, "Why"))
	for len(lines) > 0 {
		for _, l := range lines {
			f.Row(strconv.Itoa(l.N), outcomeText(ctx, l.Outcome), string(l.Subject), l.Text)
		}
		ask.After = lines[len(lines)-1].N
		lines = nil
		if err := v.Call("job.history", ask, &lines); err != nil {
			return err
		}
	}
	return f.End()
}

// pageOf is the page of a job: that of a draft, or its own.
func pageOf(j service.Job) templ.SafeURL {
	if j.State == "draft" {
		return ui.To("/import/", j.ID)
	}
	return ui.To("/jobs/", j.ID)
}

// called is the thing that a line of a log is about.
func (p *jobPage) called(l service.JobLine) (name string, to templ.SafeURL) {
	layer, id, _ := strings.Cut(string(l.Subject), "/")
	if layer == "model" {
		return cmp.Or(p.Names[id], id), ui.To("/models/", id)
	}
	return cmp.Or(p.Names[id], id), ui.To("/devices/", id)
}

// lineText says why a row became what it is, in the reader's language where it
// is one of the program's own reasons.
func lineText(ctx context.Context, text string) string {
	switch text {
	case "it may be several devices, and nobody chose":
		return ui.T(ctx, "It may be several devices, and nobody chose.")
	case "it has problems":
		return ui.T(ctx, "It has problems.")
	case "the register does not know it":
		return ui.T(ctx, "The register does not know it.")
	}
	return text
}

// logged are the outcomes that a job's log has, in a fixed order.
func (p *jobPage) logged() (out []string) {
	for _, o := range []string{"new", "changed", "same", "skipped", "doubtful", "wrong", "undone", "removed", "kept"} {
		if p.Counts[o] > 0 {
			out = append(out, o)
		}
	}
	return out
}

// idOf is the id of what a line is about.
func idOf(l service.JobLine) string {
	_, id, _ := strings.Cut(string(l.Subject), "/")
	return id
}
