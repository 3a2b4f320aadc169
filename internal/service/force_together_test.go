package service_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// TestFailedChangeTakesNobodysBack: while somebody's changes cannot be brought in
// force and are undone, what others change at the same moment stands and is in
// force: other channels, and what has nothing to do with links.
func TestFailedChangeTakesNobodysBack(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	busy := taken(t)
	before := export(h)
	const rounds = 8
	free := func(id string) model.Channel {
		return model.Channel{ID: model.ChannelID(id), Driver: "mllp", Codec: "hl7v2", Settings: map[string]any{"listen": "127.0.0.1:0"}}
	}
	door := func() *service.Door { return h.Door() }
	var people sync.WaitGroup
	people.Go(func() {
		for range rounds { // moves a channel to a port in use
			moved := free("ward")
			moved.Settings["listen"] = busy
			if err := door().Call(t.Context(), "channel.put", service.Put[model.Channel]{Value: moved}, nil); err == nil || !strings.Contains(err.Error(), busy) {
				t.Errorf("a port in use: %v", err)
			}
		}
	})
	people.Go(func() {
		for n := range rounds { // a text of which a part cannot be brought in force
			text := export(h)
			text = strings.Replace(text, "destinations:", fmt.Sprintf("  - {id: no-%d, driver: mllp, codec: hl7v2, settings: {listen: %q}}\ndestinations:", n, busy), 1)
			text = strings.Replace(text, "devices:", "segments:\n  - {id: theirs, ranges: [10.9.0.0/16]}\ndevices:", 1)
			if err := door().Call(t.Context(), "config.apply", service.ConfigText{Text: text}, nil); err == nil {
				t.Error("a text with a port in use was applied")
			}
		}
	})
	people.Go(func() {
		for n := range rounds {
			if err := door().Call(t.Context(), "channel.put", service.Put[model.Channel]{Value: free(fmt.Sprintf("mine-%d", n))}, nil); err != nil {
				t.Error(err)
			}
		}
	})
	people.Go(func() {
		for n := range rounds * 4 {
			one := model.Service{ID: model.ServiceID(fmt.Sprintf("service-%d", n)), Name: "Ward", Needs: []model.Need{{Kind: "channel", ID: "ward"}}}
			if err := door().Call(t.Context(), "service.put", service.Put[model.Service]{Value: one, Reason: "new"}, nil); err != nil {
				t.Error(err)
			}
		}
	})
	people.Wait()
	for n := range rounds {
		if id := model.ChannelID(fmt.Sprintf("mine-%d", n)); h.App.ChannelAddress(id) == "" {
			t.Errorf("%s is not in force", id)
		}
	}
	after := export(h)
	for n := range rounds * 4 {
		if !strings.Contains(after, fmt.Sprintf("service-%d\n", n)) {
			t.Errorf("service-%d is gone", n)
		}
	}
	if strings.Contains(after, busy) || strings.Contains(after, "no-") {
		t.Errorf("what failed stands in\n%s\nbefore\n%s", after, before)
	}
	h.Send("ORU^R01", "PID|1||MRN-774411^^^HOSP^MR")
}
