-- +goose Up
-- What is believed of things, with the time it is true and the time it was
-- believed. Nothing is overwritten: what is no more believed has retracted_at.
CREATE TABLE facts (
    id           INTEGER PRIMARY KEY,
    subject      TEXT NOT NULL, -- device/dev-ab12
    name         TEXT NOT NULL,
    truth        TEXT NOT NULL, -- observed asserted decided
    value        TEXT NOT NULL,
    source       TEXT NOT NULL,
    confidence   INTEGER NOT NULL,
    from_at      INTEGER NOT NULL,
    until_at     INTEGER NOT NULL,
    believed_at  INTEGER NOT NULL,
    retracted_at INTEGER NOT NULL,
    by           TEXT NOT NULL,
    change       TEXT NOT NULL,
    undone       TEXT NOT NULL  -- the change that retracted it
);
CREATE INDEX facts_subject ON facts (subject, name, truth, id);
CREATE INDEX facts_believed ON facts (subject) WHERE retracted_at = 0;
CREATE INDEX facts_change ON facts (change) WHERE change <> '';
CREATE INDEX facts_undone ON facts (undone) WHERE undone <> '';

-- The log of changes becomes the facts they told of: each is true from its
-- time to that of the next, and what the first one replaced was true before.
INSERT INTO facts (subject, name, truth, value, source, confidence, from_at, until_at, believed_at, retracted_at, by, change, undone)
SELECT 'device/' || device, fact, truth, value, '', 0, from_at, until_at, believed_at, 0, by, '', '' FROM (
    SELECT device, fact, CASE by WHEN '' THEN 'observed' ELSE 'asserted' END AS truth, now AS value, at AS from_at,
        coalesce(lead(at) OVER w, 0) AS until_at, at AS believed_at, by, id AS place
    FROM device_changes WINDOW w AS (PARTITION BY device, fact, by = '' ORDER BY id)
    UNION ALL
    SELECT device, fact, CASE by WHEN '' THEN 'observed' ELSE 'asserted' END, was, 0, at, at, by, id - 1
    FROM device_changes c WHERE was <> '' AND NOT EXISTS (
        SELECT 1 FROM device_changes e WHERE e.device = c.device AND e.fact = c.fact AND (e.by = '') = (c.by = '') AND e.id < c.id)
) WHERE value <> '' ORDER BY place;
DROP TABLE device_changes;
