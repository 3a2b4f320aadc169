// Package journaltest is the suite that every journal passes. What an
// implementation that keeps files must survive beyond it (power cuts, full and
// failing disks, rot) is in package powercut.
package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/journal"
	"thalamus/internal/model"
)

// Subject is the implementation under test.
type Subject struct {
	// Open opens the journal that is kept under a name, a fresh folder of this
	// test; it is opened again after Close. Segments must be small (at most 1
	// MiB), so that the suite fills several, and take appends of 100 kB.
	Open func(t *testing.T, dir string) journal.Journal
	// Second opens what is open already; nil when there is no such thing.
	Second func(dir string) error
}

// Run runs the suite.
func Run(t *testing.T, s Subject) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Subject)
	}{
		{"empty", empty}, {"content", content}, {"order", order}, {"follow", follow}, {"reopen", reopen},
		{"wait", wait}, {"refusals", refusals}, {"bytes are not kept", bytesAreNotKept}, {"close", closing},
		{"redact", redact}, {"redact then append", redactThenAppend}, {"drop and hold", dropAndHold}, {"drop by time", dropByTime}, {"second", second},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, s) })
	}
}

// start is when the suite's entries arrived; entry n came n milliseconds later.
var start = time.Date(2026, 11, 21, 10, 0, 0, 123456789, time.UTC)

// Frame makes the n-th frame of a size of at least 32 bytes; Check knows it
// again.
func Frame(n, size int) model.Frame {
	b := bytes.Repeat([]byte{byte(n), byte(n >> 8), '\r'}, size/3+1)[:size]
	copy(b, fmt.Sprintf("MSH|^~\\&|%020d|", n))
	return model.Frame{
		Channel: model.ChannelID(fmt.Sprintf("ward-%d", n%2)), Codec: "hl7v2", Peer: fmt.Sprintf("192.0.2.7:%d", 50000+n%5),
		Identity: []string{"", "CN=bed 7"}[n%2], Arrived: start.Add(time.Duration(n) * time.Millisecond), Bytes: b,
		Topic: []string{"", "", "ward/bed-7"}[n%3], Properties: []string{"", "", "", "content-type: application/json"}[n%4],
	}
}

// Check compares an entry with the frame it was made of.
func Check(t testing.TB, e model.Entry, f model.Frame) {
	t.Helper()
	if e.Channel != f.Channel || e.Codec != f.Codec || e.Peer != f.Peer || e.Identity != f.Identity {
		t.Errorf("entry %d came from %q %q %q %q, want %q %q %q %q", e.Seq, e.Channel, e.Codec, e.Peer, e.Identity, f.Channel, f.Codec, f.Peer, f.Identity)
	}
	if e.Topic != f.Topic || e.Properties != f.Properties {
		t.Errorf("entry %d came with %q %q, want %q %q", e.Seq, e.Topic, e.Properties, f.Topic, f.Properties)
	}
	if !e.Arrived.Equal(f.Arrived) {
		t.Errorf("entry %d arrived %v, want %v", e.Seq, e.Arrived, f.Arrived)
	}
	if !bytes.Equal(e.Bytes, f.Bytes) {
		t.Errorf("entry %d has other bytes (%d, want %d)", e.Seq, len(e.Bytes), len(f.Bytes))
	}
	if e.Redacted {
		t.Errorf("entry %d is redacted", e.Seq)
	}
}

// Fill appends frames from…to one by one, as the entries of these numbers.
func Fill(t testing.TB, j journal.Journal, from, to, size int) {
	t.Helper()
	for n := from; n <= to; n++ {
		seq, err := j.Append(context.Background(), []model.Frame{Frame(n, size)})
		if err != nil || seq != model.Seq(n) {
			t.Fatalf("append %d: entry %d, %v", n, seq, err)
		}
	}
}

// All reads everything from an entry on, stopping at the first error.
func All(t testing.TB, j journal.Journal, from model.Seq) []model.Entry {
	t.Helper()
	r := j.Reader(from)
	defer r.Close()
	var all []model.Entry
	for {
		batch, err := r.Next(0)
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) == 0 {
			return all
		}
		all = append(all, batch...)
	}
}

// Sound verifies the journal and wants nothing bad.
func Sound(t testing.TB, j journal.Journal) journal.Report {
	t.Helper()
	report, err := j.Verify(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range report.Bad {
		t.Errorf("entries %d to %d: %v", bad.First, bad.Last, bad)
	}
	return report
}

func wantFault(t testing.TB, err error, kind fault.Kind, code string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Fatalf("got %v, want %s %s", err, kind, code)
	}
}

func empty(t *testing.T, s Subject) {
	dir := t.TempDir()
	for range 3 {
		j := s.Open(t, dir)
		if j.Head() != 0 || j.Tail() != 1 {
			t.Fatalf("head %d, tail %d", j.Head(), j.Tail())
		}
		if all := All(t, j, 0); len(all) != 0 {
			t.Fatalf("%d entries", len(all))
		}
		_, err := j.Read(1)
		wantFault(t, err, fault.Absent, "journal.absent")
		if r := Sound(t, j); r.Entries != 0 {
			t.Fatalf("%+v", r)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func content(t *testing.T, s Subject) {
	dir := t.TempDir()
	j := s.Open(t, dir)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	frames := []model.Frame{
		{Channel: "a", Codec: "hl7v2", Peer: "[2001:db8::1]:7", Identity: "CN=Bett 7, O=Universitätsklinikum", Arrived: start, Bytes: every},
		{Bytes: []byte{0}},
		{Channel: "a", Codec: "hl7v2", Arrived: time.Unix(0, 1), Bytes: bytes.Repeat([]byte("x"), 17)},
		{Channel: "a", Codec: "hl7v2", Arrived: start.In(time.FixedZone("", 7200)), Bytes: bytes.Repeat([]byte("y"), 100_000)},
		{Channel: "b", Codec: "astm", Arrived: start, Bytes: bytes.Repeat([]byte{0}, 4096)},
	}
	for i := range frames {
		if seq, err := j.Append(context.Background(), frames[i:i+1]); err != nil || seq != model.Seq(i+1) {
			t.Fatal(seq, err)
		}
	}
	look := func() {
		t.Helper()
		for i, f := range frames {
			e, err := j.Read(model.Seq(i + 1))
			if err != nil {
				t.Fatal(err)
			}
			Check(t, e, f)
			if e.Arrived.Location() != time.UTC {
				t.Errorf("entry %d arrived in zone %v", e.Seq, e.Arrived.Location())
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

// order: many producers at once, appends of one to three frames. Numbers have
// no gap, an append's frames stand together, a producer's appends in order.
func order(t *testing.T, s Subject) {
	j := s.Open(t, t.TempDir())
	defer j.Close()
	const producers, appends = 12, 150
	var mu sync.Mutex
	made := map[model.Seq]model.Frame{}
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			last := model.Seq(0)
			for i := range appends {
				var frames []model.Frame
				for k := range 1 + (p+i)%3 {
					frames = append(frames, Frame(p*1_000_000+i*10+k, 200+100*(i%20)))
				}
				first, err := j.Append(context.Background(), frames)
				if err != nil {
					t.Error(err)
					return
				}
				if first <= last {
					t.Errorf("producer %d: entry %d after %d", p, first, last)
				}
				last = first + model.Seq(len(frames)) - 1
				if j.Head() < last {
					t.Errorf("entry %d is acknowledged, the head is %d", last, j.Head())
				}
				mu.Lock()
				for k, f := range frames {
					if _, twice := made[first+model.Seq(k)]; twice {
						t.Errorf("entry %d was given twice", first+model.Seq(k))
					}
					made[first+model.Seq(k)] = f
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if int(j.Head()) != len(made) {
		t.Fatalf("head %d, %d acknowledged", j.Head(), len(made))
	}
	all := All(t, j, 1)
	if len(all) != len(made) {
		t.Fatalf("%d entries, want %d", len(all), len(made))
	}
	for i, e := range all {
		if e.Seq != model.Seq(i+1) {
			t.Fatalf("entry %d at place %d", e.Seq, i+1)
		}
		Check(t, e, made[e.Seq])
	}
	if r := Sound(t, j); r.Entries != uint64(len(made)) {
		t.Errorf("verified %d", r.Entries)
	}
}

// follow: a reader that waits sees each entry once, in order, while producers
// append, and a second one starts in the middle.
func follow(t *testing.T, s Subject) {
	j := s.Open(t, t.TempDir())
	defer j.Close()
	const total = 1500
	var wg sync.WaitGroup
	for p := range 3 {
		wg.Go(func() {
			for i := p; i < total; i += 3 {
				if _, err := j.Append(context.Background(), []model.Frame{Frame(i, 700)}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for _, from := range []model.Seq{1, total / 2} {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			r := j.Reader(from)
			defer r.Close()
			for next := from; next <= total; {
				if err := j.Wait(ctx, next-1); err != nil {
					t.Errorf("waiting for entry %d: %v", next, err)
					return
				}
				batch, err := r.Next(50)
				if err != nil || len(batch) == 0 || len(batch) > 50 {
					t.Errorf("%d entries at %d: %v", len(batch), next, err)
					return
				}
				for _, e := range batch {
					if e.Seq != next || len(e.Bytes) != 700 {
						t.Errorf("entry %d (%d bytes), want %d", e.Seq, len(e.Bytes), next)
						return
					}
					next++
				}
				if r.Position() != next {
					t.Errorf("position %d, want %d", r.Position(), next)
				}
			}
		})
	}
	wg.Wait()
}

func reopen(t *testing.T, s Subject) {
	dir := t.TempDir()
	const each, times = 120, 6
	var hashes [][32]byte
	for round := range times {
		j := s.Open(t, dir)
		if int(j.Head()) != round*each || j.Tail() != 1 {
			t.Fatalf("round %d: head %d, tail %d", round, j.Head(), j.Tail())
		}
		for i, e := range All(t, j, 1) {
			Check(t, e, Frame(i+1, 3000))
			if e.Hash != hashes[i] {
				t.Fatalf("entry %d has another hash than before", e.Seq)
			}
		}
		Fill(t, j, round*each+1, (round+1)*each, 3000)
		hashes = hashes[:0]
		for _, e := range All(t, j, 1) {
			hashes = append(hashes, e.Hash)
		}
		st, err := j.Stat()
		if err != nil || st.Head != j.Head() || st.HeadHash != hashes[len(hashes)-1] || st.Recovery.Unclean {
			t.Fatalf("%+v %v", st, err)
		}
		Sound(t, j)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[[32]byte]bool{}
	for _, h := range hashes {
		if seen[h] {
			t.Fatal("two entries have one hash")
		}
		seen[h] = true
	}
}

func wait(t *testing.T, s Subject) {
	j := s.Open(t, t.TempDir())
	defer j.Close()
	ctx, cancel := context.WithCancel(context.Background())
	got := make(chan error, 3)
	go func() { got <- j.Wait(ctx, 0) }()
	Fill(t, j, 1, 1, 50)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if err := j.Wait(ctx, 0); err != nil {
		t.Fatal(err)
	}
	go func() { got <- j.Wait(ctx, 1) }()
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for range 3 {
		go func() { got <- j.Wait(context.Background(), 1) }()
	}
	Fill(t, j, 2, 2, 50)
	for range 3 {
		if err := <-got; err != nil {
			t.Fatal(err)
		}
	}
}

func refusals(t *testing.T, s Subject) {
	j := s.Open(t, t.TempDir())
	defer j.Close()
	_, err := j.Append(context.Background(), nil)
	wantFault(t, err, fault.Invalid, "journal.empty")
	_, err = j.Append(context.Background(), []model.Frame{{Bytes: make([]byte, 64<<20)}})
	wantFault(t, err, fault.Invalid, "journal.oversize")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = j.Append(ctx, []model.Frame{Frame(1, 50)})
	wantFault(t, err, fault.Transient, "journal.waiting")
	if j.Head() != 0 {
		t.Fatalf("head %d", j.Head())
	}
	Fill(t, j, 1, 3, 50)
	for _, seq := range []model.Seq{0, 4, 1 << 60} {
		_, err := j.Read(seq)
		wantFault(t, err, fault.Absent, "journal.absent")
		wantFault(t, j.Redact(seq, "test"), fault.Absent, "journal.absent")
	}
	wantFault(t, j.Hold(9999, "test"), fault.Absent, "journal.segment")
	r := j.Reader(1000)
	defer r.Close()
	if batch, err := r.Next(0); len(batch) != 0 || err != nil {
		t.Fatal(batch, err)
	}
}

func bytesAreNotKept(t *testing.T, s Subject) {
	j := s.Open(t, t.TempDir())
	defer j.Close()
	f := Frame(1, 500)
	kept := f
	kept.Bytes = bytes.Clone(f.Bytes)
	if _, err := j.Append(context.Background(), []model.Frame{f}); err != nil {
		t.Fatal(err)
	}
	clear(f.Bytes)
	e, err := j.Read(1)
	if err != nil {
		t.Fatal(err)
	}
	Check(t, e, kept)
	clear(e.Bytes) // nor are those handed out
	if e, err = j.Read(1); err != nil {
		t.Fatal(err)
	}
	Check(t, e, kept)
}

func closing(t *testing.T, s Subject) {
	dir := t.TempDir()
	j := s.Open(t, dir)
	waiting := make(chan error, 1)
	go func() { waiting <- j.Wait(context.Background(), 1<<40) }()
	var wg sync.WaitGroup
	var mu sync.Mutex
	kept := map[model.Seq]model.Frame{}
	begun := make(chan struct{}, 4)
	for p := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				f := Frame(p*1_000_000+i, 300)
				seq, err := j.Append(context.Background(), []model.Frame{f})
				if err != nil {
					if fault.CodeOf(err) != "journal.closed" {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				kept[seq] = f
				mu.Unlock()
				if i == 20 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range 4 {
		<-begun
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	wantFault(t, <-waiting, fault.Transient, "journal.closed")
	if err := j.Close(); err != nil {
		t.Fatal("closing twice:", err)
	}
	j = s.Open(t, dir)
	defer j.Close()
	for seq, f := range kept {
		e, err := j.Read(seq)
		if err != nil {
			t.Fatal(err)
		}
		Check(t, e, f)
	}
}
