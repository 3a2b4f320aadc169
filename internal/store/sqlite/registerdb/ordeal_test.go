package registerdb_test

import (
	"context"
	"io"
	"testing"

	"thalamus/internal/store/sqlite/diskfault"
	"thalamus/internal/store/sqlite/registerdb"
	"thalamus/internal/store/storetest"
)

func ordeal() diskfault.Ordeal {
	o := diskfault.Ordeal{
		Open: func(folder, layer string) (io.Closer, error) {
			return registerdb.Open(context.Background(), folder, registerdb.Options{VFS: layer})
		},
		State: func(_ io.Closer, folder string) (string, error) { return diskfault.Rows(folder) },
	}
	for _, step := range storetest.RegisterSteps() {
		o.Steps = append(o.Steps, func(s io.Closer) error { return step(s.(storetest.RegisterStore)) })
	}
	return o
}

func TestOrdeal(t *testing.T) { ordeal().Suffer(t) }

func TestRealPowerCut(t *testing.T) { ordeal().SufferReal(t) }
