package access

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"thalamus/internal/fault"
)

// guesses slows down who guesses passwords. Three counts are kept, each with
// its own patience:
//
//   - name and remote together: five tries, then pauses that double from one
//     second to fifteen minutes;
//   - remote alone, whatever the name: fifty tries, then the same;
//   - name alone, from remotes that never signed in to it: twenty tries, then
//     pauses from one second to one minute. Remotes that did sign in to the
//     account are not held by this, so a stranger's guessing locks nobody out.
//
// A count is forgotten fifteen minutes after its last failure and its pause.
// Memory is bounded: at mostCounts those go first that hold nobody.
type guesses struct {
	now func() time.Time

	mu     sync.Mutex
	counts map[string]*count
	known  map[string]time.Time // "name\x00remote" that signed in, and when
}

type count struct {
	failures int
	last     time.Time
	until    time.Time // no try before
}

const (
	mostCounts  = 20_000
	forgetAfter = 15 * time.Minute
	knownFor    = 30 * 24 * time.Hour
)

func newGuesses(now func() time.Time) *guesses {
	return &guesses{now: now, counts: map[string]*count{}, known: map[string]time.Time{}}
}

type patience struct {
	key   string
	free  int // failures without a pause
	pause time.Duration
}

func (g *guesses) patiences(name, remote string) []patience {
	name, remote = strings.ToLower(name), network(remote)
	p := []patience{
		{"both\x00" + name + "\x00" + remote, 5, 15 * time.Minute},
		{"remote\x00" + remote, 50, 15 * time.Minute},
	}
	if at, ok := g.known[name+"\x00"+remote]; !ok || g.now().Sub(at) > knownFor {
		p = append(p, patience{"name\x00" + name, 20, time.Minute})
	}
	return p
}

// network is what counts as one remote: an IPv4 address, an IPv6 /64.
func network(remote string) string {
	host := remote
	if ap, err := netip.ParseAddrPort(remote); err == nil {
		host = ap.Addr().String()
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return clip(remote)
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}

// try counts a try as failed beforehand, so that many at once cannot slip
// through, or says how long to wait.
func (g *guesses) try(name, remote string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	list := g.patiences(name, remote)
	for _, p := range list {
		if c := g.counts[p.key]; c != nil && now.Before(c.until) {
			wait := c.until.Sub(now).Round(time.Second) + time.Second
			return fault.New(fault.Denied, "access.slow-down", "too many wrong tries; try again in %s", wait)
		}
	}
	for _, p := range list {
		c := g.counts[p.key]
		if c == nil || now.Sub(c.last) > forgetAfter && now.Sub(c.until) > forgetAfter {
			g.makeRoom(now)
			c = &count{}
			g.counts[p.key] = c
		}
		c.failures++
		c.last = now
		if over := c.failures - p.free; over >= 0 {
			c.until = now.Add(min(time.Second<<min(over, 20), p.pause))
		}
	}
	return nil
}

// right forgets the failures of who just gave the right password.
func (g *guesses) right(name, remote string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.patiences(name, remote) {
		if c := g.counts[p.key]; c != nil && strings.HasPrefix(p.key, "remote") {
			// Other names were guessed from here too: only this try is undone.
			c.failures--
			if c.failures < p.free {
				c.until = time.Time{}
			}
			continue
		}
		delete(g.counts, p.key)
	}
	if len(g.known) >= mostCounts {
		clear(g.known)
	}
	g.known[strings.ToLower(name)+"\x00"+network(remote)] = g.now()
}

// knew says that a remote signed in to an account earlier.
func (g *guesses) knew(name, remote string, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known[strings.ToLower(name)+"\x00"+network(remote)] = at
}

func (g *guesses) makeRoom(now time.Time) {
	if len(g.counts) < mostCounts {
		return
	}
	for k, c := range g.counts {
		if now.Sub(c.last) > forgetAfter && now.After(c.until) {
			delete(g.counts, k)
		}
	}
	if len(g.counts) < mostCounts {
		return
	}
	// A flood of names or addresses: those that are not being held go first.
	for k, c := range g.counts {
		if !now.Before(c.until) {
			delete(g.counts, k)
		}
	}
	if len(g.counts) >= mostCounts {
		clear(g.counts)
	}
}
