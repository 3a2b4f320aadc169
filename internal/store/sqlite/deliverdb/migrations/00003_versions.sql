-- +goose Up
-- Messages as replays read them again: JSON, compressed (RFC 1951).
CREATE TABLE version (
    replay  INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    part    INTEGER NOT NULL,
    made    INTEGER NOT NULL,
    message BLOB NOT NULL,
    PRIMARY KEY (replay, seq, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX version_message ON version (seq, part, replay);
