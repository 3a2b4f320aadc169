package cloud

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"thalamus/internal/sim/faults"
)

// entry is one measurement.
type entry struct {
	body   []byte
	mark   string    // what no other holds
	filed  time.Time // on the shelf
	served bool      // in an answer that went out whole
	passed bool      // who asks has moved on
	again  bool      // it is there once more, and counts once
}

// shelf keeps measurements in the order in which they were filed.
type shelf struct {
	mu      sync.Mutex
	entries []*entry
	run     string
	held    *entry    // it goes after the next
	due     []string  // faults that answers are to have, by turns
	hurt    *entry    // in the answer that had the last one
	since   time.Time // from which time the round under way asked
	pages   map[string]span
	count   int
}

// span is what of the shelf an answer holds: from, up to and without to; more says
// that a page follows, up to end.
type span struct {
	from, to, end int
	token         string // of the page that follows
}

func newShelf(run string) *shelf { return &shelf{run: run, pages: map[string]span{}} }

// file puts measurements on the shelf.
func (s *shelf) file(turn faults.Turn, all ...*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(ofAnswers, string(turn)) && !slices.Contains(s.due, string(turn)) {
		s.due = append(s.due, string(turn))
	}
	if turn.Is(faults.Swapped) && s.held == nil {
		s.held, all = all[0], all[1:]
		s.add(all...)
		return
	}
	s.add(all...)
	if s.held != nil {
		s.add(s.held)
		s.held = nil
	}
	if turn.Again() {
		s.add(&entry{body: all[0].body, mark: all[0].mark, again: true})
	}
}

func (s *shelf) add(all ...*entry) {
	now := time.Now()
	for _, e := range all {
		e.filed = now
		s.entries = append(s.entries, e)
	}
}

// ofAnswers are the faults that an answer has, whatever is in it.
var ofAnswers = []string{faults.Unplugged, faults.Reset, faults.HalfFrame, faults.Silence, faults.Dropped, faults.SlowDrip, faults.Garbage, faults.Oversized, faults.Busy, faults.BegunAnew}

// release puts what is held back on the shelf, since no other will come, and lets
// nothing more go wrong.
func (s *shelf) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = nil
	if s.held != nil {
		s.add(s.held)
		s.held = nil
	}
}

// waiting says whether somebody has still to ask.
func (s *shelf) waiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held != nil || slices.ContainsFunc(s.entries, func(e *entry) bool { return !e.passed })
}

// pass marks what was served below an index as acknowledged and gives it. The
// lock is held.
func (s *shelf) pass(below int) (out []*entry) {
	for _, e := range s.entries[:below] {
		if e.served && !e.passed {
			e.passed = true
			out = append(out, e)
		}
	}
	return out
}

// from gives the first page behind a cursor, "" for all, and what was acknowledged
// by asking for it. An unknown cursor, of a run before, is as none.
func (s *shelf) from(cursor string, most int) (page span, passed []*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := 0
	if run, text, ok := strings.Cut(cursor, "."); ok && run == s.run {
		if n, err := strconv.ParseUint(text, 36, 31); err == nil {
			at = min(int(n), len(s.entries))
		}
	}
	passed = s.pass(at)
	return s.page(at, len(s.entries), most), passed
}

// sinceTime gives the first page of what was filed at a time or after it, as
// asked, and what was acknowledged by asking: when the time asked for moved on, the
// round before came to its end.
func (s *shelf) sinceTime(at time.Time, most int) (page span, passed []*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.After(s.since) {
		passed = s.pass(len(s.entries))
		s.since = at
	}
	first, _ := slices.BinarySearchFunc(s.entries, at, func(e *entry, t time.Time) int { return cmp.Compare(e.filed.UnixNano(), t.UnixNano()) })
	return s.page(first, len(s.entries), most), passed
}

// following gives a page by its token, and what was acknowledged by asking for it:
// the page before.
func (s *shelf) following(token string, most int) (page span, passed []*entry, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.pages[token]
	if !ok {
		return span{}, nil, false
	}
	for _, e := range s.entries[p.from:p.to] {
		if e.served && !e.passed {
			e.passed = true
			passed = append(passed, e)
		}
	}
	return s.page(p.to, p.end, most), passed, true
}

// forget makes all pages unknown, as servers do after a while.
func (s *shelf) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.pages)
}

// page cuts a page. The lock is held.
func (s *shelf) page(from, end, most int) span {
	p := span{from: from, to: min(from+most, end), end: end}
	if p.to < p.end {
		s.count++
		p.token = fmt.Sprintf("%s-%d", s.run, s.count)
		s.pages[p.token] = p
	}
	return p
}

// cursor is what to ask with for all that is behind an index.
func (s *shelf) cursor(at int) string { return s.run + "." + strconv.FormatInt(int64(at), 36) }

// of gives what is on a page, and the fault that its answer has: the next one when
// what the last one hurt was acknowledged.
func (s *shelf) of(p span) (all []*entry, wrong string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all = slices.Clone(s.entries[p.from:p.to])
	first := slices.IndexFunc(all, func(e *entry) bool { return !e.passed })
	if first >= 0 && len(s.due) > 0 && (s.hurt == nil || s.hurt.passed) {
		wrong, s.due, s.hurt = s.due[0], s.due[1:], all[first]
	}
	return all, wrong
}

// went notes that an answer went out whole, and how many of it went out before.
func (s *shelf) went(all []*entry) (before int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range all {
		if e.served {
			before++
		}
		e.served = true
	}
	return before
}
