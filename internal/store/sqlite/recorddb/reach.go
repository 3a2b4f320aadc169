package recorddb

import "github.com/ncruces/go-sqlite3"

// reach is the time that the sealed values of a file and the samples of its
// waveforms cover, in Unix ns, both ends included. It is told by the clocks of
// devices, so it may lie far from the day on which they arrived.
type reach struct{ earliest, latest int64 }

// nowhere is the reach of a file without values, everywhere of one of which it
// is not known.
var (
	nowhere    = reach{1<<63 - 1, -1 << 63}
	everywhere = reach{-1 << 63, 1<<63 - 1}
)

func (r reach) with(o reach) reach {
	return reach{min(r.earliest, o.earliest), max(r.latest, o.latest)}
}

// touches says whether a file may have values from lo until before hi.
func (r reach) touches(lo, hi int64) bool { return r.latest >= lo && r.earliest < hi }

// reachTable is missing in files that were begun before it was kept.
const reachTable = "CREATE TABLE IF NOT EXISTS reach(id INTEGER PRIMARY KEY CHECK(id=1), seal INTEGER NOT NULL, earliest INTEGER NOT NULL, latest INTEGER NOT NULL)"

// putReach keeps the reach of what a file has sealed.
func (c *conn) putReach(seal int64, r reach) error {
	if err := c.exec(reachTable); err != nil {
		return err
	}
	return c.exec("INSERT OR REPLACE INTO reach VALUES(1,?,?,?)", seal, r.earliest, r.latest)
}

// findReach reads the reach of a file. Where it was not kept, because an earlier
// release made the file or went on with it, it is found in the index of all
// chunks and kept from now on. After an error the file is usable all the same.
func (f *file) findReach(c *conn) error {
	found, kept, err := c.reachOf(f.seal)
	if err != nil {
		f.reach = everywhere
		return err
	}
	if f.reach = found; kept {
		return nil
	}
	return c.putReach(f.seal, found)
}

func (c *conn) reachOf(seal int64) (found reach, kept bool, err error) {
	take := func(s *sqlite3.Stmt) (bool, error) {
		found, kept = reach{s.ColumnInt64(0), s.ColumnInt64(1)}, true
		return false, nil
	}
	there := false
	err = c.rows("SELECT 1 FROM sqlite_master WHERE name='reach'", func(*sqlite3.Stmt) (bool, error) { there = true; return false, nil })
	if err == nil && there {
		err = c.rows("SELECT earliest, latest FROM reach WHERE seal=?", take, seal)
	}
	if err != nil || kept {
		return found, kept, err
	}
	found = nowhere
	err = c.rows("SELECT min(start), max(until) FROM chunk HAVING count(*)>0", take)
	return found, false, err
}
