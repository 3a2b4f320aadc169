package depend

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/model"
)

// house is an intensive care unit with three monitors, a feed to the record,
// and what hangs on both.
func house() World {
	return World{
		Services: []model.Service{
			{ID: "icu", Name: "Monitoring ICU", Critical: "life", Fallback: "transport monitors", Needs: []model.Need{{Kind: "place", ID: "ICU", Least: 2}}},
			{ID: "ehr", Name: "Charting", Critical: "delay", Fallback: "paper", Needs: []model.Need{{Kind: "destination", ID: "ehr"}, {Kind: "channel", ID: "ward"}}},
			{ID: "score", Name: "Early warning", Critical: "harm", Needs: []model.Need{{Kind: "service", ID: "ehr"}, {Kind: "service", ID: "icu"}}},
			{ID: "fleet", Name: "All VM-200", Needs: []model.Need{{Kind: "model", ID: "mdl-1"}}},
			{ID: "loop", Name: "Needs itself", Needs: []model.Need{{Kind: "service", ID: "loop"}, {Kind: "route", ID: "all"}}},
		},
		Routes: []model.Route{
			{ID: "all", Destinations: []model.DestinationID{"ehr"}},
			{ID: "lab", Channels: []model.ChannelID{"lab"}, Destinations: []model.DestinationID{"lis"}},
		},
		Groups: []Group{
			{Model: "mdl-1", Place: "ICU^1^1", Channel: "ward", Works: []model.DeviceID{"dev-1"}},
			{Model: "mdl-1", Place: "ICU^1^2", Channel: "ward", Works: []model.DeviceID{"dev-2"}},
			{Model: "mdl-2", Place: "ICU^2^1", Channel: "ward", Works: []model.DeviceID{"dev-3"}},
			{Model: "mdl-1", Place: "ICU2^1", Channel: "lab", Idle: []model.DeviceID{"dev-4"}},
		},
	}
}

func text(a Answer) string {
	var parts []string
	for _, e := range a.Effects {
		verb := "weaker"
		if e.Stops {
			verb = "stops"
		}
		if e.Down {
			verb += " (down)"
		}
		var by []string
		for _, r := range e.Because[0].By {
			by = append(by, r.Kind+" "+r.ID)
		}
		b := e.Because[0]
		parts = append(parts, fmt.Sprintf("%s %s by %s, %d of %d left", e.Service.ID, verb, strings.Join(by, " > "), b.Left, b.Of))
	}
	return fmt.Sprintf("%v: %s", a.Devices, strings.Join(parts, "; "))
}

// TestStops: devices, their model, place and channel, routes by destination
// and channel, services by services; graver things first.
func TestStops(t *testing.T) {
	for _, c := range []struct {
		what Ref
		want string
	}{
		{Ref{"device", "dev-1"}, "[dev-1]: fleet stops by device dev-1, 1 of 2 left; icu weaker by device dev-1, 2 of 3 left"},
		{Ref{"device", "dev-4"}, "[dev-4]: "},
		{Ref{"model", "mdl-1"}, "[dev-1 dev-2 dev-4]: icu stops by model mdl-1 > device dev-1, 1 of 3 left; score stops by model mdl-1 > device dev-1 > service icu, 0 of 0 left; fleet stops by model mdl-1, 0 of 2 left"},
		{Ref{"place", "ICU^1"}, "[dev-1 dev-2]: icu stops by place ICU^1 > device dev-1, 1 of 3 left; score stops by place ICU^1 > device dev-1 > service icu, 0 of 0 left; fleet stops by place ICU^1 > device dev-1, 0 of 2 left"},
		{Ref{"channel", "ward"}, "[dev-1 dev-2 dev-3]: icu stops by channel ward > device dev-1, 0 of 3 left; score stops by channel ward > service ehr, 0 of 0 left; ehr stops by channel ward, 0 of 0 left; fleet stops by channel ward > device dev-1, 0 of 2 left"},
		{Ref{"destination", "ehr"}, "[]: score stops by destination ehr > service ehr, 0 of 0 left; ehr stops by destination ehr, 0 of 0 left; loop stops by destination ehr > route all, 0 of 0 left"},
		{Ref{"service", "icu"}, "[]: score stops by service icu, 0 of 0 left"},
		{Ref{"device", "none"}, "[]: "},
	} {
		if got := text(Stops(house(), c.what)); got != c.want {
			t.Errorf("%v:\ngot  %s\nwant %s", c.what, got, c.want)
		}
	}
	// A place that has too few already.
	w := house()
	for i := range w.Groups {
		if g := &w.Groups[i]; slices.Contains(g.Works, "dev-2") || slices.Contains(g.Works, "dev-3") {
			g.Works, g.Idle = nil, g.Works
		}
	}
	if got := text(Stops(w, Ref{"device", "dev-1"})); !strings.Contains(got, "icu stops (down) by device dev-1, 0 of 1 left") {
		t.Error(got)
	}
}

func BenchmarkStops(b *testing.B) {
	w := house()
	w.Groups = nil
	for i := range 4_000 {
		g := Group{Model: fmt.Sprint("mdl-", i%40), Place: fmt.Sprint("W", i%100, "^1"), Channel: "ward"}
		for k := range 25 {
			g.Works = append(g.Works, model.DeviceID(fmt.Sprintf("dev-x%d-%02d", i, k)))
		}
		w.Groups = append(w.Groups, g)
	}
	for b.Loop() {
		Stops(w, Ref{"channel", "ward"})
	}
}
