package deliverdb

import (
	"database/sql"

	"thalamus/internal/flow/deliver"
)

func (d *DB) detain(tx *sql.Tx, dest int64, b *deliver.Batch, _ *counts) error {
	for i := range b.Wait {
		w := &b.Wait[i]
		if _, err := tx.Exec("INSERT INTO detained(destination, ord, devices, key, seq, part, owed) VALUES(?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
			dest, w.Ord, w.For, w.Key, int64(w.Ref.Seq), w.Ref.Part, micros(w.Owed)); err != nil {
			return err
		}
	}
	return nil
}

// release moves rows to the queue. A batch that is committed again finds its
// rows there, or settled, and changes nothing.
func (d *DB) release(tx *sql.Tx, dest int64, b *deliver.Batch, n *counts) error {
	for i := range b.Released {
		devices := b.Released[i].For
		for was, now := range b.Released[i].Moved {
			if _, err := tx.Exec("UPDATE detained SET key = ? WHERE destination = ? AND devices = ? AND key = ?", now, dest, devices, was); err != nil {
				return err
			}
		}
		queued, err := changedBy(tx, `INSERT INTO queue(destination, ord, key, seq, part, replay, attempts, failures, owed, first_tried, failing_since, next_try)
			SELECT destination, ord, key, seq, part, 0, 0, 0, owed, 0, 0, 0 FROM detained WHERE destination = ? AND devices = ? ON CONFLICT DO NOTHING`, dest, devices)
		if err != nil {
			return err
		}
		n.parked += queued
		if _, err := changedBy(tx, "DELETE FROM detained WHERE destination = ? AND devices = ?", dest, devices); err != nil {
			return err
		}
	}
	return nil
}

func (d *DB) reject(tx *sql.Tx, dest int64, b *deliver.Batch, n *counts) error {
	for _, one := range b.Rejected {
		discarded, err := changedBy(tx, `INSERT INTO delivery(destination, seq, part, replay, state, attempts, first_tried, settled, reason)
			SELECT destination, seq, part, 0, ?, 0, 0, ?, ? FROM detained WHERE destination = ? AND devices = ? ON CONFLICT DO NOTHING`,
			stateDiscarded, micros(one.At), one.Reason+"; it had waited for its device to be adopted", dest, one.For)
		if err != nil {
			return err
		}
		n.discarded += discarded
		if _, err := changedBy(tx, "DELETE FROM detained WHERE destination = ? AND devices = ?", dest, one.For); err != nil {
			return err
		}
	}
	return nil
}

func changedBy(tx *sql.Tx, query string, args ...any) (int64, error) {
	result, err := tx.Exec(query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
