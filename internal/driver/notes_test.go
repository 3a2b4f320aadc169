package driver

import (
	"testing"

	"thalamus/internal/model"
)

// Each refusal counts, also where only the first is said.
func TestRefusalsAreCounted(t *testing.T) {
	said, counted := 0, map[model.ChannelID]int{}
	var n Notes
	n.Refused("192.0.2.7:5000", "x.oversize", "before the link began", "")
	n.Begin(Host{Note: func(string, model.Issue) { said++ }, Refused: func(c model.ChannelID) { counted[c]++ }}, "ward")
	for range 5 {
		n.Refused("192.0.2.7:5000", "x.oversize", "too long", "")
	}
	n.Add("192.0.2.7:5000", "x.garbage", "no frame at all", "")
	if said != 2 || counted["ward"] != 5 || len(counted) != 1 {
		t.Errorf("said %d, counted %v", said, counted)
	}
}
