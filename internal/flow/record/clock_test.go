package record_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/clock"
	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// shelf is a store in memory that keeps messages as text and feeds the clocks
// of its sightings, as a store must.
type shelf struct {
	cursor    model.Seq
	texts     []string
	sightings map[model.DeviceID]*record.Sighting
	failing   int // commits that fail first
}

func (s *shelf) Cursor() model.Seq { return s.cursor }

func (s *shelf) Seen(_ context.Context, p []record.Print) ([]model.MessageRef, error) {
	return make([]model.MessageRef, len(p)), nil
}

func (s *shelf) Commit(_ context.Context, b record.Batch) error {
	if s.failing > 0 {
		s.failing--
		return fault.New(fault.Transient, "store.full", "the disk is full")
	}
	for _, m := range b.Messages {
		text, err := json.Marshal(m)
		if err != nil {
			return err
		}
		s.texts = append(s.texts, string(text))
		for i := range m.Devices {
			if id := m.Devices[i].ID; s.sightings[id] == nil {
				s.sightings[id] = &record.Sighting{Device: id}
			}
		}
		record.HearClocks(m, func(id model.DeviceID) *record.Sighting { return s.sightings[id] })
	}
	s.cursor = b.Cursor
	return nil
}

// Sightings gives them as they come back from disk.
func (s *shelf) Sightings(context.Context) ([]record.Sighting, error) {
	var all []record.Sighting
	for _, one := range s.sightings {
		text, err := json.Marshal(one)
		if err != nil {
			return nil, err
		}
		var again record.Sighting
		if err := json.Unmarshal(text, &again); err != nil {
			return nil, err
		}
		all = append(all, again)
	}
	return all, nil
}

// named gives each device the id of its serial number.
type named struct{}

func (named) Sight(_ context.Context, m *model.Message) error {
	for i := range m.Devices {
		m.Devices[i].ID = model.DeviceID("dev-" + m.Devices[i].Serial)
	}
	return nil
}
func (named) Resolve(context.Context, *model.Message) error { return nil }
func (named) Decide(*model.Message) []model.Decision        { return nil }

var morning = time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)

// ward makes a day of two monitors: one is ahead and is set, one falls back to
// 1970 in the middle of a stay and is set right later.
func ward() []record.Entry {
	var entries []record.Entry
	for i := range 1200 {
		at := morning.Add(time.Duration(i) * 15 * time.Second)
		for k, serial := range []string{"A", "B"} {
			said := at
			switch {
			case serial == "A" && i < 600:
				said = at.Add(7 * time.Minute)
			case serial == "B" && i >= 400 && i < 800:
				said = time.Unix(int64(i-400)*15, 0).UTC()
			}
			said = said.Truncate(time.Second)
			seq := model.Seq(2*i + k + 1)
			m := &model.Message{
				Ref: model.MessageRef{Seq: seq}, Codec: "hl7v2", Arrived: at.Add(time.Duration(i*7919%900) * time.Millisecond), ControlID: fmt.Sprint(seq),
				Devices:      []model.Device{{Serial: serial, Level: "mds", Parent: -1}},
				Observations: []model.Observation{{Field: "OBX[1]", DeviceTime: model.Timestamp{UTC: said, Original: said.Format("20060102150405"), Precision: "second", Zone: model.ZoneSite}}},
			}
			m.DeviceTime = m.Observations[0].DeviceTime
			entries = append(entries, record.Entry{Seq: seq, Messages: []*model.Message{m}})
		}
	}
	return entries
}

// play records the ward's day in batches of a size, starting anew after each
// of some of them.
func play(t *testing.T, batch, restart, fail int, rule string) *shelf {
	t.Helper()
	s := &shelf{sightings: map[model.DeviceID]*record.Sighting{}}
	now := func() time.Time { return morning }
	options := record.Options{Now: now, Clock: func(*model.Message, model.DeviceID) string { return rule }}
	stage := record.New(s, named{}, named{}, named{}, options)
	n := 0
	for part := range slices.Chunk(ward(), batch) {
		if n++; fail > 0 && n%fail == 0 {
			s.failing = 1
		}
		if err := stage.Record(t.Context(), part); err != nil {
			t.Fatal(err)
		}
		if restart > 0 && n%restart == 0 {
			stage = record.New(s, named{}, named{}, named{}, options)
		}
	}
	return s
}

func messages(t *testing.T, s *shelf) []model.Message {
	t.Helper()
	all := make([]model.Message, len(s.texts))
	for i, text := range s.texts {
		if err := json.Unmarshal([]byte(text), &all[i]); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// R16, R18: a day read again gives the same record, whatever the batches, the
// restarts between them and the commits that failed.
func TestReplayGivesTheSame(t *testing.T) {
	for _, rule := range []string{record.ClockImpossible, record.ClockOffset, record.ClockNone} {
		want := play(t, 2400, 0, 0, rule)
		for _, c := range [][3]int{{1000, 0, 0}, {7, 0, 0}, {100, 1, 0}, {33, 5, 7}} {
			got := play(t, c[0], c[1], c[2], rule)
			if !slices.Equal(got.texts, want.texts) {
				for i := range want.texts {
					if got.texts[i] != want.texts[i] {
						t.Fatalf("%v: message %d\n got %s\nwant %s", c, i, got.texts[i], want.texts[i])
					}
				}
			}
			for id, one := range want.sightings {
				if *got.sightings[id] != *one {
					t.Fatalf("%v: clock of %s\n got %+v\nwant %+v", c, id, *got.sightings[id], *one)
				}
			}
		}
	}
}

// R16: what is corrected keeps the text, the offset and the uncertainty; what
// the clock said can be told from it; an issue says what happened.
func TestCorrection(t *testing.T) {
	for _, rule := range []string{record.ClockImpossible, record.ClockOffset, record.ClockNone} {
		issues := map[string]int{}
		for _, m := range messages(t, play(t, 500, 0, 0, rule)) {
			o := &m.Observations[0]
			serial := m.Devices[0].Serial
			for _, i := range m.Issues {
				issues[serial+" "+i.Code]++
			}
			said := o.DeviceTime.UTC.Add(time.Duration(o.DeviceTime.ClockOffsetNS))
			if said.Format("20060102150405") != o.DeviceTime.Original || m.DeviceTime != o.DeviceTime {
				t.Fatalf("%s: %+v", rule, o.DeviceTime)
			}
			off := m.Arrived.Sub(o.DeviceTime.UTC)
			right := off > -time.Duration(o.DeviceTime.UncertaintyNS)-time.Second && off < 3*time.Second+time.Duration(o.DeviceTime.UncertaintyNS)
			corrected := o.DeviceTime.UncertaintyNS != 0
			unset := said.Year() == 1970
			switch {
			case rule == record.ClockNone && corrected,
				rule == record.ClockImpossible && corrected != unset,
				rule == record.ClockOffset && !corrected:
				t.Fatalf("%s: %s %+v", rule, serial, o.DeviceTime)
			case rule == record.ClockOffset && serial == "B", rule != record.ClockNone && unset:
				if !right {
					t.Fatalf("%s: %s arrived %s: %+v", rule, serial, m.Arrived, o.DeviceTime)
				}
			}
		}
		if issues["A clock.jumped"] != 1 || issues["A clock.back"] != 1 || issues["B clock.unset"] != 400 || issues["B clock.jumped"] != 1 || len(issues) != 4 {
			t.Errorf("%s: %v", rule, issues)
		}
	}
}

// The stage tells what is known of a clock, and nothing of one never heard.
func TestClockIsTold(t *testing.T) {
	s := &shelf{sightings: map[model.DeviceID]*record.Sighting{}}
	stage := record.New(s, named{}, named{}, named{}, record.Options{})
	if err := stage.Record(t.Context(), ward()[:1200]); err != nil {
		t.Fatal(err)
	}
	e, ok := stage.Clock("dev-A")
	if _, none := stage.Clock("dev-C"); !ok || none {
		t.Fatal(ok, none)
	}
	if off := time.Duration(e.OffsetNS) - 7*time.Minute; off > time.Second || off < -time.Second || e.Samples != 600 || !e.Since.Equal(morning) || !e.DriftKnown {
		t.Errorf("%+v", e)
	}
}

// Each device of a message has its own clock; the message's own time is no
// device's where it is of another clock.
func TestTwoDevices(t *testing.T) {
	s := &shelf{sightings: map[model.DeviceID]*record.Sighting{}}
	rule := func(_ *model.Message, id model.DeviceID) string {
		if id == "dev-A" {
			return record.ClockOffset
		}
		return record.ClockNone
	}
	stage := record.New(s, named{}, named{}, named{}, record.Options{Clock: rule})
	stamp := func(at time.Time) model.Timestamp {
		return model.Timestamp{UTC: at, Original: at.String(), Precision: "fraction"}
	}
	for i := range 20 {
		at := morning.Add(time.Duration(i) * time.Minute)
		m := &model.Message{Ref: model.MessageRef{Seq: model.Seq(i + 1)}, Codec: "hl7v2", Arrived: at, DeviceTime: stamp(at),
			Devices: []model.Device{{Serial: "A", Level: "mds", Parent: -1}, {Serial: "B", Level: "mds", Parent: -1}},
			Observations: []model.Observation{
				{DeviceTime: stamp(at.Add(time.Hour)), DeviceTimeEnd: at.Add(time.Hour + time.Minute), Device: 0},
				{DeviceTime: stamp(at.Add(-time.Hour)), Device: 1},
			}}
		if err := stage.Record(t.Context(), []record.Entry{{Seq: m.Ref.Seq, Messages: []*model.Message{m}}}); err != nil {
			t.Fatal(err)
		}
	}
	all := messages(t, s)
	m := all[len(all)-1]
	if a := m.Observations[0]; !a.DeviceTime.UTC.Equal(m.Arrived.Add(-time.Minute)) || !a.DeviceTimeEnd.Equal(m.Arrived) {
		t.Errorf("A: %+v", a)
	}
	if b := m.Observations[1].DeviceTime; b.ClockOffsetNS != 0 || !b.UTC.Equal(m.Arrived.Add(-time.Hour)) {
		t.Errorf("B: %+v", b)
	}
	if m.DeviceTime.ClockOffsetNS != 0 {
		t.Errorf("message: %+v", m.DeviceTime)
	}
	if e, _ := stage.Clock("dev-B"); time.Duration(e.OffsetNS) != -time.Hour || !e.Zone {
		t.Errorf("%+v", e)
	}
}

// Issues name the device and never a time of a patient's.
func TestIssuesTell(t *testing.T) {
	for _, m := range messages(t, play(t, 2400, 0, 0, "")) {
		for _, i := range m.Issues {
			if !strings.Contains(i.Text, "dev-") || i.Hint == "" || i.Field != "OBX[1]" {
				t.Fatalf("%+v", i)
			}
		}
	}
	var r clock.Reading
	var m model.Message
	r.Tell(&m, clock.State{}, clock.Fine)
	if len(m.Issues) != 0 {
		t.Error(m.Issues)
	}
}
