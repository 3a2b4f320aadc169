-- +goose Up
-- What people said of who is on which device; what was said last counts.
CREATE TABLE connections (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    device     TEXT NOT NULL,
    patient    TEXT NOT NULL,
    source     TEXT NOT NULL, -- scan, hand
    from_at    INTEGER NOT NULL,
    until_at   INTEGER NOT NULL,
    made_at    INTEGER NOT NULL,
    made_by    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    ended_at   INTEGER NOT NULL,
    ended_by   TEXT NOT NULL,
    end_reason TEXT NOT NULL
);
CREATE INDEX connections_device ON connections (device, id);
CREATE INDEX connections_patient ON connections (patient, id);
CREATE INDEX connections_open ON connections (id) WHERE until_at = 0;

-- Devices that were heard in a bed and have no patient of their own.
CREATE TABLE bed_devices (
    bed_key TEXT NOT NULL,
    device  TEXT NOT NULL,
    PRIMARY KEY (bed_key, device)
) WITHOUT ROWID;

-- Spans in which whose the recorded messages are is to be looked at again.
CREATE TABLE reviews (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    device   TEXT NOT NULL, -- empty: the devices heard in bed_key
    bed_key  TEXT NOT NULL,
    from_at  INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    cause    TEXT NOT NULL,
    actor    TEXT NOT NULL,
    reason   TEXT NOT NULL,
    made_at  INTEGER NOT NULL,
    UNIQUE (device, bed_key, from_at, until_at, cause, made_at)
);

-- What came of it: messages that have another patient than was recorded. All
-- versions stay; the last one is the truth.
CREATE TABLE corrections (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    cause  TEXT NOT NULL,
    actor  TEXT NOT NULL,
    reason TEXT NOT NULL,
    at     INTEGER NOT NULL,
    told   INTEGER NOT NULL -- 1: the destinations were told
);
CREATE INDEX corrections_untold ON corrections (id) WHERE told = 0;
-- Patients as the messages of a correction have them, JSON.
CREATE TABLE correction_patients (
    correction INTEGER NOT NULL,
    patient    TEXT NOT NULL,
    body       TEXT NOT NULL,
    PRIMARY KEY (correction, patient)
) WITHOUT ROWID;
CREATE TABLE amended (
    seq        INTEGER NOT NULL,
    part       INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    correction INTEGER NOT NULL,
    device     TEXT NOT NULL,
    first      TEXT NOT NULL, -- as first recorded, empty for nobody
    was        TEXT NOT NULL, -- in the version before
    patient    TEXT NOT NULL, -- now
    last       INTEGER NOT NULL,
    PRIMARY KEY (seq, part, version)
) WITHOUT ROWID;
CREATE INDEX amended_patient ON amended (patient, seq, part) WHERE last = 1;
CREATE INDEX amended_first ON amended (first, seq, part) WHERE last = 1;
CREATE INDEX amended_correction ON amended (correction);
