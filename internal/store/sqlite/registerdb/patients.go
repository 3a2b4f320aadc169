package registerdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"thalamus/internal/model"
	"thalamus/internal/patients"
)

// list gives "?, ?, ?" and the values for an IN clause.
func list[T ~string](values []T) (marks string, args []any) {
	args = make([]any, len(values))
	for i, v := range values {
		args[i] = string(v)
	}
	return strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", "), args
}

func (r reader) people(ctx context.Context, query string, args ...any) ([]patients.Patient, error) {
	found, err := all(ctx, r, func(scan func(...any) error) (patients.Patient, error) {
		var p patients.Patient
		var body []byte
		if err := scan(&body); err != nil {
			return p, err
		}
		return p, json.Unmarshal(body, &p)
	}, query, args...)
	for i := range found {
		if err != nil {
			break
		}
		found[i].Keys, err = all(ctx, r, func(scan func(...any) error) (string, error) {
			var s string
			return s, scan(&s)
		}, "SELECT key FROM patient_keys WHERE patient = ? ORDER BY place", string(found[i].ID))
	}
	return found, err
}

// PatientsByKey gives the patients that hold any of the keys.
func (d *DB) PatientsByKey(ctx context.Context, keys []string) ([]patients.Patient, error) {
	marks, args := list(keys)
	return d.read().people(ctx, "SELECT body FROM patients WHERE id IN (SELECT patient FROM patient_keys WHERE key IN ("+marks+"))", args...)
}

// Patient gives a stored patient.
func (d *DB) Patient(ctx context.Context, id model.PatientID) (patients.Patient, bool, error) {
	found, err := d.read().people(ctx, "SELECT body FROM patients WHERE id = ?", string(id))
	if err != nil || len(found) == 0 {
		return patients.Patient{}, false, err
	}
	return found[0], true, nil
}

// FindPatients gives patients whose name or number begins with text.
func (d *DB) FindPatients(ctx context.Context, text string, limit int) ([]patients.Patient, error) {
	// Ranges use the indexes; U+10FFFF follows every other character.
	end := text + "\U0010FFFF"
	query := `SELECT body FROM patients WHERE merged_into = '' AND (
		family >= ? AND family < ? OR given >= ? AND given < ?
		OR id IN (SELECT patient FROM patient_keys WHERE value >= ? AND value < ?)) ORDER BY family, given, id LIMIT ?`
	args := []any{text, end, text, end, text, end, limited(limit, 50)}
	if f, g, ok := strings.Cut(text, ","); ok {
		family, given := strings.TrimSpace(f), strings.TrimSpace(g)
		query = "SELECT body FROM patients WHERE merged_into = '' AND family >= ? AND family < ? AND given >= ? AND given < ? ORDER BY family, given, id LIMIT ?"
		args = []any{family, family + "\U0010FFFF", given, given + "\U0010FFFF", limited(limit, 50)}
	}
	return d.read().people(ctx, query, args...)
}

// Movements gives the last movements of a person's records.
func (d *DB) Movements(ctx context.Context, group []model.PatientID, limit int) ([]patients.Movement, bool, error) {
	marks, args := list(group)
	found, err := all(ctx, d.read(), func(scan func(...any) error) (patients.Movement, error) {
		var m patients.Movement
		var said, at int64
		err := scan(&m.Patient, &said, &at, &m.What, &m.Visit, &m.Place.PointOfCare, &m.Place.Room, &m.Place.Bed, &m.Place.Facility)
		m.Said, m.At = timeOf(said), timeOf(at)
		return m, err
	}, "SELECT patient, said, at, what, visit, unit, room, bed, facility FROM movements WHERE patient IN ("+marks+") ORDER BY said DESC LIMIT ?", append(args, limit+1)...)
	more := len(found) > limit
	if more {
		found = found[:limit]
	}
	slices.Reverse(found)
	return found, more, err
}

const spanColumns = "patient, device, bed_key, source, visit, from_at, until_at, unit, room, bed, facility"

func scanSpan(scan func(...any) error) (patients.Span, error) {
	var s patients.Span
	var from, until int64
	err := scan(&s.Patient, &s.Device, &s.Bed, &s.Source, &s.Visit, &from, &until, &s.Place.PointOfCare, &s.Place.Room, &s.Place.Bed, &s.Place.Facility)
	s.From, s.Until = timeOf(from), timeOf(until)
	return s, err
}

// BedSpans gives the last spans of a bed, oldest first.
func (d *DB) BedSpans(ctx context.Context, bed string, limit int) ([]patients.Span, error) {
	found, err := all(ctx, d.read(), scanSpan, "SELECT "+spanColumns+" FROM associations WHERE device = '' AND bed_key = ? ORDER BY from_at DESC, patient DESC LIMIT ?", bed, limit)
	slices.Reverse(found)
	return found, err
}

// DeviceSpan gives the last association of a device.
func (d *DB) DeviceSpan(ctx context.Context, id model.DeviceID) (patients.Span, bool, error) {
	s, err := scanSpan(d.db.Read.QueryRowContext(ctx, "SELECT "+spanColumns+" FROM associations WHERE device = ? AND bed_key = '' ORDER BY from_at DESC, id DESC LIMIT 1", string(id)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return s, false, nil
	}
	return s, err == nil, readFault(err)
}

// DeviceSpans gives the last association of each of some devices.
func (d *DB) DeviceSpans(ctx context.Context, ids []model.DeviceID) ([]patients.Span, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	_, args := list(ids)
	return all(ctx, d.read(), scanSpan, "WITH asked(id) AS (VALUES "+strings.TrimSuffix(strings.Repeat("(?), ", len(ids)), ", ")+") SELECT "+spanColumns+
		" FROM associations WHERE id IN (SELECT (SELECT a.id FROM associations a WHERE a.device = asked.id AND a.bed_key = '' ORDER BY a.from_at DESC, a.id DESC LIMIT 1) FROM asked) ORDER BY device", args...)
}

// Associations gives associations as stored, newest first.
func (d *DB) Associations(ctx context.Context, q patients.Query) ([]patients.Span, error) {
	var where []string
	var args []any
	if len(q.Patients) > 0 {
		marks, values := list(q.Patients)
		where, args = append(where, "patient IN ("+marks+")"), append(args, values...)
	}
	if q.Device != "" {
		where, args = append(where, "device = ?"), append(args, string(q.Device))
	}
	if q.Bed != "" {
		where, args = append(where, "device = '' AND bed_key = ?"), append(args, q.Bed)
	}
	if len(where) == 0 {
		return nil, nil
	}
	if !q.From.IsZero() {
		where, args = append(where, "(until_at = 0 OR until_at > ?)"), append(args, micros(q.From))
	}
	if !q.Until.IsZero() {
		where, args = append(where, "from_at < ?"), append(args, micros(q.Until))
	}
	return all(ctx, d.read(), scanSpan, "SELECT "+spanColumns+" FROM associations WHERE "+strings.Join(where, " AND ")+" ORDER BY from_at DESC, id DESC LIMIT ?",
		append(args, limited(q.Limit, 100))...)
}

// SavePatients stores a batch durably.
func (d *DB) SavePatients(ctx context.Context, b patients.Batch) error {
	return d.update(ctx, func(t *tx) error {
		for i := range b.Patients {
			if err := t.patient(ctx, &b.Patients[i]); err != nil {
				return err
			}
		}
		for _, m := range b.Movements {
			err := t.exec(ctx, "INSERT OR IGNORE INTO movements (patient, said, at, what, visit, unit, room, bed, facility) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
				string(m.Patient), micros(m.Said), micros(m.At), string(m.What), m.Visit, m.Place.PointOfCare, m.Place.Room, m.Place.Bed, m.Place.Facility)
			if err != nil {
				return err
			}
		}
		for _, s := range b.Stays {
			marks, args := list(s.Group)
			err := t.exec(ctx, "DELETE FROM associations WHERE patient IN ("+marks+") AND device = '' AND source = 'adt' AND from_at >= ?", append(args, micros(s.Since))...)
			if err != nil {
				return err
			}
			for _, span := range s.Spans {
				if err := t.span(ctx, span); err != nil {
					return err
				}
			}
		}
		for _, s := range b.Devices {
			err := t.exec(ctx, "UPDATE associations SET until_at = ? WHERE device = ? AND bed_key = '' AND until_at = 0 AND from_at < ?", micros(s.From), string(s.Device), micros(s.From))
			if err != nil {
				return err
			}
			if err := t.span(ctx, s); err != nil {
				return err
			}
		}
		for _, h := range b.Heard {
			if err := t.exec(ctx, "INSERT OR IGNORE INTO bed_devices (bed_key, device) VALUES (?, ?)", h.Bed, string(h.Device)); err != nil {
				return err
			}
		}
		for _, r := range b.Reviews {
			if err := t.AddReview(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) span(ctx context.Context, s patients.Span) error {
	return t.exec(ctx, "INSERT OR IGNORE INTO associations ("+spanColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		string(s.Patient), string(s.Device), s.Bed, s.Source, s.Visit, micros(s.From), micros(s.Until),
		s.Place.PointOfCare, s.Place.Room, s.Place.Bed, s.Place.Facility)
}

func (t *tx) patient(ctx context.Context, p *patients.Patient) error {
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	err = t.exec(ctx, "INSERT OR REPLACE INTO patients (id, merged_into, family, given, body) VALUES (?, ?, ?, ?, ?)",
		string(p.ID), string(p.MergedInto), patients.Fold(p.Family), patients.Fold(strings.Join(p.Given, " ")), string(body))
	if err != nil {
		return err
	}
	for i, k := range p.Keys {
		value := k[strings.LastIndexByte(k, '|')+1:]
		err := t.exec(ctx, "INSERT OR IGNORE INTO patient_keys (key, patient, place, value) VALUES (?, ?, ?, ?)", k, string(p.ID), i, value)
		if err != nil {
			return err
		}
	}
	return nil
}
