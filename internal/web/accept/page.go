package accept

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// page is one acceptance.
type page struct {
	service.AcceptancePage
	Demands []ui.Option // roles in whose name the visitor may make conditions
}

func show(v *ui.Visit) (ui.View, error) {
	var p page
	if err := v.Call("acceptance.get", service.ID{ID: v.Path("id")}, &p.AcceptancePage); err != nil {
		return ui.View{}, err
	}
	ctx := v.Context()
	for _, r := range p.Acceptance.Template.Roles {
		if v.Door != nil && slices.Contains(v.Door.Actor().Roles, string(r)) {
			p.Demands = append(p.Demands, ui.Option{Value: string(r), Text: role(ctx, r)})
		}
	}
	return ui.View{Title: p.Title, Trail: []ui.Link{{Text: ui.T(ctx, "Acceptance"), To: "/acceptances"}}, Body: pageBody(p), History: steps(p), Actions: pageActions(p)}, nil
}

// settled says that nothing more can be said to it but that it is opened again.
func (p page) settled() bool { return p.State == "accepted" || p.State == "rejected" }

// at is the path of an act on it.
func (p page) at(parts ...string) string {
	path := "/acceptances/" + p.ID
	for _, part := range parts {
		path += "/" + part
	}
	return path
}

// objection says whether an answer is not the wanted one.
func (p page) objection(q service.Question) bool {
	a, _ := p.Acceptance.Of(q.ID)
	return q.Want != "" && a.Value != "" && a.Value != "n/a" && string(a.Value) != q.Want
}

func home(v *ui.Visit) string { return "/acceptances/" + v.Path("id") }

func act(v *ui.Visit) service.AcceptanceAct {
	version, _ := strconv.ParseInt(v.Typed("version"), 10, 64) // 0: any
	return service.AcceptanceAct{ID: v.Path("id"), Version: version, Reason: v.Typed("reason")}
}

func answer(v *ui.Visit) (ui.Done, error) {
	ask := service.AcceptanceAnswer{AcceptanceAct: act(v), Question: v.Path("question"), Value: service.AcceptanceValue(v.Typed("value")), Text: v.Typed("text"),
		Document: v.Typed("document"), Test: v.Typed("test"), Link: v.Typed("link")}
	if err := v.Call("acceptance.answer", ask, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: home(v) + "#q-" + v.Path("question"), Toast: &ui.Toast{Text: ui.T(v.Context(), "The answer is kept.")}}, nil
}

func sign(v *ui.Visit) (ui.Done, error) {
	var row service.AcceptanceRow
	ask := service.AcceptanceSign{AcceptanceAct: act(v), Role: service.AcceptanceRole(v.Path("role")), Note: v.Typed("note")}
	if err := v.Call("acceptance.sign", ask, &row); err != nil {
		return ui.Done{}, err
	}
	text := ui.T(v.Context(), "Signed. Missing: %s", roles(v.Context(), row.Missing))
	if row.State == "accepted" {
		text = ui.T(v.Context(), "Signed. All have signed: it is accepted.")
	}
	return ui.Done{To: home(v), Toast: &ui.Toast{Text: text}}, nil
}

func demand(v *ui.Visit) (ui.Done, error) {
	by, err := time.Parse(time.DateOnly, v.Typed("by"))
	if err != nil {
		return ui.Done{}, fault.New(fault.Invalid, "service.argument", "expected a day such as 2027-01-31").At("by")
	}
	ask := service.AcceptanceDemand{AcceptanceAct: act(v), Role: service.AcceptanceRole(v.Typed("role")), Text: v.Typed("text"), By: by}
	if err := v.Call("acceptance.demand", ask, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: home(v) + "#conditions", Toast: &ui.Toast{Text: ui.T(v.Context(), "The condition is made.")}}, nil
}

func meet(v *ui.Visit) (ui.Done, error) {
	n, _ := strconv.Atoi(v.Path("condition"))
	if err := v.Call("acceptance.meet", service.AcceptanceMeet{AcceptanceAct: act(v), Condition: n}, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: home(v) + "#conditions", Toast: &ui.Toast{Text: ui.T(v.Context(), "The condition is met.")}}, nil
}

func reject(v *ui.Visit) (ui.Done, error) {
	if err := v.Call("acceptance.reject", act(v), nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: home(v), Toast: &ui.Toast{Text: ui.T(v.Context(), "It is rejected.")}}, nil
}

func reopen(v *ui.Visit) (ui.Done, error) {
	if err := v.Call("acceptance.reopen", act(v), nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: home(v), Toast: &ui.Toast{Text: ui.T(v.Context(), "It is open again: every role signs anew.")}}, nil
}

// bring imports the worksheet that was chosen.
func bring(v *ui.Visit) (ui.Done, error) {
	r := v.Request
	if err := r.ParseMultipartForm(uploadLimit); err != nil {
		return ui.Done{}, fault.Wrap(err, fault.Invalid, "web.form", "the file did not arrive whole; send it again").At("file")
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }() // what is left is removed with the request
	v.Form = r.MultipartForm.Value
	file, head, err := r.FormFile("file")
	if err == http.ErrMissingFile || err == nil && head.Size == 0 {
		return ui.Done{}, fault.New(fault.Invalid, "web.no-file", "choose the filled-in worksheet").At("file")
	}
	if err != nil {
		return ui.Done{}, fault.Wrap(err, fault.Invalid, "web.form", "the file did not arrive whole; send it again").At("file")
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, uploadLimit))
	if err != nil {
		return ui.Done{}, fault.Wrap(err, fault.Invalid, "web.form", "the file did not arrive whole; send it again").At("file")
	}
	var got service.AcceptanceImported
	if err := v.Call("acceptance.import", service.AcceptanceImport{AcceptanceAct: act(v), Name: head.Filename, File: body}, &got); err != nil {
		return ui.Done{}, err
	}
	text := ui.T(v.Context(), "%d statements are read: evidence for %d questions, answers to %d.", got.Statements, got.Evidence, got.Answers)
	return ui.Done{To: home(v) + "#questions", Toast: &ui.Toast{Text: text}}, nil
}
