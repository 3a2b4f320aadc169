package bulk

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// draftView is what a table would do, and the choices made so far.
type draftView struct {
	service.ImportCheck
	Ask   service.ImportAsk
	Names map[string]string // of devices and models that rows may be
}

// column is one column of the table, as the mapper shows it.
type column struct {
	Name, Target string
	Samples      []string
}

// Bounds of what the page shows; the file of problems has all.
const (
	shownProblems = 100
	shownSteps    = 10
)

func draft(v *ui.Visit) (ui.View, error) {
	id := v.Path("job")
	var j service.Job
	if err := v.Call("job.get", service.ID{ID: id}, &j); err != nil {
		return ui.View{}, err
	}
	if j.Kind != "import" || j.State != "draft" {
		return jobView(v, j)
	}
	p := draftView{}
	var err error
	if p.Ask, err = kept(j); err != nil {
		return ui.View{}, err
	}
	if err := v.Call("device.import", p.Ask, &p.ImportCheck); err != nil {
		return ui.View{}, err
	}
	if err := p.names(v); err != nil {
		return ui.View{}, err
	}
	ctx := v.Context()
	return ui.View{
		Title: ui.T(ctx, "Import: %s", cmp.Or(j.Name, j.ID)), Body: draftBody(p), Styles: styles, Trail: []ui.Link{{Text: ui.T(ctx, "Import"), To: "/import"}},
		Actions: draftActions(p),
	}, nil
}

// kept gives the choices that a draft holds.
func kept(j service.Job) (service.ImportAsk, error) {
	var ask service.ImportAsk
	if len(j.Ask) > 0 {
		if err := json.Unmarshal(j.Ask, &ask); err != nil {
			return ask, fault.Wrap(err, fault.Broken, "register.body", "the import cannot be read; import the table again")
		}
	}
	ask.Job, ask.Begin, ask.Digest, ask.Reason = j.ID, false, "", ""
	return ask, nil
}

// asked gives the choices of the draft that an act is on.
func asked(v *ui.Visit) (service.ImportAsk, error) {
	var j service.Job
	if err := v.Call("job.get", service.ID{ID: v.Path("job")}, &j); err != nil {
		return service.ImportAsk{}, err
	}
	return kept(j)
}

// names asks for the names of what doubtful rows may be.
func (p *draftView) names(v *ui.Visit) error {
	var ids []string
	for _, s := range p.Doubtful {
		for _, c := range s.Candidates {
			ids = append(ids, c.ID)
		}
	}
	for _, s := range p.Steps[:min(len(p.Steps), shownSteps)] {
		if s.ID != "" {
			ids = append(ids, s.ID)
		}
	}
	p.Names = map[string]string{}
	for len(ids) > 0 {
		part := ids[:min(len(ids), 1000)]
		ids = ids[len(part):]
		var names map[string]string
		if err := v.Call("name.list", service.CalledAsk{IDs: part}, &names); err != nil {
			return err
		}
		for id, name := range names {
			p.Names[id] = name
		}
	}
	return nil
}

// columns gives the columns with what they tell and what stands in them.
func (p *draftView) columns() []column {
	out := make([]column, len(p.Columns))
	for i, name := range p.Columns {
		out[i] = column{Name: name, Target: p.Mapping[name]}
		for _, row := range p.Sample {
			if i >= len(row) || strings.TrimSpace(row[i]) == "" || len(out[i].Samples) == 3 {
				continue
			}
			if s := clip(row[i], 40); !slices.Contains(out[i].Samples, s) {
				out[i].Samples = append(out[i].Samples, s)
			}
		}
	}
	return out
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// count of rows with one outcome.
func (p *draftView) count(outcome string) int {
	for o, n := range p.Counts {
		if string(o) == outcome {
			return n
		}
	}
	return 0
}

// begins is how many rows an import would write.
func (p *draftView) begins() int {
	if p.Ask.OnlyKnown {
		return p.count("changed")
	}
	return p.count("new") + p.count("changed")
}

// mapColumns changes what the columns tell.
func mapColumns(v *ui.Visit) (ui.Done, error) {
	ask, err := asked(v)
	if err != nil {
		return ui.Done{}, err
	}
	ask.Mapping = map[string]string{}
	for i := 0; ; i++ {
		n := strconv.Itoa(i)
		names, there := v.Form["name-"+n]
		if !there {
			break
		}
		ask.Mapping[names[0]] = v.Typed("tells-" + n)
	}
	what := service.ImportWhat(v.Typed("what"))
	if what != ask.What {
		ask.Choose = nil // rows are other things now
		if v.Typed("guess") == "" {
			ask.Mapping = nil // and columns tell other things
		}
	}
	ask.What, ask.Dates = what, service.ImportDates(v.Typed("dates"))
	if err := v.Call("device.import", ask, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/import/" + ask.Job + "#rows"}, nil
}

// choose says which devices doubtful rows are.
func choose(v *ui.Visit) (ui.Done, error) {
	ask, err := asked(v)
	if err != nil {
		return ui.Done{}, err
	}
	if ask.Choose == nil {
		ask.Choose = map[string]string{}
	}
	if v.Typed("again") != "" {
		ask.Choose = nil
	}
	for name, values := range v.Form {
		if row, ok := strings.CutPrefix(name, "row-"); ok && len(values) > 0 && values[0] != "" {
			ask.Choose[row] = values[0]
		}
	}
	if err := v.Call("device.import", ask, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/import/" + ask.Job + "#rows"}, nil
}

// begin does it, as it was shown.
func begin(v *ui.Visit) (ui.Done, error) {
	ask, err := asked(v)
	if err != nil {
		return ui.Done{}, err
	}
	ask.SkipWrong, ask.OnlyKnown, ask.Adopt = v.Typed("skipWrong") != "", v.Typed("onlyKnown") != "", v.Typed("adopt") != ""
	ask.Begin, ask.Digest, ask.Reason = true, v.Typed("digest"), v.Typed("reason")
	if err := v.Call("device.import", ask, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/jobs/" + ask.Job, Toast: &ui.Toast{Text: ui.T(v.Context(), "The import has begun.")}}, nil
}

// problemsCSV is every problem of a draft as a file.
func problemsCSV(v *ui.Visit, w http.ResponseWriter) error {
	ask, err := asked(v)
	if err != nil {
		return err
	}
	ask.All = true
	var c service.ImportCheck
	if err := v.Call("device.import", ask, &c); err != nil {
		return err
	}
	ctx := v.Context()
	f := ui.StartCSV(w, "problems", ui.T(ctx, "Row"), ui.T(ctx, "Column"), ui.T(ctx, "What stands there"), ui.T(ctx, "What was expected"))
	for _, one := range c.Problems {
		f.Row(strconv.Itoa(one.Row), one.Column, one.Value, one.Want)
	}
	return f.End()
}

// candidates are the choices of a doubtful row.
func (p *draftView) candidates(ctx context.Context, s service.ImportStep) []ui.Option {
	out := []ui.Option{{Value: "", Text: ui.T(ctx, "Leave the row out")}}
	for _, c := range s.Candidates {
		out = append(out, ui.Option{Value: c.ID, Text: ui.T(ctx, "It is %s (%s)", cmp.Or(p.Names[c.ID], c.ID), whyText(ctx, c.Why))})
	}
	return append(out, ui.Option{Value: "new", Text: ui.T(ctx, "It is a new one")})
}
