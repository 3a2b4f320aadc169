package storetest

import (
	"context"
	"testing"
	"time"

	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

func detained(ord int64, key string, seq int, devices string) deliver.Detained {
	return deliver.Detained{Ord: ord, Key: key, Ref: ref(seq), Owed: noon.Add(time.Duration(seq) * time.Second), For: devices}
}

// deliverQuarantine: what waits is known and in no queue; released it stands at
// its place, also when the batch comes twice; rejected it is discarded.
func deliverQuarantine(t *testing.T, s *deliverStore) {
	s.commit(deliver.Batch{Destination: "ehr", Cursor: ref(3),
		Park: []deliver.Queued{queued(1, "k", 1), queued(4, "k", 4)},
		Wait: []deliver.Detained{detained(2, "k", 2, "a"), detained(3, "k", 3, "a b"), detained(5, "k2", 5, "a"), detained(6, "k2", 6, "c")}})
	s.commit(deliver.Batch{Destination: "lake", Wait: []deliver.Detained{detained(1, "k", 2, "a")}})
	for range 2 {
		got := s.standing("ehr")
		same(t, "waiting", got.Waiting, []deliver.WaitingStanding{
			{For: "a", Key: "k", Rows: 1, Oldest: noon.Add(2 * time.Second)}, {For: "a", Key: "k2", Rows: 1, Oldest: noon.Add(5 * time.Second)},
			{For: "a b", Key: "k", Rows: 1, Oldest: noon.Add(3 * time.Second)}, {For: "c", Key: "k2", Rows: 1, Oldest: noon.Add(6 * time.Second)},
		})
		same(t, "done after the cursor", got.Done, []model.MessageRef{ref(4), ref(5), ref(6)})
		same(t, "numbers", []int64{got.LowestOrd, got.LastOrd, got.Counters.Parked}, []int64{1, 6, 2})
		same(t, "of a message", s.byMessage(ref(2)), []model.Delivery{
			{Destination: "ehr", Ref: ref(2), Key: "k", State: model.Quarantined, Reason: "waits until somebody adopts a"},
			{Destination: "lake", Ref: ref(2), Key: "k", State: model.Quarantined, Reason: "waits until somebody adopts a"},
		})
		s.reopen()
	}
	for range 2 {
		s.commit(deliver.Batch{Destination: "ehr", Released: []deliver.Release{{For: "a"}}})
		rows, err := s.Queued(context.Background(), "ehr", "k", -1<<63, 10)
		same(t, "in its place", []any{rows, err}, []any{[]deliver.Queued{queued(1, "k", 1), queued(2, "k", 2), queued(4, "k", 4)}, nil})
	}
	got := s.standing("ehr")
	same(t, "parked", []any{got.Counters.Parked, len(got.Waiting)}, []any{int64(4), 2})
	same(t, "of another destination", len(s.standing("lake").Waiting), 1)
	for range 2 {
		s.commit(deliver.Batch{Destination: "ehr", Rejected: []deliver.Reject{{For: "c", Reason: "sold", At: noon}}})
	}
	got = s.standing("ehr")
	same(t, "rejected", []any{got.Counters.Discarded, got.Counters.Parked, len(got.Waiting)}, []any{int64(1), int64(4), 1})
	same(t, "reason", s.byMessage(ref(6))[0].Reason, "sold; it had waited for its device to be adopted")
	// Everything in one batch, twice.
	all := deliver.Batch{Destination: "file", Cursor: ref(2), Wait: []deliver.Detained{detained(1, "k", 1, "a"), detained(2, "k", 2, "b")},
		Released: []deliver.Release{{For: "a"}}, Rejected: []deliver.Reject{{For: "b", Reason: "sold", At: noon}}}
	s.commit(all)
	want := s.standing("file")
	s.commit(all)
	same(t, "twice", s.standing("file"), want)
	same(t, "counters", want.Counters, deliver.Counters{Discarded: 1, Parked: 1})
}
