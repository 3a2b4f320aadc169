package service

import (
	"context"
	"maps"
	"slices"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/intake"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// ID names one governed thing in a request.
type ID struct {
	ID string `json:"id" arg:"id" doc:"its id"`
}

// Remove ends a governed thing.
type Remove struct {
	ID      string `json:"id" arg:"id" doc:"its id"`
	Version int64  `json:"version,omitempty" doc:"refuse when another version is in force"`
	Reason  string `json:"reason,omitempty" doc:"why, for the audit"`
}

// Put makes or changes a governed thing.
type Put[T any] struct {
	Value   T      `json:"value" doc:"the whole thing, as JSON"`
	Version int64  `json:"version,omitempty" doc:"refuse when another version is in force"`
	Reason  string `json:"reason,omitempty" doc:"why, for the audit"`
}

func expected(version int64) int64 {
	if version == 0 {
		return register.AnyVersion
	}
	return version
}

// governedOps are the operations of one kind of governed things.
func governedOps[T any](noun, what, example string, set register.Set[T], check func(s *Service, v T) error) []Op {
	force := rules(set.Kind)
	ops := []Op{
		define(Reads, noun+".get", "Show one "+what+" with its version and who made it so.", "icu", func(ctx context.Context, c *call, r ID) (register.Versioned[T], error) {
			v, err := set.Get(ctx, c.s.Store, r.ID)
			v.Value = c.s.redact(v.Value).(T)
			return v, err
		}),
		define(Reads, noun+".history", "List the versions of one "+what+", newest first.", "icu", func(ctx context.Context, c *call, r ID) ([]register.Versioned[T], error) {
			rows, err := set.History(ctx, c.s.Store, r.ID, 100)
			for i := range rows {
				rows[i].Value = c.s.redact(rows[i].Value).(T)
			}
			return rows, err
		}),
		define(Acts, noun+".put", "Make or change one "+what+".", "--value '"+example+"' --reason 'new ward'", func(ctx context.Context, c *call, r Put[T]) (register.Versioned[T], error) {
			value, err := c.s.whole(ctx, r.Value)
			if err != nil {
				return register.Versioned[T]{}, under(err, "value", "")
			}
			if err := first(set.Check(value.(T)), check(c.s, value.(T))); err != nil {
				return register.Versioned[T]{}, under(err, "value", set.ID(r.Value))
			}
			if force {
				if err := c.bringInForce(ctx); err != nil {
					return register.Versioned[T]{}, err
				}
			}
			v, err := set.Put(ctx, c.tx, value.(T), expected(r.Version), c.mark())
			v.Value = c.s.redact(v.Value).(T)
			return v, err
		}),
		define(Acts, noun+".remove", "Remove one "+what+".", "icu --reason 'ward closed'", func(ctx context.Context, c *call, r Remove) (None, error) {
			if err := c.free(ctx, noun, r.ID); err != nil {
				return None{}, err
			}
			if force {
				if err := c.bringInForce(ctx); err != nil {
					return None{}, err
				}
			}
			return None{}, set.Remove(ctx, c.tx, r.ID, expected(r.Version), c.mark())
		}),
		define(Acts, noun+".restore", "Bring an earlier version of one "+what+" back, also of one that was removed; without a number the one before what is in force.", "icu 3 --reason 'the new limits were wrong'", func(ctx context.Context, c *call, r Restore) (register.Versioned[T], error) {
			return restoreVersion(ctx, c, set, check, r)
		}),
	}
	for i := range ops {
		ops[i].Forces = force && ops[i].Mode == Acts
	}
	return ops
}

func relayOps() []Op {
	var ops []Op
	ops = append(ops, governedOps("channel", "channel", `{"id":"icu","driver":"mllp","codec":"hl7v2","settings":{"listen":"0.0.0.0:2575"}}`,
		register.Channels(), func(s *Service, v model.Channel) error { return s.Links.Check(v) })...)
	ops = append(ops, governedOps("route", "route", `{"id":"all-to-ehr","destinations":["ehr"]}`,
		register.Routes(), func(s *Service, v model.Route) error { return s.CheckRoute(v) })...)
	ops = append(ops, governedOps("destination", "destination", `{"id":"ehr","kind":"fhir","settings":{"base_url":"https://ehr.example/fhir"}}`,
		register.Destinations(), func(s *Service, v model.Destination) error { return s.CheckDestination(v) })...)
	return append(ops,
		define(Reads, "channel.list", "List the channels: how each link is, and what it brought.", "", listChannels),
		forcing(define(Acts, "channel.enable", "Open a channel that was closed.", "icu", func(ctx context.Context, c *call, r Remove) (None, error) { return setChannel(ctx, c, r, false) })),
		forcing(define(Acts, "channel.disable", "Close a channel; what was received stays and goes on.", "icu --reason maintenance", func(ctx context.Context, c *call, r Remove) (None, error) { return setChannel(ctx, c, r, true) })),
		define(Reads, "destination.list", "List the destinations: state, queued, delivered, dead, lag.", "", listDestinations),
		define(Reads, "route.list", "List the routes.", "", listRoutes),
		forcing(define(Acts, "destination.pause", "Stop delivering to a destination; what it is owed waits.", "ehr --reason 'upgrade tonight'", func(ctx context.Context, c *call, r Remove) (None, error) { return setDestination(ctx, c, r, true) })),
		forcing(define(Acts, "destination.resume", "Go on delivering to a destination.", "ehr", func(ctx context.Context, c *call, r Remove) (None, error) { return setDestination(ctx, c, r, false) })),
	)
}

func setChannel(ctx context.Context, c *call, r Remove, disabled bool) (None, error) {
	v, err := register.Channels().Get(ctx, c.tx, r.ID)
	if err != nil {
		return None{}, err
	}
	if err := c.bringInForce(ctx); err != nil {
		return None{}, err
	}
	v.Value.Disabled = disabled
	_, err = register.Channels().Put(ctx, c.tx, v.Value, expected(r.Version), c.mark())
	return None{}, err
}

func setDestination(ctx context.Context, c *call, r Remove, disabled bool) (None, error) {
	v, err := register.Destinations().Get(ctx, c.tx, r.ID)
	if err != nil {
		return None{}, err
	}
	if err := c.bringInForce(ctx); err != nil {
		return None{}, err
	}
	v.Value.Disabled = disabled
	_, err = register.Destinations().Put(ctx, c.tx, v.Value, expected(r.Version), c.mark())
	return None{}, err
}

// ChannelRow is a channel as the overview shows it: counts that link to lists.
type ChannelRow struct {
	ID           model.ChannelID `json:"id"`
	Name         string          `json:"name,omitempty"`
	Driver       string          `json:"driver"`
	State        string          `json:"state"`
	Address      string          `json:"address,omitempty"`
	Peers        int             `json:"peers"`
	Received     uint64          `json:"received"` // frames made durable since the server started
	Refused      uint64          `json:"refused"`  // frames not accepted since the server started
	Recorded     uint64          `json:"recorded"` // messages, ever
	Observations uint64          `json:"observations"`
	Issues       uint64          `json:"issues"`
	Duplicates   uint64          `json:"duplicates"`
	Repeated     uint64          `json:"repeated"` // observations, runs of samples and alert events that came before over another path
	Last         time.Time       `json:"last,omitzero"`
	Text         string          `json:"text,omitempty"`   // why it is not as it should be
	Code         string          `json:"code,omitempty"`   // of the fault that Text is, if it is one
	Counts       model.Counts    `json:"counts,omitempty"` // of what came since the link began
	Notes        []LinkNote      `json:"notes,omitempty" text:"below"`
}

// DestinationRow is a destination as the overview shows it.
type DestinationRow struct {
	ID          model.DestinationID `json:"id"`
	Name        string              `json:"name,omitempty"`
	Kind        string              `json:"kind"`
	State       string              `json:"state"`
	Queued      int64               `json:"queued"`
	Delivered   int64               `json:"delivered"`
	Dead        int64               `json:"dead"`
	Quarantined int64               `json:"quarantined"` // wait until somebody adopts their devices
	PerSecond   float64             `json:"perSecond"`
	Oldest      time.Time           `json:"oldest,omitzero"`
	LastTime    time.Time           `json:"lastTime,omitzero"`
	LastCode    string              `json:"lastCode,omitempty"`
	LastReason  string              `json:"lastReason,omitempty"`
	Receipt     string              `json:"receipt,omitempty"`
}

func listChannels(ctx context.Context, c *call, _ None) ([]ChannelRow, error) {
	all, err := register.Channels().List(ctx, c.s.Store)
	if err != nil {
		return nil, err
	}
	status, counts := c.s.Links.Status(), c.s.Record.Counts()
	frames := map[model.ChannelID]intake.Counts{}
	for _, n := range c.s.Intake.Counts() {
		frames[n.Channel] = n
	}
	rows := make([]ChannelRow, 0, len(all))
	for _, v := range all {
		ch, link, n, in := v.Value, status[v.Value.ID], counts[v.Value.ID], frames[v.Value.ID]
		row := ChannelRow{
			ID: ch.ID, Name: ch.Name, Driver: ch.Driver, State: link.State, Address: link.Address, Peers: link.Peers, Text: link.Text, Code: link.Code, Counts: link.Counts,
			Received: in.Frames, Refused: in.Refused + in.Postponed, Recorded: n.Recorded, Observations: n.Observations, Issues: n.Issues,
			Duplicates: n.Duplicates, Repeated: n.Repeated, Last: n.Last, Notes: link.Notes,
		}
		if ch.Disabled {
			row.State = "disabled"
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func listRoutes(ctx context.Context, c *call, _ None) ([]model.Route, error) {
	rows, err := register.Routes().List(ctx, c.s.Store)
	out := make([]model.Route, len(rows))
	for i := range rows {
		out[i] = rows[i].Value
	}
	return out, err
}

func listDestinations(ctx context.Context, c *call, _ None) ([]DestinationRow, error) {
	all, err := register.Destinations().List(ctx, c.s.Store)
	if err != nil {
		return nil, err
	}
	stats, err := c.s.Deliveries.Stats(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]DestinationRow, 0, len(all))
	for _, v := range all {
		row := DestinationRow{ID: v.Value.ID, Name: v.Value.Name, Kind: v.Value.Kind, State: "stopped"}
		for _, st := range stats {
			if st.Destination == v.Value.ID {
				row.State, row.Queued, row.Delivered, row.Dead, row.PerSecond = string(st.State), st.Queued, st.Delivered, st.Dead, st.PerSecond
				row.Quarantined = st.Quarantined
				row.Oldest, row.LastTime, row.Receipt = st.Oldest, st.LastTime, st.LastReceipt
				if st.LastFailed.After(st.LastTime) {
					row.LastCode, row.LastReason = st.LastCode, st.LastReason
				}
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Overview is how everything stands, for the first page.
type Overview struct {
	Version      string           `json:"version"`
	Started      time.Time        `json:"started"`
	Channels     []ChannelRow     `json:"channels"`
	Destinations []DestinationRow `json:"destinations"`
	Devices      int              `json:"devices"`
	Unadopted    int              `json:"unadopted"`
	Quarantined  int64            `json:"quarantined"` // deliveries that wait for devices to be adopted
	ActiveAlerts int              `json:"activeAlerts"`
	Journal      model.Seq        `json:"journal"`  // last entry that is durable
	Recorded     model.Seq        `json:"recorded"` // last entry that is in the record
	Faults       []string         `json:"faults,omitempty"`
}

func overviewOps() []Op {
	return []Op{define(Reads, "overview.get", "Show how everything stands: every channel and destination as a row of counts.", "", getOverview)}
}

func getOverview(ctx context.Context, c *call, _ None) (Overview, error) {
	o := Overview{Version: c.s.Version, Started: c.s.Started, Journal: c.s.Journal.Head(), Recorded: c.s.Cursor(), Faults: c.s.Health()}
	var err error
	if o.Channels, err = listChannels(ctx, c, None{}); err != nil {
		return o, err
	}
	if o.Destinations, err = listDestinations(ctx, c, None{}); err != nil {
		return o, err
	}
	for _, d := range o.Destinations {
		o.Quarantined += d.Quarantined
	}
	o.Devices, o.Unadopted = c.s.Register.Totals()
	alerts, err := c.s.Record.Alerts(ctx, activeAlerts)
	o.ActiveAlerts = len(alerts)
	return o, err
}

// secret stands in answers in place of a secret setting; given back in a put
// it means: leave as it is.
const secret = "(secret)"

// redact gives a governed thing without its secrets.
func (s *Service) redact(v any) any {
	switch v := v.(type) {
	case model.Channel:
		v.Settings = s.Redact("driver", v.Driver, v.Settings)
		return v
	case model.Destination:
		v.Settings = s.Redact("destination", v.Kind, v.Settings)
		return v
	}
	return v
}

func redacted[T any](s *Service, v T) T { return s.redact(v).(T) }

// complete gives a channel that names no codec its driver's first.
func (s *Service) complete(c *model.Channel) {
	if c.Codec != "" {
		return
	}
	for _, k := range s.Drivers {
		if k.Name == c.Driver && len(k.Codecs) > 0 {
			c.Codec = k.Codecs[0]
		}
	}
}

// whole gives a thing as it is to come in force: with the secrets that an answer
// left out, a channel with its codec.
func (s *Service) whole(ctx context.Context, v any) (any, error) {
	switch v := v.(type) {
	case model.Channel:
		old, err := register.Channels().Get(ctx, s.Store, string(v.ID))
		if err != nil && fault.KindOf(err) != fault.Absent {
			return v, err
		}
		v.Settings = cloneSettings(v.Settings)
		s.complete(&v)
		return v, restoreSecrets(v.Settings, old.Value.Settings, "settings")
	case model.Destination:
		old, err := register.Destinations().Get(ctx, s.Store, string(v.ID))
		if err != nil && fault.KindOf(err) != fault.Absent {
			return v, err
		}
		v.Settings = cloneSettings(v.Settings)
		return v, restoreSecrets(v.Settings, old.Value.Settings, "settings")
	}
	return v, nil
}

// cloneSettings copies the groups of settings, because secrets are put into
// them; lists and values are never changed.
func cloneSettings(m map[string]any) map[string]any {
	out := maps.Clone(m)
	for k, v := range out {
		if sub, ok := v.(map[string]any); ok {
			out[k] = cloneSettings(sub)
		}
	}
	return out
}

func restoreSecrets(settings, old map[string]any, place string) error {
	for _, k := range slices.Sorted(maps.Keys(settings)) { // the same error each time
		switch x := settings[k].(type) {
		case map[string]any:
			sub, _ := old[k].(map[string]any)
			if err := restoreSecrets(x, sub, place+"."+k); err != nil {
				return err
			}
		case string:
			if x != secret {
				continue
			}
			before, ok := old[k]
			if !ok {
				return fault.New(fault.Invalid, "service.no-secret", "there is no secret yet that could be left as it is; give it").At(place + "." + k)
			}
			settings[k] = before
		}
	}
	return nil
}
