package app

import (
	"context"

	"thalamus/internal/extract"
	"thalamus/internal/flow/journal"
)

// openExtracts opens the shelf of extracts. They leave twice the journal's
// reserve free: what devices send comes first.
func (a *App) openExtracts(context.Context) (err error) {
	a.extracts, err = extract.Open(a.path("extracts"), a.amended(), extract.Options{
		Made: a.o.Version, Free: journal.System{}.Free, Floor: 2 * a.boot.Journal.Floor,
	})
	return err
}

func (a *App) closeExtracts(context.Context) error {
	a.extracts.Close()
	return nil
}
