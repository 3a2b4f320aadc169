package recorddb

import (
	"context"
	"errors"
	"io"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/store/sqlite/diskfault"
	"thalamus/internal/store/storetest"
)

// ordeal seals every few messages, so that cuts hit seals and new days too. A
// record that must be set aside as damaged fails it: the journal would heal
// that, but SQLite promises that no cut does it.
func ordeal() diskfault.Ordeal {
	type watched struct {
		*DB
		damaged *error
	}
	o := diskfault.Ordeal{
		Loses: true, // what is not synced comes again from the journal
		Open: func(folder, layer string) (io.Closer, error) {
			var damaged error
			d, err := Open(context.Background(), folder, Options{VFS: layer, SealMessages: 37, RecentBytes: 1, Report: func(err error) {
				if code := fault.CodeOf(err); code == "record.damaged" || code == "record.gap" {
					damaged = err
				}
			}})
			return watched{d, &damaged}, err
		},
		State: func(s io.Closer, _ string) (string, error) {
			w := s.(watched)
			text, err := storetest.RecordState(w.DB)
			return text, errors.Join(err, *w.damaged, w.Verify(context.Background()))
		},
	}
	for _, step := range storetest.RecordSteps() {
		o.Steps = append(o.Steps, func(s io.Closer) error { return step(s.(watched).DB) })
	}
	return o
}

func TestOrdeal(t *testing.T) { ordeal().Suffer(t) }

func TestRealPowerCut(t *testing.T) { ordeal().SufferReal(t) }
