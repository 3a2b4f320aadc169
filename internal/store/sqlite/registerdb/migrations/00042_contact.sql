-- +goose Up
-- How the link to a device is, as the link or a message told last: JSON, empty
-- where none told.
ALTER TABLE sightings ADD COLUMN contact TEXT NOT NULL DEFAULT '';
