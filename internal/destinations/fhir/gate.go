package fhir

import (
	"context"
	"sync"

	codec "thalamus/internal/codec/fhir"
)

// gate lets one transaction at a time bring a shared resource that the server
// is not known to have. Two that bring it at once make it twice on servers
// whose conditional creates do not wait for each other.
type gate struct {
	limit int // most names remembered; then it begins anew

	mu    sync.Mutex
	known map[codec.Identity]struct{}
	busy  map[codec.Identity]chan struct{}
}

// turn is leave to bring the names of one transaction.
type turn struct {
	g     *gate
	names []codec.Identity
}

// enter waits until nobody else brings one of the names. It takes all or
// none, so two callers never wait for each other.
func (g *gate) enter(ctx context.Context, names []codec.Identity) (turn, error) {
	for {
		mine, wait := g.try(names)
		if wait == nil {
			return turn{g, mine}, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return turn{}, ctx.Err()
		}
	}
}

func (g *gate) try(names []codec.Identity) (mine []codec.Identity, wait chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range names {
		if _, ok := g.known[n]; ok {
			continue
		}
		if c := g.busy[n]; c != nil {
			return nil, c
		}
		mine = append(mine, n)
	}
	if len(mine) == 0 {
		return nil, nil
	}
	if g.busy == nil {
		g.busy = map[codec.Identity]chan struct{}{}
	}
	done := make(chan struct{})
	for _, n := range mine {
		g.busy[n] = done
	}
	return mine, nil
}

// leave ends the turn; done says that the server now has the names.
func (t turn) leave(done bool) {
	if len(t.names) == 0 {
		return
	}
	g := t.g
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known == nil || len(g.known) > g.limit {
		g.known = map[codec.Identity]struct{}{}
	}
	close(g.busy[t.names[0]]) // all names of a turn share one
	for _, n := range t.names {
		delete(g.busy, n)
		if done {
			g.known[n] = struct{}{}
		}
	}
}
