-- +goose Up
-- Parcels that wait for devices to be adopted. ord is of the same numbers as
-- in queue: released, a row takes its place there.
CREATE TABLE detained (
    destination INTEGER NOT NULL,
    ord         INTEGER NOT NULL,
    devices     TEXT NOT NULL, -- sorted, a blank between them
    key         TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    part        INTEGER NOT NULL,
    owed        INTEGER NOT NULL,
    PRIMARY KEY (destination, ord)
) STRICT, WITHOUT ROWID;
CREATE INDEX detained_devices ON detained (destination, devices, ord);
CREATE INDEX detained_message ON detained (seq, part);
