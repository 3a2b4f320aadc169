-- +goose Up
-- A look at several patients is one record that names them all. Groups that
-- are looked at again are stored once. The record's hash covers the patients,
-- so a row that is altered or gone is found as an altered record.
CREATE TABLE audit_groups (
    id     INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE -- SHA-256 of the patients, each with a zero byte behind it
);
CREATE TABLE audit_patients (
    id      INTEGER NOT NULL, -- of the group
    patient TEXT NOT NULL,
    PRIMARY KEY (id, patient)
) WITHOUT ROWID;
CREATE INDEX audit_patients_of ON audit_patients (patient);
ALTER TABLE audit ADD COLUMN patients INTEGER NOT NULL DEFAULT 0; -- the group; 0: patient says all
CREATE INDEX audit_of_patients ON audit (patients, seq) WHERE patients <> 0;

-- +goose StatementBegin
CREATE TRIGGER audit_patients_no_update BEFORE UPDATE ON audit_patients
BEGIN
    SELECT RAISE(ABORT, 'audit records are never altered');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_patients_no_delete BEFORE DELETE ON audit_patients
BEGIN
    SELECT RAISE(ABORT, 'audit records are never removed');
END;
-- +goose StatementEnd
