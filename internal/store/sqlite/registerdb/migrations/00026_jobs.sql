-- +goose Up
-- Changes of many things at once: what was asked, how far it is, and what
-- became of each row. The change id is that of every fact they say.
CREATE TABLE jobs (
    id     TEXT PRIMARY KEY,
    state  TEXT NOT NULL, -- draft waiting running done stopped failed
    began  INTEGER NOT NULL,
    change TEXT NOT NULL,
    body   TEXT NOT NULL, -- register.Job as JSON
    input  BLOB           -- the table that is imported, packed; gone when it is done
);
CREATE INDEX jobs_began ON jobs (began DESC);
CREATE INDEX jobs_change ON jobs (change) WHERE change <> '';
CREATE TABLE job_lines (
    job     TEXT NOT NULL,
    n       INTEGER NOT NULL,
    outcome TEXT NOT NULL, -- new changed same skipped wrong removed undone kept
    subject TEXT NOT NULL,
    text    TEXT NOT NULL,
    PRIMARY KEY (job, n)
) WITHOUT ROWID;
