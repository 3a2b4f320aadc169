package service_test

import (
	"fmt"
	"strings"
	"testing"

	"thalamus/internal/access"
	"thalamus/internal/app/apptest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// R30: what stops if the ward's channel stops, for whom, and what is done then.
func TestDependency(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	put := func(s model.Service) error {
		return h.Door().Call(t.Context(), "service.put", service.Put[model.Service]{Value: s, Reason: "test"}, nil)
	}
	for _, s := range []model.Service{
		{ID: "monitoring", Name: "Monitoring", Critical: "life", Fallback: "transport monitors", Contact: "4711", Needs: []model.Need{{Kind: "channel", ID: "ward"}}},
		{ID: "scores", Name: "Scores", Needs: []model.Need{{Kind: "service", ID: "monitoring"}}},
		{ID: "other", Name: "Other", Needs: []model.Need{{Kind: "destination", ID: "archive"}}},
	} {
		if err := put(s); err != nil {
			t.Fatal(err)
		}
	}
	var d service.Dependency
	h.Call("dependency.get", service.DependencyAsk{Kind: "channel", ID: "ward"}, &d)
	if len(d.Devices) == 0 || len(d.Patients) == 0 || d.Patients[0].Since.IsZero() || d.Patients[0].Device == "" {
		t.Errorf("for whom: %+v", d)
	}
	if len(d.Effects) != 2 || d.Effects[0].Service.ID != "monitoring" || !d.Effects[0].Stops || d.Effects[0].Service.Fallback == "" || d.Effects[1].Service.ID != "scores" {
		t.Errorf("what stops: %+v", d.Effects)
	}
	if audited := h.Audited("dependency.get"); len(audited) == 0 {
		t.Error("a look at patients is not in the audit")
	}
	if d.Concerned != len(d.Patients) || d.Patients[0].Name == "" {
		t.Errorf("how many, and who: %d, %+v", d.Concerned, d.Patients)
	}
	// R44: who may not see patients is told how many there are, and not who.
	stores := access.Role{Name: "stores", May: []string{"dependency.get", "device.*"}}
	if err := h.App.Service().Access.SetRoles([]access.Role{stores}); err != nil {
		t.Fatal(err)
	}
	var fewer service.Dependency
	door := h.App.Service().As(access.Actor{ID: "usr-stores", Name: "Stores", Roles: []string{"stores"}, Kind: access.User}, service.Origin{})
	if err := door.Call(t.Context(), "dependency.get", service.DependencyAsk{Kind: "channel", ID: "ward"}, &fewer); err != nil {
		t.Fatal(err)
	}
	if fewer.Concerned != d.Concerned || len(fewer.Patients) != 0 {
		t.Errorf("who may not see patients sees %+v", fewer.Patients)
	}
	for _, ask := range []service.DependencyAsk{{Kind: "channel", ID: "none"}, {Kind: "device", ID: "dev-none"}, {Kind: "model", ID: "none"}, {Kind: "service", ID: "none"}} {
		if err := h.Door().Call(t.Context(), "dependency.get", ask, nil); fault.KindOf(err) != fault.Absent {
			t.Errorf("%v: %v", ask, err)
		}
	}
	if err := h.Door().Call(t.Context(), "dependency.get", service.DependencyAsk{Kind: "ward", ID: "x"}, nil); fault.CodeOf(err) != "service.argument" {
		t.Error(err)
	}
	for _, s := range []model.Service{
		{ID: "x"}, {ID: "x", Name: "x", Critical: "very"}, {ID: "x", Name: "x", Needs: []model.Need{{Kind: "bed", ID: "1"}}},
		{ID: "x", Name: "x", Needs: []model.Need{{Kind: "channel", ID: "ward", Least: 2}}}, {ID: "X y", Name: "x"},
	} {
		if err := put(s); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// For how many patients a ward's devices are is counted whole, however many
// devices they are (R30).
func TestDependencyOfManyDevices(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	var text strings.Builder
	text.WriteString("Seriennummer;Hersteller;Modell;Station\r\n")
	for i := range 1100 {
		fmt.Fprintf(&text, "SN-%04d;Acme;Pump;ZZZ\r\n", i)
	}
	var check service.ImportCheck
	h.Call("device.import", service.ImportAsk{Name: "list.csv", Content: []byte(text.String())}, &check)
	h.Call("device.import", service.ImportAsk{Job: check.Job.ID, Begin: true, Digest: check.Digest, Reason: "the test says so"}, &check)
	jobEnded(h, check.Job.ID)
	var d service.Dependency
	ask := service.DependencyAsk{Kind: "place", ID: "ZZZ"}
	if h.Call("dependency.get", ask, &d); len(d.Devices) != 1100 || d.Concerned != 0 {
		t.Fatalf("%d devices, %d patients", len(d.Devices), d.Concerned)
	}
	h.Call("association.start", service.AssociationStart{Wristband: "MRN-774411", Device: d.Devices[1099], Reason: "at the bed"}, nil)
	if h.Call("dependency.get", ask, &d); d.Concerned != 1 || d.Patients[0].Device != d.Devices[1099] {
		t.Errorf("%d patients: %+v", d.Concerned, d.Patients)
	}
}
