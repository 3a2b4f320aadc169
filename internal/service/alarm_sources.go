package service

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"thalamus/internal/alert"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// SourceAsk says which sources of alerts to list.
type SourceAsk struct {
	Silent bool `json:"silent,omitempty" doc:"only those that are silent by their own rhythm"`
}

// AlarmSource is a device that has reported alerts, or that it is there to
// report them. A silent one is shown because nobody else would tell: an alarm
// that cannot come looks like quiet (R21).
type AlarmSource struct {
	Device  model.DeviceID  `json:"device"`
	Name    string          `json:"name"`
	Place   string          `json:"place,omitempty"`
	Channel model.ChannelID `json:"channel,omitempty"`
	alert.Hearing
	Active int `json:"active"` // alerts of it without an end
	// ShutDown is when it said itself that it stops; it is not silent then.
	ShutDown time.Time `json:"shutDown,omitzero"`
}

func listAlarmSources(ctx context.Context, c *call, r SourceAsk) ([]AlarmSource, error) {
	all, err := alarmSources(ctx, c)
	if r.Silent {
		all = slices.DeleteFunc(all, func(s AlarmSource) bool { return !s.IsSilent })
	}
	return all, err
}

// alarmSources gives the devices that report alerts, the silent ones first.
func alarmSources(ctx context.Context, c *call) ([]AlarmSource, error) {
	now := c.s.now()
	active, err := c.s.Record.Alerts(ctx, record.AlertQuery{Active: true, Limit: mostAlerts})
	if err != nil {
		return nil, err
	}
	count := map[model.DeviceID]int{}
	for i := range active {
		count[active[i].Device]++
	}
	stopped, err := stoppedSources(ctx, c, now)
	if err != nil {
		return nil, err
	}
	var all []AlarmSource
	q := register.Query{Alarms: true, Limit: 1000}
	for {
		page, _ := c.s.Register.List(q)
		for _, d := range page {
			row := deviceRow(d)
			one := AlarmSource{
				Device: d.ID, Name: nameOf(&row), Place: row.Place, Channel: row.Channel, Active: count[d.ID],
				Hearing: Hear(row.FirstSeen, row.LastSeen, row.Messages, now),
			}
			if at := stopped[d.ID]; !at.IsZero() && !at.Before(row.LastSeen) {
				one.ShutDown, one.IsLate, one.IsSilent = at, false, false
			}
			all = append(all, one)
		}
		if len(page) < q.Limit {
			break
		}
		q.After = page[len(page)-1].ID
	}
	rank := func(s *AlarmSource) int {
		switch {
		case s.IsSilent && s.Active > 0:
			return 0
		case s.IsSilent:
			return 1
		case s.IsLate:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(all, func(a, b AlarmSource) int {
		return cmp.Or(cmp.Compare(rank(&a), rank(&b)), natural(a.Place, b.Place), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

// stoppedSources gives the sources whose last heartbeat said that they stop.
func stoppedSources(ctx context.Context, c *call, now time.Time) (map[model.DeviceID]time.Time, error) {
	beats, err := c.s.Record.Alerts(ctx, record.AlertQuery{Heartbeats: true, From: now.Add(-7 * 24 * time.Hour), Limit: mostAlerts})
	stopped := map[model.DeviceID]time.Time{}
	for i := range beats {
		if b := &beats[i]; b.Alert.Heartbeat && !b.Active && b.Arrived.After(stopped[b.Device]) {
			stopped[b.Device] = b.Arrived
		}
	}
	return stopped, err
}

// silentIssues says of silent sources what lists of issues say of messages, so
// that who looks there finds it too. They hold now, so they are in lists that
// reach up to now.
func silentIssues(ctx context.Context, c *call, r IssueAsk) ([]record.IssueGroup, error) {
	const code = "alert.source-silent"
	now := c.s.now()
	if r.Code != "" && r.Code != code || !r.Until.IsZero() && r.Until.Before(now) {
		return nil, nil
	}
	all, err := alarmSources(ctx, c)
	if err != nil {
		return nil, err
	}
	groups := map[model.ChannelID]*record.IssueGroup{}
	var out []record.IssueGroup
	for i := range all {
		s := &all[i]
		if !s.IsSilent || r.Channel != "" && r.Channel != s.Channel {
			continue
		}
		g := groups[s.Channel]
		if g == nil {
			g = &record.IssueGroup{Code: code, Channel: s.Channel, Severity: model.Warning, First: s.Last, Last: now, Example: model.Issue{
				Code: code, Severity: model.Warning, Received: string(s.Device), Text: "a device that reports alerts has not been heard for longer than its own rhythm lets expect",
				Hint: "see that it is on and connected; whether one of its alerts goes on, nobody knows",
			}}
			groups[s.Channel] = g
		}
		g.Count++
		if s.Last.Before(g.First) {
			g.First = s.Last
		}
		if s.Active > 0 && g.Severity != model.Error {
			g.Severity, g.Example.Severity = model.Error, model.Error
			g.Example.Text = "a device that reports alerts has not been heard for longer than its own rhythm lets expect, while " + strconv.Itoa(s.Active) + " of its alerts had no end"
		}
	}
	for _, g := range groups {
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b record.IssueGroup) int { return cmp.Compare(a.Channel, b.Channel) })
	return out, nil
}
