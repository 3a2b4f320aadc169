package recorddb

import (
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/fault"
)

// applicationID marks a file of the record ("ThRc"); version is PRAGMA
// user_version. A day's file is made by the release of its day and read by
// later ones (docs/decisions/0030).
const (
	applicationID = 0x54685263
	version       = 1
)

const schema = `
-- Messages in order of arrival. id, ref, cursor and clock all rise together, so
-- that a block is found by any of them without an index (reading.go).
CREATE TABLE block(
  id     INTEGER PRIMARY KEY, -- ordinal of its first message in this file, from 1
  count  INTEGER NOT NULL,    -- messages in it
  ref    INTEGER NOT NULL,    -- key of its first message: seq<<24 | part
  cursor INTEGER NOT NULL,    -- journal entries up to here are in the record
  clock  INTEGER NOT NULL,    -- latest arrival in this file so far, Unix ns
  skew   INTEGER NOT NULL,    -- most that one came behind the latest so far, ns
  body   BLOB NOT NULL        -- package pack
);
-- What the messages of this file have in common (package pack).
CREATE TABLE template(id INTEGER PRIMARY KEY, body TEXT NOT NULL);
-- The cursor where it moved on without a message; the cursor and the last
-- message before this file; the earliest arrival in its first batch, Unix ns.
CREATE TABLE progress(id INTEGER PRIMARY KEY CHECK(id=1), cursor INTEGER NOT NULL, before INTEGER NOT NULL, head INTEGER NOT NULL, begins INTEGER NOT NULL);
-- Identities by which repeats are recognised, near each other when of one time.
CREATE TABLE print(time INTEGER NOT NULL, hash INTEGER NOT NULL, ordinal INTEGER NOT NULL, PRIMARY KEY(time, hash)) WITHOUT ROWID;
-- Messages that say again what a message said that came before.
CREATE TABLE IF NOT EXISTS repeat(first INTEGER NOT NULL, ordinal INTEGER NOT NULL, PRIMARY KEY(first, ordinal)) WITHOUT ROWID;

-- Everything below is made from the messages up to the last seal. What came
-- later is in memory, and made again from the blocks after a crash.
CREATE TABLE seal(
  id     INTEGER PRIMARY KEY,
  first  INTEGER NOT NULL, -- ordinals of the messages it covers
  last   INTEGER NOT NULL,
  control BLOB NOT NULL    -- their control ids, each followed by a line feed
);
CREATE TABLE name(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX name_text ON name(kind, text);
-- The messages of a seal that bear a name.
CREATE TABLE posting(name INTEGER NOT NULL, seal INTEGER NOT NULL, body BLOB NOT NULL);
CREATE UNIQUE INDEX posting_name ON posting(name, seal);
CREATE TABLE series(
  id        INTEGER PRIMARY KEY,
  patient   TEXT NOT NULL,
  device    TEXT NOT NULL,
  unit      TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  wave      INTEGER NOT NULL,
  code      TEXT NOT NULL,    -- JSON: model.Code
  sent      TEXT NOT NULL,    -- JSON: model.Coding
  last      INTEGER NOT NULL, -- ordinal of the message with the last value
  time      INTEGER NOT NULL  -- of the last value, Unix ns
);
CREATE INDEX series_patient ON series(patient);
CREATE INDEX series_device ON series(device);
-- Values of a series between two seals (chunk.go).
CREATE TABLE chunk(series INTEGER NOT NULL, seal INTEGER NOT NULL, start INTEGER NOT NULL, until INTEGER NOT NULL, count INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX chunk_series ON chunk(series, start, until);
-- The earliest and latest time of all chunks up to a seal (reach.go).
CREATE TABLE IF NOT EXISTS reach(id INTEGER PRIMARY KEY CHECK(id=1), seal INTEGER NOT NULL, earliest INTEGER NOT NULL, latest INTEGER NOT NULL);
CREATE TABLE alert(life TEXT PRIMARY KEY, device TEXT NOT NULL, patient TEXT NOT NULL, active INTEGER NOT NULL, since INTEGER NOT NULL, arrived INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX alert_arrived ON alert(arrived);
CREATE TABLE issue(hour INTEGER NOT NULL, channel TEXT NOT NULL, code TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(hour, channel, code)) WITHOUT ROWID;
CREATE TABLE sighting(device TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE count(channel TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
`

// prepare checks the schema of a file; made is false when it has none yet.
func (c *conn) prepare(path string) (made bool, err error) {
	number := func(text string) (n int, err error) {
		err = c.rows(text, func(s *sqlite3.Stmt) (bool, error) { n = s.ColumnInt(0); return false, nil })
		return n, err
	}
	have, err := number("PRAGMA user_version")
	if err != nil {
		return false, err
	}
	app, err := number("PRAGMA application_id")
	if err != nil {
		return false, err
	}
	switch {
	case have == 0 && app == 0:
		return false, nil
	case app != applicationID:
		return false, fault.New(fault.Broken, "record.damaged", "this is not a file of the record; move it out of the data folder").At(path)
	case have > version:
		return false, fault.New(fault.Conflict, "store.newer", "the file has schema version %d, this release knows %d; start the newer release that made it, or restore a backup", have, version).At(path)
	}
	return true, nil
}

// make makes the schema, inside a transaction.
func (c *conn) make() error {
	return c.Exec(fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d; %s", applicationID, version, schema))
}
