package service_test

import (
	"testing"

	"thalamus/internal/access"
	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/patients"
	"thalamus/internal/service"
)

// What was changed of a thing is told to who may see it: acts that were done,
// no looks, no refusals, nothing of other things (R53).
func TestChanges(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	viewer := h.App.Service().As(access.Actor{ID: "usr-v", Name: "vera", Roles: []string{"viewer"}, Kind: access.User}, service.Origin{})
	h.Call("channel.disable", service.Remove{ID: "ward", Reason: "tests"}, nil)
	h.Call("channel.enable", service.Remove{ID: "ward", Reason: "tested"}, nil)
	if err := viewer.Call(t.Context(), "channel.disable", service.Remove{ID: "ward"}, nil); fault.KindOf(err) != fault.Denied {
		t.Fatal(err)
	}
	var got service.List[service.Change]
	if err := viewer.Call(t.Context(), "change.list", service.ChangeAsk{Kind: "channel", ID: "ward", Limit: 2}, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 2 || got.Rows[0].Action != "channel.enable" || got.Rows[0].Reason != "tested" || got.Rows[0].Name != "root" || got.Rows[1].Action != "channel.disable" || got.Next == "" {
		t.Errorf("%+v", got)
	}
	for _, ask := range []service.ChangeAsk{{Kind: "user", ID: "otto"}, {Kind: "zorglub", ID: "x"}, {Kind: "patient", ID: "x"}, {}} {
		if err := viewer.Call(t.Context(), "change.list", ask, nil); err == nil {
			t.Errorf("%+v was told", ask)
		}
	}

	h.Call("user.add", service.UserAdd{Name: "otto", Roles: []string{"viewer"}}, nil)
	h.Call("change.list", service.ChangeAsk{Kind: "user", ID: "otto"}, &got)
	if len(got.Rows) != 1 || got.Rows[0].Action != "user.add" {
		t.Errorf("%+v", got)
	}

	var found []patients.Patient
	h.Call("patient.search", service.PatientAsk{Text: "quillfeather"}, &found)
	var devices service.List[service.DeviceRow]
	h.Call("device.list", nil, &devices)
	var made service.Connection
	h.Call("association.start", service.AssociationStart{Wristband: "MRN-774411^^^HOSP^MR", Device: devices.Rows[0].ID, Reason: "admitted"}, &made)
	h.Call("patient.history", service.PatientChangeAsk{ID: found[0].ID}, &got)
	if len(got.Rows) != 1 || got.Rows[0].Action != "association.start" {
		t.Errorf("%+v", got)
	}
	if looks := h.Audited("patient.history"); len(looks) != 1 || looks[0].Patient != found[0].ID {
		t.Errorf("the look at the patient is not in the audit: %+v", looks)
	}
}
