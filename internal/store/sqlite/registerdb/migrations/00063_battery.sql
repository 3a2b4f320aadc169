-- +goose Up
-- What a device told of its battery last: JSON, empty where it told nothing.
ALTER TABLE sightings ADD COLUMN battery TEXT NOT NULL DEFAULT '';
