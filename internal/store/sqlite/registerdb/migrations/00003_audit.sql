-- +goose Up
CREATE TABLE audit (
    seq        INTEGER NOT NULL PRIMARY KEY,
    at         INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    action     TEXT NOT NULL,
    object     TEXT NOT NULL,
    patient    TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    fault_code TEXT NOT NULL,
    change     TEXT NOT NULL,
    remote     TEXT NOT NULL,
    hash       BLOB NOT NULL
);
CREATE INDEX audit_actor ON audit (actor, seq);
CREATE INDEX audit_action ON audit (action, seq);
CREATE INDEX audit_patient ON audit (patient, seq) WHERE patient <> '';
CREATE INDEX audit_object ON audit (object, seq) WHERE object <> '';
CREATE INDEX audit_at ON audit (at);

-- The chain shows what was altered; these keep it from being altered by
-- mistake.
-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit records are never altered');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit records are never removed');
END;
-- +goose StatementEnd
