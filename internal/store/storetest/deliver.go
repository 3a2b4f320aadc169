package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

// Deliver is the suite for deliver.Store. open opens the store under test; it
// is called again on the same folder after close, and what was committed must
// be there.
func Deliver(t *testing.T, open func(t *testing.T, folder string) (s deliver.Store, close func())) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s *deliverStore)
	}{
		{"a destination never seen", deliverUnknown},
		{"a batch is kept whole", deliverBatch},
		{"the same batch again changes nothing", deliverTwice},
		{"queue by key in order", deliverQueue},
		{"dead letters", deliverLetters},
		{"retry and discard", deliverDecide},
		{"replays", deliverReplays},
		{"quarantine", deliverQuarantine},
		{"versions", deliverVersions},
		{"corrections", deliverCorrections},
		{"trim", deliverTrim},
		{"side by side", deliverSideBySide},
		{"as a model in memory", deliverModel},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &deliverStore{t: t, folder: t.TempDir(), openStore: open}
			s.open()
			defer func() { s.close() }()
			c.run(t, s)
		})
	}
}

// deliverStore is the store under test, which can be reopened.
type deliverStore struct {
	deliver.Store
	t         *testing.T
	folder    string
	openStore func(t *testing.T, folder string) (deliver.Store, func())
	close     func()
}

func (s *deliverStore) open() { s.Store, s.close = s.openStore(s.t, s.folder) }

func (s *deliverStore) reopen() {
	s.close()
	s.open()
}

func (s *deliverStore) commit(b deliver.Batch) {
	s.t.Helper()
	if err := s.Commit(context.Background(), &b); err != nil {
		s.t.Fatal(err)
	}
}

func (s *deliverStore) standing(d model.DestinationID) deliver.Standing {
	s.t.Helper()
	got, err := s.Standing(context.Background(), d)
	if err != nil {
		s.t.Fatal(err)
	}
	slices.SortFunc(got.Done, func(a, b model.MessageRef) int { return int(a.Seq)*100 + a.Part - int(b.Seq)*100 - b.Part })
	slices.SortFunc(got.Lanes, func(a, b deliver.LaneStanding) int { return len(a.Key) - len(b.Key) })
	return got
}

func (s *deliverStore) letters(f deliver.DeadFilter) []deliver.DeadLetter {
	s.t.Helper()
	got, err := s.DeadLetters(context.Background(), f)
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

func (s *deliverStore) byMessage(ref model.MessageRef) []model.Delivery {
	s.t.Helper()
	got, err := s.ByMessage(context.Background(), ref)
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// same compares what prints the same.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC)

func ref(seq int) model.MessageRef { return model.MessageRef{Seq: model.Seq(seq)} }

func queued(ord int64, key string, seq int) deliver.Queued {
	return deliver.Queued{Ord: ord, Key: key, Ref: ref(seq), Owed: noon.Add(time.Duration(seq) * time.Second)}
}

func delivered(seq int) deliver.Settled {
	return deliver.Settled{Ref: ref(seq), State: model.Delivered, Key: "patient/a", Attempts: 1, FirstTried: noon, Settled: noon.Add(time.Second), Receipt: "AA"}
}

func died(seq int, key, code string) deliver.Settled {
	return deliver.Settled{Ref: ref(seq), State: model.Dead, Key: key, Attempts: 3, FirstTried: noon, Settled: noon.Add(time.Duration(seq) * time.Second), Code: code, Reason: "refused"}
}

func deliverUnknown(t *testing.T, s *deliverStore) {
	same(t, "standing", s.standing("nobody"), deliver.Standing{})
	c, err := s.Counters(context.Background(), "nobody")
	same(t, "counters", []any{c, err}, []any{deliver.Counters{}, nil})
	rows, err := s.Queued(context.Background(), "nobody", "k", 0, 10)
	same(t, "queue", []any{len(rows), err}, []any{0, nil})
	same(t, "letters", len(s.letters(deliver.DeadFilter{Destination: "nobody"})), 0)
	same(t, "deliveries", len(s.byMessage(ref(1))), 0)
	if _, err := s.DeadLetter(context.Background(), 1); fault.KindOf(err) != fault.Absent {
		t.Errorf("letter: %v", err)
	}
	s.commit(deliver.Batch{Destination: "nobody"})
	same(t, "after an empty batch", s.standing("nobody"), deliver.Standing{Known: true})
}

func deliverBatch(t *testing.T, s *deliverStore) {
	failing := queued(5, "k", 4)
	failing.Attempts, failing.Failures, failing.Code, failing.Reason = 4, 3, "x.y", "busy"
	failing.FirstTried, failing.FailingSince, failing.NextTry = noon, noon.Add(1), noon.Add(time.Minute)
	failing.FailingSince = noon.Add(time.Millisecond)
	s.commit(deliver.Batch{Destination: "ehr", Cursor: model.MessageRef{Seq: 1, Part: 2}, Settled: []deliver.Settled{delivered(1), delivered(3), died(6, "k2", "a.b")},
		Park: []deliver.Queued{queued(5, "k", 4), queued(6, "k", 5)}})
	s.commit(deliver.Batch{Destination: "ehr", Failing: []deliver.Queued{failing}})
	s.commit(deliver.Batch{Destination: "lake", Cursor: ref(9), Settled: []deliver.Settled{delivered(3)}})
	for range 2 {
		got := s.standing("ehr")
		same(t, "standing", got, deliver.Standing{
			Known: true, Cursor: model.MessageRef{Seq: 1, Part: 2}, Done: []model.MessageRef{ref(3), ref(4), ref(5), ref(6)},
			Lanes: []deliver.LaneStanding{{Key: "k", Rows: 2}}, LowestOrd: 5, LastOrd: 6,
			Counters: deliver.Counters{Delivered: 2, Dead: 1, Parked: 2},
		})
		c, _ := s.Counters(context.Background(), "ehr")
		same(t, "counters", c, deliver.Counters{Delivered: 2, Dead: 1, Parked: 2, OldestParked: noon.Add(4 * time.Second)})
		same(t, "message", s.byMessage(ref(3)), []model.Delivery{
			{Destination: "ehr", Ref: ref(3), State: model.Delivered, Attempts: 1, FirstTried: noon, Settled: noon.Add(time.Second), Receipt: "AA"},
			{Destination: "lake", Ref: ref(3), State: model.Delivered, Attempts: 1, FirstTried: noon, Settled: noon.Add(time.Second), Receipt: "AA"},
		})
		same(t, "parked message", s.byMessage(ref(4)), []model.Delivery{
			{Destination: "ehr", Ref: ref(4), Key: "k", State: model.Queued, Attempts: 4, FirstTried: noon, NextTry: noon.Add(time.Minute), FaultCode: "x.y", Reason: "busy"},
		})
		rows, err := s.Queued(context.Background(), "ehr", "k", 0, 10)
		same(t, "queue", []any{rows, err}, []any{[]deliver.Queued{failing, queued(6, "k", 5)}, nil})
		s.reopen()
	}
	// A parked parcel that is settled leaves the queue in the same transaction.
	s.commit(deliver.Batch{Destination: "ehr", Cursor: ref(7), Settled: []deliver.Settled{delivered(4)}, Unqueue: []int64{5}})
	got := s.standing("ehr")
	same(t, "after", []any{got.Done, got.Lanes, got.Counters}, []any{[]model.MessageRef(nil), []deliver.LaneStanding{{Key: "k", Rows: 1}}, deliver.Counters{Delivered: 3, Dead: 1, Parked: 1}})
}

func deliverTwice(t *testing.T, s *deliverStore) {
	all := deliver.Batch{Destination: "ehr", Cursor: ref(4),
		Park:    []deliver.Queued{queued(1, "k", 8), queued(2, "k", 9)},
		Settled: []deliver.Settled{delivered(1), died(2, "k2", "a.b"), delivered(3), delivered(9)}, Unqueue: []int64{2}}
	s.commit(all)
	want := s.standing("ehr")
	s.commit(all)
	same(t, "standing", s.standing("ehr"), want)
	same(t, "letters", len(s.letters(deliver.DeadFilter{})), 1)
	letter := s.letters(deliver.DeadFilter{})[0]
	again := deliver.Batch{Destination: "ehr", Discarded: []deliver.Discard{{Letter: letter.ID, Reason: "r", At: noon}}}
	s.commit(again)
	s.commit(again)
	c, _ := s.Counters(context.Background(), "ehr")
	same(t, "counters", []int64{c.Dead, c.Discarded}, []int64{0, 1})
}

func deliverQueue(t *testing.T, s *deliverStore) {
	var rows []deliver.Queued
	for i := range 300 {
		rows = append(rows, queued(int64(i+1), fmt.Sprint("k", i%3), i+1))
	}
	s.commit(deliver.Batch{Destination: "ehr", Park: rows})
	s.commit(deliver.Batch{Destination: "lake", Park: rows[:9]})
	s.commit(deliver.Batch{Destination: "ehr", Park: []deliver.Queued{queued(-1, "k0", 999)}})
	var got []int64
	after := int64(-1 << 63)
	for {
		page, err := s.Queued(context.Background(), "ehr", "k0", after, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, q := range page {
			got = append(got, q.Ord)
			after = q.Ord
		}
	}
	if len(got) != 101 || !slices.IsSorted(got) || got[0] != -1 {
		t.Errorf("%v", got)
	}
	standing := s.standing("ehr")
	same(t, "bounds", []int64{standing.LowestOrd, standing.LastOrd, standing.Counters.Parked}, []int64{-1, 300, 301})
	var all []int64
	for i := range 300 {
		all = append(all, int64(i+1))
	}
	s.commit(deliver.Batch{Destination: "ehr", Unqueue: all})
	c, _ := s.Counters(context.Background(), "ehr")
	same(t, "left", c.Parked, int64(1))
	c, _ = s.Counters(context.Background(), "lake")
	same(t, "of another", c.Parked, int64(9))
}

func deliverLetters(t *testing.T, s *deliverStore) {
	for i := range 50 {
		d := model.DestinationID([]string{"ehr", "lake"}[i%2])
		s.commit(deliver.Batch{Destination: d, Settled: []deliver.Settled{died(i+1, fmt.Sprint("k", i%5), fmt.Sprint("c.", i%3))}})
	}
	if got := s.letters(deliver.DeadFilter{}); len(got) != 50 || got[0].ID <= got[49].ID || got[0].Ref != ref(50) {
		t.Errorf("all: %d", len(got))
	}
	for _, c := range []struct {
		name string
		f    deliver.DeadFilter
		n    int
	}{
		{"destination", deliver.DeadFilter{Destination: "ehr"}, 25},
		{"key", deliver.DeadFilter{Key: "k3"}, 10},
		{"code", deliver.DeadFilter{Code: "c.1"}, 17},
		{"time", deliver.DeadFilter{From: noon.Add(11 * time.Second), Until: noon.Add(21 * time.Second)}, 10},
		{"all of it", deliver.DeadFilter{Destination: "lake", Key: "k3", Code: "c.0", From: noon}, 2},
		{"limit", deliver.DeadFilter{Limit: 7}, 7},
	} {
		same(t, c.name, len(s.letters(c.f)), c.n)
	}
	var seen []model.MessageRef
	f := deliver.DeadFilter{Destination: "ehr", Limit: 4}
	for {
		page := s.letters(f)
		if len(page) == 0 {
			break
		}
		for _, l := range page {
			seen = append(seen, l.Ref)
		}
		f.Before = page[len(page)-1].ID
	}
	if len(seen) != 25 || seen[0] != ref(49) || seen[24] != ref(1) {
		t.Errorf("pages: %v", seen)
	}
	one := s.letters(deliver.DeadFilter{Limit: 1})[0]
	got, err := s.DeadLetter(context.Background(), one.ID)
	same(t, "one", []any{got, err}, []any{deliver.DeadLetter{ID: one.ID, Destination: "lake", Ref: ref(50), Key: "k4", Code: "c.1", Reason: "refused", Attempts: 3, FirstTried: noon, Died: noon.Add(50 * time.Second)}, nil})
}

func deliverDecide(t *testing.T, s *deliverStore) {
	hold := died(2, "k2", "a.b")
	hold.Hold = true
	s.commit(deliver.Batch{Destination: "ehr", Settled: []deliver.Settled{died(1, "k", "a.b"), hold, died(3, "k", "a.b")}})
	same(t, "held", s.standing("ehr").Held, []deliver.Held{{Key: "k2", Ref: ref(2)}})
	letters := s.letters(deliver.DeadFilter{})
	// Retried and delivered within one batch.
	s.commit(deliver.Batch{Destination: "ehr", Revived: []uint64{letters[0].ID}, Park: []deliver.Queued{queued(1, "k", 3)}, Settled: []deliver.Settled{delivered(3)}, Unqueue: []int64{1}})
	same(t, "retried", s.byMessage(ref(3))[0].State, model.Delivered)
	// Retried and still queued.
	s.commit(deliver.Batch{Destination: "ehr", Revived: []uint64{letters[1].ID}, Park: []deliver.Queued{queued(-1, "k2", 2)}})
	got := s.byMessage(ref(2))
	if len(got) != 1 || got[0].State != model.Queued {
		t.Errorf("%+v", got)
	}
	s.commit(deliver.Batch{Destination: "ehr", Discarded: []deliver.Discard{{Letter: letters[2].ID, Reason: "training", At: noon.Add(time.Hour)}}})
	d := s.byMessage(ref(1))[0]
	same(t, "discarded", []any{d.State, d.Settled, d.FaultCode, d.Reason}, []any{model.Discarded, noon.Add(time.Hour), "a.b", "training; it had failed: refused"})
	// Dying again is a new letter with a new number.
	s.commit(deliver.Batch{Destination: "ehr", Settled: []deliver.Settled{died(2, "k2", "a.b")}, Unqueue: []int64{-1}})
	left := s.letters(deliver.DeadFilter{})
	if len(left) != 1 || left[0].ID <= letters[0].ID {
		t.Errorf("%+v", left)
	}
	same(t, "held no more", len(s.standing("ehr").Held), 0)
	c, _ := s.Counters(context.Background(), "ehr")
	same(t, "counters", c, deliver.Counters{Delivered: 1, Dead: 1, Discarded: 1})
	// A letter of one destination is not another's to decide about.
	s.commit(deliver.Batch{Destination: "lake", Discarded: []deliver.Discard{{Letter: left[0].ID, Reason: "no", At: noon}}, Revived: []uint64{left[0].ID}})
	same(t, "letters", len(s.letters(deliver.DeadFilter{})), 1)
}

func deliverReplays(t *testing.T, s *deliverStore) {
	span := deliver.Span{From: noon, Until: noon.Add(time.Hour), Device: "d", Channel: "c"}
	named := deliver.Span{Refs: []model.MessageRef{{Seq: 1}, {Seq: 1, Part: 2}}}
	var numbers []uint64
	for i, r := range []deliver.Replay{
		{Reason: "lost", Actor: "eva", At: noon, Span: span, Jobs: []deliver.Job{{Destination: "ehr"}, {Destination: "lake", Forced: true}}},
		{Reason: "again", At: noon.Add(time.Hour), Span: named, Jobs: []deliver.Job{{Destination: "ehr", Forced: true}}},
	} {
		n, err := s.AddReplay(context.Background(), r)
		if err != nil {
			t.Fatal(i, err)
		}
		numbers = append(numbers, n)
	}
	if numbers[0] == 0 || numbers[1] <= numbers[0] {
		t.Fatalf("numbers %v", numbers)
	}
	s.commit(deliver.Batch{Destination: "ehr", Jobs: []deliver.Job{{Replay: numbers[0], Position: model.MessageRef{Seq: 7, Part: 1}, Queued: 3, Refused: 2}}})
	s.commit(deliver.Batch{Destination: "lake", Jobs: []deliver.Job{{Replay: numbers[0], Position: ref(9), Queued: 9, Done: true}}})
	s.reopen()
	same(t, "open jobs", s.standing("ehr").Jobs, []deliver.Job{
		{Replay: numbers[0], Destination: "ehr", Span: span, Position: model.MessageRef{Seq: 7, Part: 1}, Queued: 3, Refused: 2},
		{Replay: numbers[1], Destination: "ehr", Forced: true, Span: named},
	})
	same(t, "done job", len(s.standing("lake").Jobs), 0)
	all, err := s.Replays(context.Background(), 0, 10)
	if err != nil || len(all) != 2 {
		t.Fatal(len(all), err)
	}
	same(t, "newest", []any{all[0].ID, all[0].Reason, all[0].Span}, []any{numbers[1], "again", named})
	same(t, "older", all[1], deliver.Replay{ID: numbers[0], Reason: "lost", Actor: "eva", At: noon, Span: span, Jobs: []deliver.Job{
		{Replay: numbers[0], Destination: "ehr", Position: model.MessageRef{Seq: 7, Part: 1}, Queued: 3, Refused: 2},
		{Replay: numbers[0], Destination: "lake", Forced: true, Position: ref(9), Queued: 9, Done: true},
	}})
	page, _ := s.Replays(context.Background(), numbers[1], 10)
	same(t, "page", len(page), 1)
}

func deliverTrim(t *testing.T, s *deliverStore) {
	var all []deliver.Settled
	for i := range 12000 {
		all = append(all, delivered(i+1))
	}
	all[10].State, all[10].Code = model.Dead, "a.b"
	s.commit(deliver.Batch{Destination: "ehr", Settled: all, Park: []deliver.Queued{queued(1, "k", 5)}, Cursor: ref(12000)})
	s.commit(deliver.Batch{Destination: "lake", Settled: all[:20]})
	n, err := s.Trim(context.Background(), 11000)
	same(t, "rows", []any{n, err}, []any{int64(10999 + 19), nil})
	same(t, "trimmed", len(s.byMessage(ref(1))), 0)
	same(t, "kept", len(s.byMessage(ref(11001))), 1)
	same(t, "queued stays", s.byMessage(ref(5))[0].State, model.Queued)
	same(t, "dead stays", s.byMessage(ref(11))[0].State, model.Dead)
	same(t, "letters", len(s.letters(deliver.DeadFilter{})), 2)
	n, err = s.Trim(context.Background(), 11000)
	same(t, "again", []any{n, err}, []any{int64(0), nil})
	c, _ := s.Counters(context.Background(), "ehr")
	same(t, "counters go on", c.Delivered, int64(11999))
}

func deliverSideBySide(t *testing.T, s *deliverStore) {
	var wg sync.WaitGroup
	for d := range 8 {
		wg.Go(func() {
			for i := range 50 {
				b := deliver.Batch{Destination: model.DestinationID(fmt.Sprint("d", d)), Cursor: ref(i + 1), Settled: []deliver.Settled{delivered(i + 1)}}
				if err := s.Commit(context.Background(), &b); err != nil {
					t.Error(err)
					return
				}
				if c, err := s.Counters(context.Background(), b.Destination); err != nil || c.Delivered != int64(i+1) {
					t.Errorf("%s after %d: %+v %v", b.Destination, i+1, c, err)
					return
				}
			}
		})
	}
	wg.Wait()
	s.reopen()
	for d := range 8 {
		got := s.standing(model.DestinationID(fmt.Sprint("d", d)))
		same(t, "standing", []any{got.Cursor, got.Counters.Delivered}, []any{ref(50), int64(50)})
	}
}
