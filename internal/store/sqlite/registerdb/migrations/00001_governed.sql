-- Times are microseconds since 1970 in UTC, 0 for none. Bodies are JSON.

-- +goose Up
CREATE TABLE governed (
    kind       TEXT NOT NULL,
    id         TEXT NOT NULL,
    version    INTEGER NOT NULL,
    body       TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    change     TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

-- Every version there ever was; a removal is a version with removed = 1.
CREATE TABLE governed_history (
    kind       TEXT NOT NULL,
    id         TEXT NOT NULL,
    version    INTEGER NOT NULL,
    body       TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    change     TEXT NOT NULL,
    removed    INTEGER NOT NULL,
    PRIMARY KEY (kind, id, version)
) WITHOUT ROWID;

-- What was observed and what was asserted are written apart, by the flow and
-- by people.
CREATE TABLE devices (
    id       TEXT NOT NULL PRIMARY KEY,
    observed TEXT NOT NULL,
    keys     TEXT NOT NULL,
    asserted TEXT NOT NULL,
    adoption TEXT NOT NULL, -- empty: nobody has adopted it
    version  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE sightings (
    device       TEXT NOT NULL PRIMARY KEY,
    last_seen    INTEGER NOT NULL,
    channel      TEXT NOT NULL,
    peer         TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    part         INTEGER NOT NULL,
    messages     INTEGER NOT NULL,
    observations INTEGER NOT NULL,
    alerts       INTEGER NOT NULL,
    issues       INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE device_changes (
    id     INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    at     INTEGER NOT NULL,
    fact   TEXT NOT NULL,
    was    TEXT NOT NULL,
    now    TEXT NOT NULL,
    by     TEXT NOT NULL
);
CREATE INDEX device_changes_device ON device_changes (device, id);

-- Random keys of this installation, made when they are first asked for.
CREATE TABLE secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
