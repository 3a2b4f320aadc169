package service_test

import (
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/service"
)

// Ids of people and things are told as names, those of patients never (R44).
func TestNames(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	var mona service.Account
	h.Call("user.add", service.UserAdd{Name: "mona", Display: "Mona Lund", Roles: []string{"viewer"}}, &mona)
	_, token := h.Token("viewer")
	var devices service.List[service.DeviceRow]
	h.Call("device.list", nil, &devices)
	h.Call("model.add", service.ModelNew{Manufacturer: "Acme", Name: "VM-200", Reason: "test"}, nil)
	var models []service.Model
	h.Call("model.list", service.ModelAsk{}, &models)
	var found []service.Patient
	h.Call("patient.search", service.PatientAsk{Text: "quillfeather"}, &found)
	if len(devices.Rows) == 0 || len(models) == 0 || len(found) == 0 {
		t.Fatal("the house is empty")
	}
	device, patient := string(devices.Rows[0].ID), string(found[0].ID)
	ids := []string{string(mona.ID), token, device, models[0].ID, patient, "local:root", "system", "usr-gone", "dev-gone", "tok-gone", "mdl-gone", "mona", ""}
	var names map[string]string
	h.Call("name.list", service.CalledAsk{IDs: ids}, &names)
	want := map[string]string{string(mona.ID): "Mona Lund", token: "test viewer", models[0].ID: models[0].Title(), "local:root": "root", "system": "Thalamus"}
	for id, name := range want {
		if names[id] != name {
			t.Errorf("%s is called %q, not %q", id, names[id], name)
		}
	}
	if names[device] == "" || len(names) != len(want)+1 {
		t.Errorf("names: %v", names)
	}
	err := h.Door().Call(t.Context(), "name.list", service.CalledAsk{IDs: make([]string, 1001)}, nil)
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("1001 ids: %v", err)
	}
}
