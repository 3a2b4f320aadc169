package recorddb

import (
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/fault"
)

// applicationID marks a file of the record ("ThRc"); version is PRAGMA
// user_version. A day's file is made by the release of its day and read by
// later ones, which bring the newest file up to date and read older ones as
// they are (docs/decisions/0030).
const (
	applicationID = 0x54685263
	version       = 1
)

const schema = `
CREATE TABLE block(
  id     INTEGER PRIMARY KEY, -- ordinal of its first message in this file, from 1
  count  INTEGER NOT NULL,    -- messages in it
  ref    INTEGER NOT NULL,    -- key of its first message: seq<<24 | part
  cursor INTEGER NOT NULL,    -- journal entries up to here are in the record
  clock  INTEGER NOT NULL,    -- latest arrival in this file so far, Unix ns
  body   BLOB NOT NULL        -- see block.go
);
CREATE INDEX block_ref ON block(ref);
CREATE INDEX block_clock ON block(clock);

-- The cursor where it moved on without a message; and where this file begins.
CREATE TABLE progress(id INTEGER PRIMARY KEY CHECK(id=1), cursor INTEGER NOT NULL, before INTEGER NOT NULL, head INTEGER NOT NULL);

-- Identities for recognising repeats, near each other when of one time.
CREATE TABLE print(time INTEGER NOT NULL, hash INTEGER NOT NULL, ordinal INTEGER NOT NULL, PRIMARY KEY(time, hash)) WITHOUT ROWID;
`

// prepare makes the schema in a new file or checks that of an old one.
func (c *conn) prepare(path string) error {
	have, app := 0, 0
	for text, into := range map[string]*int{"PRAGMA user_version": &have, "PRAGMA application_id": &app} {
		if err := c.rows(text, func(s *sqlite3.Stmt) (bool, error) { *into = s.ColumnInt(0); return false, nil }); err != nil {
			return err
		}
	}
	switch {
	case have == 0 && app == 0:
		return c.Exec(fmt.Sprintf("BEGIN IMMEDIATE; PRAGMA application_id=%d; PRAGMA user_version=%d; %s COMMIT", applicationID, version, schema))
	case app != applicationID:
		return fault.New(fault.Broken, "record.damaged", "this is not a file of the record").At(path)
	case have > version:
		return fault.New(fault.Conflict, "store.newer", "the file has schema version %d, this release knows %d; start the newer release that made it, or restore a backup", have, version).At(path)
	}
	return nil
}
