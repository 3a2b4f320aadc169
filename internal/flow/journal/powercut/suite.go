package powercut

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/journal"
	"thalamus/internal/model"
)

// Dir is where the suite lets a journal live on a Disk.
const Dir = "/journal"

// Open opens a journal on a disk, with small segments (64 to 256 KiB).
type Open func(files journal.Files) (journal.Journal, error)

// Run runs what a journal that keeps files must survive.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"power cut at every operation", everyOperation}, {"power cut under load", underLoad},
		{"power cut while keeping", whileKeeping}, {"rot", rot}, {"rot then crash", rotThenCrash},
		{"full disk", fullDisk}, {"error on write", func(t *testing.T, o Open) { failing(t, o, "write") }},
		{"error on sync", func(t *testing.T, o Open) { failing(t, o, "sync") }}, {"error at random", failingAtRandom},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}

func payload(n int) []byte {
	b := bytes.Repeat([]byte{byte(n), byte(n >> 8), 'x'}, 100+n*37%700)
	copy(b, fmt.Sprintf("<%020d>", n))
	return b
}

func frame(n int) model.Frame {
	return model.Frame{
		Channel: "ward", Codec: "hl7v2", Peer: fmt.Sprintf("192.0.2.7:%d", 5000+n%3), Bytes: payload(n),
		Arrived: time.Date(2026, 11, 21, 10, 0, n, 0, time.UTC),
	}
}

// ledger is what was acknowledged, and what was tried.
type ledger struct {
	mu    sync.Mutex
	kept  map[model.Seq]int // entry → frame
	tried map[int]int       // frame → number of the append it was tried in
	size  map[int]int       // append → frames
}

func newLedger() *ledger {
	return &ledger{kept: map[model.Seq]int{}, tried: map[int]int{}, size: map[int]int{}}
}

// offer appends frames first…first+n-1 as append number first.
func (l *ledger) offer(j journal.Journal, first, n int) error {
	var frames []model.Frame
	l.mu.Lock()
	for i := range n {
		frames = append(frames, frame(first+i))
		l.tried[first+i] = first
	}
	l.size[first] = n
	l.mu.Unlock()
	seq, err := j.Append(context.Background(), frames)
	if err != nil {
		return err
	}
	l.mu.Lock()
	for i := range n {
		l.kept[seq+model.Seq(i)] = first + i
	}
	l.mu.Unlock()
	return nil
}

// check wants everything acknowledged in its place, nothing that was not
// tried, no append in part, and a journal that verifies and goes on.
func (l *ledger) check(t *testing.T, j journal.Journal, redacted map[model.Seq]bool) {
	t.Helper()
	r := j.Reader(j.Tail())
	defer r.Close()
	parts := map[int]int{}
	next := j.Tail()
	for {
		batch, err := r.Next(0)
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) == 0 {
			break
		}
		for _, e := range batch {
			if e.Seq != next {
				t.Fatalf("entry %d where %d should be", e.Seq, next)
			}
			next++
			n, known := l.kept[e.Seq]
			if e.Redacted {
				if known && !redacted[e.Seq] {
					t.Fatalf("entry %d is redacted", e.Seq)
				}
				continue
			}
			if !known {
				if _, err := fmt.Sscanf(string(e.Bytes[:22]), "<%d>", &n); err != nil {
					t.Fatalf("entry %d was never offered", e.Seq)
				}
				if _, tried := l.tried[n]; !tried {
					t.Fatalf("entry %d is frame %d, which was never offered", e.Seq, n)
				}
				parts[l.tried[n]]++
			}
			if !bytes.Equal(e.Bytes, payload(n)) {
				t.Fatalf("entry %d is not frame %d as it was", e.Seq, n)
			}
		}
	}
	if next != j.Head()+1 {
		t.Fatalf("read up to %d, the head is %d", next-1, j.Head())
	}
	for seq, n := range l.kept {
		if seq > j.Head() {
			t.Fatalf("entry %d (frame %d) was acknowledged and is lost; the head is %d", seq, n, j.Head())
		}
	}
	for first, n := range parts {
		if n != l.size[first] {
			t.Fatalf("%d of %d frames of an append survived", n, l.size[first])
		}
	}
	report, err := j.Verify(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range report.Bad {
		t.Fatalf("entries %d to %d: %v", bad.First, bad.Last, bad)
	}
	if err := l.offer(j, 1_000_000+int(j.Head()), 2); err != nil {
		t.Fatalf("appending afterwards: %v", err)
	}
}

// after opens what a power cut left, checks it, and opens it once more.
func after(t *testing.T, open Open, disk *Disk, l *ledger, redacted map[model.Seq]bool) {
	t.Helper()
	for range 2 {
		j, err := open(disk)
		if err != nil {
			t.Fatalf("opening after the power cut: %v", err)
		}
		l.check(t, j, redacted)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

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
			if odd() && odd() && odd() {
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
