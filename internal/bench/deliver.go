package bench

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/service"
	"thalamus/internal/sim"
	"thalamus/internal/sim/fhirserver"
)

const (
	hl7Destination  = "  - {id: his, kind: hl7v2, settings: {address: \"ADDRESS\", timeout: 10s}}\n"
	fhirDestination = "  - {id: ehr, kind: fhir, settings: {base_url: \"ADDRESS\", timeout: 10s}}\n"
)

// receiver is a destination that counts on its own.
type receiver struct {
	name    string
	text    string // its configuration
	took    func(control string) time.Time
	tally   func(l *sim.Ledger) sim.Tally
	arrived func() int64 // different messages
	down    *atomic.Bool
	drop    func()
	close   func()
}

// receivers starts one of each kind.
func receivers(kept int) ([]receiver, error) {
	his, err := sim.Listen("127.0.0.1:0", nil)
	if err != nil {
		return nil, fault.Wrap(err, fault.Conflict, "app.listen", "no free port on this machine")
	}
	ehr, err := fhirserver.Listen(fhirserver.Options{MaxResources: kept})
	if err != nil {
		his.Close()
		return nil, fault.Wrap(err, fault.Conflict, "app.listen", "no free port on this machine")
	}
	return []receiver{
		{
			name: "HL7 v2", text: strings.Replace(hl7Destination, "ADDRESS", his.Address(), 1), took: his.Took, tally: his.Tally,
			arrived: func() int64 { return int64(his.Different()) }, down: &his.Down, drop: his.DropConnections, close: his.Close,
		},
		{
			name: "FHIR", text: strings.Replace(fhirDestination, "ADDRESS", ehr.URL(), 1), took: ehr.Took, tally: ehr.Tally,
			arrived: func() int64 { return int64(ehr.Messages()) }, down: &ehr.Down, drop: func() {}, close: ehr.Close,
		},
	}, nil
}

// to is the configuration of one channel and one destination.
func (d receiver) config() string {
	id, _, _ := strings.Cut(d.text[strings.Index(d.text, "id: ")+4:], ",")
	return channelText + "destinations:\n" + d.text + "routes:\n  - {id: everything, destinations: [" + id + "]}\n"
}

// keptResources is enough for a FHIR receiver to forget nothing of a
// measurement's length.
const keptResources = 3_000_000

// deliver measures the way from device to destination, for each kind of
// receiver: latency with nothing else going on, then throughput.
func deliver(ctx context.Context, o Options, r *Report) error {
	all, err := receivers(keptResources)
	if err != nil {
		return err
	}
	for _, d := range all {
		defer d.close()
	}
	for _, d := range all {
		one := o
		one.Folder, err = subfolder(o.Folder, d.name)
		if err != nil {
			return err
		}
		if err := r.deliverTo(ctx, one, d); err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) deliverTo(ctx context.Context, o Options, d receiver) error {
	s, err := ready(ctx, o, d.config())
	if err != nil {
		return err
	}
	defer s.Kill()
	f := newFleet(s.MLLP, o.Connections, o.Connections, o.Size)
	r.Connections, r.MessageBytes, r.Observations = o.Connections, f.bytes, f.observed
	unloaded, err := d.unloaded(ctx, o, s, f)
	if err != nil {
		return err
	}
	hold, stop := s.brake(ctx, mostBehind, owed)
	before := d.arrived()
	began := time.Now()
	w := watching(s)
	sent, err := f.send(ctx, pacing{length: o.For, hold: hold, rate: o.Rate, report: func(int64) {
		o.Progress("to "+d.name, time.Since(began).Seconds(), o.For.Seconds())
	}})
	stop()
	if err == nil {
		err = s.delivered(ctx)
	}
	if err != nil {
		return err
	}
	st := w.stretch("to "+d.name+", full speed", "messages", d.arrived()-before, time.Since(began), f.bytes)
	r.Stretches = append(r.Stretches, unloaded, st)
	v, err := s.overview(ctx)
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(strings.ToLower(d.name), " ", "")
	r.Counts[name+"Acknowledged"] = sent.acknowledged + unloaded.Count
	r.Counts[name+"Delivered"] = v.Destinations[0].Delivered
	r.Counts[name+"Arrived"] = d.arrived()
	r.Counts[name+"Dead"] = v.Destinations[0].Dead
	r.agree(name+"Acknowledged", name+"Delivered")
	r.agree(name+"Delivered", name+"Arrived")
	s.Stop()
	if err := r.compare(o, st, o.Connections); err != nil {
		return err
	}
	r.below("device to "+d.name+" destination, unloaded, p99", unloaded.Latency.P99, 20, "ms")
	r.score += st.PerSecond
	return nil
}

// unloaded sends one message at a time and asks the receiver when it came.
func (d receiver) unloaded(ctx context.Context, o Options, s *Server, f *fleet) (Stretch, error) {
	name := "to " + d.name + ", unloaded"
	one := sending{s: f.senders[0], acked: new(atomic.Int64)}
	if err := one.s.dial(ctx, f.address); err != nil {
		return Stretch{}, err
	}
	defer one.s.conn.Close()
	var sent time.Time
	var control string
	one.onSend = func(c string, at time.Time) { control, sent = c, at }
	w := watching(s)
	began := time.Now()
	var all []time.Duration
	for time.Since(began) < o.For/2 || len(all) == 0 {
		if err := one.exchange(1, time.Now()); err != nil {
			return Stretch{}, err
		}
		at, err := arrival(ctx, d, control)
		if err != nil {
			return Stretch{}, err
		}
		all = append(all, at.Sub(sent))
		o.Progress(name, time.Since(began).Seconds(), o.For.Seconds()/2)
		time.Sleep(2 * time.Millisecond) // nothing is under way any more
	}
	st := w.stretch(name, "messages", int64(len(all)), time.Since(began), f.bytes)
	st.Latency = latencyOf(all)
	return st, nil
}

func arrival(ctx context.Context, d receiver, control string) (time.Time, error) {
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until) && ctx.Err() == nil; time.Sleep(200 * time.Microsecond) {
		if at := d.took(control); !at.IsZero() {
			return at, nil
		}
	}
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	return time.Time{}, fault.New(fault.Broken, "bench.standstill", "a message did not reach its destination within 30 s")
}

// drain measures how a destination is served that was down: messages arrive
// at a rate all the time; it goes away for a while and comes back.
func drain(ctx context.Context, o Options, r *Report) error {
	all, err := receivers(keptResources)
	if err != nil {
		return err
	}
	for _, d := range all {
		defer d.close()
	}
	for _, d := range all {
		one := o
		if one.Folder, err = subfolder(o.Folder, d.name); err != nil {
			return err
		}
		if one.Rate == 0 {
			one.Rate = drainRate
		}
		if err := r.drainTo(ctx, one, d); err != nil {
			return err
		}
	}
	return nil
}

// drainRate is the rate at which messages arrive unless told.
const drainRate = 200

func (r *Report) drainTo(ctx context.Context, o Options, d receiver) error {
	s, err := ready(ctx, o, d.config())
	if err != nil {
		return err
	}
	defer s.Kill()
	r.Connections = o.Connections
	load := newSteady(ctx, s.MLLP, o)
	r.MessageBytes, r.Observations = load.bytes, load.observed
	defer load.stop()
	pause := func(what string, length time.Duration) error {
		for began := time.Now(); time.Since(began) < length; time.Sleep(20 * time.Millisecond) {
			o.Progress(what, time.Since(began).Seconds(), length.Seconds())
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		return nil
	}
	if err := pause("to "+d.name+", up", o.For/4); err != nil {
		return err
	}
	d.down.Store(true)
	d.drop()
	if err := pause("to "+d.name+", down", o.For); err != nil {
		return err
	}
	v, err := s.overview(ctx)
	if err != nil {
		return err
	}
	backlog, before := owed(&v), d.arrived()
	back, fromBack := time.Now(), watching(s)
	d.down.Store(false)
	// Single messages that try whether it is there are no draining yet.
	var w watch
	var noticed time.Time
	var drained int64
	err = s.until(ctx, "the destination has caught up", func(v *service.Overview) (bool, int64) {
		n := d.arrived()
		if noticed.IsZero() && n-before > backlog/20 {
			noticed, drained, w = time.Now(), n, watching(s)
		}
		o.Progress("to "+d.name+", drained", float64(n-before), float64(n-before+owed(v)))
		return !noticed.IsZero() && owed(v) <= int64(o.Rate/20)+1, n
	})
	if err != nil {
		return err
	}
	began := noticed
	if d.arrived() == drained { // all of a small backlog came between two looks
		began, drained, w = back, before, fromBack
	}
	st := w.stretch("to "+d.name+", drained", "messages", d.arrived()-drained, time.Since(began), load.bytes)
	load.stop()
	if err := s.delivered(ctx); err != nil {
		return err
	}
	r.Stretches = append(r.Stretches, Stretch{
		Name: "to " + d.name + ", back until noticed", Of: "outages", Count: 1, Seconds: noticed.Sub(back).Seconds(), PerSecond: 1 / noticed.Sub(back).Seconds(),
	}, st)
	tally := d.tally(load.ledger)
	name := strings.ReplaceAll(strings.ToLower(d.name), " ", "")
	r.Counts[name+"Acknowledged"], r.Counts[name+"Arrived"] = int64(tally.Expected), int64(tally.Arrived)
	r.Counts[name+"Disordered"], r.Counts[name+"Duplicated"] = int64(tally.Disordered), int64(tally.Duplicated)
	r.agree(name+"Acknowledged", name+"Arrived")
	if tally.Disordered+tally.Duplicated > 0 {
		r.problem("%s: %d messages of one patient came the wrong way round, %d twice", d.name, tally.Disordered, tally.Duplicated)
	}
	s.Stop()
	if err := r.compare(o, st, o.Connections); err != nil {
		return err
	}
	r.atLeast("drained to "+d.name+" against the rate of arrival", st.PerSecond/o.Rate, 10, "times")
	r.score += st.PerSecond
	return nil
}
