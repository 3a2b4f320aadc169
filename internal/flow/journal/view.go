package journal

import (
	"context"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// View reads the folder of a stopped or running server without taking its
// lock or changing anything. It shows what was there when it was opened.
type View struct {
	shelf
	head     model.Seq
	acts     *acts
	recovery Recovery
}

// OpenReadOnly opens a journal for reading only. Of the options only Keys and
// Files count. Faults as of Open; a folder without a journal is Absent
// journal.open.
func OpenReadOnly(dir string, options Options) (*View, error) {
	o := options.filled()
	if err := checkKeys(o.Keys); err != nil {
		return nil, err
	}
	v := &View{shelf: shelf{dir: dir, files: o.Files, keys: o.Keys}}
	f, err := o.Files.Open(actsPath(dir), false)
	if err != nil {
		return nil, fault.Wrap(err, fault.Absent, "journal.open", "there is no journal here; give the folder that holds *.seg and acts.log").At(dir)
	}
	defer f.Close()
	if v.acts, err = readActs(f); err != nil {
		return nil, openFault(err, actsPath(dir))
	}
	found, err := v.look(v.acts, false)
	if err != nil {
		return nil, err
	}
	if list := v.list(); len(list) > 0 {
		last := list[len(list)-1]
		v.head = model.Seq(last.next.Load()) - 1
		if !last.sealed.Load() {
			v.recovery = Recovery{Unclean: true, Rot: len(found.last.bad)}
			if cut := found.last.written - found.last.end; cut > 0 {
				v.recovery.Segment, v.recovery.CutBytes, v.recovery.CutFrom = last.id, cut, found.last.cutFrom
			}
		}
	}
	return v, nil
}

// Head is the last entry that was durable when the view was opened.
func (v *View) Head() model.Seq { return v.head }

// Tail is the first entry kept; Head()+1 when there is none.
func (v *View) Tail() model.Seq { return v.tail(v.head) }

// Read gives one entry, as Journal.Read.
func (v *View) Read(seq model.Seq) (model.Entry, error) { return v.read(seq, v.head) }

// Reader reads in order, as Journal.Reader.
func (v *View) Reader(from model.Seq) Reader { return v.reader(from, v.Head) }

// Segments lists the segments, oldest first.
func (v *View) Segments() ([]Segment, error) { return v.segments(v.acts.holds()) }

// Verify checks everything, as Journal.Verify.
func (v *View) Verify(ctx context.Context, progress func(Progress)) (Report, error) {
	return v.verify(ctx, v.head, progress)
}

// Stat tells how the journal stands. Recovery tells what Open would do; with
// a running server that is no more than a group being written.
func (v *View) Stat() (Stat, error) {
	st := v.stat(v.head)
	st.Recovery = v.recovery
	var err error
	if st.Free, err = v.files.Free(v.dir); err != nil {
		return st, openFault(err, v.dir)
	}
	if st.Head >= st.Tail {
		if e, err := v.Read(st.Head); err == nil {
			st.HeadHash = e.Hash
		}
	}
	return st, nil
}

// Close frees what the view holds.
func (v *View) Close() error { return nil }
