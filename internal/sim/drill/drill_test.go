package drill

import (
	"slices"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/sim/faults"
)

// Every fault of the catalogue is drilled, with a kind that can have it.
func TestEveryFaultIsDrilled(t *testing.T) {
	drilled := map[string]bool{}
	for _, e := range exercises {
		drilled[e.fault] = true
		if _, ok := links[e.kind]; !ok || !slices.Contains(faults.Having(e.fault), e.kind) {
			t.Errorf("%s does not happen to %s", e.fault, e.kind)
		}
	}
	for _, f := range faults.Catalogue() {
		if f.Where != faults.Site && !drilled[f.Name] {
			t.Errorf("%s is not drilled", f.Name)
		}
	}
	for _, name := range short {
		if _, ok := faults.Find(name); !ok {
			t.Errorf("there is no fault %s", name)
		}
	}
}

// A short drill: nothing is lost, and everything is seen (R23, R58).
func TestShortDrill(t *testing.T) {
	got, err := Run(t.Context(), Options{Short: true, Version: "test", Folder: t.TempDir(), Patience: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if !got.Good() || got.Faults != len(short) {
		for _, r := range got.Results {
			t.Errorf("%+v", r)
		}
	}
}

func TestUnknownFault(t *testing.T) {
	if _, err := Run(t.Context(), Options{Faults: []string{"half-fram"}}); fault.CodeOf(err) != "sim.fault" {
		t.Error(err)
	}
}
