package powercut

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"thalamus/internal/flow/journal"
	"thalamus/internal/model"
)

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
