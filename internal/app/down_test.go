package app_test

import (
	"path/filepath"
	"strings"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// R25: the list of destinations says that one is down, why, and that what is
// owed to it waits.
func TestDestinationDown(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	folder := filepath.Join(t.TempDir(), "not-mounted")
	h.Call("destination.put", service.Put[model.Destination]{Value: model.Destination{ID: "lab", Kind: "file", Settings: map[string]any{"folder": folder}}}, nil)
	h.Call("route.put", service.Put[model.Route]{Value: model.Route{ID: "to-lab", Destinations: []model.DestinationID{"lab"}}}, nil)
	h.Call("entry.replay", service.ReplayAsk{Entries: []model.Seq{1, 2, 3}, Destinations: []model.DestinationID{"lab"}, Reason: "test"}, nil)
	h.Until("the list says what is wrong", func() bool {
		var rows []service.DestinationRow
		h.Call("destination.list", nil, &rows)
		for _, r := range rows {
			if r.ID == "lab" {
				return r.State == "down" && r.Queued > 0 && r.LastCode == "file.write" && strings.Contains(r.LastReason, folder) && strings.Contains(r.LastReason, "see that the folder exists")
			}
		}
		return false
	})
}
