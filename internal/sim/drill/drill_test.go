package drill

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/sim/faults"
)

// Every fault of the catalogue is drilled, with a kind that can have it.
func TestEveryFaultIsDrilled(t *testing.T) {
	drilled := map[string]bool{}
	for _, e := range exercises {
		drilled[e.Fault] = true
		if _, ok := links[e.Kind]; !ok || !slices.Contains(faults.Having(e.Fault), e.Kind) {
			t.Errorf("%s does not happen to %s", e.Fault, e.Kind)
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

// A drill of a server that runs leaves none of its links there, sees nothing of
// the drill before it, and sends to nobody else's receiver.
func TestRunning(t *testing.T) {
	h, err := open(t.Context(), t.TempDir(), Options{Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	o := Options{Caller: h.door(), Authority: h.running().Authority().Pool(), Patience: 2 * time.Minute}
	for _, o.Faults = range [][]string{{faults.WrongChecksum, faults.CertificateExpired, faults.DestinationDown, faults.DiskFull}, {faults.WrongChecksum}} {
		got, err := Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		of := map[string]bool{}
		for _, r := range got.Results {
			of[r.Fault] = true
		}
		if !got.Good() || len(of) != len(o.Faults) {
			t.Errorf("%+v", got)
		}
	}
	var channels []service.ChannelRow
	var routes []model.Route
	var destinations []service.DestinationRow
	var credentials []service.CredentialRow
	for name, into := range map[string]any{"channel.list": &channels, "route.list": &routes, "destination.list": &destinations, "credential.list": &credentials} {
		if err := h.door().Call(t.Context(), name, nil, into); err != nil {
			t.Fatal(err)
		}
	}
	if len(channels)+len(routes)+len(destinations) > 0 {
		t.Error("left:", channels, routes, destinations)
	}
	for _, c := range credentials {
		if c.State == "good" {
			t.Error("left:", c)
		}
	}
	elsewhere := model.Destination{ID: "elsewhere", Kind: "hl7v2", Settings: map[string]any{"address": "127.0.0.1:1"}}
	if err := errors.Join(
		h.door().Call(t.Context(), "destination.put", service.Put[model.Destination]{Value: elsewhere, Reason: "test"}, nil),
		h.door().Call(t.Context(), "route.put", service.Put[model.Route]{Value: model.Route{ID: "all", Destinations: []model.DestinationID{elsewhere.ID}}, Reason: "test"}, nil),
	); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), o); fault.CodeOf(err) != "sim.drill-routes" {
		t.Error(err)
	}
}
