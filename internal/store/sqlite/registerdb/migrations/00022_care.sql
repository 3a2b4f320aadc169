-- +goose Up
-- Work orders of devices: as they are now, with every step they took (R31).
CREATE TABLE orders (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    device     TEXT NOT NULL,
    plan       TEXT NOT NULL, -- empty: not by a plan
    kind       TEXT NOT NULL,
    state      TEXT NOT NULL,
    due_on     TEXT NOT NULL, -- 2026-05-03, empty for none
    done_on    TEXT NOT NULL,
    passed     INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    body       TEXT NOT NULL -- JSON
);
CREATE INDEX orders_device ON orders (device, id);
CREATE INDEX orders_live ON orders (id) WHERE state IN ('open', 'in-work', 'waiting');
CREATE INDEX orders_passed ON orders (device, plan, done_on, due_on) WHERE passed = 1 AND plan <> '';

-- What belongs to a device; rows that were removed stay, as they were.
CREATE TABLE accessories (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    device     TEXT NOT NULL,
    body       TEXT NOT NULL, -- JSON
    removed_at INTEGER NOT NULL,
    removed_by TEXT NOT NULL
);
CREATE INDEX accessories_device ON accessories (device, id) WHERE removed_at = 0;
