package recorddb

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/grid"
)

// run is the chunks of one series, to be read.
type run struct {
	*series
	chunks []piece
}

// piece is a chunk as it lies in a file or in memory.
type piece struct {
	start, end int64
	count      int
	body       []byte
}

// numbers collects the chunks of a query. Their bytes are a tenth of what they
// become, so all are held and read one series at a time.
type numbers struct {
	q      record.NumbersQuery
	lo, hi int64
	count  int
	runs   map[seriesKey]*run
}

// Numbers gives the numbers of codes over time. A chunk is read only where its
// span touches the one asked for, and chunks that do not overlap are not
// sorted together: memory is bounded by what overlaps.
func (d *DB) Numbers(ctx context.Context, q record.NumbersQuery, each record.EachNumbers) error {
	n := &numbers{q: q, runs: map[seriesKey]*run{}}
	n.lo, n.hi = span(q.From, q.Until)
	d.mu.RLock()
	files := d.filesAfter(0)
	n.open(&d.fresh)
	d.mu.RUnlock()
	for _, f := range files {
		if !f.reach.touches(n.lo, n.hi) {
			continue
		}
		if err := d.read(ctx, f.f, func(r *reading) error { return n.file(r, f.seal) }); err != nil {
			return err
		}
	}
	if n.count > record.MostNumbers {
		return tooMany()
	}
	return n.hand(ctx, each)
}

func tooMany() error {
	return fault.New(fault.Invalid, "record.too-many", "there are more than %d values; ask for a shorter span, fewer codes, or one patient or device", record.MostNumbers)
}

// values reads chunks that overlap, or one. room is memory for points. It is
// called by several goroutines at once.
func (n *numbers) values(out []grid.Value, room []point, chunks []piece) ([]grid.Value, []point, error) {
	if len(chunks) == 1 {
		out = slices.Grow(out, min(chunks[0].count, len(chunks[0].body)))
		values, tidy, err := readValues(out, chunks[0].body, n.lo, n.hi)
		if tidy || err != nil {
			return values, room, err
		}
	}
	room = room[:0]
	for _, c := range chunks {
		if err := readChunk(c.body, func(p point) {
			if p.time >= n.lo && p.time < n.hi {
				room = append(room, p)
			}
		}); err != nil {
			return nil, room, err
		}
	}
	for _, p := range settle(room) {
		out = append(out, valueOf(&p))
	}
	return out, room, nil
}

// wants says whether a series is asked for.
func (n *numbers) wants(s *series) bool {
	if s.wave || len(n.q.Codes) > 0 && !isOneOf(s, n.q.Codes) {
		return false
	}
	return slices.ContainsFunc(n.q.Subjects, func(who record.Subject) bool {
		return (who.Patient == "" || who.Patient == s.patient) && (who.Device == "" || who.Device == s.device)
	})
}

func (n *numbers) of(s *series) *run {
	one := n.runs[s.seriesKey]
	if one == nil {
		one = &run{series: &series{seriesKey: s.seriesKey, meaning: s.meaning, sent: s.sent}}
		n.runs[s.seriesKey] = one
	}
	return one
}

// open takes copies of the chunks that are not sealed yet. DB.mu is held.
func (n *numbers) open(f *fresh) {
	have := map[*series]bool{}
	for _, who := range n.q.Subjects {
		for _, s := range f.series.of(who) {
			if s.chunk.count > 0 && s.end >= n.lo && s.start < n.hi && !have[s] && n.wants(s) {
				have[s] = true
				if n.count += s.chunk.count; n.count > record.MostNumbers {
					return
				}
				one := n.of(s)
				one.chunks = append(one.chunks, piece{s.start, s.end, s.chunk.count, slices.Clone(s.body)})
			}
		}
	}
}

// file takes the chunks of a file, as they were at a seal.
func (n *numbers) file(r *reading, seal int64) error {
	var found []*series
	have := map[int64]bool{}
	for _, who := range n.q.Subjects {
		where, args := "", []any(nil)
		switch {
		case who.Device != "":
			where, args = " WHERE device=?", []any{string(who.Device)}
		case who.Patient != "":
			where, args = " WHERE patient=?", []any{string(who.Patient)}
		}
		err := r.rows("SELECT "+seriesColumns+" FROM series"+where, func(s *sqlite3.Stmt) (bool, error) {
			if have[s.ColumnInt64(0)] {
				return true, nil
			}
			one, err := scanSeries(s, nil)
			if err == nil && n.wants(one) {
				have[one.id] = true
				found = append(found, one)
			}
			return true, err
		}, args...)
		if err != nil {
			return err
		}
	}
	for _, s := range found {
		one := n.of(s)
		err := r.rows("SELECT start, until, count, body FROM chunk WHERE series=? AND start<? AND until>=? AND seal<=?", func(st *sqlite3.Stmt) (bool, error) {
			count := int(st.ColumnInt64(2))
			if n.count += count; n.count > record.MostNumbers {
				return false, tooMany()
			}
			one.chunks = append(one.chunks, piece{st.ColumnInt64(0), st.ColumnInt64(1), count, slices.Clone(st.ColumnRawBlob(3))})
			return true, nil
		}, s.id, n.hi, n.lo, seal)
		if err != nil {
			return err
		}
	}
	return nil
}

// sorted gives the series by patient, device, code and unit.
func (n *numbers) sorted() []*run {
	var list []*run
	for _, one := range n.runs {
		if len(one.chunks) > 0 {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b *run) int { return compareKeys(&a.seriesKey, &b.seriesKey) })
	return list
}

// compareKeys orders series by patient, device, code and unit.
func compareKeys(a, b *seriesKey) int {
	return cmp.Or(strings.Compare(string(a.patient), string(b.patient)), strings.Compare(string(a.device), string(b.device)),
		strings.Compare(a.code.text, b.code.text), cmp.Compare(a.code.mdc, b.code.mdc), cmp.Compare(a.code.kind, b.code.kind),
		strings.Compare(a.unit, b.unit), cmp.Compare(number(a.simulated), number(b.simulated)))
}
