package registerdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// decided is what people decided of a device beside its adoption, as its row
// has it.
type decided struct {
	Merged *register.Merge `json:"merged,omitempty"`
	Block  *register.Block `json:"block,omitempty"`
}

func readDevice(d *register.Device, observed, keys, asserted, adoption, more []byte) error {
	err := errors.Join(json.Unmarshal(observed, &d.Observed), json.Unmarshal(keys, &d.Keys), json.Unmarshal(asserted, &d.Asserted))
	if len(adoption) > 0 {
		err = errors.Join(err, json.Unmarshal(adoption, &d.Adoption))
	}
	if len(more) > 0 {
		var one decided
		err = errors.Join(err, json.Unmarshal(more, &one))
		d.Merged, d.Block = one.Merged, one.Block
	}
	return err
}

// Devices gives all devices with their sightings.
func (d *DB) Devices(ctx context.Context) ([]register.Device, error) {
	return all(ctx, d.read(), func(scan func(...any) error) (register.Device, error) {
		var v register.Device
		var observed, keys, asserted, adoption, more, contact, battery []byte
		var seen int64
		s := &v.Seen
		err := scan(&v.ID, &v.Version, &observed, &keys, &asserted, &adoption, &more,
			&seen, &s.Channel, &s.Peer, &s.Seq, &s.Part, &s.Messages, &s.Observations, &s.Alerts, &s.Issues, &s.Read, &contact, &battery)
		if err != nil {
			return v, err
		}
		s.LastSeen = timeOf(seen)
		if len(contact) > 0 {
			if err := json.Unmarshal(contact, &s.Contact); err != nil {
				return v, err
			}
		}
		if len(battery) > 0 {
			if err := json.Unmarshal(battery, &s.Battery); err != nil {
				return v, err
			}
		}
		return v, readDevice(&v, observed, keys, asserted, adoption, more)
	}, `SELECT d.id, d.version, d.observed, d.keys, d.asserted, d.adoption, d.decided,
		coalesce(s.last_seen, 0), coalesce(s.channel, ''), coalesce(s.peer, ''), coalesce(s.seq, 0), coalesce(s.part, 0),
		coalesce(s.messages, 0), coalesce(s.observations, 0), coalesce(s.alerts, 0), coalesce(s.issues, 0), coalesce(s.read, 0), coalesce(s.contact, ''), coalesce(s.battery, '')
		FROM devices d LEFT JOIN sightings s ON s.device = d.id ORDER BY d.id`)
}

func (r reader) Device(ctx context.Context, id model.DeviceID) (register.Device, error) {
	v := register.Device{ID: id}
	var observed, keys, asserted, adoption, more []byte
	err := r.q.QueryRowContext(ctx, "SELECT version, observed, keys, asserted, adoption, decided FROM devices WHERE id = ?", string(id)).
		Scan(&v.Version, &observed, &keys, &asserted, &adoption, &more)
	if errors.Is(err, sql.ErrNoRows) {
		return v, fault.New(fault.Absent, "register.no-device", "there is no device %q; list the devices to see their ids", string(id))
	}
	if err == nil {
		err = readDevice(&v, observed, keys, asserted, adoption, more)
	}
	return v, readFault(err)
}

// SaveDevices stores what was observed of devices, and changes.
func (d *DB) SaveDevices(ctx context.Context, devices []register.Device, changes []register.Change) error {
	return d.update(ctx, func(t *tx) error {
		if err := t.devices(ctx, devices, "observed = excluded.observed, keys = excluded.keys"); err != nil {
			return err
		}
		return t.changes(ctx, changes)
	})
}

func (t *tx) SaveDevice(ctx context.Context, v register.Device, changes []register.Change) error {
	if err := t.device(ctx, &v, "asserted = excluded.asserted, adoption = excluded.adoption, decided = excluded.decided, version = excluded.version"); err != nil {
		return err
	}
	return t.changes(ctx, changes)
}

// device stores a device whole, or that part of it which set names.
func (t *tx) device(ctx context.Context, v *register.Device, set string) error {
	row, err := deviceRow(v)
	if err != nil {
		return err
	}
	return t.exec(ctx, putDevice+set, row...)
}

// devices stores many as device does one.
func (t *tx) devices(ctx context.Context, devices []register.Device, set string) error {
	return t.prepared(ctx, putDevice+set, func(do func(...any) (int64, error)) error {
		for i := range devices {
			row, err := deviceRow(&devices[i])
			if err == nil {
				_, err = do(row...)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

const putDevice = "INSERT INTO devices (id, observed, keys, asserted, adoption, decided, version) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "

// deviceRow is a device as its row has it.
func deviceRow(v *register.Device) ([]any, error) {
	observed, err1 := json.Marshal(v.Observed)
	keys, err2 := json.Marshal(v.Keys)
	asserted, err3 := json.Marshal(v.Asserted)
	var adoption, more []byte
	var err4, err5 error
	if v.Adoption != nil {
		adoption, err4 = json.Marshal(v.Adoption)
	}
	if v.Merged != nil || v.Block != nil {
		more, err5 = json.Marshal(decided{v.Merged, v.Block})
	}
	return []any{string(v.ID), string(observed), string(keys), string(asserted), string(adoption), string(more), v.Version}, errors.Join(err1, err2, err3, err4, err5)
}

// SaveSightings stores when devices were last seen.
func (d *DB) SaveSightings(ctx context.Context, devices []register.Device) error {
	return d.update(ctx, func(t *tx) error {
		stmt, err := t.sql.PrepareContext(ctx, `INSERT OR REPLACE INTO sightings
			(device, last_seen, channel, peer, seq, part, messages, observations, alerts, issues, read, contact, battery) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
		if err != nil {
			return writeFault(err)
		}
		defer stmt.Close()
		for i := range devices {
			s := &devices[i].Seen
			var contact, battery []byte
			if s.Contact != nil {
				if contact, err = json.Marshal(s.Contact); err != nil {
					return err
				}
			}
			if s.Battery != nil {
				if battery, err = json.Marshal(s.Battery); err != nil {
					return err
				}
			}
			_, err := stmt.ExecContext(ctx, string(devices[i].ID), micros(s.LastSeen), string(s.Channel), s.Peer, int64(s.Seq), s.Part,
				int64(s.Messages), int64(s.Observations), int64(s.Alerts), int64(s.Issues), int64(s.Read), string(contact), string(battery))
			if err != nil {
				return writeFault(err)
			}
		}
		return nil
	})
}
