package intake

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

var _ driver.Intake = (*Intake)(nil)

// fake is a journal whose answers the test decides.
type fake struct {
	mu      sync.Mutex
	next    model.Seq
	err     error
	entered chan struct{}
	leave   chan struct{}
}

func (f *fake) Append(_ context.Context, frames []model.Frame) (model.Seq, error) {
	if f.leave != nil {
		f.entered <- struct{}{}
		<-f.leave
	}
	if f.err != nil {
		return 0, f.err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	first := f.next + 1
	f.next += model.Seq(len(frames))
	return first, nil
}

func frames(sizes ...int) []model.Frame {
	var all []model.Frame
	for _, n := range sizes {
		all = append(all, model.Frame{Channel: "ward", Codec: "hl7v2", Bytes: make([]byte, n)})
	}
	return all
}

func TestOffer(t *testing.T) {
	arrived := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	broken := fault.New(fault.Transient, "journal.full", "no room")
	for _, c := range []struct {
		name   string
		frames []model.Frame
		err    error
		code   string
		want   Counts
	}{
		{"one", frames(5), nil, "", Counts{Channel: "ward", Frames: 1, Bytes: 5}},
		{"several", frames(5, 6, 7), nil, "", Counts{Channel: "ward", Frames: 3, Bytes: 18}},
		{"none", nil, nil, "intake.empty", Counts{}},
		{"no byte", frames(5, 0), nil, "intake.empty", Counts{Channel: "ward", Refused: 2}},
		{"one too large", frames(101), nil, "intake.oversize", Counts{Channel: "ward", Refused: 1}},
		{"together too large", frames(80, 80, 80), nil, "intake.oversize", Counts{Channel: "ward", Refused: 3}},
		{"journal full", frames(5), broken, "journal.full", Counts{Channel: "ward", Postponed: 1}},
		{"journal refuses", frames(5), fault.New(fault.Invalid, "journal.oversize", "too large"), "journal.oversize", Counts{Channel: "ward", Refused: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := New(&fake{next: 10, err: c.err}, Options{MaxFrame: 100, MaxOffer: 200, Now: func() time.Time { return arrived }})
			seqs, err := in.Offer(context.Background(), c.frames)
			if c.code == "" && err != nil || c.code != "" && fault.CodeOf(err) != c.code {
				t.Fatalf("got %v, want %q", err, c.code)
			}
			if c.code == "" {
				for i, seq := range seqs {
					if seq != model.Seq(11+i) {
						t.Errorf("seq %d at %d", seq, i)
					}
					if !c.frames[i].Arrived.Equal(arrived) {
						t.Errorf("arrived %v", c.frames[i].Arrived)
					}
				}
			}
			var got Counts
			for _, one := range in.Counts() {
				got = one
			}
			if got != c.want {
				t.Errorf("counts %+v, want %+v", got, c.want)
			}
			if in.Pending() != 0 {
				t.Errorf("pending %d", in.Pending())
			}
		})
	}
}

func TestArrivalTimeIsKept(t *testing.T) {
	in := New(&fake{}, Options{})
	when := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	f := frames(1)
	f[0].Arrived = when
	if _, err := in.Offer(context.Background(), f); err != nil || !f[0].Arrived.Equal(when) {
		t.Fatal(err, f[0].Arrived)
	}
}

func TestBackPressure(t *testing.T) {
	j := &fake{entered: make(chan struct{}), leave: make(chan struct{})}
	in := New(j, Options{MaxFrame: 100, MaxOffer: 100, MaxPending: 100})
	offer := func(ctx context.Context, n int) chan error {
		done := make(chan error, 1)
		go func() { _, err := in.Offer(ctx, frames(n)); done <- err }()
		return done
	}
	waits := func(n int) {
		t.Helper()
		for {
			in.mu.Lock()
			have := len(in.waiting)
			in.mu.Unlock()
			if have == n {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
	first := offer(context.Background(), 90)
	<-j.entered
	second := offer(context.Background(), 50)
	waits(1)
	small := offer(context.Background(), 5) // would fit, but is not let past
	waits(2)
	ctx, cancel := context.WithCancel(context.Background())
	given := offer(ctx, 10)
	waits(3)
	cancel()
	if err := <-given; fault.CodeOf(err) != "intake.busy" || fault.KindOf(err) != fault.Transient || !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	j.leave <- struct{}{}
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	<-j.entered
	<-j.entered
	if in.Pending() != 55 {
		t.Fatalf("pending %d", in.Pending())
	}
	j.leave <- struct{}{}
	j.leave <- struct{}{}
	for _, c := range []chan error{second, small} {
		if err := <-c; err != nil {
			t.Fatal(err)
		}
	}
	if in.Pending() != 0 {
		t.Fatalf("pending %d", in.Pending())
	}
}

func BenchmarkOffer(b *testing.B) {
	in := New(&fake{}, Options{})
	f := frames(2048)
	f[0].Arrived = time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := in.Offer(context.Background(), f); err != nil {
			b.Fatal(err)
		}
	}
}

// What a link refuses by itself counts with what intake refuses.
func TestRefusedBefore(t *testing.T) {
	in := New(&fake{next: 10}, Options{MaxFrame: 100})
	in.Refused("ward")
	in.Refused("ward")
	in.Refused("other")
	if _, err := in.Offer(context.Background(), frames(101)); err == nil {
		t.Fatal("an oversized frame is taken")
	}
	got := in.Counts()
	if len(got) != 2 || got[0] != (Counts{Channel: "other", Refused: 1}) || got[1] != (Counts{Channel: "ward", Refused: 3}) {
		t.Errorf("%+v", got)
	}
}
