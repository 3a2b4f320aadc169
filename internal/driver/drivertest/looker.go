package drivertest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Looker says how to try a driver that looks by itself: at a folder, or an
// address. What RunLooker holds to is that every whole message becomes one
// frame, byte for byte, once, whatever stops, dies or breaks off in between; that
// nothing that is not whole becomes one; that nothing leaves the place, and no
// cursor moves on, before it is durable (R23); and that one thing that cannot be
// taken holds no other up.
type Looker struct {
	Kind driver.Kind
	Open func(t *testing.T) *Place // a new and empty one
}

// Place is where a driver looks, and what can happen there.
type Place struct {
	Settings map[string]any // of the channel, with short patience
	Codec    string         // of the frames
	Message  func(n int) []byte
	// Put puts a message there, as a writer does who knows how. n names it: the
	// same again with another message is another content under the same name.
	Put func(n int, message []byte)
	// Half puts a part of one there while its writer is at work; rest lets it end.
	// Nil: there is no such thing.
	Half func(n int, message []byte) (rest func())
	// Ordered says that messages come one after another, and half of one holds
	// up those behind it.
	Ordered bool
	// Has says whether the message is there still, to be taken again.
	Has func(n int) bool
	// Away makes the place one that cannot be reached.
	Away      func() (back func())
	Unreached []string // codes of which people are told one then; nil: the driver's status has one
	// Unstored is the code that people are told while intake cannot store; "":
	// that of the fault.
	Unstored string
	// Beside is done over and over while the driver runs: what people do. Nil:
	// nothing.
	Beside func(d driver.Driver)
	// Hang lets it answer nothing any more, from the next question on; asked says
	// that one waits. Nil: it cannot.
	Hang    func() (asked func() bool, release func())
	Hostile []Hostile
}

// Hostile is something that a place does which none should.
type Hostile struct {
	Name string
	// Do does it, and gives what ends it. Nil: it stays, and others are taken
	// beside it.
	Do   func() (mend func())
	Says []string // codes of which people are told one; none: nobody need be told
	// Frames is how many frames come of it, beside those of messages.
	Frames int
}

// looks is a driver under test and its place.
type looks struct {
	*Place
	t      *testing.T
	kind   driver.Kind
	folder string
	intake *Intake
	notes  *Notes
	driver driver.Driver
	ended  chan struct{} // closed when it stops
	people sync.WaitGroup
}

// RunLooker runs the suite.
func RunLooker(t *testing.T, s Looker) {
	for _, c := range []struct {
		name string
		test func(*looks)
	}{
		{"takes", (*looks).takes},
		{"many at once", (*looks).many},
		{"half a message and its end", (*looks).half},
		{"the same again", (*looks).again},
		{"nothing leaves before it is durable", (*looks).durableFirst},
		{"intake fails for a while", (*looks).intakeFails},
		{"dies before it knows that it was durable", (*looks).dies},
		{"away at the start", (*looks).awayAtFirst},
		{"away for a while", (*looks).away},
		{"the other side hangs", (*looks).hangs},
		{"stop while the other side hangs", (*looks).stopWhileAway},
		{"stop while intake hangs", (*looks).stopWhileHanging},
		{"stop under load", (*looks).stopUnderLoad},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(s.open(t)) })
	}
	for i, h := range s.Open(t).Hostile {
		t.Run("hostile: "+h.Name, func(t *testing.T) {
			l := s.open(t)
			l.hostile(l.Hostile[i])
		})
	}
	t.Run("unknown setting", func(t *testing.T) {
		_, err := s.Kind.New(model.Channel{ID: "test", Settings: map[string]any{"no-such-setting": 1}})
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("error %v, want an invalid setting", err)
		}
	})
}

func (s *Looker) open(t *testing.T) *looks {
	return &looks{Place: s.Open(t), t: t, kind: s.Kind, folder: t.TempDir(), intake: &Intake{}, notes: &Notes{}}
}

// start makes a driver that remembers what the one before it did.
func (l *looks) start() {
	l.t.Helper()
	d, err := l.kind.New(model.Channel{ID: "test", Driver: l.kind.Name, Codec: l.kind.Codecs[0], Settings: l.Settings})
	if err != nil {
		l.t.Fatal(err)
	}
	host := driver.Host{Intake: l.intake, Log: slog.New(slog.DiscardHandler), Note: l.notes.Note,
		Folder: func(model.ChannelID) (string, error) { return l.folder, nil },
		Recent: func(_ model.ChannelID, each func(model.Entry)) {
			for i, f := range l.intake.Taken() {
				each(model.Entry{Seq: model.Seq(i + 1), Frame: f})
			}
		}}
	if err := d.Start(l.t.Context(), host); err != nil {
		l.t.Fatal(err)
	}
	l.driver, l.ended = d, make(chan struct{})
	if l.Beside != nil {
		ended := l.ended
		l.people.Go(func() {
			for {
				select {
				case <-ended:
					return
				case <-time.After(20 * time.Millisecond):
					l.Beside(d)
				}
			}
		})
	}
	l.t.Cleanup(func() { l.stop(Patience) })
}

// stop ends the driver, which is to do so soon after patience.
func (l *looks) stop(patience time.Duration) {
	l.t.Helper()
	if l.driver == nil {
		return
	}
	d := l.driver
	l.driver = nil
	close(l.ended)
	l.people.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	done := make(chan struct{})
	go func() { d.Stop(ctx); close(done) }()
	select {
	case <-done:
	case <-time.After(patience + soon):
		l.t.Fatalf("Stop did not return within %s after its context ended", soon)
	}
}

// soon is what anything may take that does not wait for anything.
const soon = 10 * time.Second

func (l *looks) put(numbers ...int) {
	for _, n := range numbers {
		l.Put(n, l.Message(n))
	}
}

// want waits for the messages, each once, and beside them only so many others.
func (l *looks) want(others int, numbers ...int) {
	l.t.Helper()
	Until(l.t, fmt.Sprintf("messages %v are taken", short(numbers)), func() bool {
		return !slices.ContainsFunc(numbers, func(n int) bool { return !l.intake.Has(l.Message(n)) })
	})
	taken := l.intake.Taken()
	for _, n := range numbers {
		came := 0
		for _, f := range taken {
			if bytes.Equal(f.Bytes, l.Message(n)) {
				came++
			}
		}
		if came != 1 {
			l.t.Errorf("message %d was taken %d times", n, came)
		}
	}
	if len(taken) > len(numbers)+others {
		for _, f := range taken {
			l.t.Logf("taken: %.200q", f.Bytes)
		}
		l.t.Errorf("%d frames, want those of %d messages and %d others at most", len(taken), len(numbers), others)
	}
}

func short(numbers []int) string {
	if len(numbers) > 5 {
		return fmt.Sprintf("%d to %d", numbers[0], numbers[len(numbers)-1])
	}
	return fmt.Sprint(numbers)
}

func upTo(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

// said waits until people are told one of the codes.
func (l *looks) said(codes ...string) {
	l.t.Helper()
	Until(l.t, fmt.Sprintf("people are told one of %v", codes), func() bool {
		status := l.driver.(driver.Reporter).Status()
		return slices.ContainsFunc(codes, func(c string) bool { return c == status.Code || slices.Contains(l.notes.Codes(), c) })
	})
}

// trying waits until the driver says that something is wrong.
func (l *looks) trying() {
	l.t.Helper()
	if len(l.Unreached) > 0 {
		l.said(l.Unreached...)
		return
	}
	Until(l.t, "the driver says why nothing comes", func() bool {
		status := l.driver.(driver.Reporter).Status()
		return status.State == "trying" && status.Code != ""
	})
}

func (l *looks) takes() {
	l.start()
	before := time.Now().Add(-time.Second)
	for n := range 5 {
		l.put(n)
		l.want(0, upTo(n+1)...)
	}
	for n, f := range l.intake.Taken() {
		if f.Channel != "test" || f.Codec != l.Codec || f.Peer == "" || !f.Arrived.IsZero() && f.Arrived.Before(before) {
			l.t.Errorf("frame %d: channel %q codec %q peer %q arrived %s", n, f.Channel, f.Codec, f.Peer, f.Arrived)
		}
	}
}

func (l *looks) many() {
	const many = 300
	l.put(upTo(many)...)
	l.start()
	l.want(0, upTo(many)...)
}

func (l *looks) half() {
	if l.Half == nil {
		l.t.Skip("nothing is half here")
	}
	rest := l.Half(0, l.Message(0))
	l.start()
	l.put(1)
	if l.Ordered {
		l.trying()
		l.want(0)
		rest()
		l.want(0, 0, 1)
		return
	}
	l.want(0, 1)
	l.stop(Patience)
	l.start() // whoever looks for the first time knows no better
	l.put(2)
	l.want(0, 1, 2)
	rest()
	l.want(0, 0, 1, 2)
}

func (l *looks) again() {
	l.start()
	l.put(0)
	l.want(0, 0)
	Until(l.t, "it is gone", func() bool { return !l.Has(0) })
	l.put(0, 1)
	l.want(0, 0, 1)
	l.Put(0, l.Message(2)) // other content under the same name
	l.want(0, 0, 1, 2)
	l.stop(Patience)
	l.start()
	l.put(0, 3)
	l.want(0, 0, 1, 2, 3)
}

func (l *looks) durableFirst() {
	release := l.intake.Hold()
	l.start()
	l.put(0)
	Until(l.t, "intake was asked", func() bool { _, offers := l.intake.Count(); return offers == 1 })
	time.Sleep(100 * time.Millisecond)
	if !l.Has(0) {
		l.t.Error("it is gone and was not durable")
	}
	release()
	l.want(0, 0)
	Until(l.t, "it is gone", func() bool { return !l.Has(0) })
}

func (l *looks) intakeFails() {
	l.intake.Fail(Full)
	l.start()
	l.put(0, 1)
	Until(l.t, "intake was asked again", func() bool { _, offers := l.intake.Count(); return offers > 1 })
	l.said(cmp.Or(l.Unstored, "journal.full"))
	if !l.Has(0) || !l.Has(1) {
		l.t.Error("what was not taken is gone")
	}
	l.intake.Fail(nil)
	l.want(0, 0, 1)
}

func (l *looks) dies() {
	live := l.intake.Die()
	l.start()
	l.put(0)
	Until(l.t, "it is durable", func() bool { n, _ := l.intake.Count(); return n == 1 })
	l.stop(0) // it is not told: the process ended
	live()
	l.start()
	l.put(1)
	l.want(0, 0, 1)
	Until(l.t, "it is gone", func() bool { return !l.Has(0) })
}

func (l *looks) awayAtFirst() {
	back := l.Away()
	l.start()
	l.trying()
	back()
	l.put(0)
	l.want(0, 0)
}

func (l *looks) away() {
	l.start()
	l.put(0)
	l.want(0, 0)
	back := l.Away()
	l.trying()
	back()
	l.put(1)
	l.want(0, 0, 1)
}

func (l *looks) hangs() {
	if l.Hang == nil {
		l.t.Skip("this place cannot hang")
	}
	l.start()
	l.put(0)
	l.want(0, 0)
	asked, release := l.Hang()
	Until(l.t, "it is asked", asked)
	l.trying()
	release()
	l.put(1)
	l.want(0, 0, 1)
}

func (l *looks) stopWhileAway() {
	if l.Hang == nil {
		l.t.Skip("this place cannot hang")
	}
	l.start()
	l.put(0)
	l.want(0, 0)
	asked, release := l.Hang()
	Until(l.t, "it is asked", asked)
	l.stop(50 * time.Millisecond)
	release()
	l.start()
	l.put(1)
	l.want(0, 0, 1)
}

func (l *looks) stopWhileHanging() {
	release := l.intake.Hold()
	l.start()
	l.put(0)
	Until(l.t, "intake was asked", func() bool { _, offers := l.intake.Count(); return offers == 1 })
	l.stop(50 * time.Millisecond)
	if n, _ := l.intake.Count(); n > 0 || !l.Has(0) {
		l.t.Errorf("%d frames; it is there: %v", n, l.Has(0))
	}
	release()
	l.start()
	l.want(0, 0)
}

func (l *looks) stopUnderLoad() {
	const many = 300
	l.put(upTo(many)...)
	l.start()
	for _, at := range []int{20, 150} {
		Until(l.t, "some are taken", func() bool { n, _ := l.intake.Count(); return n >= at })
		l.stop(Patience)
		l.start()
	}
	l.want(0, upTo(many)...)
}

func (l *looks) hostile(h Hostile) {
	l.start()
	l.put(0)
	l.want(h.Frames, 0)
	mend := h.Do()
	l.put(1)
	if mend == nil {
		l.want(h.Frames, 0, 1)
	}
	if len(h.Says) > 0 {
		l.said(h.Says...)
	}
	if mend != nil {
		mend()
	}
	l.put(2)
	l.want(h.Frames, 0, 1, 2)
	l.stop(Patience)
	l.start()
	l.put(3)
	l.want(h.Frames, 0, 1, 2, 3)
}
