-- +goose Up
-- Who is connected now is found without reading who ever was.
CREATE INDEX associations_open ON associations (device, from_at) WHERE until_at = 0 AND device <> '';
CREATE INDEX associations_until ON associations (until_at, from_at, device) WHERE device <> '';
CREATE INDEX connections_until ON connections (until_at, from_at, device);
