package recorddb

import (
	"context"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/store/storetest"
)

// A file without its reach, or with one that an earlier release left behind, is
// brought up to date when it is opened.
func TestReachOfEarlierFiles(t *testing.T) {
	for name, spoil := range map[string]string{
		"made before it was kept":      "DROP TABLE reach",
		"an earlier release went on":   "UPDATE reach SET seal=0, latest=0",
		"the making of it was cut off": "DELETE FROM reach",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, dir := context.Background(), t.TempDir()
			d := opened(t, dir, Options{})
			w := storetest.NewWard(3)
			b := w.Batch(30)
			if err := d.Commit(ctx, b); err != nil {
				t.Fatal(err)
			}
			path := d.files[0].path
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			c, err := openConn(path, "", false)
			if err != nil {
				t.Fatal(err)
			}
			want, kept, err := c.reachOf(1)
			if err != nil || !kept || want == nowhere {
				t.Fatal("not kept:", want, err)
			}
			if err := c.exec(spoil); err != nil {
				t.Fatal(err)
			}
			if err := c.close(); err != nil {
				t.Fatal(err)
			}
			d = opened(t, dir, Options{})
			defer d.Close()
			if d.files[0].reach != want {
				t.Errorf("%+v, want %+v", d.files[0].reach, want)
			}
			err = d.read(ctx, d.files[0], func(r *reading) error {
				return r.rows("SELECT earliest, latest FROM reach WHERE seal=1", func(s *sqlite3.Stmt) (bool, error) {
					if have := (reach{s.ColumnInt64(0), s.ColumnInt64(1)}); have != want {
						t.Errorf("kept %+v, want %+v", have, want)
					}
					return false, nil
				})
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A question about one day leaves the files of all others unread: its cost does
// not grow with the record.
func TestFilesLeftOut(t *testing.T) {
	ctx := context.Background()
	d := opened(t, t.TempDir(), Options{})
	defer d.Close()
	first := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for day := range 5 {
		at := first.AddDate(0, 0, day)
		m := &model.Message{Ref: model.MessageRef{Seq: model.Seq(day + 1)}, Arrived: at, Devices: []model.Device{{ID: "d", Parent: -1}},
			Observations: []model.Observation{{Code: model.Code{RefID: "MDC_TEMP"}, DeviceTime: model.Timestamp{UTC: at}, Value: model.Value{Kind: model.ValueNumber}}}}
		if err := d.Commit(ctx, record.Batch{Cursor: m.Ref.Seq, Messages: []*model.Message{m}}); err != nil {
			t.Fatal(err)
		}
	}
	for day := range 4 { // the fifth is not sealed
		at := first.AddDate(0, 0, day).UnixNano()
		for i, f := range d.files {
			if got := f.reach.touches(at, at+1); got != (i == day) {
				t.Errorf("day %d, file %d: %v", day, i, got)
			}
		}
	}
}
