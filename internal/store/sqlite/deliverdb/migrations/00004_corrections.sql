-- +goose Up
-- Replays that tell of a correction, by its number: each is told of once.
CREATE TABLE correction (
    id     INTEGER PRIMARY KEY,
    replay INTEGER NOT NULL
) STRICT;
