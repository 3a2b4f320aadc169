package oversight

import (
	"context"
	"reflect"
	"strconv"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// auditView is the audit with its filters, and the outcome of a check.
type auditView struct {
	List     service.List[service.AuditRecord]
	Hidden   int // beginnings of long work, whose end is shown
	Filtered bool
	Verified *service.AuditVerified
}

const pageOfRecords = 100

// fewPatients is how many patients of a look at many are named in the list; the
// record names them all.
const fewPatients = 3

// filters of the audit, as they stand in the address.
var filters = []string{"actor", "action", "outcome", "object", "change", "patient", "from", "until"}

func auditList(v *ui.Visit) (ui.View, error) {
	var p auditView
	if err := p.fill(v); err != nil {
		return ui.View{}, err
	}
	return auditPage(v, p), nil
}

func auditPage(v *ui.Visit, p auditView) ui.View {
	return ui.View{Styles: styles, Title: ui.T(v.Context(), "Audit"), Body: auditBody(p), Actions: auditActions()}
}

func (p *auditView) fill(v *ui.Visit) error {
	for _, name := range filters {
		p.Filtered = p.Filtered || v.Query(name) != ""
	}
	ask := service.AuditAsk{
		Actor: model.ActorID(v.Query("actor")), Action: v.Query("action"), Object: v.Query("object"), Change: v.Query("change"),
		Patient: model.PatientID(v.Query("patient")), Limit: pageOfRecords,
	}
	fields := map[string]string{"outcome": v.Query("outcome"), "after": v.Query("after")}
	for _, f := range service.Fields(reflect.TypeOf(ask)) {
		if text := fields[f.Name]; text != "" {
			if err := f.Set(&ask, []string{text}); err != nil {
				return err
			}
		}
	}
	for name, into := range map[string]*time.Time{"from": &ask.From, "until": &ask.Until} {
		text := v.Query(name)
		if text == "" {
			continue
		}
		t, err := service.ParseTime(text, v.Now.In(v.Zone))
		if err != nil {
			// The list says what is wrong and shows nothing rather than all.
			v.Fault = fault.New(fault.Invalid, "service.argument", `expected a time such as 14:30, 2026-11-21 14:30 or -2h`).At(name)
			return nil
		}
		*into = t
	}
	if err := v.Call("audit.list", ask, &p.List); err != nil {
		return err
	}
	// The beginning of long work goes unsaid where its end is on the page.
	ended := map[string]bool{}
	rows := p.List.Rows[:0:0]
	for _, r := range p.List.Rows {
		if string(r.Outcome) == "begun" && ended[r.Change] && ask.Outcome == "" && ask.Change == "" {
			p.Hidden++
			continue
		}
		ended[r.Change] = true
		rows = append(rows, r)
	}
	p.List.Rows = rows
	return nil
}

func verifyAudit(v *ui.Visit) (ui.Done, error) {
	var p auditView
	p.Verified = &service.AuditVerified{}
	if err := v.Call("audit.verify", nil, p.Verified); err != nil {
		return ui.Done{}, err
	}
	if err := p.fill(v); err != nil {
		return ui.Done{}, err
	}
	view := auditPage(v, p)
	return ui.Done{View: &view}, nil
}

// outcome says how an act ended, as a badge.
func outcome(ctx context.Context, r service.AuditRecord) (kind, text string) {
	switch string(r.Outcome) {
	case "done":
		return "good", ui.T(ctx, "Done")
	case "denied":
		return "warn", ui.T(ctx, "Denied")
	case "failed":
		return "bad", ui.T(ctx, "Failed")
	case "begun":
		return "busy", ui.T(ctx, "Begun")
	}
	return "info", string(r.Outcome)
}

func outcomeKind(ctx context.Context, r service.AuditRecord) string {
	kind, _ := outcome(ctx, r)
	return kind
}
func outcomeText(ctx context.Context, r service.AuditRecord) string {
	_, text := outcome(ctx, r)
	return text
}

func outcomes(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Value: "", Text: ui.T(ctx, "any")}, {Value: "done", Text: ui.T(ctx, "Done")}, {Value: "denied", Text: ui.T(ctx, "Denied")},
		{Value: "failed", Text: ui.T(ctx, "Failed")}, {Value: "begun", Text: ui.T(ctx, "Begun")},
	}
}

// kindOfActor says in words what kind of actor did it.
func kindOfActor(ctx context.Context, kind string) string {
	switch kind {
	case "user":
		return ui.T(ctx, "person")
	case "token":
		return ui.T(ctx, "API token")
	case "local":
		return ui.T(ctx, "on this machine")
	case "system":
		return ui.T(ctx, "the program itself")
	}
	return kind
}

// from says what kind of actor it was and from where.
func from(ctx context.Context, r service.AuditRecord) string {
	text := kindOfActor(ctx, r.ActorKind)
	if r.Remote != "" && r.Remote != "local" {
		text += ", " + r.Remote
	}
	return text
}

func who(r service.AuditRecord) string {
	if r.ActorName != "" {
		return r.ActorName
	}
	return string(r.Actor)
}

func number[N ~uint64 | ~uint32 | ~int64](n N) string { return strconv.FormatUint(uint64(n), 10) }
