package deliverdb

import (
	"context"
	"io"
	"path/filepath"
	"testing"

	"thalamus/internal/flow/deliver"
	"thalamus/internal/store/sqlite/diskfault"
	"thalamus/internal/store/storetest"
)

func ordeal() diskfault.Ordeal {
	o := diskfault.Ordeal{
		Open: func(folder, layer string) (io.Closer, error) {
			return Open(context.Background(), filepath.Join(folder, "deliver.db"), layer)
		},
		State: func(_ io.Closer, folder string) (string, error) { return diskfault.Rows(folder) },
	}
	for _, step := range storetest.DeliverSteps() {
		o.Steps = append(o.Steps, func(s io.Closer) error { return step(s.(deliver.Store)) })
	}
	return o
}

func TestOrdeal(t *testing.T) { ordeal().Suffer(t) }

func TestRealPowerCut(t *testing.T) { ordeal().SufferReal(t) }
