package driver

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/fault"
)

// Guest is one open connection of a driver.
type Guest interface {
	comparable
	// Hurry ends its waiting for bytes: what came whole is still answered. It is
	// called once, while the connection may be reading; a Guest that moves its
	// deadline looks at Guests.Stopping after it did, and so never misses it.
	Hurry()
	// Cut closes it.
	Cut()
	// Connection tells whose it is; false: it cannot be used yet.
	Connection() (Connection, bool)
}

// Guests are the open connections of a driver, and the goroutines that serve
// them. Most is set before the first comes.
type Guests[G Guest] struct {
	Most int // how many there may be, 0: as many as come

	mu       sync.Mutex
	here     map[G]struct{}
	running  int
	stopping atomic.Bool
	idle     chan struct{} // of Stop: closed when nothing runs any more
	ended    bool
}

// Serve counts one in and runs serve in a goroutine of its own; it is counted
// out when that ends. false: there are too many, or the driver has stopped.
func (g *Guests[G]) Serve(one G, serve func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended || g.Most > 0 && len(g.here) >= g.Most {
		return false
	}
	if g.here == nil {
		g.here = map[G]struct{}{}
	}
	g.here[one] = struct{}{}
	if g.stopping.Load() { // Stop has gone through the others already
		one.Hurry()
	}
	g.run(func() {
		defer g.leave(one)
		serve()
	})
	return true
}

// ServeHere is Serve that returns when serve has ended.
func (g *Guests[G]) ServeHere(one G, serve func()) bool {
	over := make(chan struct{})
	if !g.Serve(one, func() { defer close(over); serve() }) {
		return false
	}
	<-over
	return true
}

// Go runs something that Stop waits for. After Stop it does nothing.
func (g *Guests[G]) Go(do func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		g.run(do)
	}
}

func (g *Guests[G]) run(do func()) {
	g.running++
	go func() {
		defer g.done()
		do()
	}()
}

func (g *Guests[G]) done() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	g.rest()
}

// rest ends it all when it is to end and nothing runs.
func (g *Guests[G]) rest() {
	if g.running == 0 && g.idle != nil && !g.ended {
		g.ended = true
		close(g.idle)
	}
}

func (g *Guests[G]) leave(one G) {
	g.mu.Lock()
	delete(g.here, one)
	g.mu.Unlock()
}

// Here says whether one is counted in.
func (g *Guests[G]) Here(one G) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.here[one]
	return ok
}

// Len is how many there are.
func (g *Guests[G]) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.here)
}

// Connections lists those that can be used, as Connected asks it.
func (g *Guests[G]) Connections() []Connection {
	out := make([]Connection, 0, g.Len())
	g.each(func(one G) {
		if c, ok := one.Connection(); ok {
			out = append(out, c)
		}
	})
	return out
}

// Stopping says that Stop was called.
func (g *Guests[G]) Stopping() bool { return g.stopping.Load() }

// Stop hurries all and waits until everything that Serve and Go began has
// ended. When ctx ends first, offers under way are given up by cancel, and all
// are cut. The driver's ports are to be closed before. Called again it waits
// likewise.
func (g *Guests[G]) Stop(ctx context.Context, cancel context.CancelFunc) {
	if !g.stopping.Swap(true) {
		g.each(G.Hurry)
	}
	g.mu.Lock()
	if g.idle == nil {
		g.idle = make(chan struct{})
	}
	idle := g.idle
	g.rest()
	g.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
		cancel()
		g.each(G.Cut)
		<-idle
	}
	cancel()
}

// each goes through those that are here, without the lock: what it calls may
// take locks that are held where Go is called.
func (g *Guests[G]) each(do func(G)) {
	g.mu.Lock()
	all := slices.Collect(maps.Keys(g.here))
	g.mu.Unlock()
	for _, one := range all {
		do(one)
	}
}

// Accept takes connections until the listener is closed. failed is told when
// one could not be taken, most likely for want of file descriptors: others
// must close first, so it is tried again after a pause.
func Accept(l net.Listener, failed func(error), begin func(net.Conn)) {
	const least, most = 5 * time.Millisecond, time.Second
	for pause := least; ; {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			failed(err)
			time.Sleep(pause)
			pause = min(2*pause, most)
		default:
			pause = least
			begin(c)
		}
	}
}

// Listen binds a TCP port; code and setting name the fault when it cannot.
func Listen(ctx context.Context, address, code, setting string) (net.Listener, error) {
	l, err := (&net.ListenConfig{KeepAlive: 30 * time.Second}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fault.Wrap(err, fault.Conflict, code, "cannot listen on %s; choose a port nobody uses, or stop the program that has it", address).At(setting)
	}
	return l, nil
}
