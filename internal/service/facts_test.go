package service_test

import (
	"strings"
	"testing"
	"time"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/service"
)

// monitor lets a monitor speak that says who made it and which it is.
func monitor(h *apptest.House) service.DeviceRow {
	h.Call("config.apply", service.ConfigText{Name: "ward.yaml", Text: h.Ward(), Reason: "test"}, nil)
	now := time.Now().UTC().Format("20060102150405") + "+0000"
	h.Send("ORU^R01^ORU_R01", "PID|1||MRN-774411^^^HOSP^MR||Quillfeather^Zyxanda\rPV1|1|I|ICU^2^23\rOBR|1||||||"+now+"\r"+
		"OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||MON-7^^0003B10000000077^EUI-64\r"+
		"OBX|2|ST|531970^MDC_ID_MODEL_MANUFACTURER^MDC|1.0.0.1|Acme||||||R\r"+
		"OBX|3|ST|531969^MDC_ID_MODEL_NUMBER^MDC|1.0.0.2|VM-200||||||R\r"+
		"OBX|4|ST|531972^MDC_ID_PROD_SPEC_SERIAL^MDC|1.0.0.3|MON7-SN||||||R\r")
	var list service.List[service.DeviceRow]
	h.Call("device.list", nil, &list)
	return list.Rows[0]
}

// R29: what the wire shows, what a person says and what was decided stand
// beside each other on a device; each has its day, and each act its way back.
func TestFacts(t *testing.T) {
	h := apptest.Start(t)
	id := monitor(h).ID
	subject := fact.Of(fact.OfDevice, string(id))
	said := func(name string) (r fact.Resolved) {
		t.Helper()
		var page service.DevicePage
		h.Call("device.get", service.ID{ID: string(id)}, &page)
		for _, f := range page.Facts {
			if f.Name == name {
				return f
			}
		}
		return r
	}
	wire := said("serial")
	if wire.Truth != fact.Observed || wire.Value == "" {
		t.Fatalf("serial number: %+v", wire)
	}

	var first, second service.FactSaid
	h.Call("fact.set", service.FactSay{Subject: subject, Name: "serial", Value: "OTHER-1", Source: "label", Reason: "read off"}, &first)
	if f := said("serial"); f.Value != wire.Value || len(f.Against) != 1 || f.Against[0].Value != "OTHER-1" || f.Against[0].By == "" {
		t.Errorf("a label against the wire: %+v", f)
	}
	h.Call("fact.decide", service.FactSay{Subject: subject, Name: "serial", Value: "OTHER-1", Until: time.Now().Add(time.Hour), Reason: "the mainboard was changed"}, &second)
	if f := said("serial"); f.Value != "OTHER-1" || f.Truth != fact.Decided || len(f.Against) != 1 {
		t.Errorf("decided: %+v", f)
	}
	var then []fact.Resolved
	h.Call("fact.list", service.FactAsk{Subject: subject, At: time.Now().Add(2 * time.Hour)}, &then)
	for _, f := range then {
		if f.Name == "serial" && f.Value != wire.Value {
			t.Errorf("after the exception: %+v", f)
		}
	}
	var same service.FactSaid
	if h.Call("fact.set", service.FactSay{Subject: subject, Name: "serial", Value: "OTHER-1", Reason: "again"}, &same); same.Changed {
		t.Error("said twice is a change")
	}

	var undone service.ChangeUndone
	h.Call("change.undo", service.ChangeUndo{Change: second.Change, Reason: "back"}, &undone)
	if f := said("serial"); f.Value != wire.Value || len(undone.Back) != 1 {
		t.Errorf("undone: %+v, %+v", f, undone)
	}

	h.Call("fact.set", service.FactSay{Subject: subject, Name: "owner", Value: "Intensive care", Reason: "budget"}, nil)
	for fact, want := range map[string]int{"owner=intensive CARE": 1, "owner=Theatre": 0} {
		var found service.List[service.DeviceRow]
		h.Call("device.list", service.DeviceAsk{Facts: []string{fact}}, &found)
		if len(found.Rows) != want {
			t.Errorf("%s: %d devices", fact, len(found.Rows))
		}
	}
	for ask, code := range map[*service.FactSay]string{
		{Subject: subject, Name: "colour", Value: "red"}:                                       "register.fact",
		{Subject: subject, Name: "purchased", Value: "yesterday"}:                              "register.fact",
		{Subject: subject, Name: "name", Value: "x"}:                                           "register.fact",
		{Subject: "device/dev-none", Name: "owner", Value: "x"}:                                "register.no-device",
		{Subject: "model/mdl-none", Name: "support", Value: "ended"}:                           "register.no-subject",
		{Subject: subject, Name: "owner", Value: "x", Until: time.Now().Add(-100 * time.Hour)}: "register.span",
	} {
		if err := h.Door().Call(t.Context(), "fact.set", *ask, nil); fault.CodeOf(err) != code {
			t.Errorf("%s %s: %v", ask.Subject, ask.Name, err)
		}
	}
	if err := h.Door().Call(t.Context(), "device.list", service.DeviceAsk{Facts: []string{"owner"}}, nil); fault.CodeOf(err) != "service.argument" {
		t.Error(err)
	}
}

// R30: a label leads to its device by its UDI, by what somebody entered, and
// by its serial number; what it says is told even when nobody knows it.
func TestScan(t *testing.T) {
	h := apptest.Start(t)
	row := monitor(h)
	subject := fact.Of(fact.OfDevice, string(row.ID))
	h.Call("fact.set", service.FactSay{Subject: subject, Name: "asset", Value: "MT-0815", Reason: "label"}, nil)
	h.Call("fact.set", service.FactSay{Subject: subject, Name: "udi", Value: "(01)09506000134352(21)77", Reason: "label"}, nil)
	for text, why := range map[string]string{
		"]d2010950600013435221" + "77": "udi",
		"mt 0815":                      "asset",
		string(row.ID):                 "id",
		strings.ToLower(row.Serial):    "serial",
		"(01)09506000134352(21)78":     "",
		"nothing we know":              "",
	} {
		var got service.Scanned
		h.Call("device.scan", service.Scan{Text: text}, &got)
		if why == "" && len(got.Devices) != 0 || why != "" && (len(got.Devices) == 0 || got.Devices[0].Why != why || got.Devices[0].Device.ID != row.ID) {
			t.Errorf("%q: %+v", text, got)
		}
		if strings.Contains(text, "09506000134352") && got.UDI == nil {
			t.Errorf("%q is not read as a UDI: %+v", text, got)
		}
	}
	var got service.Scanned
	h.Call("device.scan", service.Scan{Text: "(01)09506000134353(21)78"}, &got)
	if got.UDI != nil || !strings.Contains(got.Fault, "udi.check") {
		t.Errorf("a wrong check digit: %+v", got)
	}
}

// TestModels: a model is there as soon as a device of it is, and keeps what is
// said of it.
func TestModels(t *testing.T) {
	h := apptest.Start(t)
	monitor(h)
	var models []register.Model
	h.Call("model.list", nil, &models)
	if len(models) == 0 || models[0].Devices == 0 || models[0].Manufacturer == "" {
		t.Fatalf("%+v", models)
	}
	h.Call("fact.set", service.FactSay{Subject: fact.Of(fact.OfModel, models[0].ID), Name: "support-until", Value: "2027-12-31", Reason: "letter of the maker"}, nil)
	var page service.ModelPage
	h.Call("model.get", service.ID{ID: models[0].ID}, &page)
	if page.Model.ID != models[0].ID || len(page.Facts) != 1 || page.Facts[0].Value != "2027-12-31" {
		t.Errorf("%+v", page)
	}
	var devices service.List[service.DeviceRow]
	h.Call("device.list", service.DeviceAsk{Model: models[0].ID}, &devices)
	if len(devices.Rows) != models[0].Devices {
		t.Errorf("%d devices, the model has %d", len(devices.Rows), models[0].Devices)
	}
}

// TestTasks: a disagreement is a task until it is settled; a state says since
// when and why; an exception that ended comes back.
func TestTasks(t *testing.T) {
	h := apptest.Start(t)
	id := monitor(h).ID
	subject := fact.Of(fact.OfDevice, string(id))
	tasks := func(kind string) []service.Task {
		t.Helper()
		var list service.TaskList
		h.Call("task.list", service.TaskAsk{Kind: kind}, &list)
		if list.Count[kind] != len(list.Rows) {
			t.Errorf("%s: %d counted, %d listed", kind, list.Count[kind], len(list.Rows))
		}
		return list.Rows
	}
	states := func() (kinds []string) {
		t.Helper()
		var list service.List[service.DeviceRow]
		h.Call("device.list", nil, &list)
		for _, s := range list.Rows[0].States {
			kinds = append(kinds, string(s.Kind))
		}
		return kinds
	}
	if got := strings.Join(states(), " "); got != "online not-adopted in-use" {
		t.Errorf("a new device with a patient: %s", got)
	}
	h.Call("device.adopt", service.DeviceAct{ID: id, Reason: "test"}, nil)
	h.Call("device.assert", service.DeviceAssert{DeviceAct: service.DeviceAct{ID: id}, Name: "Monitor 7", Place: "ER^1^1"}, nil)
	if got := strings.Join(states(), " "); got != "online moved in-use" {
		t.Errorf("adopted, and said to be elsewhere: %s", got)
	}
	if got := tasks("moved"); len(got) != 1 || got[0].Why.Was != "ER^1^1" || got[0].Name != "Monitor 7" || got[0].Since.IsZero() {
		t.Errorf("%+v", got)
	}
	var found service.List[service.DeviceRow]
	h.Call("device.list", service.DeviceAsk{State: "moved"}, &found)
	if len(found.Rows) != 1 {
		t.Errorf("found by state: %+v", found)
	}
	h.Call("device.list", service.DeviceAsk{State: "in-use"}, &found)
	if len(found.Rows) != 1 {
		t.Errorf("found by being in use: %+v", found)
	}
	if err := h.Door().Call(t.Context(), "device.list", service.DeviceAsk{State: "happy"}, nil); fault.CodeOf(err) != "service.argument" {
		t.Error(err)
	}
	var counts []service.StateCount
	h.Call("device.stat", nil, &counts)
	if len(counts) != 2 || counts[0].Kind != "online" || counts[1].Kind != "moved" || counts[1].Count != 1 {
		t.Errorf("%+v", counts)
	}

	h.Call("fact.set", service.FactSay{Subject: subject, Name: "serial", Value: "OTHER-1", Reason: "label"}, nil)
	if got := tasks("disagreement"); len(got) != 1 || got[0].Facts == nil || got[0].Facts.Name != "serial" || got[0].Facts.Against[0].Value != "OTHER-1" {
		t.Errorf("%+v", got)
	}
	h.Call("fact.decide", service.FactSay{Subject: subject, Name: "serial", Value: "OTHER-1", From: time.Now().Add(-2 * time.Hour), Until: time.Now().Add(-time.Hour), Reason: "was so"}, nil)
	if got := tasks("exception"); len(got) != 1 || got[0].Facts.Fact.Value != "OTHER-1" {
		t.Errorf("%+v", got)
	}
	h.Call("fact.decide", service.FactSay{Subject: subject, Name: "serial", Value: "OTHER-1", Reason: "the mainboard was changed"}, nil)
	if got := append(tasks("disagreement"), tasks("exception")...); len(got) != 0 {
		t.Errorf("after the decision: %+v", got)
	}
	h.Call("fact.set", service.FactSay{Subject: fact.Of(fact.OfModel, modelOf(h)), Name: "support", Value: "ended", Reason: "letter"}, nil)
	if got := tasks("ended"); len(got) != 1 || got[0].Grade != "bad" {
		t.Errorf("%+v", got)
	}
}

func modelOf(h *apptest.House) string {
	var models []register.Model
	h.Call("model.list", nil, &models)
	return models[0].ID
}

// Two people say something of the same fact: the second is refused with who
// changed what when, and nothing is lost (If-Match).
func TestFactVersions(t *testing.T) {
	h := apptest.Start(t)
	subject := fact.Of(fact.OfDevice, string(monitor(h).ID))
	say := func(operation, value string, version int64) error {
		return h.Door().Call(t.Context(), operation, service.FactSay{Subject: subject, Name: "owner", Value: value, Version: version, Reason: "a test"}, nil)
	}
	version := func() int64 {
		var list []fact.Resolved
		h.Call("fact.list", service.FactAsk{Subject: subject}, &list)
		for _, f := range list {
			if f.Name == "owner" {
				return f.Version
			}
		}
		return 0
	}
	expect(t, "nobody said anything", say("fact.set", "ICU", 2), fault.Conflict, "register.version")
	if err := say("fact.set", "ICU", 1); err != nil || version() != 2 {
		t.Fatalf("the first: %v, version %d", err, version())
	}
	err := say("fact.set", "Theatre", 1)
	expect(t, "who thought that nobody had", err, fault.Conflict, "register.version")
	for _, word := range []string{"version 2, not 1", `"ICU" now`, "root", "fact.set"} {
		if err != nil && !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if err := say("fact.decide", "Theatre", 2); err != nil || version() != 3 {
		t.Errorf("decided: %v, version %d", err, version())
	}
	expect(t, "a decision since", say("fact.set", "", 2), fault.Conflict, "register.version")
	if err := say("fact.decide", "", 3); err != nil || version() != 4 {
		t.Errorf("taken back: %v, version %d", err, version())
	}
	err = say("fact.set", "ER", 3)
	if err == nil || !strings.Contains(err.Error(), `"Theatre" was taken back`) {
		t.Errorf("after a decision was taken back: %v", err)
	}
	if err := say("fact.set", "ER", 4); err != nil {
		t.Error(err)
	}
}
