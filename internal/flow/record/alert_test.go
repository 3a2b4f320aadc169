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

// What a complete list ends goes out with the message that holds the list, to
// those whom the alert's code is for, once, also after a commit that failed;
// what the store follows is the same. Read again, the end stays (R21).
func TestEndsByAList(t *testing.T) {
	store := &keeper{shelf: shelf{sightings: map[model.DeviceID]*record.Sighting{}}, lives: alert.NewLives()}
	s := record.New(store, named{}, named{}, named{}, record.Options{})
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	list := []model.AlertList{{Name: "acme/vent $.alarms"}}
	tell := func(seq model.Seq, fails int, alerts ...model.Alert) *model.Message {
		t.Helper()
		store.failing = fails
		m := &model.Message{Ref: model.MessageRef{Seq: seq}, Arrived: at.Add(time.Duration(seq) * time.Second), ControlID: fmt.Sprint(seq),
			Devices: []model.Device{{ID: "d", Parent: -1}}, Alerts: alerts, AlertLists: list}
		if err := s.Record(t.Context(), []record.Entry{{Seq: seq, Messages: []*model.Message{m}}}); err != nil {
			t.Fatal(err)
		}
		return m
	}
	alarm := model.Alert{ID: "a", Text: "Apnoea", Priority: "high", Field: "alarms[0]", List: list[0].Name}
	first := tell(1, 0, alarm)
	m := tell(2, 2)
	if len(m.Alerts) != 1 {
		t.Fatalf("%+v", m.Alerts)
	}
	if a := m.Alerts[0]; a.ID != "a" || a.Phase != "end" || !a.Vanished || a.Text != "Apnoea" || a.Priority != "high" || a.Life.First != first.Ref || a.Life.Stage != model.AlertEnded || a.Field == "" {
		t.Errorf("%+v", a)
	}
	for l := range store.lives.Each {
		if l.Active || l.Events != 2 || !l.Steps[len(l.Steps)-1].Vanished {
			t.Errorf("%+v", l)
		}
	}
	if again := tell(3, 1); len(again.Alerts) != 0 {
		t.Errorf("it ended twice: %+v", again.Alerts)
	}
	s = record.New(store, named{}, named{}, named{}, record.Options{}) // started again
	tell(4, 0, alarm)
	s = record.New(store, named{}, named{}, named{}, record.Options{})
	if last := tell(5, 0); len(last.Alerts) != 1 || last.Alerts[0].Life.First != (model.MessageRef{Seq: 4}) {
		t.Errorf("after a restart: %+v", last.Alerts)
	}
	read := &model.Message{Ref: m.Ref, AlertLists: list}
	if record.KeepAlerts(read, m); len(read.Alerts) != 1 || !read.Alerts[0].Vanished {
		t.Errorf("read again: %+v", read.Alerts)
	}
	other := &model.Message{Ref: m.Ref}
	if record.KeepAlerts(other, m); len(other.Alerts) != 0 {
		t.Errorf("read again by what knows no such list: %+v", other.Alerts)
	}
}
