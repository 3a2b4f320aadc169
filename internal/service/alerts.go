package service

import (
	"context"
	"encoding/hex"
	"hash/fnv"
	"strings"
	"time"

	"thalamus/internal/alert"
	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// AlertAsk says which alerts to list. All that is given must match.
type AlertAsk struct {
	Patient    model.PatientID `json:"patient,omitempty" doc:"patient id"`
	Device     model.DeviceID  `json:"device,omitempty" doc:"device id"`
	Channel    model.ChannelID `json:"channel,omitempty" doc:"channel id"`
	Place      string          `json:"place,omitempty" doc:"only places that begin so, e.g. ICU or ICU^2"`
	Active     bool            `json:"active,omitempty" doc:"only those without an end, latched ones among them"`
	Stage      string          `json:"stage,omitempty" doc:"active, latched or ended"`
	Priority   string          `json:"priority,omitempty" doc:"at least so urgent: none, low, medium or high"`
	Kind       string          `json:"kind,omitempty" doc:"physiological, technical or advisory"`
	Muted      bool            `json:"muted,omitempty" doc:"only those paused, switched off or acknowledged at the device"`
	Lost       bool            `json:"lost,omitempty" doc:"only those without an end whose source is silent"`
	Heartbeats bool            `json:"heartbeats,omitempty" doc:"also the reports of sources that they are there"`
	From       time.Time       `json:"from,omitzero" doc:"told of at or after"`
	Until      time.Time       `json:"until,omitzero" doc:"told of before"`
	Limit      int             `json:"limit,omitempty" doc:"at most so many, 200 unless told"`
}

// AlertRow is one alert's life, and what is known of its source.
type AlertRow struct {
	alert.Life
	Key        string `json:"key"`                  // names this life: alert.show takes it
	Place      string `json:"place,omitempty"`      // of the source
	DeviceName string `json:"deviceName,omitempty"` // of the source
	// SilentSince is when the source was last heard, where it is silent by its
	// own rhythm. That is no end of the alert: nobody knows.
	SilentSince time.Time `json:"silentSince,omitzero"`
	Lost        bool      `json:"lost,omitempty"` // no end was reported, and the source is silent
	Heard       Hearing   `json:"heard,omitzero"` // of the source
}

// AlertStep is one change in an alert's life.
type AlertStep = alert.Step

// AlertStage says what stage one report puts an alert in: active, latched or
// ended.
func AlertStage(a *model.Alert) string { return alert.StageOf(a) }

// Hearing is how a device is heard, by its own rhythm.
type Hearing = alert.Hearing

// Hear judges how a device is heard: the one rule for pages and alerts.
func Hear(first, last time.Time, messages uint64, now time.Time) Hearing {
	return alert.Hear(first, last, messages, now)
}

func alertOps() []Op {
	return []Op{
		ofPatients(define(Reads, "alert.list", "List alerts as the devices reported them, the latest first.", "--active", listAlerts)),
		ofPatients(define(Reads, "alert.show", "Show one alert with the history of its life.", "4711.0-1f3a9c2200d4b6e8", showAlert)),
		define(Reads, "alert.sources", "List the devices that report alerts, and which of them are silent.", "--silent", listAlarmSources),
	}
}

// most is how many alerts are looked through for one list.
const mostAlerts = 10_000

func listAlerts(ctx context.Context, c *call, r AlertAsk) ([]AlertRow, error) {
	limit := r.Limit
	if limit <= 0 {
		limit = 200
	}
	states, err := c.s.Record.Alerts(ctx, record.AlertQuery{
		Subject: record.Subject{Patient: r.Patient, Device: r.Device}, Active: r.Active || r.Lost || r.Stage == model.AlertActive || r.Stage == model.AlertLatched,
		Heartbeats: r.Heartbeats, From: r.From, Until: r.Until, Limit: max(limit, mostAlerts),
	})
	if err != nil {
		return nil, err
	}
	sources := sources{c: c, now: c.s.now()}
	var rows []AlertRow
	for i := range states {
		row := sources.row(&states[i])
		if !r.matches(&row) {
			continue
		}
		c.look(row.Patient)
		row.Steps = nil
		if rows = append(rows, row); len(rows) == limit {
			break
		}
	}
	return rows, nil
}

func (r *AlertAsk) matches(a *AlertRow) bool {
	return (r.Channel == "" || r.Channel == a.Channel) &&
		(r.Place == "" || a.Place == r.Place || strings.HasPrefix(a.Place, strings.TrimSuffix(r.Place, "^")+"^")) &&
		(r.Stage == "" || r.Stage == a.Stage) && (r.Kind == "" || r.Kind == a.Alert.Kind) &&
		(r.Priority == "" || alert.Rank(a.Alert.Priority) >= alert.Rank(r.Priority)) &&
		(!r.Muted || alert.IsMuted(a.Alert.Muted)) && (!r.Lost || a.Lost)
}

// keyOf names a life: its first report, and what tells it from others of the
// same message.
func keyOf(l *alert.Life) string {
	h := fnv.New64a()
	h.Write([]byte(string(l.Device) + "\x00" + l.Alert.ID))
	ref, _ := l.First.MarshalText()
	return string(ref) + "-" + hex.EncodeToString(h.Sum(nil))
}

func showAlert(ctx context.Context, c *call, r ID) (AlertRow, error) {
	absent := fault.New(fault.Absent, "service.no-alert", "there is no such alert; alert.list gives their keys")
	var first model.MessageRef
	text, _, ok := strings.Cut(r.ID, "-")
	if !ok || first.UnmarshalText([]byte(text)) != nil {
		return AlertRow{}, absent
	}
	m, err := c.s.Record.Message(ctx, first)
	if err != nil {
		if fault.KindOf(err) == fault.Absent {
			return AlertRow{}, absent
		}
		return AlertRow{}, err
	}
	states, err := c.s.Record.Alerts(ctx, record.AlertQuery{From: m.Arrived, Until: m.Arrived.Add(1), Heartbeats: true, Limit: mostAlerts})
	if err != nil {
		return AlertRow{}, err
	}
	sources := sources{c: c, now: c.s.now()}
	for i := range states {
		if states[i].First == first && keyOf(&states[i]) == r.ID {
			c.look(states[i].Patient)
			return sources.row(&states[i]), nil
		}
	}
	return AlertRow{}, absent
}

// sources looks up the devices behind alerts, each once a call.
type sources struct {
	c     *call
	now   time.Time
	known map[model.DeviceID]source
}

type source struct {
	name, place string
	hearing     alert.Hearing
}

func (s *sources) of(id model.DeviceID) source {
	if one, ok := s.known[id]; ok {
		return one
	}
	var one source
	if d, err := s.c.s.Register.Get(id); err == nil {
		row := deviceRow(d)
		one = source{nameOf(&row), row.Place, Hear(row.FirstSeen, row.LastSeen, row.Messages, s.now)}
	}
	if s.known == nil {
		s.known = map[model.DeviceID]source{}
	}
	s.known[id] = one
	return one
}

func (s *sources) row(l *alert.Life) AlertRow {
	from := s.of(l.Device)
	row := AlertRow{Life: *l, Key: keyOf(l), Place: from.place, DeviceName: from.name, Heard: from.hearing}
	if from.hearing.IsSilent {
		row.SilentSince, row.Lost = from.hearing.Last, l.Active
	}
	return row
}

// nameOf is what people call a device.
func nameOf(row *DeviceRow) string {
	if row.Name != "" {
		return row.Name
	}
	if name := strings.TrimSpace(row.Manufacturer + " " + row.Model); name != "" {
		return name
	}
	return string(row.ID)
}
