package storetest

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/clock"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// Every way of reading gives what the plain list of messages says, while the
// record grows over days and is opened again now and then.
func recordReads(t *testing.T, open func(*testing.T, string) RecordStore, seed uint64) {
	ctx, dir := context.Background(), t.TempDir()
	s := open(t, dir)
	defer func() { s.Close() }()
	w, o := NewWard(seed), &oracle{}
	for round := range 30 {
		for range 1 + w.r.IntN(4) {
			b := w.Batch(1 + w.r.IntN(60))
			must(t, s.Commit(ctx, b))
			o.msgs = append(o.msgs, b.Messages...)
		}
		if w.r.IntN(4) == 0 {
			w.now = w.now.Add(time.Duration(w.r.IntN(8)) * time.Hour)
		}
		if w.r.IntN(3) == 0 {
			must(t, s.Close())
			s = open(t, dir)
		}
		if s.Head() != o.msgs[len(o.msgs)-1].Ref || s.Cursor() != w.seq {
			t.Fatal(round, s.Head(), s.Cursor())
		}
		if round%5 == 4 {
			CheckRecord(t, s, w, o.msgs)
			if t.Failed() {
				t.Fatal("round", round)
			}
		}
	}
}

// CheckRecord reads a record that holds these messages in every way, with
// questions that the ward's dice choose.
func CheckRecord(t *testing.T, s RecordStore, w *Ward, msgs []*model.Message) {
	t.Helper()
	c := checker{t: t, ctx: context.Background(), s: s, w: w, o: &oracle{msgs}}
	c.messages()
	c.search()
	c.series()
	c.numbers()
	c.lastValues()
	c.rest()
}

type checker struct {
	t   *testing.T
	ctx context.Context
	s   RecordStore
	w   *Ward
	o   *oracle
}

func (c *checker) messages() {
	c.t.Helper()
	for range 30 {
		want := c.o.msgs[c.w.r.IntN(len(c.o.msgs))]
		got, err := c.s.Message(c.ctx, want.Ref)
		must(c.t, err)
		if !reflect.DeepEqual(got, want) {
			c.t.Errorf("Message %v differs:\n got %+v\nwant %+v", want.Ref, got, want)
		}
	}
	for _, dest := range []model.DestinationID{"fhir", "ehr", "lake", "nobody"} {
		var got []model.MessageRef
		at := model.MessageRef{}
		for {
			msgs, upTo, err := c.s.Owed(c.ctx, dest, at, 1+c.w.r.IntN(100))
			must(c.t, err)
			for _, m := range msgs {
				got = append(got, m.Ref)
			}
			if upTo == at {
				break
			}
			at = upTo
		}
		if want := c.o.owed(dest); !slices.Equal(got, want) || at != c.s.Head() {
			c.t.Errorf("Owed %s: %d of %d, up to %v", dest, len(got), len(want), at)
		}
	}
}

func (c *checker) when() time.Time {
	m := c.o.msgs[c.w.r.IntN(len(c.o.msgs))]
	return m.Arrived.Add(time.Duration(c.w.r.IntN(3)-1) * time.Millisecond)
}

func (c *checker) search() {
	c.t.Helper()
	r := c.w.r
	for range 40 {
		var q record.Query
		if r.IntN(3) == 0 {
			q.Patients = []model.PatientID{model.PatientID(fmt.Sprint("pat", r.IntN(8))), "pat3"}[:1+r.IntN(2)]
		}
		if r.IntN(4) == 0 {
			q.Device = model.DeviceID(fmt.Sprint("dev", r.IntN(10)))
		}
		if r.IntN(5) == 0 {
			q.Channel = model.ChannelID(fmt.Sprint("ch", r.IntN(4)))
		}
		if r.IntN(4) == 0 {
			q.Type = []string{"ORU", "ORU^R40", "ADT^A01^ADT_A01", "OR"}[r.IntN(4)]
		}
		if r.IntN(4) == 0 {
			q.Code = []string{"MDC_ECG_HEART_RATE", "150344", "8310-5", "C5", "none", "MDC_EVT_LO", "131330"}[r.IntN(7)]
		}
		if r.IntN(5) == 0 {
			q.ControlText = []string{"D3-", "-0001", "7", "x"}[r.IntN(4)]
		}
		if r.IntN(4) == 0 {
			q.From = c.when()
		}
		if r.IntN(4) == 0 {
			q.Until = c.when()
		}
		q.WithIssues, q.WithAlerts, q.Refused = r.IntN(8) == 0, r.IntN(8) == 0, r.IntN(8) == 0
		if r.IntN(6) == 0 {
			q.After = c.o.msgs[r.IntN(len(c.o.msgs))].Ref
		}
		if r.IntN(6) == 0 {
			q.Before = c.o.msgs[r.IntN(len(c.o.msgs))].Ref
		}
		q.Limit = 1 + r.IntN(200)
		want := c.o.search(q)
		var got []model.MessageRef
		page := q
		for {
			found, next, err := c.s.Search(c.ctx, page)
			must(c.t, err)
			if len(found) > q.Limit {
				c.t.Errorf("Search gave %d of at most %d", len(found), q.Limit)
			}
			for _, f := range found {
				got = append(got, f.Ref)
			}
			if next == (model.MessageRef{}) {
				break
			}
			page.Before = next
		}
		if !slices.Equal(got, want) {
			c.t.Errorf("Search %+v: found %d, want %d", q, len(got), len(want))
		}
		c.scan(q, want)
	}
	for range 8 {
		span := record.Span{}
		if r.IntN(2) == 0 {
			span.From = c.when()
		}
		if r.IntN(2) == 0 {
			span.Until = c.when()
		}
		if r.IntN(2) == 0 {
			span.Device = model.DeviceID(fmt.Sprint("dev", r.IntN(10)))
		}
		if r.IntN(2) == 0 {
			span.Channel = model.ChannelID(fmt.Sprint("ch", r.IntN(3)))
		}
		var got []model.MessageRef
		for ref, err := range c.s.Refs(c.ctx, span) {
			must(c.t, err)
			got = append(got, ref)
		}
		if want := c.o.refs(span); !slices.Equal(got, want) {
			c.t.Errorf("Refs %+v: %d, want %d", span, len(got), len(want))
		}
	}
}

// scan reads the messages of a query the other way round, and them whole.
func (c *checker) scan(q record.Query, want []model.MessageRef) {
	c.t.Helper()
	n := 0
	for m, err := range c.s.Scan(c.ctx, q) {
		must(c.t, err)
		if n++; n > len(want) || m.Ref != want[len(want)-n] {
			c.t.Fatalf("Scan %+v: message %d of %d is %v", q, n, len(want), m.Ref)
		}
		if i := c.w.r.IntN(len(c.o.msgs)); i%16 == 0 {
			at := slices.IndexFunc(c.o.msgs, func(o *model.Message) bool { return o.Ref == m.Ref })
			if !reflect.DeepEqual(m, c.o.msgs[at]) {
				c.t.Errorf("Scan: message %v differs", m.Ref)
			}
		}
	}
	if n != len(want) {
		c.t.Errorf("Scan %+v: %d, want %d", q, n, len(want))
	}
}

func (c *checker) subject() record.Subject {
	s := record.Subject{Patient: model.PatientID(fmt.Sprint("pat", c.w.r.IntN(7)))}
	if c.w.r.IntN(2) == 0 {
		s.Device = model.DeviceID(fmt.Sprint("dev", c.w.r.IntN(9)))
		if c.w.r.IntN(3) > 0 {
			s.Patient = ""
		}
	}
	return s
}

func (c *checker) series() {
	c.t.Helper()
	r := c.w.r
	for range 25 {
		q := record.TrendQuery{Subject: c.subject(), Code: []string{"MDC_ECG_HEART_RATE", "150456", "151562", "150344", "8310-5", "C5"}[r.IntN(6)]}
		if r.IntN(2) == 0 {
			q.From = c.when()
		}
		if r.IntN(2) == 0 {
			q.Until = c.when()
		}
		if r.IntN(2) == 0 {
			q.Step = time.Duration(1+r.IntN(3000)) * time.Second
		}
		want := c.o.trend(q)
		trends, err := c.s.Trend(c.ctx, q)
		must(c.t, err)
		if len(trends) != len(want) {
			c.t.Errorf("Trend %+v: %d series, want %d", q, len(trends), len(want))
		}
		for _, tr := range trends {
			id := seriesID{tr.Patient, tr.Device, tr.Code.Key() + "|" + tr.Received.Code, tr.UnitUCUM, tr.Simulated}
			points := align(want[id], max(q.Step, 1))
			same := len(points) == len(tr.Points)
			if q.Step == 0 {
				points, same = nil, len(want[id]) == len(tr.Points)
				for _, d := range want[id] {
					points = append(points, record.Point{Time: d.at, Count: 1, Last: d.value, Min: d.value, Max: d.value, Mean: d.value.Float64(), Ref: d.ref})
				}
			}
			for i := 0; same && i < len(points); i++ {
				a, b := points[i], tr.Points[i]
				same = math.Abs(a.Mean-b.Mean) < 1e-6
				a.Mean, b.Mean = 0, 0
				same = same && a == b
			}
			if !same {
				c.t.Errorf("Trend %+v %+v differs: %d points, want %d", q, id, len(tr.Points), len(points))
			}
		}
		q.Code, q.From, q.Until = "MDC_ECG_ELEC_POTL_II", c.when().AddDate(0, 0, -1), c.when()
		waves, err := c.s.Waveform(c.ctx, q)
		must(c.t, err)
		var refs []model.MessageRef
		for _, one := range waves {
			refs = append(refs, one.Ref)
		}
		slices.SortFunc(refs, func(a, b model.MessageRef) int {
			if before(a, b) {
				return -1
			}
			return 1
		})
		if want := c.o.waves(q); !slices.Equal(refs, want) {
			c.t.Errorf("Waveform %+v: %d, want %d", q, len(refs), len(want))
		}
	}
	now := c.o.msgs[len(c.o.msgs)-1].Arrived
	for range 6 {
		s := c.subject()
		if r.IntN(4) == 0 {
			s = record.Subject{}
		}
		got, err := c.s.Latest(c.ctx, s)
		must(c.t, err)
		have := map[seriesID]record.LatestValue{}
		for _, v := range got {
			have[seriesID{v.Patient, v.Device, v.Code.Key() + "|" + v.Received.Code, v.UnitUCUM, v.Simulated}] = v
		}
		if len(have) != len(got) {
			c.t.Error("Latest gave a series twice")
		}
		for _, want := range c.o.latest(s, now.Truncate(24*time.Hour)) {
			if v := have[want.id]; v.Ref != want.ref || v.Value != want.value || !v.Time.Equal(want.at) {
				c.t.Errorf("Latest %+v: %+v\nwant %+v", s, v, want)
			}
		}
		all := map[seriesID]latest{}
		for _, one := range c.o.latest(s, time.Time{}) {
			all[one.id] = one
		}
		for id, v := range have {
			if all[id].ref != v.Ref {
				c.t.Errorf("Latest %+v gave %+v", s, v)
			}
		}
	}
}

func (c *checker) rest() {
	c.t.Helper()
	r := c.w.r
	for range 10 {
		q := record.AlertQuery{Active: r.IntN(2) == 0, Limit: 100_000}
		if r.IntN(2) == 0 {
			q.Subject = c.subject()
		}
		if r.IntN(3) == 0 {
			q.From = c.when()
		}
		if r.IntN(3) == 0 {
			q.Until = c.when()
		}
		got, err := c.s.Alerts(c.ctx, q)
		must(c.t, err)
		want := c.o.alerts(q)
		if len(got) != len(want) {
			c.t.Errorf("Alerts %+v: %d, want %d", q, len(got), len(want))
		}
		byFirst := map[string]record.AlertState{}
		for _, a := range want {
			byFirst[fmt.Sprint(a.First, a.Device, a.Alert.ID)] = *a
		}
		for i, a := range got {
			if b := byFirst[fmt.Sprint(a.First, a.Device, a.Alert.ID)]; !reflect.DeepEqual(a, b) {
				c.t.Errorf("Alerts %+v:\n got %+v\nwant %+v", q, a, b)
			}
			if i > 0 && a.Arrived.After(got[i-1].Arrived) {
				c.t.Error("Alerts: the latest news is not first")
			}
		}
	}
	if got, want := c.s.Counts(), c.o.counts(); !reflect.DeepEqual(got, want) {
		c.t.Errorf("Counts\n got %+v\nwant %+v", got, want)
	}
	for range 5 {
		q := record.IssueQuery{}
		if r.IntN(3) == 0 {
			q.Channel = "ch1"
		}
		if r.IntN(3) == 0 {
			q.Code = "test.issue1"
		}
		if r.IntN(3) == 0 {
			q.From = c.when().Truncate(time.Hour)
		}
		if r.IntN(3) == 0 {
			q.Until = c.when().Truncate(time.Hour)
		}
		got, err := c.s.Issues(c.ctx, q)
		must(c.t, err)
		sums := map[string]uint64{}
		for _, g := range got {
			sums[g.Code+" "+string(g.Channel)] += g.Count
			if m, err := c.s.Message(c.ctx, g.Ref); err != nil || !slices.Contains(m.Issues, g.Example) {
				c.t.Errorf("Issues: the example is not in message %v (%v)", g.Ref, err)
			}
		}
		if want := c.o.issues(q); !reflect.DeepEqual(sums, want) {
			c.t.Errorf("Issues %+v: %v, want %v", q, sums, want)
		}
	}
	sightings, err := c.s.Sightings(c.ctx)
	must(c.t, err)
	seen := map[model.DeviceID]record.Sighting{}
	for _, m := range c.o.msgs {
		for _, d := range m.Devices {
			if d.ID == "" {
				continue
			}
			one, ok := seen[d.ID]
			if !ok {
				one.First = m.Arrived
			}
			one.Device, one.Channel, one.Peer, one.Last, one.Ref = d.ID, m.Channel, m.Peer, m.Arrived, m.Ref
			if p := record.PatientOf(m); p != "" {
				one.Patient = p
			}
			one.Messages++
			seen[d.ID] = one
		}
		for r := range clock.Readings(m) {
			one := seen[r.Device]
			one.Clock, _ = one.Clock.Next(r.Sample)
			seen[r.Device] = one
		}
	}
	slices.SortFunc(sightings, func(a, b record.Sighting) int { return strings.Compare(string(a.Device), string(b.Device)) })
	for _, s := range sightings {
		if !reflect.DeepEqual(s, seen[s.Device]) {
			c.t.Errorf("Sightings\n got %+v\nwant %+v", s, seen[s.Device])
		}
	}
	if len(sightings) != len(seen) {
		c.t.Errorf("Sightings: %d, want %d", len(sightings), len(seen))
	}
}
