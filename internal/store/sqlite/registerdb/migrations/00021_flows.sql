-- +goose Up
-- Who spoke to whom: one row for each pair of ends, port, protocol and source
-- (R33).
CREATE TABLE flows (
    from_end  TEXT NOT NULL,
    to_end    TEXT NOT NULL,
    port      INTEGER NOT NULL,
    protocol  TEXT NOT NULL,
    source    TEXT NOT NULL, -- own zeek nmap netflow pcap
    app       TEXT NOT NULL,
    encrypted TEXT NOT NULL, -- yes, no, empty
    from_mac  TEXT NOT NULL,
    to_mac    TEXT NOT NULL,
    own_end   TEXT NOT NULL, -- channel/icu, destination/ehr
    first_at  INTEGER NOT NULL,
    last_at   INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    PRIMARY KEY (from_end, to_end, port, protocol, source)
) WITHOUT ROWID;
CREATE INDEX flows_last ON flows (last_at);
