-- +goose Up
CREATE TABLE patients (
    id          TEXT NOT NULL PRIMARY KEY,
    merged_into TEXT NOT NULL,
    family      TEXT NOT NULL, -- folded, for search
    given       TEXT NOT NULL,
    body        TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX patients_family ON patients (family, given);
CREATE INDEX patients_given ON patients (given);

CREATE TABLE patient_keys (
    key     TEXT NOT NULL PRIMARY KEY, -- class|authority|value
    patient TEXT NOT NULL,
    place   INTEGER NOT NULL,
    value   TEXT NOT NULL -- folded, for search
) WITHOUT ROWID;
CREATE INDEX patient_keys_patient ON patient_keys (patient, place);
CREATE INDEX patient_keys_value ON patient_keys (value);

-- What ADT events told, as told: where patients lay is made from it.
CREATE TABLE movements (
    patient  TEXT NOT NULL,
    said     INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    what     TEXT NOT NULL,
    visit    TEXT NOT NULL,
    unit     TEXT NOT NULL, -- point of care
    room     TEXT NOT NULL,
    bed      TEXT NOT NULL,
    facility TEXT NOT NULL,
    PRIMARY KEY (patient, said, at, what, visit, unit, room, bed, facility)
) WITHOUT ROWID;

CREATE TABLE associations (
    id       INTEGER PRIMARY KEY,
    patient  TEXT NOT NULL,
    device   TEXT NOT NULL, -- empty for a bed
    bed_key  TEXT NOT NULL, -- empty for a device
    source   TEXT NOT NULL,
    visit    TEXT NOT NULL,
    from_at  INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    unit     TEXT NOT NULL,
    room     TEXT NOT NULL,
    bed      TEXT NOT NULL,
    facility TEXT NOT NULL,
    UNIQUE (device, bed_key, from_at, patient)
);
CREATE INDEX associations_patient ON associations (patient, from_at);
