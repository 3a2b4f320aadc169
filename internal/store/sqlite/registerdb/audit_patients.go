package registerdb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"strings"

	"thalamus/internal/model"
)

// groupOf gives the number of a group of patients, 0 for none. Who watches a
// ward looks at the same patients again and again: a group is stored once,
// found by its digest, and each record refers to it (decision 0124).
func (t *tx) groupOf(ctx context.Context, patients []model.PatientID) (int64, error) {
	if len(patients) == 0 {
		return 0, nil
	}
	var text strings.Builder
	for _, p := range patients {
		text.WriteString(string(p))
		text.WriteByte(0)
	}
	digest := sha256.Sum256([]byte(text.String()))
	var id int64
	err := t.q.QueryRowContext(ctx, "SELECT id FROM audit_groups WHERE digest = ?", digest[:]).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, readFault(err)
	}
	done, err := t.sql.ExecContext(ctx, "INSERT INTO audit_groups (digest) VALUES (?)", digest[:])
	if err != nil {
		return 0, writeFault(err)
	}
	if id, err = done.LastInsertId(); err != nil {
		return 0, writeFault(err)
	}
	values := make([]any, 0, 2*len(patients))
	for _, p := range patients {
		values = append(values, id, string(p))
	}
	return id, t.exec(ctx, "INSERT INTO audit_patients (id, patient) VALUES (?, ?)"+strings.Repeat(", (?, ?)", len(patients)-1), values...)
}

// group gives the patients of a group, sorted.
func (r reader) group(ctx context.Context, id int64) ([]model.PatientID, error) {
	scan := func(scan func(...any) error) (p model.PatientID, err error) {
		err = scan(&p)
		return p, err
	}
	return all(ctx, r, scan, "SELECT patient FROM audit_patients WHERE id = ? ORDER BY patient", id)
}
