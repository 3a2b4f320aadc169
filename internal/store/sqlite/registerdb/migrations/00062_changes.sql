-- +goose Up
-- What one change made of governed things is found by its id.
CREATE INDEX governed_history_change ON governed_history (change) WHERE change <> '';
