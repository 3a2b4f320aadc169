-- +goose Up
CREATE TABLE accounts (
    id               TEXT NOT NULL PRIMARY KEY,
    name             TEXT NOT NULL,
    folded           TEXT NOT NULL UNIQUE, -- the name in lower case
    display          TEXT NOT NULL,
    password         TEXT NOT NULL, -- argon2id in PHC form, empty for none
    disabled         INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    created_by       TEXT NOT NULL,
    changed_at       INTEGER NOT NULL,
    changed_by       TEXT NOT NULL,
    password_changed INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE account_roles (
    account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    place   INTEGER NOT NULL,
    role    TEXT NOT NULL,
    PRIMARY KEY (account, place)
) WITHOUT ROWID;

-- Hashes are SHA-256 of random secrets.
CREATE TABLE tokens (
    id      TEXT NOT NULL PRIMARY KEY,
    hash    BLOB NOT NULL UNIQUE,
    name    TEXT NOT NULL,
    roles   TEXT NOT NULL, -- JSON list
    made    INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER NOT NULL,
    used    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE links (
    hash    BLOB NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE sessions (
    hash    BLOB NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    remote  TEXT NOT NULL,
    began   INTEGER NOT NULL,
    seen    INTEGER NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
