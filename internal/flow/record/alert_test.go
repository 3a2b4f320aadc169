package record_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"thalamus/internal/alert"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// keeper is a shelf that follows alerts, as a store must.
type keeper struct {
	shelf
	lives *alert.Lives
}

func (k *keeper) Commit(ctx context.Context, b record.Batch) error {
	if err := k.shelf.Commit(ctx, b); err != nil {
		return err
	}
	for _, m := range b.Messages {
		record.HearAlerts(m, k.lives, func(*model.Alert, *alert.Life, bool) {})
	}
	return nil
}

func (k *keeper) Lives() (all []*alert.Life) {
	for l := range k.lives.Each {
		all = append(all, l)
	}
	return all
}

// The stage stamps each report with the life it is part of: the same after a
// commit that failed, and after a start from what the store follows (R21).
func TestReportsAreStamped(t *testing.T) {
	store := &keeper{shelf: shelf{sightings: map[model.DeviceID]*record.Sighting{}}, lives: alert.NewLives()}
	stage := func() *record.Stage { return record.New(store, named{}, named{}, named{}, record.Options{}) }
	s := stage()
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	seq := model.Seq(0)
	tell := func(after int, phase string, fails int) model.AlertLife {
		t.Helper()
		seq++
		store.failing = fails
		m := &model.Message{
			Ref: model.MessageRef{Seq: seq}, Arrived: at.Add(time.Duration(seq) * time.Second), ControlID: fmt.Sprint(seq), Type: "ORU^R40",
			Devices: []model.Device{{ID: "d", Parent: -1}},
			Alerts:  []model.Alert{{ID: "a", Phase: phase, Priority: "high", DeviceTime: model.Timestamp{UTC: at.Add(time.Duration(after) * time.Second)}}},
		}
		if err := s.Record(t.Context(), []record.Entry{{Seq: seq, Messages: []*model.Message{m}}}); err != nil {
			t.Fatal(err)
		}
		return m.Alerts[0].Life
	}
	first := model.MessageRef{Seq: 1}
	if l := tell(0, "start", 2); l.First != first || l.Stage != model.AlertActive || !l.Began.Equal(at) || l.Late {
		t.Errorf("the beginning: %+v", l)
	}
	s = stage()
	if l := tell(60, "end", 1); l.First != first || l.Stage != model.AlertEnded || !l.Ended.Equal(at.Add(time.Minute)) {
		t.Errorf("the end, after a restart: %+v", l)
	}
	s = stage()
	if l := tell(30, "update", 0); l.First != first || !l.Late || l.Stage != model.AlertEnded || l.Phase != "end" {
		t.Errorf("a late report: %+v", l)
	}
	if l := tell(90, "start", 0); l.First == first || l.Stage != model.AlertActive {
		t.Errorf("there again: %+v", l)
	}
}
