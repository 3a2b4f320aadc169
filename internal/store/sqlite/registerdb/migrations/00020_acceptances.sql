-- +goose Up
-- Acceptances of models, releases and devices before use: as they are now, and
-- every step they took (R32).
CREATE TABLE acceptances (
    id         TEXT PRIMARY KEY,
    subject    TEXT NOT NULL UNIQUE,
    version    INTEGER NOT NULL,
    body       TEXT NOT NULL, -- JSON
    changed_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE acceptance_steps (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    acceptance TEXT NOT NULL,
    version    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    name       TEXT NOT NULL,
    what       TEXT NOT NULL,
    text       TEXT NOT NULL
);
CREATE INDEX acceptance_steps_of ON acceptance_steps (acceptance, id);
