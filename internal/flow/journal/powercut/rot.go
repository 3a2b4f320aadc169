package powercut

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/flow/journal"
	"thalamus/internal/model"
)

// rot: one byte of one entry changes on the platter. That entry is reported,
// by its number, when it is read and when the journal is verified; all others
// stay readable, before and after the journal is opened again.
func rot(t *testing.T, open Open) {
	const frames = 300
	for _, where := range []struct {
		name string
		off  int // from the beginning of the payload
	}{{"in the payload", 40}, {"in front of it", -20}, {"in the head", -60}, {"at the very front", -96}} {
		for _, n := range []int{1, 2, 150, frames - 1, frames} {
			disk, l := New(0), newLedger()
			j, err := open(disk)
			if err != nil {
				t.Fatal(err)
			}
			for i := 1; i <= frames; i++ {
				if err := l.offer(j, i, 1); err != nil {
					t.Fatal(err)
				}
			}
			spoil(t, disk, n, where.off)
			look := func(when string) {
				t.Helper()
				lost := readAround(t, j, model.Seq(n), frames)
				if !lost && when != "while it is open" { // then it may still be had from memory
					t.Fatalf("frame %d %s, %s: rot was not reported", n, where.name, when)
				}
				report, err := j.Verify(context.Background(), nil)
				if err != nil || report.OK() || report.Entries < frames-1 {
					t.Fatalf("frame %d %s, %s: %+v %v", n, where.name, when, report, err)
				}
			}
			look("while it is open")
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			if j, err = open(disk); err != nil {
				t.Fatal(err)
			}
			look("opened again")
			if err := l.offer(j, frames+1, 1); err != nil {
				t.Fatal(err)
			}
			j.Close()
		}
	}
}

// spoil finds the payload of a frame and changes a byte near it.
func spoil(t *testing.T, disk *Disk, n, off int) {
	t.Helper()
	for _, path := range disk.Paths() {
		if at := bytes.Index(disk.Bytes(path), payload(n)[:60]); at >= 0 {
			disk.Rot(path, int64(at+off))
			return
		}
	}
	t.Fatalf("frame %d is in no file", n)
}

// readAround reads everything, wants all entries except one as they were, and
// says whether that one was reported.
func readAround(t *testing.T, j journal.Journal, spoiled model.Seq, total int) (lost bool) {
	t.Helper()
	r := j.Reader(1)
	defer r.Close()
	for next := model.Seq(1); int(next) <= total; {
		batch, err := r.Next(0)
		var d *journal.Damage
		if errors.As(err, &d) {
			if fault.CodeOf(err) != "journal.rot" || d.First != spoiled || d.Last != spoiled || next != spoiled {
				t.Fatalf("at %d: entries %d to %d: %v", next, d.First, d.Last, err)
			}
			lost = true
			next++
			continue
		}
		if err != nil || len(batch) == 0 {
			t.Fatalf("at %d: %v", next, err)
		}
		for _, e := range batch {
			if e.Seq != next || !bytes.Equal(e.Bytes, payload(int(e.Seq))) {
				t.Fatalf("entry %d, want %d as it was", e.Seq, next)
			}
			next++
		}
	}
	for _, seq := range []model.Seq{spoiled - 1, spoiled + 1} {
		if seq < 1 || int(seq) > total {
			continue
		}
		if e, err := j.Read(seq); err != nil || !bytes.Equal(e.Bytes, payload(int(seq))) {
			t.Fatalf("entry %d beside the spoiled one: %v", seq, err)
		}
	}
	if _, err := j.Read(spoiled); lost && fault.CodeOf(err) != "journal.rot" {
		t.Fatalf("reading entry %d: %v", spoiled, err)
	}
	return lost
}

// rotThenCrash: rot in front of the tail is no torn tail: what follows it was
// acknowledged and stays.
func rotThenCrash(t *testing.T, open Open) {
	const frames = 60
	for n := 1; n < frames; n += 3 {
		disk, l := New(0), newLedger()
		j, err := open(disk)
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i <= frames; i++ {
			if err := l.offer(j, i, 1); err != nil {
				t.Fatal(err)
			}
		}
		disk.Cut()
		back := disk.Reboot(Some(uint64(n)))
		for _, off := range []int{-60, 40} {
			spoil(t, back, n, off)
		}
		if j, err = open(back); err != nil {
			t.Fatal(err)
		}
		if j.Head() != frames {
			t.Fatalf("frame %d rotted and the head fell to %d", n, j.Head())
		}
		if !readAround(t, j, model.Seq(n), frames) {
			t.Fatalf("rot of frame %d was not reported", n)
		}
		j.Close()
	}
}
