package recorddb

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// issueKey groups issues by hour of arrival, channel and code.
type issueKey struct {
	hour    int64 // Unix hours
	channel model.ChannelID
	code    string
}

// tally holds what is counted: per channel since the record began, issues since
// the last seal, and when each device was heard.
type tally struct {
	counts    map[model.ChannelID]*record.Count
	issues    map[issueKey]*record.IssueGroup
	sightings map[model.DeviceID]*record.Sighting
	sighted   map[model.DeviceID]bool // since the last seal
}

func newTally() *tally {
	return &tally{
		counts: map[model.ChannelID]*record.Count{}, issues: map[issueKey]*record.IssueGroup{},
		sightings: map[model.DeviceID]*record.Sighting{}, sighted: map[model.DeviceID]bool{},
	}
}

func (t *tally) add(m *model.Message) {
	c := t.counts[m.Channel]
	if c == nil {
		c = new(record.Count)
		t.counts[m.Channel] = c
	}
	c.Recorded++
	for i := range m.Observations {
		count(&c.Observations, &c.Repeated, m.Observations[i].Same)
	}
	for i := range m.Waveforms {
		count(&c.Waveforms, &c.Repeated, m.Waveforms[i].Same)
	}
	for i := range m.Alerts {
		count(&c.Alerts, &c.Repeated, m.Alerts[i].Same)
	}
	c.Issues += uint64(len(m.Issues))
	if m.Duplicate != (model.MessageRef{}) {
		c.Duplicates++
	}
	for i := range m.Routed {
		if m.Routed[i].Refused != "" {
			c.Refused++
			break
		}
	}
	if m.Arrived.After(c.Last) {
		c.Last = m.Arrived
	}
	for i := range m.Issues {
		t.issue(m, &m.Issues[i])
	}
	for i := range m.Devices {
		if id := m.Devices[i].ID; id != "" {
			t.sight(m, id)
		}
	}
	record.HearClocks(m, func(id model.DeviceID) *record.Sighting { return t.sightings[id] })
}

// count counts a part where it came first.
func count(first, again *uint64, same model.MessageRef) {
	if same == (model.MessageRef{}) {
		*first++
	} else {
		*again++
	}
}

func (t *tally) issue(m *model.Message, i *model.Issue) {
	k := issueKey{m.Arrived.Unix() / 3600, m.Channel, i.Code}
	g := t.issues[k]
	if g == nil {
		g = &record.IssueGroup{Code: i.Code, Channel: m.Channel, First: m.Arrived}
		t.issues[k] = g
	}
	g.Count++
	g.Last, g.Ref, g.Severity, g.Example = m.Arrived, m.Ref, i.Severity, *i
}

func (t *tally) sight(m *model.Message, id model.DeviceID) {
	s := t.sightings[id]
	if s == nil {
		s = &record.Sighting{Device: id, First: m.Arrived}
		t.sightings[id] = s
	}
	s.Channel, s.Peer, s.Last, s.Ref = m.Channel, m.Peer, m.Arrived, m.Ref
	if p := record.PatientOf(m); p != "" {
		s.Patient = p
	}
	s.Messages++
	t.sighted[id] = true
}

// mergeIssue adds what one hour or file knows of a code to a group.
func mergeIssue(into map[issueKey]*record.IssueGroup, g *record.IssueGroup) {
	k := issueKey{0, g.Channel, g.Code}
	have := into[k]
	if have == nil {
		one := *g
		into[k] = &one
		return
	}
	have.Count += g.Count
	if g.First.Before(have.First) {
		have.First = g.First
	}
	if g.Last.After(have.Last) {
		have.Last, have.Ref, have.Severity, have.Example = g.Last, g.Ref, g.Severity, g.Example
	}
}

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

func sortIssues(groups map[issueKey]*record.IssueGroup) []record.IssueGroup {
	list := make([]record.IssueGroup, 0, len(groups))
	for _, g := range groups {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b record.IssueGroup) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Channel, b.Channel))
	})
	return list
}

// Issues gives what could not be understood, grouped by code and channel.
func (d *DB) Issues(ctx context.Context, q record.IssueQuery) ([]record.IssueGroup, error) {
	for {
		groups, whole, err := d.issues(ctx, q)
		if err != nil {
			return nil, err
		}
		if whole {
			return sortIssues(groups), nil
		}
	}
}

// issues adds what memory and the files know; whole is false when a seal came
// between the two.
func (d *DB) issues(ctx context.Context, q record.IssueQuery) (groups map[issueKey]*record.IssueGroup, whole bool, err error) {
	lo, hi := int64(-1<<62), int64(1<<62)
	if !q.From.IsZero() {
		lo = hourOf(q.From)
	}
	if !q.Until.IsZero() {
		hi = hourOf(q.Until.Add(time.Hour - 1))
	}
	groups = map[issueKey]*record.IssueGroup{}
	add := func(k issueKey, g *record.IssueGroup) {
		if k.hour >= lo && k.hour < hi && (q.Channel == "" || q.Channel == k.channel) && (q.Code == "" || q.Code == k.code) {
			mergeIssue(groups, g)
		}
	}
	d.mu.RLock()
	for k, g := range d.fresh.tally.issues {
		add(k, g)
	}
	files := d.filesAfter(0)
	d.mu.RUnlock()
	for _, f := range files {
		if hourOf(utc(f.clock)) < lo {
			continue
		}
		err := d.read(ctx, f.f, func(r *reading) error {
			err := r.rows("SELECT coalesce(max(id), 0) FROM seal", func(st *sqlite3.Stmt) (bool, error) {
				whole = st.ColumnInt64(0) == f.seal
				return false, nil
			})
			if err != nil || !whole {
				return err
			}
			return r.rows("SELECT hour, body FROM issue", func(st *sqlite3.Stmt) (bool, error) {
				var g record.IssueGroup
				err := unjson(st.ColumnRawText(1), &g)
				if err == nil {
					add(issueKey{st.ColumnInt64(0), g.Channel, g.Code}, &g)
				}
				return true, err
			})
		})
		if err != nil || !whole {
			return nil, false, err
		}
	}
	return groups, true, nil
}
