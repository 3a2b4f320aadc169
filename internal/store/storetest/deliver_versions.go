package storetest

import (
	"context"
	"encoding/json"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// deliverVersions: a message as a replay read it again comes back whole, the
// first one stays, and retention takes it.
func deliverVersions(t *testing.T, s *deliverStore) {
	ctx := context.Background()
	var messages []*model.Message
	for _, m := range NewWard(9).Batch(120).Messages {
		messages = append(messages, m)
	}
	first := messages[0].Ref
	if _, err := s.Version(ctx, 3, first); fault.KindOf(err) != fault.Absent {
		t.Errorf("of nothing: %v", err)
	}
	must(t, s.AddVersions(ctx, 3, noon, messages))
	changed := *messages[0]
	changed.ControlID = "other"
	must(t, s.AddVersions(ctx, 3, noon, []*model.Message{&changed}))
	must(t, s.AddVersions(ctx, 4, noon, []*model.Message{&changed}))
	s.reopen()
	for _, m := range messages {
		got, err := s.Version(ctx, 3, m.Ref)
		must(t, err)
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(m)
		if string(g) != string(w) {
			t.Fatalf("\n got %s\nwant %s", g, w)
		}
	}
	all, err := s.VersionsOf(ctx, first)
	must(t, err)
	if len(all) != 2 || all[0].Replay != 3 || all[0].Message.ControlID != messages[0].ControlID || all[1].Message.ControlID != "other" || !all[1].Made.Equal(noon) {
		t.Errorf("%+v", all)
	}
	if _, err := s.Trim(ctx, first.Seq); err != nil {
		t.Error(err)
	}
	if all, err := s.VersionsOf(ctx, first); err != nil || len(all) != 0 {
		t.Error("after retention:", all, err)
	}
	if _, err := s.Version(ctx, 3, messages[len(messages)-1].Ref); err != nil {
		t.Error(err)
	}
}
