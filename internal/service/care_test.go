package service_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/register/care"
	"thalamus/internal/register/fact"
	"thalamus/internal/service"
)

func today(days int) care.Day { return care.DayOf(time.Now().AddDate(0, 0, days), time.UTC) }

// refused calls and expects a fault of a code.
func refused(t *testing.T, h *apptest.House, code, op string, request any) {
	t.Helper()
	if err := h.Door().Call(context.Background(), op, request, nil); fault.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", op, err, code)
	}
}

// R31: a plan makes a bought device due; the work is done with two
// measurements, and counts after a restart; what does not pass opens a repair.
func TestMaintenance(t *testing.T) {
	h := apptest.Start(t)
	d := monitor(h)
	subject := fact.Of(fact.OfDevice, string(d.ID))
	var page service.DevicePage
	h.Call("device.get", service.ID{ID: string(d.ID)}, &page)
	plan := care.Plan{ID: "safety", Name: "Electrical safety", Kind: care.Safety, Models: []string{page.Model}, Months: 12, Measures: []care.Measure{
		{Name: "Protective earth", UnitUCUM: "Ohm", Max: "0.3"}, {Name: "Leakage", UnitUCUM: "uA", Max: "500"},
	}}
	h.Call("plan.put", service.Put[care.Plan]{Value: plan, Reason: "test"}, nil)
	list := func() (l service.CareList) {
		t.Helper()
		h.Call("care.list", service.CareAsk{}, &l)
		return l
	}
	if l := list(); len(l.Rows) != 0 {
		t.Errorf("nobody took it into use, and it is due: %+v", l)
	}
	h.Call("device.adopt", service.DeviceAct{ID: d.ID, Reason: "test"}, nil)
	h.Call("fact.set", service.FactSay{Subject: subject, Name: "purchased", Value: string(today(-366 * 2)), Reason: "test"}, nil)
	h.Call("fact.set", service.FactSay{Subject: subject, Name: "department", Value: "ICU", Reason: "test"}, nil)
	l := list()
	if len(l.Rows) != 1 || l.Overdue != 1 || l.Rows[0].Days >= 0 || l.Rows[0].Order != 0 || l.Rows[0].Device != d.ID {
		t.Fatalf("%+v", l)
	}
	var states service.List[service.DeviceRow]
	h.Call("device.list", service.DeviceAsk{State: "due"}, &states)
	if len(states.Rows) != 1 {
		t.Error("it is not shown as due")
	}
	for name, ask := range map[string]service.CareAsk{"department": {Department: "ER"}, "kind": {Kind: care.Calibration}, "plan": {Plan: "other"}, "model": {Model: "mdl-0"}, "text": {Text: "zorglub"}} {
		var none service.CareList
		if h.Call("care.list", ask, &none); len(none.Rows) != 0 {
			t.Errorf("filtered by %s: %+v", name, none.Rows)
		}
	}

	var o care.Order
	h.Call("order.open", service.OrderNew{Device: d.ID, Plan: "safety"}, &o)
	refused(t, h, "care.open", "order.open", service.OrderNew{Device: d.ID, Plan: "safety"})
	if l := list(); l.Rows[0].Order != o.ID || o.Due != l.Rows[0].On || len(o.Measures) != 2 {
		t.Errorf("%+v %+v", l.Rows[0], o)
	}
	h.Call("order.change", service.OrderChange{ID: o.ID, State: care.Waiting, Waits: "tester", Assigned: "Nele"}, nil)
	refused(t, h, "register.version", "order.finish", service.OrderFinish{ID: o.ID, Version: o.Version})
	refused(t, h, "care.finish", "order.finish", service.OrderFinish{ID: o.ID})
	measured := func(earth care.Number) care.Finish {
		return care.Finish{Minutes: 20, Device: "Tester 4711", Results: []care.Result{
			{Measure: care.Measure{Name: "Protective earth"}, Value: earth}, {Measure: care.Measure{Name: "Leakage"}, Value: "120"},
		}}
	}
	var ended service.OrderEnded
	h.Call("order.finish", service.OrderFinish{ID: o.ID, Finish: measured("0.41")}, &ended)
	if ended.Order.Finish.Passed || ended.Opens == 0 || ended.Next > today(0) {
		t.Errorf("above the limit: %+v", ended)
	}
	var repair service.OrderRow
	h.Call("order.get", service.OrderID{ID: ended.Opens}, &repair)
	if repair.Kind != care.Corrective || repair.Cause == nil || repair.Cause.Order != o.ID {
		t.Errorf("%+v", repair)
	}
	if l := list(); l.Overdue != 1 {
		t.Errorf("it did not pass and is due no more: %+v", l)
	}
	h.Call("order.finish", service.OrderFinish{ID: ended.Opens, Finish: care.Finish{Parts: []care.Part{{Name: "Power cord", Number: "P-1", Lot: "77", Cost: "12.50", Currency: "EUR"}}}}, nil)
	h.Call("order.open", service.OrderNew{Device: d.ID, Plan: "safety"}, &o)
	h.Call("order.finish", service.OrderFinish{ID: o.ID, Finish: measured("0.12")}, &ended)
	want := today(0).Add(12, 0)
	if !ended.Order.Finish.Passed || ended.Next != want {
		t.Errorf("next %s, want %s", ended.Next, want)
	}
	h.Again()
	if l := list(); len(l.Rows) != 0 {
		t.Errorf("done, and still due after a restart: %+v", l.Rows)
	}
	var far service.CareList
	h.Call("care.list", service.CareAsk{Within: 400}, &far)
	if len(far.Rows) != 1 || far.Rows[0].On != want || far.Rows[0].Last != today(0) {
		t.Errorf("%+v", far.Rows)
	}
	h.Call("order.change", service.OrderChange{ID: o.ID, State: care.Open, Reason: "wrong device measured"}, nil)
	if l := list(); l.Overdue != 1 {
		t.Errorf("the work counts though its order is open again: %+v", l)
	}
	calendar(t, h)
}

// calendar is read as calendar programs read it.
func calendar(t *testing.T, h *apptest.House) {
	t.Helper()
	secret, _ := h.Token("viewer")
	get := func(set func(r *http.Request)) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, h.App.ConsoleURL()+"/api/v1/care/calendar.ics?within=30", nil)
		if err != nil {
			t.Fatal(err)
		}
		set(r)
		answer, err := h.HTTP().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer, string(body)
	}
	for name, set := range map[string]func(r *http.Request){
		"bearer": func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) },
		"basic":  func(r *http.Request) { r.SetBasicAuth("calendar", secret) },
	} {
		answer, body := get(set)
		if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/calendar") || !strings.Contains(body, "SUMMARY:Electrical safety") {
			t.Errorf("%s: %s %s\n%s", name, answer.Status, answer.Header, body)
		}
		if strings.Contains(body, "Quillfeather") || strings.Contains(body, "774411") {
			t.Error("a patient stands in the calendar")
		}
	}
	for name, set := range map[string]func(r *http.Request){"nobody": func(*http.Request) {}, "a wrong token": func(r *http.Request) { r.SetBasicAuth("calendar", "tha_wrong") }} {
		if answer, body := get(set); answer.StatusCode != http.StatusUnauthorized && answer.StatusCode != http.StatusForbidden || strings.Contains(body, "VCALENDAR") {
			t.Errorf("%s: %s", name, answer.Status)
		}
	}
}

// R31: a device is lent and comes back, has accessories, and goes for good only
// with the proof that patients' records are gone.
func TestLoanAndDisposal(t *testing.T) {
	h := apptest.Start(t)
	d := monitor(h)
	act := service.DeviceAct{ID: d.ID, Reason: "test"}
	subject := fact.Of(fact.OfDevice, string(d.ID))
	said := func(name string) string {
		t.Helper()
		var facts []fact.Resolved
		h.Call("fact.list", service.FactAsk{Subject: subject}, &facts)
		for _, f := range facts {
			if f.Name == name {
				return f.Value
			}
		}
		return ""
	}
	refused(t, h, "care.loan", "device.lend", service.DeviceLend{DeviceAct: act, To: "ER", Until: today(-1)})
	refused(t, h, "care.lent", "device.return", service.DeviceReturn{DeviceAct: act})
	var lent service.FactSaid
	h.Call("device.lend", service.DeviceLend{DeviceAct: act, To: "ER", Until: today(3)}, &lent)
	if said("life") != "lent" || said("borrower") != "ER" || said("return-by") != string(today(3)) {
		t.Errorf("lent: %s %s %s", said("life"), said("borrower"), said("return-by"))
	}
	var c service.Calendar
	if h.Call("care.calendar", service.CareAsk{}, &c); !strings.Contains(c.Text, "Lent to ER") || strings.Contains(c.Text, "^") {
		t.Error("the loan is not in the calendar")
	}
	refused(t, h, "care.lent", "device.lend", service.DeviceLend{DeviceAct: act, To: "OR", Until: today(3)})
	h.Call("change.undo", service.ChangeUndo{Change: lent.Change, Reason: "test"}, nil)
	if said("life") != "" || said("borrower") != "" {
		t.Error("a loan is taken back whole")
	}
	h.Call("device.lend", service.DeviceLend{DeviceAct: act, To: "ER", Until: today(3)}, nil)
	h.Call("device.return", service.DeviceReturn{DeviceAct: act}, nil)
	if said("life") != "in-use" || said("borrower") != "" || said("return-by") != "" {
		t.Errorf("returned: %s %s %s", said("life"), said("borrower"), said("return-by"))
	}

	h.Call("accessory.add", service.AccessoryNew{Device: d.ID, Name: "Cuff", Consumable: true}, nil)
	var things []care.Accessory
	if h.Call("accessory.list", service.AccessoryAsk{Device: d.ID}, &things); len(things) != 1 || things[0].Count != 1 {
		t.Errorf("%+v", things)
	}

	var open care.Order
	h.Call("order.open", service.OrderNew{Device: d.ID, Title: "Cracked housing"}, &open)
	refused(t, h, "care.no-state", "order.open", service.OrderNew{Device: d.ID, State: "ended"})
	refused(t, h, "care.no-state", "order.open", service.OrderNew{Device: d.ID, State: "online"}) // as it should be
	refused(t, h, "care.holds", "device.dispose", service.DeviceDispose{DeviceAct: act})
	h.Call("fact.set", service.FactSay{Subject: subject, Name: "holds", Value: "personal", Reason: "test"}, nil)
	refused(t, h, "care.wiping", "device.dispose", service.DeviceDispose{DeviceAct: act})
	refused(t, h, "care.wiping", "device.dispose", service.DeviceDispose{DeviceAct: act, WipedBy: "J. Ott", WipedHow: "overwritten", WipedOn: today(0)})
	if said("life") != "in-use" {
		t.Error("refused, and yet gone")
	}
	dispose := service.DeviceDispose{DeviceAct: act, WipedBy: "J. Ott", WipedHow: "overwritten", WipedOn: today(0), Document: "DOC-1"}
	refused(t, h, "service.device-in-use", "device.dispose", dispose) // its messages named a patient just now
	dispose.Force = true
	var gone service.Disposed
	h.Call("device.dispose", dispose, &gone)
	if said("life") != "disposed" || gone.Order.Finish.Wiping.Document != "DOC-1" || len(gone.Cancelled) != 1 || gone.Cancelled[0] != open.ID {
		t.Errorf("%+v", gone)
	}
	refused(t, h, "care.disposed", "device.dispose", service.DeviceDispose{DeviceAct: act})
	refused(t, h, "care.lent", "device.lend", service.DeviceLend{DeviceAct: act, To: "ER", Until: today(3)})
}
