// Package app wires the program: it opens what lies on disk, starts the way of
// a message and the doors to it, and stops everything in reverse. The start
// order is the order of App.steps.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/conf"
	"thalamus/internal/extract"
	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/flow/intake"
	"thalamus/internal/flow/journal"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/register"
	"thalamus/internal/service"
	"thalamus/internal/store/sqlite/deliverdb"
	"thalamus/internal/store/sqlite/recorddb"
	"thalamus/internal/store/sqlite/registerdb"
)

// SocketName is the file in the data folder through which the command line of
// this machine calls the server.
const SocketName = "thalamus.sock"

// Options beside the boot file.
type Options struct {
	Version string
	Log     *slog.Logger
	// Console is a listener to use in place of binding Boot.Console.Listen;
	// tests and the demo bind port 0 themselves.
	Console net.Listener
}

// App is the running program.
type App struct {
	boot conf.Boot
	site *time.Location
	o    Options
	log  *slog.Logger

	lock       io.Closer
	authority  *Authority
	governed   *registerdb.DB
	journal    *journal.Log
	intake     *intake.Intake
	record     *recorddb.DB
	stage      *record.Stage
	deliveries *deliverdb.DB
	deliver    *deliver.Deliver
	register   *register.Register
	gatekeeper *register.Gatekeeper
	patients   *patients.Patients
	access     *access.Gate
	links      *links
	watcher    *watcher
	routing    routing
	applying   sync.Mutex // of apply
	extracts   *extract.Shelf
	service    *service.Service
	doors      *doors

	waiting atomic.Pointer[string] // why the record waits, nil when it does not
	broken  atomic.Pointer[string] // why the way ended, nil while it runs
	started time.Time

	background context.Context
	cancel     context.CancelFunc
	work       sync.WaitGroup
	stops      []step
}

// step is one part of the program: its start, and its stop (may be nil).
type step struct {
	name  string
	start func(ctx context.Context) error
	stop  func(ctx context.Context) error
}

// steps is the program, in start order.
func (a *App) steps() []step {
	return []step{
		{"data folder", a.openFolder, func(context.Context) error { return a.lock.Close() }},
		{"certificate authority", a.openAuthority, nil},
		{"governed store", a.openGoverned, func(context.Context) error { return a.governed.Close() }},
		{"accounts", a.openAccess, a.endBackground},
		{"journal", a.openJournal, func(context.Context) error { return a.journal.Close() }},
		{"record", a.openRecord, func(context.Context) error { return a.record.Close() }},
		{"register and patients", a.openRegister, a.flushRegister},
		{"deliveries", a.openDeliveries, a.closeDeliveries},
		{"extracts", a.openExtracts, a.closeExtracts},
		{"service", a.makeDoor, nil},
		{"what contradicts acceptances", a.startAttending, nil},
		{"the way", a.startWay, a.stopWay},
		{"channels, routes, destinations", a.applyAtStart, a.stopLinks},
		{"extracts and jobs that were cut", func(ctx context.Context) error { return a.service.GoOn(ctx) }, func(context.Context) error { a.service.EndJobs(); return nil }},
		{"corrections", a.startCorrections, nil},
		{"connections", a.startConnections, a.writeConnections},
		{"doors", a.openDoors, func(ctx context.Context) error { return a.doors.close(ctx) }},
	}
}

// Start starts everything; an error means that nothing runs.
func Start(ctx context.Context, boot conf.Boot, o Options) (*App, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{boot: boot, o: o, log: o.Log, started: time.Now().UTC()}
	a.background, a.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, s := range a.steps() {
		if err := s.start(ctx); err != nil {
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			_ = a.Stop(stop) // the first error says more
			return nil, err
		}
		a.stops = append(a.stops, s)
	}
	a.log.Info("ready", "console", a.ConsoleURL(), "data", boot.Data, "took", time.Since(a.started).Round(time.Millisecond))
	return a, nil
}

// Stop stops everything, in reverse order of its start.
func (a *App) Stop(ctx context.Context) error {
	var errs []error
	for i := len(a.stops) - 1; i >= 0; i-- {
		s := a.stops[i]
		if s.stop == nil {
			continue
		}
		if err := s.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", s.name, err))
		}
	}
	a.stops = nil
	a.cancel()
	a.work.Wait()
	return errors.Join(errs...)
}

// Service is the door to every operation.
func (a *App) Service() *service.Service { return a.service }

// Authority is the program's own certificate authority.
func (a *App) Authority() *Authority { return a.authority }

// ConsoleURL is where the console answers.
func (a *App) ConsoleURL() string { return a.doors.url() }

// ChannelAddress gives where a channel listens, empty when it does not.
func (a *App) ChannelAddress(id model.ChannelID) string { return a.links.Status()[id].Address }

func (a *App) path(name string) string { return filepath.Join(a.boot.Data, name) }

// lockName is the file that keeps a second Thalamus out of the folder; it
// holds the process id of the one that is in.
const lockName = "LOCK"

func (a *App) openFolder(context.Context) error {
	if err := os.MkdirAll(a.boot.Data, 0o700); err != nil {
		return fault.Wrap(err, fault.Broken, "app.folder", "cannot make the data folder").At(a.boot.Data)
	}
	lock, err := journal.System{}.Lock(a.path(lockName))
	if errors.Is(err, journal.ErrLocked) {
		pid, _ := os.ReadFile(a.path(lockName)) // only to say which
		return fault.New(fault.Conflict, "app.folder-in-use", "another Thalamus runs on this folder (process %s)", strings.TrimSpace(string(pid))).At(a.boot.Data)
	}
	if err == nil {
		err = os.WriteFile(a.path(lockName), fmt.Appendln(nil, os.Getpid()), 0o600)
	}
	if err != nil {
		return fault.Wrap(err, fault.Broken, "app.folder", "cannot write into the data folder").At(a.boot.Data)
	}
	a.lock = lock
	return nil
}

// endBackground ends what runs beside the way, while its stores are open.
func (a *App) endBackground(context.Context) error {
	a.cancel()
	a.work.Wait()
	return nil
}

func (a *App) openAuthority(context.Context) (err error) {
	a.authority, err = OpenAuthority(a.path("tls"), a.boot.Console.Names)
	return err
}

func (a *App) openGoverned(ctx context.Context) (err error) {
	a.governed, err = registerdb.Open(ctx, a.boot.Data, registerdb.Options{})
	return err
}

func (a *App) openAccess(ctx context.Context) (err error) {
	if a.access, err = access.Open(ctx, a.governed, access.Options{Idle: a.boot.Console.Idle}); err != nil {
		return err
	}
	a.work.Go(func() { a.access.Run(a.background, a.report("accounts")) })
	return nil
}

func (a *App) openJournal(context.Context) error {
	keys, made, err := journalKeys(a.path("keys"), a.boot.Journal.Encrypted)
	if err != nil {
		return err
	}
	if made && hasEncrypted(a.path("journal")) {
		_ = os.Remove(keyFile(a.path("keys"))) // it opens nothing yet
		return fault.New(fault.Invalid, "app.journal-key", "the journal holds encrypted segments and its master key is gone; bring the key back from a copy, or move the journal aside to begin a new one").At(keyFile(a.path("keys")))
	}
	a.journal, err = journal.Open(a.path("journal"), journal.Options{SegmentSize: a.boot.Journal.Segment, Floor: a.boot.Journal.Floor, Keys: keys})
	if err != nil {
		return err
	}
	if st, err := a.journal.Stat(); err == nil && st.Recovery.Unclean {
		a.log.Warn("the journal was not closed; its tail was checked", "cutBytes", st.Recovery.CutBytes, "head", st.Head)
	}
	a.intake = intake.New(a.journal, intake.Options{})
	a.work.Go(func() { a.retain(a.background) })
	return nil
}

func (a *App) openRecord(ctx context.Context) (err error) {
	a.record, err = recorddb.Open(ctx, a.boot.Data, recorddb.Options{Report: a.report("record")})
	return err
}

func (a *App) openRegister(ctx context.Context) (err error) {
	if a.register, err = register.Open(ctx, a.governed, register.Options{}); err != nil {
		return err
	}
	if a.patients, err = patients.Open(ctx, a.governed, patients.Options{Authority: a.boot.Site.Authority}); err != nil {
		return err
	}
	if a.gatekeeper, err = register.OpenGatekeeper(ctx, a.governed, nil); err != nil {
		return err
	}
	a.work.Go(func() { a.gatekeeper.Run(a.background) })
	a.work.Go(func() { a.register.Run(a.background, a.report("register")) })
	a.work.Go(func() { a.patients.Run(a.background, a.report("patients")) })
	return nil
}

func (a *App) flushRegister(ctx context.Context) error {
	return errors.Join(a.register.Flush(ctx), a.patients.Flush(ctx), a.access.Flush(ctx))
}

// report logs what happens in the background and has no caller.
func (a *App) report(room string) func(error) {
	return func(err error) {
		a.log.Error("in the background", "room", room, "fault", fault.CodeOf(err), "error", err)
	}
}

// retain drops journal segments that are older than the boot file says.
func (a *App) retain(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if a.boot.Journal.Keep <= 0 {
			continue
		}
		dropped, err := a.journal.DropOlder(time.Now().Add(-a.boot.Journal.Keep), "retention")
		if err != nil {
			a.report("journal")(err)
		} else if dropped.Segments > 0 {
			a.log.Info("journal segments dropped", "segments", dropped.Segments, "entries", dropped.Entries, "held", dropped.Held)
		}
	}
}
