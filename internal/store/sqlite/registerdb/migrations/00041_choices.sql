-- +goose Up
-- How people want to see the console: named views of pages, columns of tables.
CREATE TABLE choices (
    actor TEXT NOT NULL,
    kind  TEXT NOT NULL, -- view columns
    page  TEXT NOT NULL, -- path; of columns the table's id
    name  TEXT NOT NULL, -- of a view
    value TEXT NOT NULL,
    PRIMARY KEY (actor, kind, page, name)
) WITHOUT ROWID;
