package mqtt

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"

	"thalamus/internal/driver/drivertest"
	"thalamus/internal/loopdisk"
)

// tellers write at once; each says a number that grows, so the last one that
// was on the disk must be there after a cut, or a later one.
const tellers = 6

// told is what the records of a log say: the last number of each teller.
type told [tellers]atomic.Uint64

func numbered(who int, n uint64, length int) []byte {
	b := make([]byte, length)
	b[0] = byte(who)
	binary.BigEndian.PutUint64(b[1:], n)
	return b
}

func (s *told) apply(b []byte) { s[b[0]].Store(binary.BigEndian.Uint64(b[1:])) }

func (s *told) snapshot() (out []byte) {
	for who := range s {
		out = appendRecord(out, numbered(who, s[who].Load(), 9))
	}
	return out
}

// TestRealPowerCut: the file system is shut down under the sessions' file while
// it is written, also while it is written anew; what was said to be on the disk
// is there (R2, R23).
func TestRealPowerCut(t *testing.T) {
	v := loopdisk.New(t, 64)
	for round := range uint64(3) {
		var said, kept told
		l, err := openLog(v.Dir, said.apply, func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		l.snapshot = said.snapshot
		go l.run()
		var work sync.WaitGroup
		var all atomic.Uint64
		var gone atomic.Bool
		for who := range tellers {
			work.Go(func() {
				for {
					n := said[who].Load() + 1
					said[who].Store(n) // before it is queued: a snapshot may hold it already
					if l.wait(l.add(numbered(who, n, 8<<10))) != nil {
						return
					}
					if gone.Load() {
						return // said after the power went: nobody hears it
					}
					kept[who].Store(n)
					all.Add(1)
				}
			})
		}
		until := 700 + 211*round // more than 4 MiB: it is written anew meanwhile
		drivertest.Until(t, "enough is on the disk", func() bool { return all.Load() >= until })
		gone.Store(true) // a sync that is under way now may be answered by a dying file system
		if err := v.Cut(); err != nil {
			t.Logf("this file system cannot be shut down: %v", err)
			l.close()
			work.Wait()
			t.SkipNow()
		}
		work.Wait()
		l.close()
		v.Remount()
		var after told
		if l, err = openLog(v.Dir, after.apply, func(error) {}); err != nil {
			t.Fatal(err)
		}
		for who := range after {
			if got, want := after[who].Load(), kept[who].Load(); got < want {
				t.Errorf("round %d: teller %d had %d on the disk, %d is there", round, who, want, got)
			}
		}
		l.snapshot = after.snapshot
		go l.run()
		l.close()
	}
}
