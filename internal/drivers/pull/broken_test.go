package pull

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// hand gives a driver whose rounds the test makes itself.
func (r *rig) hand() *Driver {
	r.t.Helper()
	d, err := New(model.Channel{ID: "cloud", Driver: "pull", Settings: r.settings})
	if err != nil {
		r.t.Fatal(err)
	}
	d.host = driver.Host{Intake: r.intake, Log: slog.New(slog.DiscardHandler), Note: r.notes.Note}
	d.Notes.To = r.notes.Note
	if d.http, err = d.client(); err != nil {
		r.t.Fatal(err)
	}
	if d.memory, err = load(r.state, func(func(model.Entry)) {}); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(d.http.CloseIdleConnections)
	return d
}

// R23: a round that was broken off and goes on hours later asks the next time
// from when its first page was asked for: what was filed meanwhile is on none
// of its pages.
func TestRoundGoesOnLater(t *testing.T) {
	var s *server
	first := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "2" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Link", `</x?page=2>; rel="next"`)
		fmt.Fprint(w, `{"hr":1}`)
	}
	s = newServer(t, first)
	r := newRig(t, s, "/x", map[string]any{"cursor": map[string]any{"parameter": "since", "from": "time"}})
	d := r.hand()
	if _, err := d.round(t.Context()); fault.KindOf(err) != fault.Transient {
		t.Fatalf("the second page: %v", err)
	}
	d = r.hand() // over a restart
	if d.memory.Next == "" || d.memory.Began.IsZero() {
		t.Fatalf("it remembers %+v", d.memory)
	}
	d.memory.Began = d.memory.Began.Add(-3 * time.Hour) // the server was away for so long
	want := since(d.memory.Began, 0)
	if now := time.Now(); d.memory.Began.Before(now.Add(-3*time.Hour - time.Minute)) {
		t.Errorf("it remembers %s at %s", d.memory.Began, now)
	}
	s.set(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"hr":2}`) })
	if _, err := d.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d.memory.Cursor != want {
		t.Errorf("the next round asks from %s; the first page was of %s", d.memory.Cursor, want)
	}
	if _, err := d.round(t.Context()); err != nil || d.memory.Cursor == want {
		t.Errorf("a round of its own asks from %s, %v", d.memory.Cursor, err)
	}
}

// What of a long answer was durable before the disk was full counts once when
// the answer is asked for again (R18).
func TestDiskFillsWithinAnAnswer(t *testing.T) {
	var lines strings.Builder
	for i := range 3 * mostOffer {
		fmt.Fprintf(&lines, "{\"n\":%d}\n", i)
	}
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, lines.String()) })
	r := newRig(t, s, "/", map[string]any{"each": "line"})
	d := r.hand()
	offers := 0
	r.intake.Fail(func([]model.Frame) error {
		if offers++; offers == 2 {
			return fault.New(fault.Transient, "journal.full", "the disk is full; make room")
		}
		return nil
	})
	if _, err := d.round(t.Context()); fault.KindOf(err) != fault.Transient {
		t.Fatalf("%v", err)
	}
	if _, err := d.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(r.intake.Taken()); n != 3*mostOffer {
		t.Errorf("%d entries of %d lines", n, 3*mostOffer)
	}
}

// A line that can never be taken spoils none beside it.
func TestOneLineSpoilsNoOther(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 20 {
			fmt.Fprintf(w, "{\"n\":%d}\n", i)
		}
	})
	r := newRig(t, s, "/", map[string]any{"each": "line"})
	d := r.hand()
	r.intake.Fail(func(frames []model.Frame) error {
		for _, f := range frames {
			if string(f.Bytes) == `{"n":7}` {
				return fault.New(fault.Invalid, "intake.oversize", "a frame is too long")
			}
		}
		return nil
	})
	if _, err := d.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(r.intake.Taken()); n != 19 {
		t.Errorf("%d of 20 lines were taken, and one cannot be", n)
	}
	if d.entries.Load() != 19 {
		t.Errorf("%d entries are counted", d.entries.Load())
	}
}

// R23: what is no answer moves no cursor: a proxy's page, and an answer that ends
// in the middle although its end was told.
func TestUnsoundAnswerMovesNothing(t *testing.T) {
	for name, body := range map[string]string{"page": "\n<!DOCTYPE html><title>Sign in</title>", "cut": `{"resourceType":"Bundle","entry":[{"resource":{"hr`} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body) })
			r := newRig(t, s, "/x", map[string]any{"cursor": map[string]any{"parameter": "since", "from": "time"}})
			d := r.hand()
			for range 2 {
				if _, err := d.round(t.Context()); fault.CodeOf(err) != "pull.unsound" || d.memory.Cursor != "" {
					t.Fatalf("%v, the next round asks from %q", err, d.memory.Cursor)
				}
			}
			if n := len(r.intake.Taken()); n != map[string]int{"cut": 1}[name] {
				t.Errorf("%d entries", n)
			}
			s.set(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"hr":1}`) })
			if _, err := d.round(t.Context()); err != nil || d.memory.Cursor == "" {
				t.Errorf("%v, the next round asks from %q", err, d.memory.Cursor)
			}
		})
	}
}

// A line that is no JSON, and not the last, holds nothing up.
func TestBadLineHoldsNothingUp(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{\"a\":1}\n{\"a\":\n{\"a\":2}\n") })
	r := newRig(t, s, "/x", map[string]any{"each": "line"})
	if _, err := r.hand().round(t.Context()); err != nil || len(r.intake.Taken()) != 3 {
		t.Errorf("%v, %d entries", err, len(r.intake.Taken()))
	}
}

// R23: a server whose clock is behind ours files by its own clock: the next round
// asks from there.
func TestServerWhoseClockIsBehind(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		fmt.Fprint(w, `{"hr":1}`)
	})
	r := newRig(t, s, "/x", map[string]any{"cursor": map[string]any{"parameter": "since", "from": "time"}})
	d := r.hand()
	if _, err := d.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if at, err := time.Parse(time.RFC3339, d.memory.Cursor); err != nil || time.Since(at) < time.Hour || time.Since(at) > time.Hour+time.Minute {
		t.Errorf("the next round asks from %s, %v", d.memory.Cursor, err)
	}
}

// A search that found nothing is nothing, whatever its id.
func TestEmptySearch(t *testing.T) {
	n := 0
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		n++
		fmt.Fprintf(w, `{"resourceType":"Bundle","id":"%d","type":"searchset","total":0,"link":[{"relation":"self","url":"/x"}]}`, n)
	})
	r := newRig(t, s, "/x", map[string]any{"cursor": map[string]any{"parameter": "_lastUpdated", "from": "time"}})
	d := r.hand()
	for range 3 {
		if _, err := d.round(t.Context()); err != nil || d.memory.Cursor == "" {
			t.Fatal(err)
		}
	}
	if n := len(r.intake.Taken()); n != 0 {
		t.Errorf("%d entries of nothing", n)
	}
}
