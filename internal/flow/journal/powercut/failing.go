package powercut

import (
	"sync"
	"testing"

	"thalamus/internal/fault"
)

func wantTransient(t *testing.T, err error, code string) {
	t.Helper()
	if fault.KindOf(err) != fault.Transient || fault.CodeOf(err) != code {
		t.Fatalf("got %v, want transient %s", err, code)
	}
}

// failing: the disk refuses one kind of operation for a while. What failed was
// refused, what follows works, and what was acknowledged before stays.
func failing(t *testing.T, open Open, op string) {
	for skip := range 12 {
		disk, l := New(0), newLedger()
		j, err := open(disk)
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 40; n++ {
			if err := l.offer(j, n, 1); err != nil {
				t.Fatal(err)
			}
		}
		left := skip
		disk.Fail(func(o Op) error {
			if o.Name != op {
				return nil
			}
			if left--; left >= 0 {
				return nil
			}
			return errDisk
		})
		failed := 0
		for n := 100; n < 120; n++ {
			if err := l.offer(j, n, 1+n%2); err != nil {
				wantTransient(t, err, "journal.sync")
				failed++
			}
		}
		if failed == 0 {
			t.Fatalf("nothing failed although every %s after %d does", op, skip)
		}
		if st, err := j.Stat(); err != nil || st.Fault != "journal.sync" {
			t.Fatalf("%+v %v", st, err)
		}
		disk.Fail(nil)
		for n := 200; n <= 300; n++ {
			if err := l.offer(j, n, 1); err != nil {
				t.Fatalf("the disk works again, but: %v", err)
			}
		}
		if st, err := j.Stat(); err != nil || st.Fault != "" {
			t.Fatalf("%+v %v", st, err)
		}
		l.check(t, j, nil)
		disk.Cut() // without a Close
		for name, fate := range fates(skip) {
			if after(t, open, disk.Reboot(fate), clone(l), nil); t.Failed() {
				t.Fatalf("%s failing after %d, %s", op, skip, name)
			}
		}
	}
}

// failingAtRandom: single operations of any kind fail under load.
func failingAtRandom(t *testing.T, open Open) {
	for seed := range 12 {
		disk, l := New(0), newLedger()
		j, err := open(disk)
		if err != nil {
			t.Fatal(err)
		}
		odd := Some(uint64(seed))
		disk.Fail(func(o Op) error {
			if odd() && odd() && odd() { // one in eight
				return errDisk
			}
			return nil
		})
		var wg sync.WaitGroup
		for p := range 4 {
			wg.Go(func() {
				for i := range 150 {
					if err := l.offer(j, p*10_000+i*4, 1+(i+p)%3); err != nil && fault.KindOf(err) != fault.Transient {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		disk.Fail(nil)
		if len(l.kept) == 0 {
			t.Fatal("nothing was kept at all")
		}
		disk.Cut()
		j.Close()
		if after(t, open, disk.Reboot(Some(uint64(seed))), l, nil); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// fullDisk: appends are refused, nothing is lost, and they work again by
// themselves when there is room.
func fullDisk(t *testing.T, open Open) {
	disk, l := New(2<<20), newLedger()
	j, err := open(disk)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	fill := func() {
		for refused := 0; refused < 30; { // small ones may find room for a while
			n++
			if err := l.offer(j, n*4, 1+n%3); err != nil {
				wantTransient(t, err, "journal.full")
				refused++
			}
		}
	}
	fill()
	before := j.Head()
	if before < 100 || int(before) != len(l.kept) {
		t.Fatalf("head %d, %d acknowledged", before, len(l.kept))
	}
	if st, err := j.Stat(); err != nil || st.Fault != "journal.full" {
		t.Fatalf("%+v %v", st, err)
	}
	disk.SetCapacity(3 << 20)
	n++
	if err := l.offer(j, n*4, 1); err != nil {
		t.Fatalf("there is room again, but: %v", err)
	}
	fill()
	if j.Head() == before+1 {
		t.Fatal("the new room was not used")
	}
	segs, err := j.Segments()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Drop(segs[len(segs)/2].First, "retention"); err != nil {
		t.Fatal(err)
	}
	for seq := range l.kept {
		if seq < j.Tail() {
			delete(l.kept, seq)
		}
	}
	n++
	if err := l.offer(j, n*4, 1); err != nil {
		t.Fatalf("segments were dropped, but: %v", err)
	}
	disk.Cut()
	j.Close()
	back := disk.Reboot(Some(1))
	back.SetCapacity(8 << 20)
	after(t, open, back, l, nil)
}
