package access

import (
	"fmt"
	"testing"
	"time"

	"thalamus/internal/fault"
)

type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func TestGuessingIsSlowedDown(t *testing.T) {
	c := &clock{time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	g := newGuesses(c.now)
	held := func(name, remote string) bool {
		t.Helper()
		err := g.try(name, remote)
		if err != nil && fault.CodeOf(err) != "access.slow-down" {
			t.Fatal(err)
		}
		return err != nil
	}
	// One remote, one name: five tries, then ever longer pauses.
	tries := 0
	for range 3600 {
		if !held("mona", "192.0.2.1:1000") {
			tries++
		}
		c.t = c.t.Add(time.Second)
	}
	if tries < 10 || tries > 20 {
		t.Errorf("%d tries in an hour", tries)
	}
	// Another person at the same remote, and the same person elsewhere.
	if held("otto", "192.0.2.1:1001") || held("mona", "192.0.2.2:1000") {
		t.Error("one person's wrong tries hold another")
	}
	// The right password lets go.
	g.right("otto", "192.0.2.1:1001")
	if held("OTTO", "192.0.2.1:9") {
		t.Error("held after the right password")
	}
}

func TestManyRemotesDoNotLockOut(t *testing.T) {
	c := &clock{time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	g := newGuesses(c.now)
	g.right("mona", "10.0.0.7:5000") // where she works
	through := 0
	for i := range 10_000 {
		if g.try("mona", fmt.Sprintf("198.51.%d.%d:1", i/250, i%250)) == nil {
			through++
		}
		c.t = c.t.Add(100 * time.Millisecond)
	}
	if through > 60 {
		t.Errorf("%d guesses from many remotes in 17 minutes", through)
	}
	if err := g.try("mona", "10.0.0.7:6000"); err != nil {
		t.Error("a colleague is locked out by strangers:", err)
	}
}

func TestManyNamesFromOneRemote(t *testing.T) {
	c := &clock{time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	g := newGuesses(c.now)
	through := 0
	for i := range 1000 {
		if g.try(fmt.Sprint("name", i), fmt.Sprintf("[2001:db8::%x]:1", i+1)) == nil { // one /64
			through++
		}
	}
	if through > 51 {
		t.Errorf("%d names tried from one network at once", through)
	}
}

func TestGuessesBounded(t *testing.T) {
	c := &clock{time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	g := newGuesses(c.now)
	for i := range 3 * mostCounts {
		g.try(fmt.Sprint("n", i), fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255))
	}
	if len(g.counts) > mostCounts {
		t.Error(len(g.counts))
	}
}

func TestNetwork(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "192.0.2.1": "192.0.2.1", "[::ffff:192.0.2.1]:80": "192.0.2.1",
		"[2001:db8:1:2:3::4]:80": "2001:db8:1:2::/64", "[fe80::1%eth0]:80": "fe80::/64", "pipe": "pipe", "": "",
	} {
		if got := network(remote); got != want {
			t.Errorf("%q: %q, want %q", remote, got, want)
		}
	}
}
