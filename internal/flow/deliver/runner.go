package deliver

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// runner serves one destination. All its state belongs to one goroutine, loop;
// reading ahead, calling the destination, storing and unrolling replays happen
// in others that only talk to it.
type runner struct {
	id   model.DestinationID
	o    *Options
	made model.Destination // what Apply made it from; Apply's own

	commands   chan func()
	results    chan result
	reads      chan readAhead
	stored     chan func()
	want       chan int
	expansions chan expansion
	finish     chan struct{} // closed: stop
	ended      chan struct{} // closed: nothing of it runs any more
	ctx        context.Context
	cancel     context.CancelFunc
	storing    context.Context
	giveUp     context.CancelFunc
	others     sync.WaitGroup // reader and expander
	err        error          // of the last commit, when it could not be made

	// The rest is loop's.
	destination destination.Destination
	rules       rules
	next        destination.Destination // takes its place when no call is under way
	nextRules   rules
	swapping    bool
	hurry       *time.Timer
	calls       context.Context
	cancelCalls context.CancelFunc
	inFlight    int
	stopping    bool

	lanes   map[string]*lane
	ready   queue[*lane]
	waiting waitingLanes
	stuck   []*lane // lanes that do not move and may hold messages in memory
	breaker breaker
	probing bool
	good    time.Time // when a call succeeded last
	unwell  int       // messages that failed since, on lanes that now wait

	ledger   ledger
	read     model.MessageRef // how far the record was read
	reading  bool             // a read is under way
	readErr  error
	skip     map[model.MessageRef]struct{}
	skipTo   model.MessageRef
	messages int // in memory
	weight   int // of these

	pending    *Batch
	generation uint64 // number of the pending batch
	unstored   int    // rows of batches not yet stored
	flushAt    time.Time
	cursorAt   time.Time
	cursor     model.MessageRef // stored
	waiters    []func(error)
	operations queue[operation]
	operating  bool
	storeErr   error

	waits    waits // for a device to be adopted
	parked   int
	lastOrd  int64
	frontOrd int64
	revived  map[uint64]struct{}
	jobs     []*job
	unrolls  bool // the first job is being unrolled
	numbers  numbers
}

func newRunner(o *Options, d model.Destination, rules rules, dest destination.Destination, s Standing) *runner {
	r := &runner{
		id: d.ID, o: o, made: d, rules: rules, destination: dest,
		commands: make(chan func()), results: make(chan result, 64), reads: make(chan readAhead),
		stored: make(chan func()), want: make(chan int, 1), expansions: make(chan expansion),
		finish: make(chan struct{}), ended: make(chan struct{}),
		lanes: map[string]*lane{}, breaker: breaker{random: o.Random},
		read: s.Cursor, cursor: s.Cursor, ledger: ledger{done: s.Cursor},
		lastOrd: max(s.LastOrd, 0), frontOrd: min(s.LowestOrd, 0), revived: map[uint64]struct{}{},
		waits: newWaits(), pending: &Batch{Destination: d.ID}, generation: 1, numbers: numbers{Counters: s.Counters},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.storing, r.giveUp = context.WithCancel(context.Background())
	r.calls, r.cancelCalls = context.WithCancel(r.ctx)
	if len(s.Done) > 0 {
		r.skip = make(map[model.MessageRef]struct{}, len(s.Done))
		for _, ref := range s.Done {
			r.skip[ref] = struct{}{}
			if after(ref, r.skipTo) {
				r.skipTo = ref
			}
		}
	}
	for _, one := range s.Lanes {
		l := r.lane(one.Key)
		l.spilled = one.Rows
		r.parked += one.Rows
	}
	for _, one := range s.Waiting {
		r.waits.add(one.For, one.Key, one.Rows, one.Oldest)
	}
	if rules.hold {
		for _, h := range s.Held {
			l := r.lane(h.Key)
			l.state, l.holder = held, identity{h.Ref, h.Replay}
		}
	}
	for _, j := range s.Jobs {
		r.jobs = append(r.jobs, &job{Job: j, head: o.Record.Head()})
	}
	return r
}

func after(a, b model.MessageRef) bool {
	return a.Seq > b.Seq || a.Seq == b.Seq && a.Part > b.Part
}

func (r *runner) lane(key string) *lane {
	l := r.lanes[key]
	if l == nil {
		l = newLane(key)
		r.lanes[key] = l
	}
	return l
}

func (r *runner) start() {
	r.others.Go(func() { r.readRecord(r.ctx, r.read) })
	go r.loop()
}

// do runs f in the loop; false when the runner has ended.
func (r *runner) do(f func()) bool {
	select {
	case r.commands <- f:
		return true
	case <-r.ended:
		return false
	}
}

// stop ends the runner and closes the destination. Calls under way may finish
// while ctx and the grace last.
func (r *runner) stop(ctx context.Context) error {
	close(r.finish)
	grace := time.NewTimer(r.o.Grace)
	defer grace.Stop()
	select {
	case <-r.ended:
		return r.err
	case <-ctx.Done():
	case <-grace.C:
	}
	r.cancel() // calls end now
	last := time.NewTimer(r.o.Grace)
	defer last.Stop()
	select {
	case <-r.ended:
		return r.err
	case <-last.C:
	}
	r.giveUp()
	last.Reset(r.o.Grace)
	select {
	case <-r.ended:
		return r.err
	case <-last.C:
		return fault.New(fault.Broken, "deliver.stuck", "a call to the destination does not end; it is left behind and what it was sending will be sent again").At("destination " + string(r.id))
	}
}

func (r *runner) loop() {
	r.releaseAdopted()
	for key, l := range r.lanes {
		if l.state == idle {
			r.wake(l, false)
		}
		if l.empty() {
			delete(r.lanes, key)
		}
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	finish := r.finish
	for {
		now := time.Now()
		for len(r.waiting) > 0 && !r.waiting[0].nextTry.After(now) {
			l := heap.Pop(&r.waiting).(*lane)
			l.state = idle
			r.wake(l, false)
		}
		if r.next != nil && !r.swapping && r.inFlight == 0 {
			r.swap()
		}
		r.breaker.look(now)
		r.dispatch(now)
		r.askForMore()
		r.unrollNext()
		r.flushIfDue(now)
		if r.stopping && r.inFlight == 0 && !r.operating && !r.swapping && r.pending.rows() == 0 {
			break
		}
		timer.Reset(r.untilNext(now))
		var expansions chan expansion
		if r.roomForReplay() {
			expansions = r.expansions
		}
		select {
		case res := <-r.results:
			r.finished(res)
			for more := true; more; {
				select {
				case res = <-r.results:
					r.finished(res)
				default:
					more = false
				}
			}
		case a := <-r.reads:
			r.admitAll(a)
		case f := <-r.stored:
			f()
		case f := <-r.commands:
			f()
		case x := <-expansions:
			r.expanded(x)
		case <-timer.C:
		case <-finish:
			finish, r.stopping = nil, true
			r.cursorAt = now
		}
	}
	r.cancel()
	r.others.Wait()
	if err := r.destination.Close(); err != nil && r.err == nil {
		r.err = err
	}
	if r.next != nil {
		r.next.Close()
	}
	r.giveUp()
	close(r.ended)
}

// untilNext says how long nothing is to do by the clock.
func (r *runner) untilNext(now time.Time) time.Duration {
	next := now.Add(time.Hour)
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	if len(r.waiting) > 0 {
		sooner(r.waiting[0].nextTry)
	}
	if r.breaker.state == open {
		sooner(r.breaker.until)
	}
	if !r.operating {
		sooner(r.flushAt)
		sooner(r.cursorAt)
	}
	return max(next.Sub(now), 0)
}

// dispatch starts calls for lanes that are ready.
func (r *runner) dispatch(now time.Time) {
	if r.rules.paused || r.stopping || r.next != nil || r.unstored+r.pending.rows() >= r.o.Pending {
		return
	}
	switch r.breaker.state {
	case open:
		return
	case halfOpen:
		if r.probing {
			return
		}
		if l := r.nextReady(); l != nil {
			r.probing = true
			r.send(l, now, true)
		}
		return
	}
	for r.inFlight < r.rules.concurrency {
		l := r.nextReady()
		if l == nil {
			return
		}
		r.send(l, now, false)
	}
}

// nextReady gives the next lane that has something to send; one that went back
// to the store meanwhile reads first.
func (r *runner) nextReady() *lane {
	for r.ready.len() > 0 {
		l := r.ready.pop()
		if len(l.parcels) > 0 {
			return l
		}
		l.state = idle
		r.wake(l, false)
	}
	return nil
}

// wake moves an idle lane on: to the ready list, to the store for what is
// parked, or away.
func (r *runner) wake(l *lane, front bool) {
	if l.rewound {
		r.rewind(l)
	}
	if l.spilled > 0 && !l.loading && len(l.parcels) <= r.o.LaneWindow/4 {
		r.load(l)
	}
	switch {
	case len(l.parcels) == 0:
		if l.spilled == 0 {
			delete(r.lanes, l.key)
		}
	case l.parcels[0].nextTry.After(time.Now()): // from before a restart
		r.wait(l, l.parcels[0].nextTry)
	case front:
		l.state = ready
		r.ready.pushFront(l)
	default:
		l.state = ready
		r.ready.push(l)
	}
}

// setRules changes the rules of a running destination.
func (r *runner) setRules(rules rules) {
	r.rules = rules
	if rules.hold {
		return
	}
	for _, l := range r.lanes {
		if l.state == held {
			r.release(l)
		}
	}
}

func (r *runner) release(l *lane) {
	l.state, l.holder = idle, identity{}
	r.wake(l, false)
}

// replace puts another destination in the place of the one that runs, as soon
// as no call is under way; calls that take longer than the grace are ended.
func (r *runner) replace(rules rules, next destination.Destination) {
	if r.next != nil {
		go r.next.Close() // it never came to run
	} else {
		r.hurry = time.AfterFunc(r.o.Grace, r.cancelCalls)
	}
	r.next, r.nextRules = next, rules
}

// swap closes the old destination before the new one is used, since both may
// hold the same file or port.
func (r *runner) swap() {
	r.swapping = true
	r.hurry.Stop()
	old := r.destination
	go func() {
		if err := old.Close(); err != nil {
			r.o.Host.Log.Warn("closing a changed destination failed", "destination", r.id, "code", codeOf(err))
		}
		r.do(func() {
			r.destination, r.next, r.swapping = r.next, nil, false
			r.cancelCalls()
			r.calls, r.cancelCalls = context.WithCancel(r.ctx)
			r.breaker.answered()
			r.setRules(r.nextRules)
		})
	}()
}
