package recorddb

import (
	"encoding/json"
	"time"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/alert"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// sealDue says whether what is in memory should be sealed now.
func (d *DB) sealDue(f *file) bool {
	n := int(f.messages - f.sealed)
	return n >= d.o.SealMessages || n > 0 && f.sealed > 0 && hourOf(utc(f.clock)) > d.sealedHour
}

// sealNow writes what is known of the messages since the last seal to the
// newest file.
func (d *DB) sealNow() error {
	if len(d.files) == 0 {
		return nil
	}
	f := d.files[len(d.files)-1]
	if f.sealed == f.messages {
		return nil
	}
	if err := d.ready(f); err != nil {
		return err
	}
	s := sealing{d: d, c: d.w, f: f, id: f.seal + 1, reach: f.reach}
	if err := s.write(); err != nil {
		d.unready()
		return classify(err, f.path)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for n, id := range s.names {
		n.id = id
	}
	for one, id := range s.series {
		one.id = id
	}
	d.fresh.names.last, d.fresh.series.last = s.lastName, s.lastSeries
	d.fresh.sealed()
	f.seal, f.sealed, f.reach = s.id, f.messages, s.reach
	d.sealedHour = hourOf(utc(f.clock))
	return nil
}

// sealing is one seal being written. Numbers it gives hold once it is.
type sealing struct {
	d  *DB
	c  *conn
	f  *file
	id int64

	names                map[*name]int64
	series               map[*series]int64
	lastName, lastSeries int64
	reach                reach // of the file with this seal
	buf                  []byte
}

func (s *sealing) write() (err error) {
	t, err := s.c.BeginImmediate()
	if err != nil {
		return err
	}
	defer t.End(&err)
	fresh := &s.d.fresh
	s.buf = s.d.press.Shrink(s.buf, fresh.controls)
	if err := s.c.exec("INSERT INTO seal VALUES(?,?,?,?)", s.id, int64(s.f.sealed)+1, int64(s.f.messages), s.buf); err != nil {
		return err
	}
	if err := s.writeNames(fresh.names); err != nil {
		return err
	}
	if err := s.writeSeries(fresh.series); err != nil {
		return err
	}
	if err := s.c.putReach(s.id, s.reach); err != nil {
		return err
	}
	for life, a := range fresh.alerts.touched {
		if err := s.c.putAlert(life, a); err != nil {
			return err
		}
	}
	for k, g := range fresh.tally.issues {
		if err := s.writeIssue(k, g); err != nil {
			return err
		}
	}
	for id := range fresh.tally.sighted {
		if err := s.c.putSighting(fresh.tally.sightings[id]); err != nil {
			return err
		}
	}
	return s.c.putCounts(fresh.tally.counts)
}

func (s *sealing) writeNames(all *names) error {
	s.names, s.lastName = map[*name]int64{}, all.last
	for _, n := range all.all {
		if n.count == 0 {
			continue
		}
		id := n.id
		if id == 0 {
			s.lastName++
			id = s.lastName
			s.names[n] = id
			if err := s.c.exec("INSERT INTO name VALUES(?,?,?)", id, int(n.kind), n.text); err != nil {
				return err
			}
		}
		s.buf = s.d.press.Shrink(s.buf, n.body)
		if err := s.c.exec("INSERT INTO posting VALUES(?,?,?)", id, s.id, s.buf); err != nil {
			return err
		}
	}
	return nil
}

func (s *sealing) writeSeries(all *allSeries) error {
	s.series, s.lastSeries = map[*series]int64{}, all.last
	for _, one := range all.all {
		if !one.touched {
			continue
		}
		id := one.id
		if id == 0 {
			s.lastSeries++
			id = s.lastSeries
			s.series[one] = id
			code, err := json.Marshal(one.meaning)
			if err != nil {
				return err
			}
			sent, err := json.Marshal(one.sent)
			if err != nil {
				return err
			}
			err = s.c.exec("INSERT INTO series VALUES(?,?,?,?,?,?,?,?,?,?)", id, string(one.patient), string(one.device), one.unit,
				number(one.simulated), number(one.wave), string(code), string(sent), int64(one.at), one.lastTime)
			if err != nil {
				return err
			}
		} else if err := s.c.exec("UPDATE series SET last=?, time=? WHERE id=?", int64(one.at), one.lastTime, id); err != nil {
			return err
		}
		if one.chunk.count == 0 {
			continue
		}
		s.reach = s.reach.with(reach{one.start, one.end})
		if err := s.c.exec("INSERT INTO chunk VALUES(?,?,?,?,?,?)", id, s.id, one.start, one.end, one.chunk.count, one.body); err != nil {
			return err
		}
	}
	return nil
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// writeIssue adds what came since the last seal to what the hour has.
func (s *sealing) writeIssue(k issueKey, g *record.IssueGroup) error {
	sum := map[issueKey]*record.IssueGroup{}
	err := s.c.rows("SELECT body FROM issue WHERE hour=? AND channel=? AND code=?", func(st *sqlite3.Stmt) (bool, error) {
		var have record.IssueGroup
		if err := unjson(st.ColumnRawText(0), &have); err != nil {
			return false, err
		}
		mergeIssue(sum, &have)
		return false, nil
	}, k.hour, string(k.channel), k.code)
	if err != nil {
		return err
	}
	mergeIssue(sum, g)
	for _, one := range sum {
		body, err := json.Marshal(one)
		if err != nil {
			return err
		}
		return s.c.exec("INSERT OR REPLACE INTO issue VALUES(?,?,?,?)", k.hour, string(k.channel), k.code, string(body))
	}
	return nil
}

func (c *conn) putAlert(life string, a *record.AlertState) error {
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return c.exec("INSERT OR REPLACE INTO alert VALUES(?,?,?,?,?,?,?)", life, string(a.Device), string(a.Patient),
		number(a.Active), nanoseconds(a.Since), nanoseconds(a.Arrived), string(body))
}

func (c *conn) putSighting(s *record.Sighting) error {
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return c.exec("INSERT OR REPLACE INTO sighting VALUES(?,?)", string(s.Device), string(body))
}

func (c *conn) putCounts(counts map[model.ChannelID]*record.Count) error {
	for id, one := range counts {
		body, err := json.Marshal(one)
		if err != nil {
			return err
		}
		if err := c.exec("INSERT OR REPLACE INTO count VALUES(?,?)", string(id), string(body)); err != nil {
			return err
		}
	}
	return nil
}

// nanoseconds gives Unix nanoseconds, the nearest there are for a time beyond
// them.
func nanoseconds(t time.Time) int64 {
	switch y := t.Year(); {
	case y < 1700:
		return -1 << 63
	case y > 2200:
		return 1<<63 - 1
	}
	return t.UnixNano()
}

// handOver writes what outlives a file into the next one, which begins with a
// message that arrived at first.
func (f *fresh) handOver(c *conn, first int64) error {
	for l := range f.alerts.lives.Each {
		if !alert.Remembers(l, utc(first)) {
			continue
		}
		if err := c.putAlert(lifeOf(l), l); err != nil {
			return err
		}
	}
	for _, s := range f.tally.sightings {
		if err := c.putSighting(s); err != nil {
			return err
		}
	}
	return c.putCounts(f.tally.counts)
}
