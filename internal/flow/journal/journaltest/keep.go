package journaltest

import (
	"context"
	"errors"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/flow/journal"
	"thalamus/internal/model"
)

func redact(t *testing.T, s Subject) {
	dir := t.TempDir()
	j := s.Open(t, dir)
	const total = 900
	Fill(t, j, 1, total, 1500)
	before := All(t, j, 1)
	gone := []model.Seq{1, 5, 6, 450, total}
	for _, seq := range gone {
		if err := j.Redact(seq, "sent by mistake"); err != nil {
			t.Fatal(seq, err)
		}
	}
	if err := j.Redact(5, "once more"); err != nil {
		t.Fatal(err)
	}
	is := map[model.Seq]bool{}
	for _, seq := range gone {
		is[seq] = true
	}
	look := func() {
		t.Helper()
		for i, e := range All(t, j, 1) {
			was := before[i]
			if e.Hash != was.Hash || e.Seq != was.Seq {
				t.Fatalf("entry %d lost its hash or place", was.Seq)
			}
			if !is[e.Seq] {
				Check(t, e, was.Frame)
				continue
			}
			if !e.Redacted || e.Bytes != nil {
				t.Errorf("entry %d still has %d bytes", e.Seq, len(e.Bytes))
			}
			if e.Channel != was.Channel || e.Peer != was.Peer || !e.Arrived.Equal(was.Arrived) {
				t.Errorf("entry %d lost more than its payload", e.Seq)
			}
		}
		if r := Sound(t, j); r.Redacted != uint64(len(gone)) || r.Entries != total+uint64(int(j.Head())-total) {
			t.Errorf("%+v", r)
		}
	}
	look()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = s.Open(t, dir)
	defer j.Close()
	look()
	e, err := j.Read(5)
	if err != nil || !e.Redacted {
		t.Fatal(e, err)
	}
}

// redactThenAppend: what was redacted while its neighbours are being written
// does not come back with them.
func redactThenAppend(t *testing.T, s Subject) {
	dir := t.TempDir()
	j := s.Open(t, dir)
	const rounds, each = 8, 10
	for round := range rounds {
		Fill(t, j, round*each+1, (round+1)*each, 300)
		if err := j.Redact(model.Seq((round+1)*each), "test"); err != nil {
			t.Fatal(err)
		}
	}
	Fill(t, j, rounds*each+1, rounds*each+5, 300)
	look := func() {
		t.Helper()
		for _, e := range All(t, j, 1) {
			if gone := e.Seq%each == 0; gone != e.Redacted {
				t.Fatalf("entry %d: redacted %t, want %t", e.Seq, e.Redacted, gone)
			}
		}
		Sound(t, j)
	}
	look()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = s.Open(t, dir)
	defer j.Close()
	look()
}

// segments wants at least four and gives them.
func segments(t *testing.T, j journal.Journal) []journal.Segment {
	t.Helper()
	all, err := j.Segments()
	if err != nil {
		t.Fatal(err)
	}
	next := j.Tail()
	for _, s := range all {
		if s.First < next {
			t.Fatalf("segments overlap: %+v", all)
		}
		next = s.Last + 1
	}
	if next != j.Head()+1 {
		t.Fatalf("segments end at %d, the head is %d", next-1, j.Head())
	}
	return all
}

func dropAndHold(t *testing.T, s Subject) {
	dir := t.TempDir()
	j := s.Open(t, dir)
	const total = 5000
	var frames []model.Frame
	for n := 1; n <= total; n++ {
		if frames = append(frames, Frame(n, 1000)); len(frames) == 25 {
			if _, err := j.Append(context.Background(), frames); err != nil {
				t.Fatal(err)
			}
			frames = frames[:0]
		}
	}
	segs := segments(t, j)
	if len(segs) < 4 {
		t.Fatalf("%d segments: they are too large for the suite", len(segs))
	}
	held, later := segs[1], segs[2]
	if err := j.Hold(held.ID, "inquiry 7"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, j.Redact(held.First, "test"), fault.Conflict, "journal.held")
	d, err := j.Drop(later.Last, "retention") // not all of later
	if err != nil || d.Segments != 1 || d.Held != 1 || d.Entries != uint64(segs[0].Last) {
		t.Fatalf("%+v %v", d, err)
	}
	if d, err = j.Drop(later.Last+1, "retention"); err != nil || d.Segments != 1 || d.Held != 1 {
		t.Fatalf("%+v %v", d, err)
	}
	look := func() {
		t.Helper()
		if j.Tail() != held.First || j.Head() != total {
			t.Fatalf("tail %d, head %d", j.Tail(), j.Head())
		}
		for _, seq := range []model.Seq{1, segs[0].Last, later.First, later.Last} {
			_, err := j.Read(seq)
			wantFault(t, err, fault.Absent, "journal.dropped")
		}
		for _, seq := range []model.Seq{held.First, held.Last, later.Last + 1, total} {
			e, err := j.Read(seq)
			if err != nil {
				t.Fatal(err)
			}
			Check(t, e, Frame(int(seq), 1000))
		}
		r := j.Reader(1)
		defer r.Close()
		var gaps []journal.Gap
		n := 0
		for r.Position() <= total {
			batch, err := r.Next(0)
			var d *journal.Damage
			if errors.As(err, &d) {
				gaps = append(gaps, journal.Gap{First: d.First, Last: d.Last})
				continue
			}
			if err != nil || len(batch) == 0 {
				t.Fatal(err)
			}
			n += len(batch)
		}
		if len(gaps) != 2 || gaps[0] != (journal.Gap{First: 1, Last: segs[0].Last}) || gaps[1] != (journal.Gap{First: later.First, Last: later.Last}) {
			t.Fatalf("gaps %v", gaps)
		}
		report := Sound(t, j)
		if int(report.Entries) != n || len(report.Gaps) != 2 {
			t.Fatalf("%+v, %d read", report, n)
		}
	}
	look()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = s.Open(t, dir)
	defer j.Close()
	look()
	if all := segments(t, j); all[0].Held != "inquiry 7" {
		t.Fatalf("%+v", all[0])
	}
	if err := j.Release(held.ID, "closed"); err != nil {
		t.Fatal(err)
	}
	if d, err = j.Drop(total+1, "retention"); err != nil || d.Held != 0 {
		t.Fatalf("%+v %v", d, err)
	}
	if j.Head() != total {
		t.Fatalf("head %d", j.Head())
	}
	Fill(t, j, total+1, total+3, 1000) // numbers go on
	Sound(t, j)
}

func dropByTime(t *testing.T, s Subject) {
	j := s.Open(t, t.TempDir())
	defer j.Close()
	const total = 3000
	for n := 1; n <= total; n += 25 {
		var frames []model.Frame
		for k := n; k < n+25; k++ {
			frames = append(frames, Frame(k, 1000))
		}
		if _, err := j.Append(context.Background(), frames); err != nil {
			t.Fatal(err)
		}
	}
	segs := segments(t, j)
	cut := Frame(int(segs[1].Last), 100).Arrived
	d, err := j.DropOlder(cut, "retention") // the last of segs[1] is not older
	if err != nil || d.Segments != 1 {
		t.Fatalf("%+v %v", d, err)
	}
	if d, err = j.DropOlder(cut.Add(1), "retention"); err != nil || d.Segments != 1 || d.Tail != segs[2].First {
		t.Fatalf("%+v %v", d, err)
	}
	Sound(t, j)
}

func second(t *testing.T, s Subject) {
	if s.Second == nil {
		t.Skip("this journal may be opened twice")
	}
	dir := t.TempDir()
	j := s.Open(t, dir)
	wantFault(t, s.Second(dir), fault.Conflict, "journal.locked")
	Fill(t, j, 1, 2, 100)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = s.Open(t, dir)
	defer j.Close()
	Fill(t, j, 3, 4, 100)
}
