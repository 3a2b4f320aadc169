package recorddb

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/store/sqlite/recorddb/pack"
)

// open reads the files there are and makes again what was not sealed.
func (d *DB) open(ctx context.Context) error {
	names, err := filepath.Glob(filepath.Join(d.dir, "record-*.db"))
	if err != nil {
		return fault.Wrap(err, fault.Broken, "store.open", "cannot list the data folder").At(d.dir)
	}
	for _, path := range names {
		f := newFile(path, d.o.VFS)
		empty, err := d.survey(f)
		switch {
		case fault.CodeOf(err) == "record.damaged":
			d.o.Report(err)
			if err := d.setAside(path); err != nil {
				return err
			}
		case err != nil:
			return err
		case !empty:
			d.files = append(d.files, f)
		}
	}
	sort.Slice(d.files, func(i, j int) bool {
		a, b := d.files[i], d.files[j]
		return a.before < b.before || a.before == b.before && a.path < b.path
	})
	for {
		d.fresh = newFresh()
		n := len(d.files)
		if n == 0 {
			return nil
		}
		err := d.resume(ctx, d.files[n-1])
		if fault.CodeOf(err) != "record.damaged" {
			if err != nil {
				return err
			}
			break
		}
		d.o.Report(err)
		d.files[n-1].rest(true)
		if err := d.setAside(d.files[n-1].path); err != nil {
			return err
		}
		d.files = d.files[:n-1]
	}
	for i, f := range d.files {
		if i > 0 && f.before != d.files[i-1].cursor {
			d.o.Report(fault.New(fault.Broken, "record.gap", "journal entries %d to %d are not in the record; to read them again, stop Thalamus, move %s and the later files of the record out of the folder, and start it",
				d.files[i-1].cursor+1, f.before, filepath.Base(f.path)))
		}
		d.cursor, d.head = max(d.cursor, f.cursor), max(d.head, f.last)
	}
	d.recent.gone = d.head
	return nil
}

// setAside renames a damaged file and what belongs to it.
func (d *DB) setAside(path string) error {
	aside := path + ".damaged"
	for n := 2; exists(aside); n++ {
		aside = fmt.Sprintf("%s.damaged-%d", path, n)
	}
	for _, end := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(path+end, aside+end); err != nil && !os.IsNotExist(err) {
			return fault.Wrap(err, fault.Broken, "store.open", "cannot set a damaged file aside").At(path)
		}
	}
	return nil
}

// survey reads the extent of a file; empty is true for one whose making was cut
// short.
func (d *DB) survey(f *file) (empty bool, err error) {
	c, err := openConn(f.path, f.vfs, false)
	if err != nil {
		return false, classify(err, f.path)
	}
	defer c.close()
	made, err := c.prepare(f.path)
	if err != nil || !made {
		return !made, classify(err, f.path)
	}
	if err := f.measure(c); err != nil {
		return false, classify(err, f.path)
	}
	if err := f.findReach(c); err != nil {
		d.o.Report(classify(err, f.path))
	}
	return false, nil
}

func (f *file) measure(c *conn) error {
	err := c.rows("SELECT cursor, before, head, begins FROM progress", func(s *sqlite3.Stmt) (bool, error) {
		f.cursor, f.before, f.last, f.begins = model.Seq(s.ColumnInt64(0)), model.Seq(s.ColumnInt64(1)), key(s.ColumnInt64(2)), s.ColumnInt64(3)
		return false, nil
	})
	if err != nil {
		return err
	}
	err = c.rows("SELECT ref FROM block ORDER BY id LIMIT 1", func(s *sqlite3.Stmt) (bool, error) {
		f.first = key(s.ColumnInt64(0))
		return false, nil
	})
	if err != nil {
		return err
	}
	err = c.rows("SELECT id, last FROM seal ORDER BY id DESC LIMIT 1", func(s *sqlite3.Stmt) (bool, error) {
		f.seal, f.sealed = s.ColumnInt64(0), ordinal(s.ColumnInt64(1))
		return false, nil
	})
	if err != nil {
		return err
	}
	return c.rows("SELECT id, count, cursor, clock, body, skew FROM block ORDER BY id DESC LIMIT 1", func(s *sqlite3.Stmt) (bool, error) {
		f.messages = ordinal(s.ColumnInt64(0) + s.ColumnInt64(1) - 1)
		f.cursor = max(f.cursor, model.Seq(s.ColumnInt64(2)))
		f.clock, f.skew = s.ColumnInt64(3), s.ColumnInt64(5)
		last, err := pack.LastRef(s.ColumnRawBlob(4))
		f.last = keyOf(last)
		return false, err
	})
}

// quickCheck is the size up to which SQLite's own check is run at the start; a
// larger file is checked where it is read, block by block, and by Verify.
const quickCheck = 32 << 20

// resume takes up the newest file: what it has sealed is loaded, and what came
// after the last seal is made again from the blocks.
func (d *DB) resume(ctx context.Context, f *file) error {
	err := d.read(ctx, f, func(r *reading) error {
		if at, err := os.Stat(f.path); err == nil && at.Size() <= quickCheck {
			if err := r.check("PRAGMA quick_check(1)", f.path); err != nil {
				return err
			}
		}
		if err := d.fresh.load(r, f.sealed); err != nil {
			return err
		}
		if err := d.fresh.series.load(r, f, true); err != nil {
			return err
		}
		m := new(model.Message)
		return r.blocks(f.sealed+1, func(id ordinal, b *pack.Block) (bool, error) {
			for i := range b.Len() {
				if err := b.Read(i, m); err != nil {
					return false, err
				}
				d.fresh.add(m, f, id+ordinal(i))
			}
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	d.sealedHour = hourOf(utc(f.clock))
	// The latest values of yesterday.
	if n := len(d.files); n > 1 {
		old := d.files[n-2]
		if err := d.read(ctx, old, func(r *reading) error { return d.fresh.series.load(r, old, false) }); err != nil {
			d.o.Report(err)
		}
	}
	return nil
}

// check runs one of SQLite's own checks.
func (c *conn) check(pragma, path string) error {
	return c.rows(pragma, func(s *sqlite3.Stmt) (bool, error) {
		if text := s.ColumnText(0); text != "ok" {
			return false, fault.New(fault.Broken, "record.damaged", "the file of the record is damaged (%s); it is set aside and the journal is read again", text).At(path)
		}
		return true, nil
	})
}

// load reads what a file has sealed and what it took over.
func (f *fresh) load(r *reading, sealed ordinal) error {
	err := r.rows("SELECT id, kind, text FROM name", func(s *sqlite3.Stmt) (bool, error) {
		f.names.load(s.ColumnInt64(0), nameKind(s.ColumnInt(1)), s.ColumnText(2))
		return true, nil
	})
	if err != nil {
		return err
	}
	if err := f.alerts.load(r, sealed); err != nil {
		return err
	}
	err = r.rows("SELECT body FROM sighting", func(s *sqlite3.Stmt) (bool, error) {
		one := new(record.Sighting)
		err := unjson(s.ColumnRawText(0), one)
		f.tally.sightings[one.Device] = one
		return true, err
	})
	if err != nil {
		return err
	}
	return r.rows("SELECT channel, body FROM count", func(s *sqlite3.Stmt) (bool, error) {
		one := new(record.Count)
		err := unjson(s.ColumnRawText(1), one)
		f.tally.counts[model.ChannelID(s.ColumnText(0))] = one
		return true, err
	})
}

// unjson reads what lies in a column as JSON.
func unjson(text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return fault.Wrap(err, fault.Broken, "record.damaged", "a row of the record cannot be read; set the file aside and read the journal again")
	}
	return nil
}

const seriesColumns = "id, patient, device, unit, simulated, wave, code, sent, last, time"

// scanSeries reads a row of seriesColumns.
func scanSeries(s *sqlite3.Stmt, f *file) (*series, error) {
	one := &series{id: s.ColumnInt64(0), from: f, at: ordinal(s.ColumnInt64(8)), lastTime: s.ColumnInt64(9)}
	if err := unjson(s.ColumnRawText(6), &one.meaning); err != nil {
		return nil, err
	}
	if err := unjson(s.ColumnRawText(7), &one.sent); err != nil {
		return nil, err
	}
	one.seriesKey = seriesKey{
		patient: model.PatientID(s.ColumnText(1)), device: model.DeviceID(s.ColumnText(2)), unit: s.ColumnText(3),
		simulated: s.ColumnBool(4), wave: s.ColumnBool(5), code: codeKeyOf(&one.meaning, &one.sent),
	}
	return one, nil
}

// load takes over the series of a file that are not known yet. Their numbers
// hold in the newest file only.
func (a *allSeries) load(r *reading, f *file, newest bool) error {
	return r.rows("SELECT "+seriesColumns+" FROM series", func(s *sqlite3.Stmt) (bool, error) {
		one, err := scanSeries(s, f)
		if err != nil {
			return false, err
		}
		if newest {
			a.last = max(a.last, one.id)
		} else {
			one.id = 0
		}
		if have := a.all[one.seriesKey]; have == nil && len(a.all) < mostSeries {
			a.put(one)
		}
		return true, nil
	})
}
