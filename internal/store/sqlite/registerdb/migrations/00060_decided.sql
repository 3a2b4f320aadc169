-- +goose Up
-- What people decided of a device beside its adoption: that it is another name
-- of a known one, that nothing of it leaves. JSON; empty: nothing.
ALTER TABLE devices ADD COLUMN decided TEXT NOT NULL DEFAULT '';
