package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/access"
	"thalamus/internal/app/apptest"
	"thalamus/internal/audit"
	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

func opsByName() map[string]service.Op {
	ops := map[string]service.Op{}
	for _, o := range service.Ops() {
		ops[o.Name] = o
	}
	return ops
}

// Every operation is refused to who may not, and the refusal is audited
// whatever the request holds (R43, R44).
func TestRefusedCallsAreAudited(t *testing.T) {
	h := apptest.Start(t)
	nobody := h.App.Service().As(access.Actor{ID: "usr-nobody", Name: "Nobody", Kind: access.User}, service.Origin{Remote: "192.0.2.7"})
	for _, op := range service.Ops() {
		err := nobody.Call(t.Context(), op.Name, nil, nil)
		if fault.KindOf(err) != fault.Denied || fault.CodeOf(err) != "access.denied" {
			t.Errorf("%s: %v", op.Name, err)
		}
		records := h.Audited(op.Name)
		if len(records) == 0 {
			t.Errorf("%s: the refusal is not audited", op.Name)
			continue
		}
		r := records[0]
		if r.Outcome != audit.Denied || r.Actor != "usr-nobody" || r.ActorName != "Nobody" || r.ActorKind != "user" || r.FaultCode != "access.denied" || r.Remote != "192.0.2.7" {
			t.Errorf("%s: %+v", op.Name, r)
		}
	}
}

func TestRefusalNamesItsSubject(t *testing.T) {
	h := apptest.Start(t)
	viewer := h.App.Service().As(access.Actor{ID: "usr-v", Name: "V", Roles: []string{"viewer"}, Kind: access.User}, service.Origin{})
	for _, c := range []struct {
		op      string
		request any
		subject string
		reason  string
	}{
		{"channel.disable", service.Remove{ID: "icu", Reason: "curious"}, "channel icu", "curious"},
		{"channel.put", service.Put[model.Channel]{Value: model.Channel{ID: "icu"}}, "channel icu", ""},
		{"entry.redact", service.EntryAct{Seq: 4711, Reason: "x"}, "entry 4711", "x"},
		{"user.password", service.UserPassword{Name: "root", Password: apptest.Password}, "user root", ""},
		{"device.assert", service.DeviceAssert{DeviceAct: service.DeviceAct{ID: "dev-1"}, Name: "n"}, "device dev-1", ""},
	} {
		if err := viewer.Call(t.Context(), c.op, c.request, nil); fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", c.op, err)
		}
		if r := h.Audited(c.op)[0]; r.Object != c.subject || r.Reason != c.reason {
			t.Errorf("%s: %q %q", c.op, r.Object, r.Reason)
		}
	}
}

// Every operation succeeds for who may, and what changes or shows patients'
// data is audited with who, what, about what, how it ended and why. What is
// shown and secret appears nowhere it should not (R44, R57).
func TestEveryOperationIsAudited(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	ops, done := opsByName(), map[string]bool{}
	var secrets []string
	for _, e := range h.Errands() {
		op := ops[e.Op]
		if op.Name == "" {
			t.Fatalf("there is no operation %s", e.Op)
		}
		done[e.Op] = true
		request := e.Request()
		before := len(h.Audited(e.Op))
		response := reflect.New(op.Response)
		if err := h.Door().Call(t.Context(), e.Op, request, response.Interface()); err != nil {
			t.Errorf("%s: %v", e.Op, err)
			continue
		}
		text, err := json.Marshal(response.Interface())
		if err != nil {
			t.Errorf("%s: the answer cannot be written: %v", e.Op, err)
		}
		switch answer := response.Elem().Interface().(type) {
		case service.TokenMade:
			secrets = append(secrets, answer.Secret)
		case service.SignInLink:
			secrets = append(secrets, answer.Secret)
		}
		records := h.Audited(e.Op)
		records = records[:len(records)-before]
		if op.Mode == service.Reads && !op.Patients {
			if e.Op != "audit.list" && len(records) != 0 {
				t.Errorf("%s: reading is audited: %+v", e.Op, records)
			}
			if s := string(text); strings.Contains(s, "Quillfeather") || strings.Contains(s, "MRN-774411") {
				t.Errorf("%s shows a patient's data and does not say so", e.Op)
			}
			continue
		}
		if len(records) == 0 {
			t.Errorf("%s is not audited", e.Op)
			continue
		}
		r := records[0]
		if r.Outcome != audit.Done || r.ActorName != "root" || r.ActorKind != "local" || r.Reason != e.Reason || r.Remote != "local" ||
			e.Subject != "*" && r.Object != e.Subject || e.Subject == "*" && r.Object == "" {
			t.Errorf("%s: outcome %s, subject %q, reason %q: %+v", e.Op, r.Outcome, r.Object, r.Reason, r)
		}
		if op.Mode == service.Works && (len(records) < 2 || records[len(records)-1].Outcome != audit.Begun || records[len(records)-1].Change != r.Change) {
			t.Errorf("%s: its beginning is not audited: %+v", e.Op, records)
		}
	}
	for name := range ops {
		if !done[name] {
			t.Logf("%s has no errand in apptest", name)
		}
	}

	var verified service.AuditVerified
	h.Call("audit.verify", nil, &verified)
	if !verified.Good {
		t.Errorf("%+v", verified)
	}
	for _, list := range [][]apptest.AuditRecord{h.Audited("")} {
		for _, r := range list {
			text, _ := json.Marshal(r)
			forbid(t, "the audit record of "+r.Action, string(text), append(secrets, apptest.Private...))
		}
	}
	forbid(t, "the log", h.Log.String(), append(secrets, append(apptest.Private, apptest.Password)...))
}

func forbid(t *testing.T, where, text string, words []string) {
	t.Helper()
	for _, w := range words {
		if i := strings.Index(text, w); i >= 0 {
			t.Errorf("%s holds %q: …%s…", where, w, text[max(0, i-60):min(len(text), i+60)])
		}
	}
}

// Every patient whose data an answer holds is in the audit, and no other.
func TestLooksNameEveryPatient(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	var rows service.List[service.Summary]
	h.Call("message.search", service.MessageSearch{}, &rows)
	both := map[model.PatientID]bool{}
	one := rows.Rows[len(rows.Rows)-1].Patient // the first message's
	for _, r := range rows.Rows {
		both[r.Patient] = true
	}
	if len(both) != 2 || one == "" {
		t.Fatalf("%v", both)
	}
	var other model.PatientID
	for p := range both {
		if p != one {
			other = p
		}
	}
	var list service.List[service.DeviceRow]
	h.Call("device.list", nil, &list)
	var device service.DeviceRow // the other patient's
	for _, d := range list.Rows {
		if d.Serial == "MON-2" || d.Place == "ICU^3^31" {
			device = d
		}
	}
	for _, c := range []struct {
		op      string
		request any
		want    []model.PatientID
	}{
		{"message.search", service.MessageSearch{}, []model.PatientID{one, other}},
		{"message.search", service.MessageSearch{Text: "quillfeather"}, []model.PatientID{one}},
		{"message.search", service.MessageSearch{Patient: other}, []model.PatientID{other}},
		{"message.get", service.Ref{Seq: 2}, []model.PatientID{one}},
		{"message.get", service.Ref{Seq: 3}, []model.PatientID{other}},
		{"entry.get", service.Ref{Seq: 3}, []model.PatientID{other}},
		{"trend.get", service.TrendAsk{Code: "MDC_ECG_HEART_RATE", Patient: one}, []model.PatientID{one}},
		{"trend.get", service.TrendAsk{Code: "MDC_ECG_HEART_RATE", Device: device.ID}, []model.PatientID{other}},
		{"live.get", service.LiveAsk{}, []model.PatientID{one, other}},
		{"live.get", service.LiveAsk{Place: "ICU^2"}, []model.PatientID{one}},
		{"patient.search", service.PatientAsk{Text: "mrn-885522"}, []model.PatientID{other}},
		{"patient.search", service.PatientAsk{Text: "nobody"}, nil},
		{"patient.get", service.ID{ID: string(one)}, []model.PatientID{one}},
		{"alert.list", service.AlertAsk{}, nil},
	} {
		before := len(h.Audited(c.op))
		h.Call(c.op, c.request, nil)
		records := h.Audited(c.op)
		var seen []model.PatientID
		for _, r := range records[:len(records)-before] {
			seen = append(seen, r.All()...)
		}
		slices.Sort(seen)
		slices.Sort(c.want)
		if !slices.Equal(seen, c.want) || len(records) == before {
			t.Errorf("%s %+v: saw %v, the audit names %v", c.op, c.request, c.want, seen)
		}
	}
}

// brokenAudit is a store whose audit cannot be written.
type brokenAudit struct {
	service.Store
	broken bool
}

var errNoAudit = errors.New("the audit cannot be written")

type brokenTx struct{ service.Tx }

func (brokenTx) AppendAudit(context.Context, audit.Record) (audit.Record, error) {
	return audit.Record{}, errNoAudit
}

func (b *brokenAudit) Update(ctx context.Context, work func(tx service.Tx) error) error {
	return b.Store.Update(ctx, func(tx service.Tx) error {
		if b.broken {
			tx = brokenTx{tx}
		}
		return work(tx)
	})
}

// What cannot be audited is not done, and what would be shown is not shown.
func TestNothingWithoutAudit(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	parts := h.App.Service().Parts
	store := &brokenAudit{Store: parts.Store}
	parts.Store = store
	s := service.New(parts)
	errands := h.Errands()
	state := func() string {
		var all []any
		for _, name := range []string{"config.export", "device.list", "user.list", "hold.list", "deadletter.list", "channel.list"} {
			response := reflect.New(opsByName()[name].Response)
			h.Call(name, nil, response.Interface())
			all = append(all, response.Interface())
		}
		var replays []deliver.Replay
		h.Call("replay.list", nil, &replays)
		// A correction goes out by itself, some time after what it corrects was done.
		all = append(all, slices.DeleteFunc(replays, func(r deliver.Replay) bool { return r.Span.Correction > 0 }))
		var tokens []access.APIToken
		h.Call("token.list", nil, &tokens)
		for i := range tokens {
			tokens[i].Used = tokens[i].Made
		}
		text, err := json.Marshal(append(all, tokens))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	ops := opsByName()
	dead := func() int {
		var letters service.List[deliver.DeadLetter]
		h.Call("deadletter.list", service.DeadLetterAsk{Destination: "his"}, &letters)
		return len(letters.Rows)
	}
	quiet := func() bool {
		var overview service.Overview
		h.Call("overview.get", nil, &overview)
		var rows []service.DestinationRow
		h.Call("destination.list", nil, &rows)
		if overview.Recorded < overview.Journal || slices.ContainsFunc(rows, func(r service.DestinationRow) bool { return r.Queued > 0 && r.State != string(deliver.Paused) }) {
			return false // what an errand sends goes on by itself
		}
		var replays []deliver.Replay
		h.Call("replay.list", nil, &replays)
		return !slices.ContainsFunc(replays, func(r deliver.Replay) bool {
			return slices.ContainsFunc(r.Jobs, func(j deliver.Job) bool { return !j.Done })
		})
	}
	h.Until("deliveries rest", func() bool { return quiet() && dead() == 3 })
	for _, e := range errands {
		op := ops[e.Op]
		request := e.Request()
		if op.Mode != service.Reads || op.Patients {
			h.Until("deliveries and replays rest", quiet) // they go on by themselves
			before := state()
			store.broken = true
			response := reflect.New(op.Response)
			err := s.OnThisMachine("root").Call(t.Context(), e.Op, request, response.Interface())
			store.broken = false
			if err == nil || !errors.Is(err, errNoAudit) {
				// An errand that needs the one before it may fail otherwise.
				if err == nil {
					t.Errorf("%s succeeds without an audit record", e.Op)
				}
			}
			if !response.Elem().IsZero() {
				t.Errorf("%s answers without an audit record", e.Op)
			}
			if after := state(); after != before {
				t.Errorf("%s changed something without an audit record:\n%s\n%s", e.Op, before, after)
			}
		}
		letters := dead()
		if err := h.Door().Call(t.Context(), e.Op, request, nil); err != nil {
			t.Errorf("%s afterwards: %v", e.Op, err)
		}
		if e.Op == "deadletter.retry" { // nothing is queued while it is tried
			h.Until("the letter is dead again", func() bool { return quiet() && dead() >= letters }) // others may have died meanwhile
		}
	}
}

// Reasons are kept, and demanded where the act cannot be undone or touches
// what patients' data rests on.
func TestReasonsAreDemanded(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	for _, c := range []struct {
		op      string
		request any
	}{
		{"deadletter.discard", service.Letter{ID: 1}},
		{"entry.replay", service.ReplayAsk{Entries: []model.Seq{1}}},
		{"entry.redact", service.EntryAct{Seq: 1}},
		{"hold.set", service.SegmentAct{Segment: 1}},
		{"hold.release", service.SegmentAct{Segment: 1}},
	} {
		err := h.Door().Call(t.Context(), c.op, c.request, nil)
		var f *fault.Fault
		if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Place != "reason" {
			t.Errorf("%s without a reason: %v", c.op, err)
		}
	}
}

func TestLongReasonIsBounded(t *testing.T) {
	h := apptest.Start(t)
	h.Call("user.add", service.UserAdd{Name: "nele", Roles: []string{"viewer"}}, nil)
	h.Call("user.link", service.UserName{Name: "nele", Reason: strings.Repeat("ä", 100_000)}, nil)
	if r := h.Audited("user.link")[0]; len(r.Reason) > 2100 {
		t.Error(len(r.Reason))
	}
}

func TestWrongTypesAreOurFault(t *testing.T) {
	h := apptest.Start(t)
	var wrong int
	for _, err := range []error{
		h.Door().Call(t.Context(), "user.add", service.UserName{Name: "x"}, nil),
		h.Door().Call(t.Context(), "user.add", service.UserAdd{Name: "x", Roles: []string{"viewer"}}, &wrong),
	} {
		if fault.KindOf(err) != fault.Broken || fault.CodeOf(err) != "service.type" {
			t.Error(err)
		}
	}
	var users []service.Account
	h.Call("user.list", nil, &users)
	if len(users) != 0 {
		t.Error("a call that failed by its types was done:", users)
	}
	if err := h.Door().Call(t.Context(), "user.fly", nil, nil); fault.KindOf(err) != fault.Absent {
		t.Error(err)
	}
}

// An answer without rows is an empty list, never null: its shape is the same
// with rows and without.
func TestAnswersWithoutRowsAreLists(t *testing.T) {
	h := apptest.Start(t)
	for _, op := range service.Ops() {
		if !strings.HasSuffix(op.Name, ".list") && op.Name != "message.search" {
			continue
		}
		answer, ask := reflect.New(op.Response), reflect.New(op.Request).Interface()
		switch ask := ask.(type) { // what a list cannot be asked without
		case *service.WaveformAsk:
			ask.Device = "dev-none"
		case *service.FactAsk:
			ask.Subject = "device/dev-none"
		case *service.ChangeAsk:
			ask.Kind, ask.ID = "channel", "none"
		case *service.MetricAsk:
			continue // it is asked of devices, which then have some
		}
		h.Call(op.Name, ask, answer.Interface())
		got, err := json.Marshal(answer.Interface())
		if err != nil || string(got) == "null" || strings.Contains(string(got), `"rows":null`) {
			t.Errorf("%s: %s %v", op.Name, got, err)
		}
	}
}
