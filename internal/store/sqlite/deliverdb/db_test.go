package deliverdb

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
	"thalamus/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Deliver(t, func(t *testing.T, folder string) (deliver.Store, func()) {
		d, err := Open(context.Background(), filepath.Join(folder, "deliver.db"), "")
		if err != nil {
			t.Fatal(err)
		}
		return d, func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func batch(from, n int) *deliver.Batch {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	b := &deliver.Batch{Destination: "ehr", Cursor: model.MessageRef{Seq: model.Seq(from + n)}}
	for i := range n {
		b.Settled = append(b.Settled, deliver.Settled{
			Ref: model.MessageRef{Seq: model.Seq(from + i + 1)}, State: model.Delivered, Key: "patient/0123456789abcdef",
			Attempts: 1, FirstTried: now, Settled: now, Receipt: "200 OK, 12 created",
		})
	}
	return b
}

// BenchmarkCommit stores outcomes in batches of 1000, one op an outcome.
func BenchmarkCommit(b *testing.B) {
	d, err := Open(context.Background(), filepath.Join(b.TempDir(), "deliver.db"), "")
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += 1000 {
		if err := d.Commit(context.Background(), batch(n, min(1000, b.N-n))); err != nil {
			b.Fatal(err)
		}
	}
}
