package registerdb

import (
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/patients"
)

const connectionColumns = "id, device, patient, source, from_at, until_at, made_at, made_by, reason, ended_at, ended_by, end_reason"

func scanConnection(scan func(...any) error) (patients.Connection, error) {
	var c patients.Connection
	var from, until, made, ended int64
	err := scan(&c.ID, &c.Device, &c.Patient, &c.Source, &from, &until, &made, &c.By, &c.Reason, &ended, &c.EndedBy, &c.EndReason)
	c.From, c.Until, c.Made, c.Ended = timeOf(from), timeOf(until), timeOf(made), timeOf(ended)
	return c, err
}

// EverConnected gives the devices that ever had a connection or an association.
func (d *DB) EverConnected(ctx context.Context) ([]model.DeviceID, error) {
	return all(ctx, d.read(), func(scan func(...any) error) (id model.DeviceID, err error) {
		return id, scan(&id)
	}, "SELECT device FROM connections UNION SELECT device FROM associations WHERE device <> ''")
}

// ConnectionsOf gives the last connections of a device, as made.
func (d *DB) ConnectionsOf(ctx context.Context, device model.DeviceID, limit int) ([]patients.Connection, error) {
	return d.read().ConnectionsOf(ctx, device, limit)
}

func (r reader) ConnectionsOf(ctx context.Context, device model.DeviceID, limit int) ([]patients.Connection, error) {
	found, err := all(ctx, r, scanConnection, "SELECT "+connectionColumns+" FROM connections WHERE device = ? ORDER BY id DESC LIMIT ?", string(device), limit)
	slices.Reverse(found)
	return found, err
}

func (r reader) Connection(ctx context.Context, id int64) (patients.Connection, error) {
	found, err := all(ctx, r, scanConnection, "SELECT "+connectionColumns+" FROM connections WHERE id = ?", id)
	if err != nil {
		return patients.Connection{}, err
	}
	if len(found) == 0 {
		return patients.Connection{}, fault.New(fault.Absent, "patients.no-connection", "there is no connection %d; list the connections to see their numbers", id)
	}
	return found[0], nil
}

// Connections gives connections, the last made first.
func (d *DB) Connections(ctx context.Context, q patients.ConnectionQuery) ([]patients.Connection, error) {
	where, args := []string{"1"}, []any{}
	if q.ID != 0 {
		where, args = append(where, "id = ?"), append(args, q.ID)
	}
	if q.Device != "" {
		where, args = append(where, "device = ?"), append(args, string(q.Device))
	}
	if len(q.Devices) > 0 {
		marks, values := list(q.Devices)
		where, args = append(where, "device IN ("+marks+")"), append(args, values...)
	}
	if len(q.Patients) > 0 {
		marks, values := list(q.Patients)
		where, args = append(where, "patient IN ("+marks+")"), append(args, values...)
	}
	if q.Open {
		where = append(where, "until_at = 0")
	}
	if !q.At.IsZero() {
		where, args = append(where, "from_at <= ? AND (until_at = 0 OR until_at > ?)"), append(args, micros(q.At), micros(q.At))
	}
	if q.Before > 0 {
		where, args = append(where, "id < ?"), append(args, q.Before)
	}
	return all(ctx, d.read(), scanConnection, "SELECT "+connectionColumns+" FROM connections WHERE "+strings.Join(where, " AND ")+" ORDER BY id DESC LIMIT ?",
		append(args, limited(q.Limit, 100))...)
}

func (t *tx) AddConnection(ctx context.Context, c patients.Connection) (int64, error) {
	r, err := t.sql.ExecContext(ctx, "INSERT INTO connections (device, patient, source, from_at, until_at, made_at, made_by, reason, ended_at, ended_by, end_reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		string(c.Device), string(c.Patient), c.Source, micros(c.From), micros(c.Until), micros(c.Made), string(c.By), c.Reason, micros(c.Ended), string(c.EndedBy), c.EndReason)
	if err != nil {
		return 0, writeFault(err)
	}
	id, err := r.LastInsertId()
	return id, writeFault(err)
}

func (t *tx) EndConnection(ctx context.Context, c patients.Connection) error {
	return t.exec(ctx, "UPDATE connections SET until_at = ?, ended_at = ?, ended_by = ?, end_reason = ? WHERE id = ?",
		micros(c.Until), micros(c.Ended), string(c.EndedBy), c.EndReason, c.ID)
}

func (t *tx) AddReview(ctx context.Context, r model.Review) error {
	return t.exec(ctx, "INSERT OR IGNORE INTO reviews (device, bed_key, from_at, until_at, cause, actor, reason, made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		string(r.Device), r.Bed, micros(r.From), micros(r.Until), r.Cause, string(r.Actor), r.Reason, micros(r.Made))
}

// Reviews gives the oldest reviews to be made.
func (d *DB) Reviews(ctx context.Context, limit int) ([]model.Review, error) {
	return all(ctx, d.read(), func(scan func(...any) error) (model.Review, error) {
		var r model.Review
		var from, until, made int64
		err := scan(&r.ID, &r.Device, &r.Bed, &from, &until, &r.Cause, &r.Actor, &r.Reason, &made)
		r.From, r.Until, r.Made = timeOf(from), timeOf(until), timeOf(made)
		return r, err
	}, "SELECT id, device, bed_key, from_at, until_at, cause, actor, reason, made_at FROM reviews ORDER BY id LIMIT ?", limit)
}

// EndReview takes a review off the list.
func (d *DB) EndReview(ctx context.Context, id uint64) error {
	return d.update(ctx, func(t *tx) error { return t.exec(ctx, "DELETE FROM reviews WHERE id = ?", int64(id)) })
}

// BedDevices gives the devices that were heard in a bed.
func (d *DB) BedDevices(ctx context.Context, bed string) ([]model.DeviceID, error) {
	return all(ctx, d.read(), func(scan func(...any) error) (model.DeviceID, error) {
		var id model.DeviceID
		return id, scan(&id)
	}, "SELECT device FROM bed_devices WHERE bed_key = ? ORDER BY device", bed)
}

// ConnectedDevices gives the devices of which something holds at an instant.
func (d *DB) ConnectedDevices(ctx context.Context, at time.Time) ([]patients.MayConnect, error) {
	return all(ctx, d.read(), func(scan func(...any) error) (one patients.MayConnect, err error) {
		err = scan(&one.Device, &one.Told)
		return one, err
	}, `SELECT device, min(told) FROM (
		SELECT device, 0 AS told FROM connections WHERE until_at = 0 AND from_at <= ?1 UNION ALL
		SELECT device, 0 FROM connections WHERE until_at > ?1 AND from_at <= ?1 UNION ALL
		SELECT device, source = 'message' FROM associations WHERE device <> '' AND until_at = 0 AND from_at <= ?1 UNION ALL
		SELECT device, source = 'message' FROM associations WHERE device <> '' AND until_at > ?1 AND from_at <= ?1)
		GROUP BY device ORDER BY device`, micros(at))
}
