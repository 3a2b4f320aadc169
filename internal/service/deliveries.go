package service

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"thalamus/internal/clock"
	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/state"
)

// DeadLetterAsk says which dead letters to list.
type DeadLetterAsk struct {
	Destination model.DestinationID `json:"destination,omitempty" arg:"destination" doc:"destination id"`
	Code        string              `json:"code,omitempty" doc:"fault code"`
	From        time.Time           `json:"from,omitzero" doc:"given up at or after"`
	Until       time.Time           `json:"until,omitzero" doc:"given up before"`
	After       uint64              `json:"after,omitempty" doc:"the next page: what the page before gave"`
	Limit       int                 `json:"limit,omitempty" doc:"rows of a page, 100 unless told"`
}

// Letter names one dead letter.
type Letter struct {
	ID     uint64 `json:"id" arg:"id" doc:"number of the dead letter"`
	Reason string `json:"reason,omitempty" doc:"why, for the audit"`
}

// ReplayAsk says what is to be delivered again.
type ReplayAsk struct {
	Entries      []model.Seq           `json:"entries,omitempty" arg:"entries" doc:"numbers of journal entries"`
	Refs         []model.MessageRef    `json:"refs,omitempty" doc:"messages within batches, e.g. 4711.2"`
	From         time.Time             `json:"from,omitzero" doc:"everything that arrived at or after, e.g. -2h"`
	Until        time.Time             `json:"until,omitzero" doc:"and before"`
	Device       model.DeviceID        `json:"device,omitempty" doc:"of this device"`
	Channel      model.ChannelID       `json:"channel,omitempty" doc:"of this channel"`
	Destinations []model.DestinationID `json:"destinations,omitempty" doc:"to these; unless told, to whom it was owed"`
	Reread       bool                  `json:"reread,omitempty" doc:"read and route them again with what is in force now"`
	Reason       string                `json:"reason" doc:"why, for the audit; needed"`
}

// ReplayMade is the number of a replay.
type ReplayMade struct {
	Replay uint64 `json:"replay"`
}

// ReplayListAsk pages through replays.
type ReplayListAsk struct {
	After uint64 `json:"after,omitempty" doc:"the next page: what the page before gave"`
	Limit int    `json:"limit,omitempty" doc:"rows of a page, 50 unless told"`
}

func deliveryOps() []Op {
	return []Op{
		define(Reads, "deadletter.list", "List deliveries that were given up, with the reason, newest first.", "ehr", listDeadLetters),
		define(Works, "deadletter.retry", "Try a dead letter again, behind what its patient is owed.", "17", retryLetter),
		define(Works, "deadletter.discard", "Set a dead letter aside for good, with a reason.", "17 --reason 'entered by hand'", discardLetter),
		define(Works, "entry.replay", "Deliver again: entries by number, or a time span, device or channel, with a reason.", "4711 --reason 'EHR restored from backup'", replay),
		define(Reads, "replay.list", "List replays and how far they are, newest first.", "", listReplays),
		define(Reads, "replay.get", "Show how far a replay is and, where it read messages again, what they say differently.", "12", getReplay),
	}
}

func listDeadLetters(ctx context.Context, c *call, r DeadLetterAsk) (List[deliver.DeadLetter], error) {
	if r.Limit <= 0 {
		r.Limit = 100
	}
	rows, err := c.s.Deliveries.DeadLetters(ctx, deliver.DeadFilter{Destination: r.Destination, Code: r.Code, From: r.From, Until: r.Until, Before: r.After, Limit: r.Limit})
	list := List[deliver.DeadLetter]{Rows: rows}
	if len(rows) == r.Limit {
		list.Next = strconv.FormatUint(rows[len(rows)-1].ID, 10)
	}
	return list, err
}

func retryLetter(ctx context.Context, c *call, r Letter) (None, error) {
	c.object, c.reason = fmt.Sprintf("deadletter %d", r.ID), r.Reason
	return None{}, c.s.Deliveries.Retry(ctx, r.ID)
}

func discardLetter(ctx context.Context, c *call, r Letter) (None, error) {
	c.object, c.reason = fmt.Sprintf("deadletter %d", r.ID), r.Reason
	if r.Reason == "" {
		return None{}, fault.New(fault.Invalid, "service.no-reason", "say why it is set aside").At("reason")
	}
	return None{}, c.s.Deliveries.Discard(ctx, r.ID, r.Reason)
}

func replay(ctx context.Context, c *call, r ReplayAsk) (ReplayMade, error) {
	if err := needReason(r.Reason); err != nil {
		return ReplayMade{}, err
	}
	id, err := c.s.Deliveries.Replay(ctx, deliver.ReplayRequest{
		Refs: r.Refs, Entries: r.Entries, From: r.From, Until: r.Until, Device: r.Device, Channel: r.Channel,
		Destinations: r.Destinations, Reread: r.Reread, Reason: r.Reason, Actor: c.actor.ID,
	})
	c.object = fmt.Sprintf("replay %d", id)
	return ReplayMade{id}, err
}

func listReplays(ctx context.Context, c *call, r ReplayListAsk) ([]deliver.Replay, error) {
	if r.Limit <= 0 {
		r.Limit = 50
	}
	return c.s.Deliveries.Replays(ctx, r.After, r.Limit)
}

// DeviceAsk says which devices to list.
type DeviceAsk struct {
	Text    string          `json:"text,omitempty" arg:"text" doc:"part of an id, number, name, maker, model or place"`
	Channel model.ChannelID `json:"channel,omitempty" doc:"heard on this channel"`
	New     bool            `json:"new,omitempty" doc:"only those nobody has adopted"`
	Profile string          `json:"profile,omitempty" doc:"only those read with this profile, any version of it: mindray/vs8"`
	Outside bool            `json:"outside,omitempty" doc:"only those whose software is outside the range of their profile"`
	Model   string          `json:"model,omitempty" doc:"only those of this model, by its id"`
	Release string          `json:"release,omitempty" doc:"only those of this release, by its id"`
	Facts   []string        `json:"facts,omitempty" doc:"only those of which this is said, as owner=ICU; owner= means that nothing is said"`
	State   state.Kind      `json:"state,omitempty" doc:"only those in this state, as device.stat counts them: silent, moved, due"`
	Show    []string        `json:"show,omitempty" doc:"facts to tell with each device, as owner or asset"`
	After   model.DeviceID  `json:"after,omitempty" doc:"the next page: what the page before gave"`
	Limit   int             `json:"limit,omitempty" doc:"rows of a page, 100 unless told"`
}

// DeviceRow is a device in a list.
type DeviceRow struct {
	ID           model.DeviceID  `json:"id"`
	Name         string          `json:"name,omitempty"`
	Manufacturer string          `json:"manufacturer,omitempty"`
	Model        string          `json:"model,omitempty"`
	Serial       string          `json:"serial,omitempty"`
	Release      string          `json:"release,omitempty"`
	Place        string          `json:"place,omitempty"`
	Channel      model.ChannelID `json:"channel,omitempty"`
	Peer         string          `json:"peer,omitempty"`
	Adopted      bool            `json:"adopted"`
	FirstSeen    time.Time       `json:"firstSeen,omitzero"`
	LastSeen     time.Time       `json:"lastSeen,omitzero"`
	Messages     uint64          `json:"messages"`
	Observations uint64          `json:"observations"`
	Alerts       uint64          `json:"alerts"`
	Issues       uint64          `json:"issues"`
	Battery      string          `json:"battery,omitempty"` // as it told last: "80 %"
	Profile      string          `json:"profile,omitempty"` // it is read with: mindray/vs8@1
	Outside      time.Time       `json:"outside,omitzero"`  // since when its software is outside the range of that
	States       []state.State   `json:"states,omitempty"`  // how it is and why; the first says whether it speaks
	// Said is what people and other systems say of the facts asked for.
	Said map[string]string `json:"said,omitempty"`
}

// DevicePage is everything known about one device.
type DevicePage struct {
	Device      register.Device      `json:"device"`
	Clock       *clock.Estimate      `json:"clock,omitempty"` // what is known of its clock
	Facts       []fact.Resolved      `json:"facts"`           // what is observed, said and decided, and what speaks against it
	Model       string               `json:"model,omitempty"` // id of its model, where it is known
	Release     string               `json:"release,omitempty"`
	States      []state.State        `json:"states"` // how it is and why; the first says whether it speaks
	Reading     DeviceReading        `json:"reading,omitzero"`
	History     []register.Change    `json:"history"`
	Quarantined []deliver.Quarantine `json:"quarantined,omitempty"` // what waits until it is adopted
	Aliases     []Alias              `json:"aliases,omitempty"`     // what was merged into it: its other names
}

// DeviceAct is an act on one device.
type DeviceAct struct {
	ID      model.DeviceID `json:"id" arg:"id" doc:"device id"`
	Version int64          `json:"version,omitempty" doc:"refuse when another version is in force"`
	Reason  string         `json:"reason,omitempty" doc:"why, for the audit"`
}

// DeviceAssert is what a person says of a device.
type DeviceAssert struct {
	DeviceAct
	Name  string `json:"name,omitempty" doc:"its name on the ward"`
	Place string `json:"place,omitempty" doc:"where it stands: point of care^room^bed"`
	Note  string `json:"note,omitempty" doc:"anything worth knowing"`
}

func deviceOps() []Op {
	return []Op{
		define(Reads, "device.list", "List devices: what was seen on the wire, and what was adopted.", "--new", listDevices),
		define(Reads, "device.get", "Show one device with its history.", "dev-abc", getDevice),
		define(Acts, "device.adopt", "Take a device into use.", "dev-abc --reason 'delivered today'", adoptDevice),
		define(Acts, "device.release", "Undo a device's adoption.", "dev-abc --reason 'returned to the maker'", func(ctx context.Context, c *call, r DeviceAct) (register.Device, error) {
			c.object, c.reason = "device "+string(r.ID), r.Reason
			return c.s.Register.Release(ctx, c.tx, r.ID, expected(r.Version), c.mark())
		}),
		define(Acts, "device.assert", "Say a device's name, place and note.", "dev-abc --name 'Monitor 7' --place ICU^2^23", func(ctx context.Context, c *call, r DeviceAssert) (register.Device, error) {
			c.object, c.reason = "device "+string(r.ID), r.Reason
			place, err := register.ParsePlace(r.Place)
			if err != nil {
				return register.Device{}, err
			}
			return c.s.Register.Assert(ctx, c.tx, r.ID, register.Asserted{Name: r.Name, Place: place, Note: r.Note}, expected(r.Version), c.mark())
		}),
	}
}

// query is what is asked for, as the register has it.
func (r *DeviceAsk) query() (register.Query, error) {
	q := register.Query{Text: r.Text, Channel: r.Channel, Profile: r.Profile, Outside: r.Outside, Model: r.Model, Release: r.Release, Limit: r.Limit, After: r.After}
	var err error
	if q.Facts, err = wantedFacts(r.Facts); err != nil {
		return q, err
	}
	if r.New {
		no := false
		q.Adopted, q.Heard = &no, true
	}
	return q, nil
}

func listDevices(ctx context.Context, c *call, r DeviceAsk) (List[DeviceRow], error) {
	q, err := r.query()
	if err != nil {
		return List[DeviceRow]{}, err
	}
	for _, name := range r.Show {
		if _, ok := fact.KindOf(name); !ok {
			return List[DeviceRow]{}, fault.New(fault.Invalid, "service.argument", "there is no fact %q; fact.kinds lists them", clip(name, 40)).At("show")
		}
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, 1000)
	var page []register.View
	if r.State != "" {
		page, err = c.s.inState(ctx, q, r.State)
	} else {
		page = c.s.Register.Walk(q)
	}
	if err != nil {
		return List[DeviceRow]{}, err
	}
	list := List[DeviceRow]{Rows: make([]DeviceRow, 0, len(page))}
	now := c.s.now()
	since, err := c.s.patientsSince(ctx, page, now)
	if err != nil {
		return List[DeviceRow]{}, err
	}
	for i := range page {
		row := deviceRow(page[i].Device)
		row.said(page[i].Said, now)
		row.States = c.s.statesWith(&page[i], since[page[i].ID], now)
		for _, name := range r.Show {
			if value := saidOf(page[i].Said, name, now); value != "" {
				if row.Said == nil {
					row.Said = map[string]string{}
				}
				row.Said[name] = value
			}
		}
		list.Rows = append(list.Rows, row)
	}
	if len(page) == q.Limit {
		list.Next = string(page[len(page)-1].ID)
	}
	return list, nil
}

func deviceRow(d register.Device) DeviceRow {
	place := d.Observed.Place.String()
	if place == "" {
		place = d.Asserted.Place.String()
	}
	row := DeviceRow{
		ID: d.ID, Name: d.Asserted.Name, Manufacturer: d.Observed.Manufacturer, Model: d.Observed.Model, Serial: d.Observed.Serial,
		Release: d.Observed.Release, Place: place, Channel: d.Seen.Channel, Peer: d.Seen.Peer, Adopted: d.Adopted(),
		FirstSeen: d.Observed.FirstSeen, LastSeen: d.Seen.LastSeen, Messages: d.Seen.Messages,
		Observations: d.Seen.Observations, Alerts: d.Seen.Alerts, Issues: d.Seen.Issues,
		Profile: d.Observed.Reading.Profile, Outside: d.Observed.Reading.Outside,
	}
	if b := d.Seen.Battery; b != nil {
		row.Battery = b.Level
	}
	return row
}

// said fills what the wire does not tell of a device with what people say.
func (r *DeviceRow) said(facts []fact.Fact, now time.Time) {
	for _, f := range []struct {
		name string
		to   *string
	}{{"manufacturer", &r.Manufacturer}, {"model", &r.Model}, {"serial", &r.Serial}, {"release", &r.Release}} {
		if *f.to == "" {
			*f.to = saidOf(facts, f.name, now)
		}
	}
}

func getDevice(ctx context.Context, c *call, r ID) (DevicePage, error) {
	d, err := c.s.Register.Get(model.DeviceID(r.ID))
	if err != nil {
		return DevicePage{}, err
	}
	page := DevicePage{Device: d, Reading: c.s.readingOf(d)}
	if e, ok := c.s.Clock(d.ID); ok {
		page.Clock = &e
	}
	view, err := c.s.Register.View(d.ID)
	if err != nil {
		return page, err
	}
	page.Model, page.Release = view.Model, view.Release
	if page.States, err = c.s.statesOf(ctx, &view, c.s.now()); err != nil {
		return page, err
	}
	if page.Facts, err = listFacts(ctx, c, FactAsk{Subject: fact.Of(fact.OfDevice, string(d.ID))}); err != nil {
		return page, err
	}
	if page.History, err = c.s.Register.History(ctx, d.ID, 200); err != nil {
		return page, err
	}
	page.Aliases = c.s.aliasesOf(d.ID)
	page.Quarantined, err = listQuarantine(ctx, c, QuarantineAsk{Device: d.ID})
	return page, err
}
