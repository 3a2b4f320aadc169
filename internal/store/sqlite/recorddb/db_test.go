package recorddb

import (
	"context"
	"testing"

	"thalamus/internal/store/storetest"
)

func opened(t testing.TB, dir string, o Options) *DB {
	t.Helper()
	if o.Report == nil {
		o.Report = func(err error) { t.Errorf("reported: %v", err) }
	}
	d, err := Open(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The suite, as it runs in earnest; with seals every few messages and nothing
// kept decoded; and without a proper end before each opening.
func TestSuite(t *testing.T) {
	for name, o := range map[string]Options{
		"usual": {},
		"small": {SealMessages: 37, RecentBytes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Record(t, func(t *testing.T, dir string) storetest.RecordStore { return opened(t, dir, o) })
		})
	}
	t.Run("killed", func(t *testing.T) {
		storetest.Record(t, func(t *testing.T, dir string) storetest.RecordStore {
			return &killed{opened(t, dir, Options{SealMessages: 101})}
		})
	})
}

// killed is a record whose process ends without closing it.
type killed struct{ *DB }

func (k *killed) Close() error {
	k.mu.Lock()
	k.closed = true
	close(k.wake)
	k.mu.Unlock()
	return nil
}
