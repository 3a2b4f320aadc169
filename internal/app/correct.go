package app

import (
	"context"
	"iter"
	"time"

	"thalamus/internal/flow/correct"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/store/sqlite/recorddb"
)

// written is the record as it was written, by what its devices are called now,
// for corrections.
type written struct {
	*recorddb.DB
	named *record.NamedReader
}

func (w written) Refs(ctx context.Context, from, until time.Time, device model.DeviceID) iter.Seq2[model.MessageRef, error] {
	return w.named.Refs(ctx, record.Span{From: from, Until: until, Device: device})
}

func (w written) Message(ctx context.Context, ref model.MessageRef) (*model.Message, error) {
	return w.named.Message(ctx, ref)
}

// named is the record as it was written, by what its devices are called now.
func (a *App) named() *record.NamedReader { return record.Name(a.record, a.register) }

// amended is the record as it is known now.
func (a *App) amended() *record.AmendedReader { return record.Amend(a.named(), a.governed) }

// startCorrections sets right whose recorded messages are, in the background
// (R20).
func (a *App) startCorrections(context.Context) error {
	c := correct.New(correct.Options{
		Store: a.governed, Record: written{a.record, a.named()}, Patients: a.patients, Head: a.journal.Head,
		Tell: func(ctx context.Context, c model.Correction, messages []*model.Message) error {
			_, err := a.deliver.Correct(ctx, c, messages)
			if err == nil {
				a.service.Corrected()
			}
			return err
		},
		Version:  record.WithVersion,
		DeviceOf: func(m *model.Message) model.DeviceID { return record.DeviceOf(m, -1) },
		Report:   a.report("corrections"),
	})
	a.work.Go(func() { c.Run(a.background, a.patients.Wake()) })
	return nil
}
