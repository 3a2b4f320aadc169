package app_test

import (
	"fmt"
	"sync"
	"testing"

	"thalamus/internal/app/apptest"
	"thalamus/internal/model"
	"thalamus/internal/service"
)

// TestChannelsChangedTogether: people who change channels at the same moment do
// not stop each other's.
func TestChannelsChangedTogether(t *testing.T) {
	h := apptest.Start(t)
	h.Furnish()
	const people, each = 4, 6
	var work sync.WaitGroup
	for p := range people {
		work.Go(func() {
			for n := range each {
				id := model.ChannelID(fmt.Sprintf("ch-%d-%d", p, n))
				channel := model.Channel{ID: id, Driver: "mllp", Codec: "hl7v2", Settings: map[string]any{"listen": "127.0.0.1:0"}}
				if err := h.Door().Call(t.Context(), "channel.put", service.Put[model.Channel]{Value: channel, Reason: "new ward"}, nil); err != nil {
					t.Error(err)
				}
				before := h.App.ChannelAddress(id)
				if n > 0 {
					gone := service.Remove{ID: fmt.Sprintf("ch-%d-%d", p, n-1), Reason: "moved"}
					if err := h.Door().Call(t.Context(), "channel.remove", gone, nil); err != nil {
						t.Error(err)
					}
				}
				if after := h.App.ChannelAddress(id); before == "" || after != before {
					t.Errorf("%s listens at %q, then at %q", id, before, after)
				}
			}
		})
	}
	work.Wait()
}
