package bench

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/codec/mllpframe"
	"thalamus/internal/fault"
	"thalamus/internal/sim"
)

// fleet is devices that send over MLLP and wait for their acknowledgements.
// It is made once a measurement, so that no control id is sent twice.
type fleet struct {
	address  string
	senders  []*sender
	bytes    int // of a message
	observed int // observations of a message
}

// sender is one connection, over which one or more monitors send in turn.
type sender struct {
	monitors [][]*template
	most     int64 // messages it sends, each of its monitors the same; 0: as the pacing says
	sent     int64
	conn     net.Conn
	answers  *bufio.Reader
	out      []byte
	controls [][]byte
}

// newFleet makes connections with as many monitors as asked, at least one
// each.
func newFleet(address string, connections, monitors, size int) *fleet {
	f := &fleet{address: address, senders: make([]*sender, connections)}
	for i := range f.senders {
		f.senders[i] = &sender{}
	}
	terms := sim.NewTerms()
	for i, bed := range beds(max(connections, monitors)) {
		s := f.senders[i%connections]
		s.monitors = append(s.monitors, templates(bed, terms, size, nil))
	}
	first := f.senders[0].monitors[0][0]
	f.bytes, f.observed = first.bytes(), first.observations()
	return f
}

// newStay makes one connection of one monitor that is none of a fleet of as
// many. Its numbers are of 20 codes.
func newStay(address string, after, size int) *fleet {
	all := beds(after + 1)
	terms := sim.NewTerms()
	s := &sender{monitors: [][]*template{templates(all[after], terms, size, spread(terms))}}
	first := s.monitors[0][0]
	return &fleet{address: address, senders: []*sender{s}, bytes: first.bytes(), observed: first.observations()}
}

// pacing says how a fleet sends.
type pacing struct {
	length time.Duration           // stop after this long; 0: not by time
	count  int64                   // stop after so many; 0: not by count
	rate   float64                 // messages a second over all connections; 0: as fast as answers come
	ahead  int                     // messages written before their answers are read; 0: 1
	hold   *atomic.Bool            // while true nobody begins another message; may be nil
	of     func(n int64) time.Time // when what message n tells was measured; nil: now
	onSend func(control string, at time.Time)
	report func(acknowledged int64)
}

// sentOff is what came of sending.
type sentOff struct {
	sent, acknowledged int64
	took               time.Duration
	latency            []time.Duration
}

// send lets all devices send. An answer that is no acceptance ends it.
func (f *fleet) send(ctx context.Context, p pacing) (sentOff, error) {
	if p.ahead < 1 {
		p.ahead = 1
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, s := range f.senders {
		if err := s.dial(ctx, f.address); err != nil {
			return sentOff{}, err
		}
	}
	defer f.close()
	stopReading := context.AfterFunc(ctx, f.close)
	defer stopReading()
	var left, acked atomic.Int64
	left.Store(p.count)
	var all sentOff
	var mu sync.Mutex
	var work sync.WaitGroup
	if p.report != nil {
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
					p.report(acked.Load())
				}
			}
		}()
	}
	began := time.Now()
	for i, s := range f.senders {
		work.Go(func() {
			run := sending{pacing: p, s: s, left: &left, acked: &acked, began: began}
			if p.rate > 0 {
				run.every = time.Duration(float64(len(f.senders)) / p.rate * float64(time.Second))
				run.due = began.Add(run.every * time.Duration(i) / time.Duration(len(f.senders)))
			}
			err := run.all(ctx)
			mu.Lock()
			defer mu.Unlock()
			all.sent += run.sent
			all.acknowledged += run.accepted
			all.latency = append(all.latency, run.latency...)
			if err != nil {
				cancel(err)
			}
		})
	}
	work.Wait()
	all.took = time.Since(began)
	if err := context.Cause(ctx); err != nil {
		return all, err
	}
	return all, nil
}

func (f *fleet) close() {
	for _, s := range f.senders {
		if s.conn != nil {
			s.conn.Close()
		}
	}
}

func (s *sender) dial(ctx context.Context, address string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return fault.Wrap(err, fault.Transient, "bench.connection", "the server takes no connection")
	}
	s.conn, s.answers = conn, bufio.NewReaderSize(conn, 16<<10)
	return nil
}

// sending is one connection at work.
type sending struct {
	pacing
	s           *sender
	left, acked *atomic.Int64
	began, due  time.Time
	every       time.Duration

	sent, accepted int64
	latency        []time.Duration
}

func (r *sending) all(ctx context.Context) error {
	for ctx.Err() == nil {
		if r.hold != nil && r.hold.Load() {
			time.Sleep(time.Millisecond)
			continue
		}
		n := r.ahead
		if r.s.most > 0 {
			if n = int(min(int64(n), r.s.most-r.s.sent)); n <= 0 {
				return nil
			}
		}
		if r.count > 0 {
			if rest := r.left.Add(-int64(n)) + int64(n); rest < int64(n) {
				if n = int(max(rest, 0)); n == 0 {
					return nil
				}
			}
		}
		asked := time.Now()
		if r.every > 0 {
			if r.length > 0 && r.due.Sub(r.began) >= r.length {
				return nil
			}
			if wait := r.due.Sub(asked); wait > 0 {
				time.Sleep(wait)
				asked = time.Now()
			} else {
				asked = r.due // it waits in the device already
			}
			r.due = r.due.Add(r.every)
		} else if r.length > 0 && asked.Sub(r.began) >= r.length {
			return nil
		}
		if err := r.exchange(n, asked); err != nil {
			if ctx.Err() != nil {
				return nil // the first error says why
			}
			return err
		}
	}
	return nil
}

// answerPatience is how long a device waits for an acknowledgement.
const answerPatience = time.Minute

// exchange sends n messages and reads their answers.
func (r *sending) exchange(n int, asked time.Time) error {
	s := r.s
	s.out, s.controls = s.out[:0], s.controls[:0]
	now := time.Now()
	for range n {
		s.sent++
		of := s.monitors[s.sent%int64(len(s.monitors))]
		t := of[s.sent/int64(len(s.monitors))%int64(len(of))]
		var control []byte
		begin := len(s.out)
		s.out, control = t.appendTo(s.out, s.sent, now)
		if r.of != nil {
			t.measured(s.out[begin:], r.of(s.sent))
		}
		s.controls = append(s.controls, control)
		if r.onSend != nil {
			r.onSend(t.name+string(control), now)
		}
	}
	s.conn.SetDeadline(now.Add(answerPatience))
	if _, err := s.conn.Write(s.out); err != nil {
		return fault.Wrap(err, fault.Broken, "bench.connection", "the server closed a device's connection")
	}
	r.sent += int64(n)
	for i := range n {
		answer, err := s.answers.ReadSlice(mllpframe.FS)
		if err != nil {
			return fault.Wrap(err, fault.Broken, "bench.connection", "a device got no acknowledgement")
		}
		if !accepts(answer, s.controls[i]) {
			return fault.New(fault.Broken, "bench.refused", "a message was not accepted: %q", bytes.ReplaceAll(answer, []byte("\r"), []byte("\n")))
		}
		r.accepted++
		r.latency = append(r.latency, time.Since(asked))
	}
	r.acked.Add(int64(n))
	return nil
}

// accepts tells whether an answer is CA or AA to a control id that ends with
// these digits. The devices read it on their own, so that a mistake of the
// codec cannot hide itself.
func accepts(answer, digits []byte) bool {
	at := bytes.Index(answer, []byte("\rMSA|"))
	if at < 0 || len(answer) < at+8 {
		return false
	}
	msa := answer[at+5:]
	if code := string(msa[:3]); code != "CA|" && code != "AA|" {
		return false
	}
	control := msa[3:]
	if end := bytes.IndexAny(control, "|\r"); end >= 0 {
		control = control[:end]
	}
	return bytes.HasSuffix(control, digits)
}
