package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"thalamus/internal/builtin"
	"thalamus/internal/codec"
	"thalamus/internal/destination"
	"thalamus/internal/driver"
	"thalamus/internal/fault"
	"thalamus/internal/flow"
	"thalamus/internal/flow/decode"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/flow/journal"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/flow/record"
	"thalamus/internal/flow/route"
	"thalamus/internal/model"
	"thalamus/internal/profile"
	"thalamus/internal/register"
	"thalamus/internal/store/sqlite/deliverdb"
)

// routing is what is in force of routes and channels, for the hot path.
type routing struct {
	table    atomic.Pointer[route.Table]
	channels atomic.Pointer[map[model.ChannelID]channelRules]
	labels   atomic.Pointer[normalise.Labels]
	reader   atomic.Pointer[reader]
	near     nearest
	known    route.Known
	again    func(model.Entry) []model.Message // reads an entry as the way does
}

type channelRules struct {
	channel model.Channel
	zone    *time.Location
}

// Decide implements record.Router.
func (r *routing) Decide(m *model.Message) []model.Decision {
	table := r.table.Load()
	if table == nil {
		return nil
	}
	rules := (*r.channels.Load())[m.Channel]
	return table.Decide(m, route.Waits(rules.channel, m, r.known))
}

func (a *App) startWay(ctx context.Context) error {
	site, err := time.LoadLocation(a.boot.Site.Zone)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "conf.zone", "unknown time zone").At("site.zone")
	}
	a.routing.known = route.Known{Adopted: a.register.Adopted, Blocked: a.blocked, Accepted: func(id model.DeviceID, strict bool) bool {
		return a.register.Accepted(id, strict, time.Now())
	}}
	// The routes stand before the first entry is recorded: what the journal
	// holds from before a crash is owed as much as what arrives now.
	if _, _, err := a.applyRouting(ctx); err != nil {
		return err
	}
	a.stage = record.New(a.record, a.register, a.patients, &a.routing, record.Options{Waiting: a.recordWaits, Clock: a.clockRule, Noticed: a.register.Noticed, Names: a.register})
	if err := a.stage.Ready(ctx); err != nil {
		return err
	}
	a.site = site
	way := &flow.Way{
		Journal: a.journal,
		Read:    func(e model.Entry) []model.Message { return a.read(a.routing.reader.Load(), e) },
		Record:  a.stage,
		Watch:   a.recorded,
		Damaged: func(d *journal.Damage) { a.report("journal")(d) },
		Busy:    func() bool { return a.intake.Pending() > 0 },
		Workers: decoders(a.boot.Record.Workers),
		Batch:   a.boot.Record.Batch,
	}
	a.routing.again = way.Messages
	a.work.Go(func() {
		if err := way.Run(a.background); err != nil {
			text := err.Error()
			a.broken.Store(&text)
			a.report("the way")(err)
		}
	})
	return nil
}

// reader reads entries with the profiles in force.
type reader struct {
	decode   *decode.Stage
	profiles *profile.Set
}

func newReader(profiles *profile.Set) *reader {
	return &reader{decode: decode.New(append(builtin.Codecs(), decode.Documents(profiles)...)...), profiles: profiles}
}

// read decodes and normalises an entry.
func (a *App) read(r *reader, e model.Entry) []model.Message {
	zone := (*a.routing.channels.Load())[e.Channel].zone
	messages := r.decode.Decode(e, codec.Context{Site: a.site, Channel: zone})
	for i := range messages {
		m := &messages[i]
		normalise.Normalise(m, normalise.Context{Site: a.site, Channel: zone, Device: a.register.Zone(m), Labels: a.routing.labels.Load(), Nearest: a.routing.near.find, Profiles: r.profiles})
	}
	return messages
}

// clockRule says what is done about a device's clock: what people said of it,
// else what its channel says, else its profile.
func (a *App) clockRule(m *model.Message, id model.DeviceID) string {
	if rule := a.register.ClockRule(id); rule != "" {
		return rule
	}
	if rule := (*a.routing.channels.Load())[m.Channel].channel.Clock; rule != "" {
		return rule
	}
	if m.ReadWith != "" {
		if p := a.routing.reader.Load().profiles.Get(m.ReadWith); p != nil && p.Time.Correct == record.ClockOffset {
			return record.ClockOffset
		}
	}
	return record.ClockImpossible
}

// stopWay lets the record take what the journal has, for a moment, so that a
// clean stop leaves nothing to do at the next start.
func (a *App) stopWay(ctx context.Context) error {
	deadline := time.Now().Add(5 * time.Second)
	for a.broken.Load() == nil && a.waiting.Load() == nil && a.stage.Cursor() < a.journal.Head() && time.Now().Before(deadline) && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	a.cancel()
	a.work.Wait()
	return nil
}

func (a *App) recordWaits(err error) {
	if err == nil {
		a.waiting.Store(nil)
		a.log.Info("the record goes on")
		return
	}
	text := err.Error()
	if a.waiting.Swap(&text) == nil {
		a.report("record")(err)
	}
}

func (a *App) recorded(entries []record.Entry) {
	var all []*model.Message
	for i := range entries {
		all = append(all, entries[i].Messages...)
	}
	a.service.Recorded(all)
}

func (a *App) openDeliveries(ctx context.Context) (err error) {
	if a.deliveries, err = deliverdb.Open(ctx, a.path("deliver.db"), ""); err != nil {
		return err
	}
	a.deliver = deliver.New(deliver.Options{
		Record: owing{a.amended()}, Raw: a.journal, Store: a.deliveries, Kinds: builtin.Destinations(), Adopted: a.register.Adopted, Head: a.register.Head, Accepted: a.accepted, Blocked: a.blocked, Freed: a.freed, Reread: a.reread,
		Host: destination.Host{Log: a.log, Roots: a.authority.Pool(), Version: a.o.Version}, Part: builtin.Part,
	})
	return nil
}

func (a *App) closeDeliveries(ctx context.Context) error {
	return errors.Join(a.deliver.Close(ctx), a.deliveries.Close())
}

// owing is the record as deliver reads it.
type owing struct{ record.Reader }

func (o owing) Refs(ctx context.Context, from, until time.Time, device model.DeviceID, channel model.ChannelID) iter.Seq2[model.MessageRef, error] {
	return o.Reader.Refs(ctx, record.Span{From: from, Until: until, Device: device, Channel: channel})
}

func (a *App) makeDoor(context.Context) error {
	a.watcher = newWatcher(a.codecOf)
	a.links = newLinks(builtin.Drivers(), driver.Host{
		Intake: a.intake, Log: a.log, Certificate: a.authority.ServerCertificate, Recent: a.recent, Folder: a.linkFolder, Admit: a.admit, Refused: a.intake.Refused,
		Since: a.since, Head: a.journal.Head, Progress: a.progress,
		Contact: a.register.Contact,
		Met:     func(id model.ChannelID, c driver.Connection) { a.watcher.met(id, c, time.Now().UTC(), 1) },
	}, a.lineOf)
	a.service = a.makeService()
	return nil
}

func (a *App) stopLinks(ctx context.Context) error {
	a.links.Close(ctx)
	return nil
}

// applyAtStart brings what is governed in force; a channel that cannot open
// (its port is in use) is shown and does not keep the rest from working.
func (a *App) applyAtStart(ctx context.Context) error {
	err := a.apply(ctx)
	if err != nil && fault.KindOf(err) == fault.Broken {
		return err
	}
	return nil
}

// apply brings channels, routes and destinations in force as the store has
// them. One at a time reads and brings in force: what was read before another's
// change must not undo it.
func (a *App) apply(ctx context.Context) error {
	a.applying.Lock()
	defer a.applying.Unlock()
	destinations, channels, err := a.applyRouting(ctx)
	if err != nil {
		return err
	}
	if err := a.deliver.Apply(ctx, destinations); err != nil {
		return err
	}
	a.deliver.Adopted() // a text may have adopted devices, or ask for no acceptance any more
	a.watcher.reaches(destinations, a.kindsOfDestinations(), a.destinationHost())
	return a.links.Apply(ctx, channels)
}

// applyRouting brings routes and channels' rules in force, and gives the
// destinations and channels that go with them.
func (a *App) applyRouting(ctx context.Context) ([]model.Destination, []model.Channel, error) {
	destinations, err := register.Destinations().List(ctx, a.governed)
	if err != nil {
		return nil, nil, err
	}
	routes, err := register.Routes().List(ctx, a.governed)
	if err != nil {
		return nil, nil, err
	}
	channels, err := register.Channels().List(ctx, a.governed)
	if err != nil {
		return nil, nil, err
	}
	labels, err := register.Labels().List(ctx, a.governed)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]model.DestinationID, len(destinations))
	for i := range destinations {
		ids[i] = destinations[i].Value.ID
	}
	table, err := route.Compile(values(routes), ids)
	if err != nil {
		return nil, nil, err
	}
	rules := map[model.ChannelID]channelRules{}
	for _, c := range values(channels) {
		r := channelRules{channel: c}
		if c.Zone != "" {
			if r.zone, err = time.LoadLocation(c.Zone); err != nil {
				return nil, nil, fault.Wrap(err, fault.Invalid, "conf.zone", "unknown time zone").At("channel " + string(c.ID))
			}
		}
		rules[c.ID] = r
	}
	a.routing.table.Store(table)
	a.routing.channels.Store(&rules)
	a.routing.labels.Store(labelsInForce(labels))
	profiles, err := a.profilesInForce(ctx)
	if err != nil {
		return nil, nil, err
	}
	a.routing.reader.Store(newReader(profiles))
	plans, err := register.Plans().List(ctx, a.governed)
	if err != nil {
		return nil, nil, err
	}
	a.register.Plan(values(plans), a.site)
	return values(destinations), values(channels), nil
}

func values[T any](rows []register.Versioned[T]) []T {
	out := make([]T, len(rows))
	for i := range rows {
		out[i] = rows[i].Value
	}
	return out
}

// JournalKeys gives the master keys of the journal in a folder, newest first;
// none when it was never encrypted.
func JournalKeys(dir string) ([][]byte, error) {
	keys, _, err := journalKeys(dir, false)
	return keys, err
}

func keyFile(dir string) string { return filepath.Join(dir, "journal.key") }

// hasEncrypted tells whether a journal has segments that need a key: opened
// with none, it says so.
func hasEncrypted(dir string) bool {
	if _, err := os.Stat(dir); err != nil {
		return false
	}
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		return true
	}
	defer j.Close()
	segments, err := j.Segments()
	return err != nil || slices.ContainsFunc(segments, func(s journal.Segment) bool { return s.Encrypted && !s.Destroyed })
}

// journalKeys gives the master keys of the journal, newest first; makes the
// first one when encryption is asked for and there is none.
func journalKeys(dir string, encrypted bool) (keys [][]byte, made bool, err error) {
	path := keyFile(dir)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !encrypted {
		return nil, false, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		made = true
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		text = []byte(hex.EncodeToString(key) + "\n")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, false, fault.Wrap(err, fault.Broken, "app.journal-key", "cannot make the folder of the journal's key").At(dir)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return nil, false, fault.Wrap(err, fault.Broken, "app.journal-key", "cannot write the journal's master key").At(path)
		}
	} else if err != nil {
		return nil, false, fault.Wrap(err, fault.Broken, "app.journal-key", "cannot read the journal's master key").At(path)
	}
	for _, line := range strings.Fields(string(text)) {
		key, err := hex.DecodeString(line)
		if err != nil || len(key) != 32 {
			return nil, false, fault.New(fault.Invalid, "app.journal-key", "each line must be a key of 64 hexadecimal digits, the newest first").At(path)
		}
		keys = append(keys, key)
	}
	return keys, made, nil
}
