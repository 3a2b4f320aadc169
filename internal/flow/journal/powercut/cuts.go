package powercut

import (
	"bytes"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"thalamus/internal/model"
)

func fates(seed int) map[string]Fate {
	return map[string]Fate{"all lost": LoseAll, "all kept": KeepAll, "some lost": Some(uint64(seed)), "others lost": Some(uint64(seed) + 1e6)}
}

// everyOperation: one producer; the power goes after each operation in turn.
func everyOperation(t *testing.T, open Open) {
	const frames = 150
	work := func(disk *Disk) *ledger {
		l := newLedger()
		j, err := open(disk)
		if err != nil {
			return l
		}
		for n := 1; n < frames; n += 1 + n%3 {
			if l.offer(j, n, 1+n%3) != nil {
				break
			}
		}
		j.Close()
		return l
	}
	whole := New(0)
	work(whole)
	total := whole.Ops()
	step := 1
	if testing.Short() {
		step = 7
	}
	for n := 1; n <= total; n += step {
		disk := New(0)
		disk.CutAfter(n)
		l := work(disk)
		disk.Cut()
		for name, fate := range fates(n) {
			if after(t, open, disk.Reboot(fate), clone(l), nil); t.Failed() {
				t.Fatalf("power cut after operation %d of %d, %s", n, total, name)
			}
		}
	}
	t.Logf("%d places for a power cut, %d fates each", total, len(fates(0)))
}

func clone(l *ledger) *ledger {
	c := newLedger()
	for k, v := range l.kept {
		c.kept[k] = v
	}
	for k, v := range l.tried {
		c.tried[k] = v
	}
	for k, v := range l.size {
		c.size[k] = v
	}
	return c
}

// underLoad: several producers, cuts at random, again and again on one disk.
func underLoad(t *testing.T, open Open) {
	disk, l := New(0), newLedger()
	lost := int64(0)
	for round := range 40 {
		disk.CutAfter(20 + round*round%97)
		if j, err := open(disk); err == nil {
			if st, err := j.Stat(); err == nil {
				lost += st.Recovery.CutBytes
			}
			var wg sync.WaitGroup
			for p := range 6 {
				wg.Go(func() {
					for i := 0; ; i++ {
						if l.offer(j, round*100_000+p*10_000+i*4, 1+(i+p)%4) != nil {
							return
						}
					}
				})
			}
			wg.Wait()
			j.Close()
		}
		disk.Cut()
		disk = disk.Reboot(Some(uint64(round)))
		if after(t, open, disk, l, nil); t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	t.Logf("%d entries survived 40 power cuts, %d bytes of torn tails were cut", len(l.kept), lost)
}

// whileKeeping: redactions, holds and drops are cut as well.
func whileKeeping(t *testing.T, open Open) {
	const frames = 400
	for n := 1; ; n++ {
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
		segs, err := j.Segments()
		if err != nil || len(segs) < 3 {
			t.Fatal(segs, err)
		}
		// A redaction that was begun may or may not be seen; one that
		// returned must be.
		touched, done := map[model.Seq]bool{}, map[model.Seq]bool{}
		disk.CutAfter(n)
		keep := func() error {
			for _, seq := range []model.Seq{segs[1].First + 3, frames - 2} {
				touched[seq] = true
				if err := j.Redact(seq, "test"); err != nil {
					return err
				}
				done[seq] = true
			}
			if err := j.Hold(segs[1].ID, "test"); err != nil {
				return err
			}
			_, err := j.Drop(segs[2].First, "test")
			return err
		}
		err = keep()
		j.Close()
		finished := !disk.Dead()
		disk.Cut()
		how := fates(n)
		for seed := range 10 { // what is torn is small: try more ways
			how[fmt.Sprint("torn, way ", seed)] = Some(uint64(seed)<<32 + uint64(n))
		}
		for name, fate := range how {
			back := disk.Reboot(fate)
			j, err := open(back)
			if err != nil {
				t.Fatalf("operation %d, %s: %v", n, name, err)
			}
			for seq := range done {
				if e, err := j.Read(seq); err != nil || !e.Redacted {
					t.Fatalf("operation %d, %s: entry %d was redacted and is back (%v)", n, name, seq, err)
				}
			}
			for _, path := range back.Paths() {
				for seq := range done {
					if bytes.Contains(back.Bytes(path), payload(l.kept[seq])[:60]) {
						t.Fatalf("operation %d, %s: %s still holds the payload of entry %d", n, name, path, seq)
					}
				}
			}
			c := clone(l)
			c.check(t, j, touched)
			j.Close()
			if t.Failed() {
				t.Fatalf("operation %d, %s", n, name)
			}
		}
		if finished {
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d places for a power cut", n-1)
			return
		}
		if testing.Short() {
			n += 2
		}
	}
}

var errDisk = syscall.EIO
