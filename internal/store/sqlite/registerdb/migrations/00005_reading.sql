-- +goose Up
-- Messages of a device that were read with its present profile.
ALTER TABLE sightings ADD COLUMN read INTEGER NOT NULL DEFAULT 0;
