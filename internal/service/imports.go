package service

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/imports/sheet"
	"thalamus/internal/register"
	"thalamus/internal/register/roster"
)

// ImportAsk says what to import, and how. It is checked first; what it would
// do is shown, and nothing is written until Begin is given with the digest of
// what was shown.
type ImportAsk struct {
	Job       string            `json:"job,omitempty" doc:"the draft to go on with; empty: content holds a new table"`
	Name      string            `json:"name,omitempty" doc:"name of the file, for the log"`
	Content   []byte            `json:"content,omitempty" arg:"content" doc:"the file: CSV, .xlsx, or one of them packed with gzip"`
	What      roster.What       `json:"what,omitempty" doc:"devices or models; guessed unless told"`
	Mapping   map[string]string `json:"mapping,omitempty" doc:"column to what it tells, {\"Serial\":\"serial\"}; guessed unless told"`
	Dates     roster.Dates      `json:"dates,omitempty" doc:"dmy or mdy, where dates have slashes"`
	Choose    map[string]string `json:"choose,omitempty" doc:"row to the id of the device it is, or new; for doubtful rows"`
	SkipWrong bool              `json:"skipWrong,omitempty" doc:"leave rows with problems out, instead of refusing all"`
	OnlyKnown bool              `json:"onlyKnown,omitempty" doc:"make nothing new; only say more of what the register knows"`
	Adopt     bool              `json:"adopt,omitempty" doc:"take new devices into use"`
	All       bool              `json:"all,omitempty" doc:"tell all problems, not only the first 500"`
	Begin     bool              `json:"begin,omitempty" doc:"do it; needs job and digest of what was shown"`
	Digest    string            `json:"digest,omitempty" doc:"of the plan that was shown; refuse when the register changed so that another one would be done"`
	Reason    string            `json:"reason,omitempty" doc:"why, for the audit; needed to begin"`
}

// ImportCheck is what an import would do.
type ImportCheck struct {
	Job      register.Job           `json:"job"`
	Form     string                 `json:"form"`             // csv, csv;, tsv, bar, xlsx
	Origin   string                 `json:"origin,omitempty"` // snipe-it, glpi, gudid, where its columns tell
	What     roster.What            `json:"what"`
	Columns  []string               `json:"columns"`
	Targets  []string               `json:"targets"` // what a column may tell
	Mapping  map[string]string      `json:"mapping"`
	Sample   [][]string             `json:"sample"`            // the first rows
	Mistake  string                 `json:"mistake,omitempty"` // what is wrong with the mapping
	Rows     int                    `json:"rows"`
	Counts   map[roster.Outcome]int `json:"counts"`
	Problems []roster.Problem       `json:"problems"` // the first of them
	Wrong    int                    `json:"wrong"`    // all of them
	Doubtful []roster.Step          `json:"doubtful"` // the first of them
	Steps    []roster.Step          `json:"steps"`    // the first that change something
	Digest   string                 `json:"digest,omitempty"`
	Begun    bool                   `json:"begun,omitempty"`
}

// Bounds of an answer; the log of the job has all rows.
const (
	mostProblems = 500
	mostDoubtful = 200
	mostSteps    = 50
	mostSample   = 5
)

func importOps() []Op {
	return []Op{
		define(Works, "device.import", "Check a table of devices or models row by row, and import it.", "list.csv --name list.csv", importDevices),
	}
}

func importDevices(ctx context.Context, c *call, r ImportAsk) (ImportCheck, error) {
	var j register.Job
	var body []byte
	var err error
	if r.Job == "" {
		if body = r.Content; len(body) == 0 {
			return ImportCheck{}, fault.New(fault.Invalid, "service.argument", "there is no content; give the file, or the job of a draft").At("content")
		}
		j = register.Job{ID: "job-" + newChange(), Kind: "import", State: register.JobDraft, Name: clip(baseName(r.Name), 120), By: c.actor.ID, ByName: c.actor.Name, Made: c.s.now()}
	} else {
		if j, err = c.s.Store.Job(ctx, r.Job); err != nil {
			return ImportCheck{}, err
		}
		if j.Kind != "import" || j.State != register.JobDraft {
			return ImportCheck{}, fault.New(fault.Conflict, "service.job-runs", "this import was begun already; look at it with job.get").At("job")
		}
		if body, err = c.s.Store.JobInput(ctx, j.ID); err != nil {
			return ImportCheck{}, err
		}
	}
	c.object, c.reason = "job "+j.ID, r.Reason
	p, err := c.s.planImport(ctx, body, r)
	if err != nil {
		return ImportCheck{}, err
	}
	answer := p.answer(r)
	if r.Begin {
		if err := p.mayBegin(r, answer); err != nil {
			return ImportCheck{}, err
		}
		j.Change, j.Reason, j.Total, j.Began = c.change, r.Reason, len(p.steps), c.s.now()
		j.By, j.ByName = c.actor.ID, c.actor.Name
		answer.Begun = true
	}
	r.Content, r.Mapping, r.What, r.Begin, r.All = nil, answer.Mapping, p.what, false, false
	if j.Ask, err = json.Marshal(r); err != nil {
		return ImportCheck{}, fault.Wrap(err, fault.Broken, "register.body", "the import cannot be written")
	}
	if err := c.s.keepDraft(ctx, &j, body, r.Job == ""); err != nil {
		return ImportCheck{}, err
	}
	if answer.Begun {
		if err := c.startJob(ctx, j); err != nil {
			return ImportCheck{}, err
		}
		j.State = register.JobWaiting
	}
	answer.Job = j
	return answer, nil
}

func baseName(s string) string {
	return s[strings.LastIndexAny(s, `/\`)+1:]
}

// keepDraft stores a draft, with its table where that is new, packed.
func (s *Service) keepDraft(ctx context.Context, j *register.Job, body []byte, fresh bool) error {
	if fresh && !strings.HasPrefix(string(body[:min(len(body), 2)]), "\x1f\x8b") {
		packed, err := sheet.Pack(body)
		if err != nil {
			return fault.Wrap(err, fault.Broken, "register.body", "the table cannot be packed")
		}
		body = packed
	}
	return s.Store.Update(ctx, func(tx Tx) error {
		if err := tx.SaveJob(ctx, *j); err != nil || !fresh {
			return err
		}
		return tx.SaveJobInput(ctx, j.ID, body)
	})
}

// importPlan is a table with what it would do.
type importPlan struct {
	table    sheet.Table
	what     roster.What
	mapping  roster.Mapping
	mistake  error
	steps    []roster.Step
	problems []roster.Problem
}

// planImport reads and plans. A mapping that cannot be used is no error: it is
// shown beside the columns.
func (s *Service) planImport(ctx context.Context, body []byte, r ImportAsk) (*importPlan, error) {
	t, err := sheet.Read(body)
	if err != nil {
		return nil, err
	}
	p := &importPlan{table: t}
	guess, what := roster.Guess(t.Columns)
	p.mapping, p.what = guess, what
	switch r.What {
	case "":
	case roster.Devices, roster.Models:
		p.what = r.What
	default:
		return nil, fault.New(fault.Invalid, "service.argument", "a table lists devices or models, not %q", clip(string(r.What), 40)).At("what")
	}
	if r.Dates != "" && r.Dates != roster.DayFirst && r.Dates != roster.MonthFirst {
		return nil, fault.New(fault.Invalid, "service.argument", "dates are dmy or mdy, not %q", clip(string(r.Dates), 40)).At("dates")
	}
	if len(r.Mapping) > 0 {
		p.mapping = r.Mapping
	}
	if p.mistake = p.mapping.Check(t.Columns, p.what); p.mistake != nil {
		return p, nil
	}
	chosen := map[int]string{}
	for row, id := range r.Choose {
		n, err := strconv.Atoi(row)
		if err != nil {
			return nil, fault.New(fault.Invalid, "service.argument", "%q is no number of a row", clip(row, 40)).At("choose")
		}
		chosen[n] = id
	}
	rows, problems := roster.Read(roster.Table{Columns: t.Columns, First: t.First, Rows: t.Rows}, p.mapping, p.what, r.Dates)
	var more []roster.Problem
	if p.what == roster.Models {
		p.steps, more = roster.PlanModels(rows, s.knownModels(), chosen, register.ModelID)
	} else {
		p.steps, more = roster.Plan(rows, s.knownDevices(), chosen)
	}
	p.problems = append(problems, more...)
	roster.SortProblems(p.problems)
	return p, ctx.Err()
}

// answer shows a plan, bounded.
func (p *importPlan) answer(r ImportAsk) ImportCheck {
	a := ImportCheck{
		Form: p.table.Form, Origin: roster.Origin(p.table.Columns), What: p.what, Columns: p.table.Columns, Targets: roster.Targets(p.what), Mapping: p.mapping,
		Sample: p.table.Rows[:min(len(p.table.Rows), mostSample)], Rows: len(p.table.Rows), Counts: roster.Counts(p.steps),
		Problems: p.problems[:min(len(p.problems), mostProblems)], Wrong: len(p.problems),
	}
	if r.All {
		a.Problems = p.problems
	}
	if p.mistake != nil {
		a.Mistake = p.mistake.Error()
		return a
	}
	for i := range p.steps {
		s := &p.steps[i]
		switch {
		case s.Outcome == roster.Doubtful && len(a.Doubtful) < mostDoubtful:
			a.Doubtful = append(a.Doubtful, *s)
		case (s.Outcome == roster.New || s.Outcome == roster.Changed) && len(a.Steps) < mostSteps:
			a.Steps = append(a.Steps, *s)
		}
	}
	a.Digest = roster.Digest(p.steps)
	return a
}

// mayBegin says why a plan is not begun.
func (p *importPlan) mayBegin(r ImportAsk, a ImportCheck) error {
	switch {
	case r.Job == "":
		return fault.New(fault.Invalid, "service.import-unseen", "check the table first, and begin its draft with the digest of what was shown").At("job")
	case p.mistake != nil:
		return p.mistake
	case len(p.problems) > 0 && !r.SkipWrong:
		one := p.problems[0]
		where := strings.TrimSpace("row " + strconv.Itoa(one.Row) + " " + one.Column)
		return fault.New(fault.Invalid, "service.import-wrong", "rows with problems: %d, the first is %s: expected %s; correct the table, or leave these rows out with skipWrong", a.Counts[roster.Wrong], where, one.Want).At("skipWrong")
	case r.Digest != a.Digest:
		return fault.New(fault.Conflict, "service.import-stale", "the register changed since the table was checked, and the import would do something else now; look at it again").At("digest")
	}
	return needReason(r.Reason)
}
