package registerdb

import (
	"context"

	"thalamus/internal/model"
	"thalamus/internal/register/flows"
)

func scanFlow(scan func(...any) error) (model.Flow, error) {
	var f model.Flow
	var first, last, count int64
	err := scan(&f.From, &f.To, &f.Port, &f.Protocol, &f.Source, &f.App, &f.Encrypted, &f.FromMAC, &f.ToMAC, &f.End, &first, &last, &count)
	f.First, f.Last, f.Count = timeOf(first), timeOf(last), uint64(count)
	return f, err
}

// Flows gives all flows.
func (d *DB) Flows(ctx context.Context) ([]model.Flow, error) {
	return all(ctx, d.read(), scanFlow, "SELECT from_end, to_end, port, protocol, source, app, encrypted, from_mac, to_mac, own_end, first_at, last_at, count FROM flows")
}

// FlowsTurn changes whenever a flow does.
func (d *DB) FlowsTurn() uint64 { return d.flows.Load() }

// SaveFlows adds what was seen. A span that lies within what was counted
// before, as when a file is imported twice, adds nothing to the count.
func (t *tx) SaveFlows(ctx context.Context, seen []model.Flow) error {
	if len(seen) == 0 {
		return nil
	}
	t.OnCommit(func() { t.store.flows.Add(1) })
	put, err := t.sql.PrepareContext(ctx, `INSERT INTO flows (from_end, to_end, port, protocol, source, app, encrypted, from_mac, to_mac, own_end, first_at, last_at, count)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (from_end, to_end, port, protocol, source) DO UPDATE SET
			app       = CASE WHEN excluded.app <> '' AND excluded.last_at >= last_at THEN excluded.app ELSE app END,
			encrypted = CASE WHEN excluded.encrypted <> '' AND excluded.last_at >= last_at THEN excluded.encrypted ELSE encrypted END,
			from_mac  = CASE WHEN excluded.from_mac <> '' THEN excluded.from_mac ELSE from_mac END,
			to_mac    = CASE WHEN excluded.to_mac <> '' THEN excluded.to_mac ELSE to_mac END,
			own_end   = CASE WHEN excluded.own_end <> '' THEN excluded.own_end ELSE own_end END,
			count     = CASE WHEN source <> 'own' AND excluded.first_at >= first_at AND excluded.last_at <= last_at THEN max(count, excluded.count) ELSE count + excluded.count END,
			first_at  = min(first_at, excluded.first_at),
			last_at   = max(last_at, excluded.last_at)`)
	if err != nil {
		return writeFault(err)
	}
	defer put.Close()
	for i := range seen {
		f := &seen[i]
		_, err := put.ExecContext(ctx, f.From, f.To, f.Port, f.Protocol, f.Source, f.App, f.Encrypted, f.FromMAC, f.ToMAC, f.End,
			micros(f.First), micros(f.Last), int64(min(f.Count, 1<<62)))
		if err != nil {
			return writeFault(err)
		}
	}
	return t.exec(ctx, `DELETE FROM flows WHERE last_at < (SELECT last_at FROM flows ORDER BY last_at DESC LIMIT 1 OFFSET ?)`, flows.Most)
}
