package recorddb

import (
	"context"
	"fmt"
	"testing"
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

func some(from, n int) record.Batch {
	b := record.Batch{Cursor: model.Seq(from + n - 1)}
	for i := from; i < from+n; i++ {
		m := &model.Message{
			Ref: model.MessageRef{Seq: model.Seq(i)}, Channel: "icu", Type: "ORU^R01^ORU_R01", ControlID: fmt.Sprint("C", i),
			Arrived: time.Date(2026, 11, 21, 10, 0, i, 0, time.UTC), Patient: &model.Patient{ID: model.PatientID(fmt.Sprint("p", i%3))},
			Routed: []model.Decision{{Destination: model.DestinationID([]string{"a", "b"}[i%2])}},
		}
		b.Messages = append(b.Messages, m)
		b.Prints = append(b.Prints, record.PrintOf(m, record.Digest{}))
	}
	return b
}

func TestThin(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	for round := range 2 {
		d, err := Open(ctx, dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			if err := d.Commit(ctx, some(1, 100)); err != nil {
				t.Fatal(err)
			}
		}
		if d.Cursor() != 100 || d.Head().Seq != 100 {
			t.Fatal(d.Cursor(), d.Head())
		}
		msgs, upTo, err := d.Owed(ctx, "a", model.MessageRef{Seq: 10}, 5)
		if err != nil || len(msgs) != 5 || msgs[0].Ref.Seq != 12 || upTo.Seq != 20 {
			t.Fatal(msgs, upTo, err)
		}
		found, next, err := d.Search(ctx, record.Query{Patients: []model.PatientID{"p1"}, Limit: 10})
		if err != nil || len(found) != 10 || found[0].Ref.Seq != 100 || next.Seq != 73 {
			t.Fatal(found, next, err)
		}
		if m, err := d.Message(ctx, model.MessageRef{Seq: 70}); err != nil || m.ControlID != "C70" {
			t.Fatal(m, err)
		}
		seen, err := d.Seen(ctx, some(100, 2).Prints)
		if err != nil || seen[0].Seq != 100 || seen[1].Seq != 0 {
			t.Fatal(seen, err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
