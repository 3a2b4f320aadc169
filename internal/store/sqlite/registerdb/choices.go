package registerdb

import (
	"context"

	"thalamus/internal/access"
	"thalamus/internal/model"
)

// Choices gives how an actor wants to see the console.
func (d *DB) Choices(ctx context.Context, actor model.ActorID) ([]access.Choice, error) {
	return all(ctx, d.read(), func(scan func(...any) error) (access.Choice, error) {
		c := access.Choice{Actor: actor}
		return c, scan(&c.Kind, &c.Page, &c.Name, &c.Value)
	}, "SELECT kind, page, name, value FROM choices WHERE actor = ? ORDER BY kind, page, name", string(actor))
}

func (t *tx) SaveChoice(ctx context.Context, c access.Choice) error {
	return t.exec(ctx, `INSERT INTO choices (actor, kind, page, name, value) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (actor, kind, page, name) DO UPDATE SET value = excluded.value`, string(c.Actor), c.Kind, c.Page, c.Name, c.Value)
}

func (t *tx) RemoveChoice(ctx context.Context, c access.Choice) error {
	return t.exec(ctx, "DELETE FROM choices WHERE actor = ? AND kind = ? AND page = ? AND name = ?", string(c.Actor), c.Kind, c.Page, c.Name)
}
