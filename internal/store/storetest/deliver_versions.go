package storetest

import (
	"context"
	"encoding/json"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

// deliverVersions: a message as a replay read it again comes back whole, the
// first one stays, and retention takes it.
func deliverVersions(t *testing.T, s *deliverStore) {
	ctx := context.Background()
	messages := NewWard(9).Batch(120).Messages
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

// deliverCorrections: a correction is a replay with its messages as versions,
// made once however often it is asked for: also after a crash (R20, R25).
func deliverCorrections(t *testing.T, s *deliverStore) {
	ctx := context.Background()
	var messages []*model.Message
	var span deliver.Span
	for _, m := range NewWard(11).Batch(20).Messages {
		one := *m
		one.Amended = &model.Amendment{Correction: 5, Version: 1}
		messages = append(messages, &one)
		span.Refs = append(span.Refs, one.Ref)
	}
	span.Correction = 5
	r := deliver.Replay{Reason: "correction of whose the values are: a scan", Actor: "usr-a", At: noon, Span: span, Jobs: []deliver.Job{{Destination: "ehr"}, {Destination: "his"}}}
	number, fresh, err := s.AddCorrection(ctx, 5, r, messages)
	if err != nil || !fresh || number == 0 {
		t.Fatal(number, fresh, err)
	}
	s.reopen()
	if again, fresh, err := s.AddCorrection(ctx, 5, r, messages); again != number || fresh || err != nil {
		t.Errorf("again: %d, fresh %v, want %d: %v", again, fresh, number, err)
	}
	// One that concerns nobody's destinations still keeps its versions.
	other, fresh, err := s.AddCorrection(ctx, 6, deliver.Replay{Reason: "nobody to tell", At: noon, Span: deliver.Span{Correction: 6, Refs: span.Refs[:1]}}, messages[:1])
	if err != nil || !fresh || other == number {
		t.Error(other, fresh, err)
	}
	all, err := s.Replays(ctx, 0, 10)
	must(t, err)
	if len(all) != 2 || all[0].ID != other || all[1].ID != number {
		t.Fatalf("%+v", all)
	}
	if got := all[1]; got.Reason != r.Reason || got.Actor != r.Actor || !got.At.Equal(noon) || got.Span.Correction != 5 || len(got.Span.Refs) != len(messages) || len(got.Jobs) != 2 {
		t.Errorf("%+v", got)
	}
	for _, m := range messages {
		got, err := s.Version(ctx, number, m.Ref)
		must(t, err)
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(m)
		if string(g) != string(w) {
			t.Fatalf("\n got %s\nwant %s", g, w)
		}
	}
}
