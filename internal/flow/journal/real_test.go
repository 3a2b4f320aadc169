package journal_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"thalamus/internal/fault"
	"thalamus/internal/flow/journal"
	"thalamus/internal/flow/journal/journaltest"
	"thalamus/internal/loopdisk"
	"thalamus/internal/model"
)

// TestRealPowerCut (R23): producers at full speed, the file system shut down
// under them, mounted again; every acknowledged entry is there.
func TestRealPowerCut(t *testing.T) {
	v := loopdisk.New(t, 192)
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	kept := map[model.Seq]int{}
	for round := range rounds {
		dir := filepath.Join(v.Dir, "journal")
		l, err := journal.Open(dir, journal.Options{SegmentSize: 2 << 20, Floor: -1})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for p := range 8 {
			wg.Go(func() {
				for i := 0; ; i++ {
					n := round*10_000_000 + p*1_000_000 + i*2
					frames := []model.Frame{journaltest.Frame(n, 1500), journaltest.Frame(n+1, 300)}
					first, err := l.Append(context.Background(), frames)
					if err != nil {
						return
					}
					mu.Lock()
					kept[first], kept[first+1] = n, n+1
					mu.Unlock()
				}
			})
		}
		before := int(l.Head())
		if err := l.Wait(context.Background(), model.Seq(before+1500+round*311)); err != nil {
			t.Fatal(err)
		}
		if err := v.Cut(); err != nil {
			t.Skipf("this file system cannot be shut down: %v", err)
		}
		wg.Wait()
		l.Close()
		v.Remount()
		if l, err = journal.Open(dir, journal.Options{SegmentSize: 2 << 20, Floor: -1}); err != nil {
			t.Fatal(err)
		}
		st, err := l.Stat()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range journaltest.All(t, l, l.Tail()) {
			n, known := kept[e.Seq]
			if known {
				journaltest.Check(t, e, journaltest.Frame(n, []int{1500, 300}[n%2]))
				delete(kept, e.Seq)
			}
		}
		for seq := range kept {
			t.Fatalf("round %d: entry %d was acknowledged and is lost (head %d)", round, seq, l.Head())
		}
		journaltest.Sound(t, l)
		t.Logf("round %d: head %d, %d bytes of a torn tail cut", round, l.Head(), st.Recovery.CutBytes)
		if d, err := l.Drop(l.Head(), "make room"); err != nil {
			t.Fatal(d, err)
		}
		kept = map[model.Seq]int{}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRealFullDisk: a file system that really runs full refuses appends, loses
// nothing and goes on when there is room.
func TestRealFullDisk(t *testing.T) {
	v := loopdisk.New(t, 32)
	dir := filepath.Join(v.Dir, "journal")
	l, err := journal.Open(dir, journal.Options{SegmentSize: 1 << 20, Floor: -1})
	if err != nil {
		t.Fatal(err)
	}
	free := v.Fill(8 << 20)
	kept := map[model.Seq]int{}
	refused := 0
	for n := 1; refused < 50; n++ {
		seq, err := l.Append(context.Background(), []model.Frame{journaltest.Frame(n, 2000)})
		if err == nil {
			kept[seq] = n
			continue
		}
		if fault.KindOf(err) != fault.Transient || fault.CodeOf(err) != "journal.full" {
			t.Fatal(err)
		}
		refused++
	}
	free()
	for n := 100_000; n < 100_500; n++ {
		seq, err := l.Append(context.Background(), []model.Frame{journaltest.Frame(n, 2000)})
		if err != nil {
			t.Fatalf("there is room again, but: %v", err)
		}
		kept[seq] = n
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	v.Remount()
	if l, err = journal.Open(dir, journal.Options{SegmentSize: 1 << 20, Floor: -1}); err != nil {
		t.Fatal(err)
	}
	all := journaltest.All(t, l, 1)
	if len(all) != len(kept) {
		t.Fatalf("%d entries, %d acknowledged", len(all), len(kept))
	}
	for _, e := range all {
		journaltest.Check(t, e, journaltest.Frame(kept[e.Seq], 2000))
	}
	journaltest.Sound(t, l)
	t.Logf("%d entries kept, %d refused", len(kept), refused)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
