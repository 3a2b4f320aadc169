package extract

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/parquet-go/parquet-go/compress/zstd"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// Source is the record as an extract reads it.
type Source interface {
	Head() model.MessageRef
	Scan(ctx context.Context, q record.Query) iter.Seq2[*model.Message, error]
}

// Watch is told how a run goes.
type Watch struct {
	// Seen is told of the patients of a part before the part's files get their
	// names; an error ends the run, so that nobody has what was not noted (R44).
	Seen func(patients []model.PatientID) error
	// Progress is told now and then, and when a part is done: arrived is where
	// the run is, rows and bytes what there is by then.
	Progress func(arrived time.Time, rows, bytes int64)
	// Room refuses to go on while the disk has too little of it; may be nil.
	Room func() error
}

// partRows is how many rows a part has at least before the next one begins.
const partRows = 2_000_000

// run is one run over an extract's folder.
type run struct {
	dir  string
	m    *Manifest
	src  Source
	w    Watch
	made string
	rows int // of a part
	seen map[model.PatientID]bool

	press *zstd.Codec
}

// goOn brings an extract to its end, from where its manifest says it is.
func (r *run) goOn(ctx context.Context) error {
	if err := sweep(r.dir); err != nil {
		return err
	}
	m := r.m
	r.seen, r.press = map[model.PatientID]bool{}, newPress()
	for m.Next.Before(m.Ask.Until) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.w.Room != nil {
			if err := r.w.Room(); err != nil {
				return err
			}
		}
		if err := r.part(ctx); err != nil {
			return err
		}
	}
	if m.Ask.Form == FHIR {
		files, err := gather(r.dir, m)
		if err != nil {
			return err
		}
		m.Files = files
		for _, f := range files {
			m.Rows, m.Bytes = m.Rows+f.Rows, m.Bytes+f.Bytes
		}
	}
	m.Whole = true
	if err := m.write(r.dir); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(r.dir, sharedFolder)); err != nil {
		return diskFault(err, r.dir)
	}
	return nil
}

const dayForm = "2006-01-02"

func dayAfter(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour) }

// tellEach is after how many messages the watch is told.
const tellEach = 512

// part makes the next part.
func (r *run) part(ctx context.Context) error {
	m := r.m
	end := dayAfter(m.Next)
	if end.After(m.Ask.Until) {
		end = m.Ask.Until
	}
	k := kit{dir: r.dir, day: m.Next.UTC().Format(dayForm), number: 1, form: m.Ask.Form, made: r.made, press: r.press}
	q := m.Ask.query()
	q.From, q.Until = m.Next, end
	q.Before = model.MessageRef{Seq: m.Through.Seq, Part: m.Through.Part + 1}
	if n := len(m.Parts); n > 0 && m.Parts[n-1].Day == k.day {
		k.number, q.After = m.Parts[n-1].Number+1, m.Parts[n-1].Last
	}
	f := newFilter(&m.Ask)
	var p part = newTables(f, k)
	if k.form == FHIR {
		p = newBulk(f, k)
	}
	more := false
	var last model.MessageRef
	var fresh []model.PatientID
	here := map[model.PatientID]bool{}
	rows, messages := 0, 0
	for msg, err := range r.src.Scan(ctx, q) {
		if err != nil {
			p.drop()
			return err
		}
		if !f.message(msg) {
			continue
		}
		n, err := p.add(msg)
		if err != nil {
			p.drop()
			return err
		}
		if id := record.PatientOf(msg); n > 0 && id != "" && !r.seen[id] && !here[id] {
			here[id] = true
			fresh = append(fresh, id)
		}
		last = msg.Ref
		rows += n
		if messages++; messages%tellEach == 0 && r.w.Progress != nil {
			r.w.Progress(msg.Arrived, m.Rows+int64(rows), m.Bytes)
		}
		if rows >= r.rows || p.full() {
			more = true
			break
		}
	}
	return r.close(p, Part{Day: k.day, Number: k.number, Last: last}, fresh, more, end)
}

// close brings a part in place and notes it.
func (r *run) close(p part, done Part, fresh []model.PatientID, more bool, end time.Time) error {
	m := r.m
	if len(fresh) > 0 && r.w.Seen != nil {
		if err := r.w.Seen(fresh); err != nil {
			p.drop()
			return err
		}
	}
	for _, id := range fresh {
		r.seen[id] = true
	}
	files, err := p.finish()
	if err != nil {
		return err
	}
	done.Files = files
	noted := *m // what is noted only counts once it is written
	if done.Last != (model.MessageRef{}) {
		noted.Parts = append(noted.Parts[:len(noted.Parts):len(noted.Parts)], done)
	}
	for _, f := range files {
		noted.Rows, noted.Bytes = noted.Rows+f.Rows, noted.Bytes+f.Bytes
	}
	if !more {
		noted.Next = end
	}
	if done.Last != (model.MessageRef{}) || noted.Next.Equal(m.Ask.Until) {
		if err := noted.write(r.dir); err != nil {
			return err
		}
	}
	*m = noted
	if r.w.Progress != nil {
		at := m.Next
		r.w.Progress(at, m.Rows, m.Bytes)
	}
	return nil
}

// firstArrival is the day on which the record begins: no extract reaches
// further back.
func firstArrival(ctx context.Context, src Source) (time.Time, error) {
	for m, err := range src.Scan(ctx, record.Query{}) {
		if err != nil {
			return time.Time{}, err
		}
		return m.Arrived.UTC().Truncate(24 * time.Hour), nil
	}
	return time.Time{}, fault.New(fault.Absent, "extract.empty", "the record holds nothing yet")
}
