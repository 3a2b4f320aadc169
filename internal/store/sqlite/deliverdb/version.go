package deliverdb

import (
	"bytes"
	"compress/flate"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
)

// AddVersions keeps messages as a replay read them again.
func (d *DB) AddVersions(ctx context.Context, replay uint64, made time.Time, messages []*model.Message) error {
	bodies := make([][]byte, len(messages))
	for i, m := range messages {
		var err error
		if bodies[i], err = shrink(m); err != nil {
			return storeFault(err)
		}
	}
	return storeFault(d.db.Update(ctx, func(tx *sql.Tx) error {
		for i, m := range messages {
			if _, err := tx.Exec("INSERT INTO version(replay, seq, part, made, message) VALUES(?,?,?,?,?) ON CONFLICT DO NOTHING",
				int64(replay), int64(m.Ref.Seq), m.Ref.Part, micros(made), bodies[i]); err != nil {
				return err
			}
		}
		return nil
	}))
}

// AddCorrection keeps a replay that corrects, with its messages, once.
func (d *DB) AddCorrection(ctx context.Context, correction uint64, r deliver.Replay, messages []*model.Message) (number uint64, fresh bool, err error) {
	bodies := make([][]byte, len(messages))
	for i, m := range messages {
		if bodies[i], err = shrink(m); err != nil {
			return 0, false, storeFault(err)
		}
	}
	span, err := json.Marshal(r.Span)
	if err != nil {
		return 0, false, storeFault(err)
	}
	err = d.db.Update(ctx, func(tx *sql.Tx) error {
		var have int64
		switch err := tx.QueryRow("SELECT replay FROM correction WHERE id = ?", int64(correction)).Scan(&have); {
		case err == nil:
			number, fresh = uint64(have), false
			return nil
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		id, err := addReplay(tx, r, string(span))
		if err != nil {
			return err
		}
		number, fresh = uint64(id), true
		if _, err := tx.Exec("INSERT INTO correction(id, replay) VALUES(?,?)", int64(correction), id); err != nil {
			return err
		}
		for i, m := range messages {
			if _, err := tx.Exec("INSERT INTO version(replay, seq, part, made, message) VALUES(?,?,?,?,?)", id, int64(m.Ref.Seq), m.Ref.Part, micros(r.At), bodies[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return number, fresh, storeFault(err)
}

func shrink(m *model.Message) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(w).Encode(m); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unfold(body []byte) (*model.Message, error) {
	m := new(model.Message)
	r := flate.NewReader(bytes.NewReader(body))
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return m, json.Unmarshal(text, m)
}

// Version gives a message as a replay read it.
func (d *DB) Version(ctx context.Context, replay uint64, ref model.MessageRef) (*model.Message, error) {
	var body []byte
	err := d.db.Read.QueryRowContext(ctx, "SELECT message FROM version WHERE replay = ? AND seq = ? AND part = ?", int64(replay), int64(ref.Seq), ref.Part).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.New(fault.Absent, "deliver.no-version", "replay %d did not read message %d.%d again", replay, ref.Seq, ref.Part)
	}
	if err != nil {
		return nil, storeFault(err)
	}
	m, err := unfold(body)
	return m, storeFault(err)
}

// VersionsOf gives all versions of a message.
func (d *DB) VersionsOf(ctx context.Context, ref model.MessageRef) ([]deliver.Version, error) {
	var all []deliver.Version
	err := d.each(ctx, func(scan func(...any) error) error {
		var v deliver.Version
		var made int64
		var body []byte
		err := scan(&v.Replay, &made, &body)
		if err == nil {
			v.Made = moment(made)
			v.Message, err = unfold(body)
		}
		all = append(all, v)
		return err
	}, "SELECT replay, made, message FROM version WHERE seq = ? AND part = ? ORDER BY replay", int64(ref.Seq), ref.Part)
	return all, err
}
