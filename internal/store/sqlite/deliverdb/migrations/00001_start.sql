-- +goose Up
-- Times are microseconds since 1970-01-01 UTC; 0 means none.

CREATE TABLE destination (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    cursor_seq  INTEGER NOT NULL DEFAULT 0,
    cursor_part INTEGER NOT NULL DEFAULT 0,
    delivered   INTEGER NOT NULL DEFAULT 0, -- ever
    dead        INTEGER NOT NULL DEFAULT 0, -- rows of dead
    discarded   INTEGER NOT NULL DEFAULT 0, -- ever
    parked      INTEGER NOT NULL DEFAULT 0  -- rows of queue
) STRICT;

-- How each delivery ended. New rows come at the right edge of a destination's
-- part of the tree, so a long history does not make them slower.
CREATE TABLE delivery (
    destination INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    part        INTEGER NOT NULL,
    replay      INTEGER NOT NULL,
    state       INTEGER NOT NULL, -- 1 delivered, 2 dead, 3 discarded
    attempts    INTEGER NOT NULL,
    first_tried INTEGER NOT NULL,
    settled     INTEGER NOT NULL,
    receipt     TEXT,
    code        TEXT,
    reason      TEXT,
    PRIMARY KEY (destination, seq, part, replay)
) STRICT, WITHOUT ROWID;

-- Parked parcels, in the order of ord within a key.
CREATE TABLE queue (
    destination   INTEGER NOT NULL,
    ord           INTEGER NOT NULL,
    key           TEXT NOT NULL,
    seq           INTEGER NOT NULL,
    part          INTEGER NOT NULL,
    replay        INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    failures      INTEGER NOT NULL,
    owed          INTEGER NOT NULL,
    first_tried   INTEGER NOT NULL,
    failing_since INTEGER NOT NULL,
    next_try      INTEGER NOT NULL,
    code          TEXT,
    reason        TEXT,
    PRIMARY KEY (destination, ord)
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_key ON queue (destination, key, ord);
CREATE INDEX queue_message ON queue (seq, part);
CREATE INDEX queue_owed ON queue (destination, owed);

CREATE TABLE dead (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    destination INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    part        INTEGER NOT NULL,
    replay      INTEGER NOT NULL,
    key         TEXT NOT NULL,
    code        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    attempts    INTEGER NOT NULL,
    first_tried INTEGER NOT NULL,
    died        INTEGER NOT NULL,
    hold        INTEGER NOT NULL,
    UNIQUE (destination, seq, part, replay)
) STRICT;
CREATE INDEX dead_destination ON dead (destination, id);
CREATE INDEX dead_key ON dead (key, id);
CREATE INDEX dead_code ON dead (code, id);
CREATE INDEX dead_hold ON dead (destination) WHERE hold = 1;

CREATE TABLE replay (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    reason TEXT NOT NULL,
    actor  TEXT NOT NULL,
    at     INTEGER NOT NULL,
    span   TEXT NOT NULL -- JSON
) STRICT;

CREATE TABLE replay_job (
    replay      INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    forced      INTEGER NOT NULL,
    seq         INTEGER NOT NULL, -- queued up to this message
    part        INTEGER NOT NULL,
    queued      INTEGER NOT NULL,
    refused     INTEGER NOT NULL,
    done        INTEGER NOT NULL,
    PRIMARY KEY (replay, destination)
) STRICT, WITHOUT ROWID;
CREATE INDEX replay_job_open ON replay_job (destination, replay) WHERE done = 0;
