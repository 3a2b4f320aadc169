package bench

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"thalamus/internal/bench/bare"
	"thalamus/internal/fault"
	"thalamus/internal/service"
)

const channelText = `channels:
  - {id: in, driver: mllp, codec: hl7v2, settings: {listen: "MLLP", max_connections: 20000}}
`

// ready starts a server in the folder of the measurement and brings a
// configuration in force.
func ready(ctx context.Context, o Options, text string) (*Server, error) {
	s, err := NewServer(o.Folder, o.Binary)
	if err != nil {
		return nil, err
	}
	s.Profile = o.Profile
	if _, err := s.Start(ctx); err != nil {
		return nil, err
	}
	if err := s.Apply(ctx, text); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// watch measures what the server's process uses during a stretch.
type watch struct {
	pid    int
	before usage
	began  time.Time
}

func watching(s *Server) watch {
	return watch{s.Pid(), usageOf(s.Pid()), time.Now()}
}

// stretch ends the watch.
func (w watch) stretch(name, of string, count int64, took time.Duration, messageBytes int) Stretch {
	u := usageOf(w.pid)
	s := Stretch{Name: name, Of: of, Count: count, Seconds: took.Seconds(), ResidentMB: float64(u.resident) / (1 << 20)}
	if took > 0 {
		s.PerSecond = float64(count) / took.Seconds()
	}
	s.MBPerSec = s.PerSecond * float64(messageBytes) / 1e6
	if count > 0 {
		s.CPUMs = ms(u.cpu-w.before.cpu) / float64(count)
		s.WriteBytes = float64(u.written-w.before.written) / float64(count)
	}
	return s
}

// bareFile is how fast a plain group-committed file is on this disk.
func bareFile(folder string, producers, size int, length time.Duration) (perSecond float64, latency Latency, err error) {
	f, err := bare.Open(filepath.Join(folder, "bare"), bareSize, true)
	if err != nil {
		return 0, latency, diskFault(err, folder)
	}
	defer f.Close()
	perSecond, latency, err = produce(producers, size, length, f.Append)
	return perSecond, latency, err
}

// bareSize is what the file of comparison is made ahead with; writing begins
// again at its start.
const bareSize = 256 << 20

// produce lets producers append messages for a while, each waiting for one
// before the next.
func produce(producers, size int, length time.Duration, appendOne func([]byte) error) (perSecond float64, latency Latency, err error) {
	var mu sync.Mutex
	var all []time.Duration
	var work sync.WaitGroup
	var failed error
	began := time.Now()
	for range producers {
		work.Go(func() {
			payload := make([]byte, size)
			var took []time.Duration
			var bad error
			for last := began; last.Sub(began) < length && bad == nil; {
				bad = appendOne(payload)
				now := time.Now()
				took = append(took, now.Sub(last))
				last = now
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			if bad != nil {
				failed = bad
			}
		})
	}
	work.Wait()
	if failed != nil {
		return 0, latency, fault.Wrap(failed, fault.Broken, "bench.disk", "the disk does not take what is written to it")
	}
	perSecond = float64(len(all)) / time.Since(began).Seconds()
	return perSecond, *latencyOf(all), nil
}

// compare adds what a bare file did to the report.
func (r *Report) compare(o Options, s Stretch, producers int) error {
	perSecond, latency, err := bareFile(o.Folder, producers, r.MessageBytes, min(o.For, 2*time.Second))
	if err != nil {
		return err
	}
	b := Bare{Stretch: s.Name, Bare: "group-committed file", PerSec: perSecond, Latency: latency}
	if perSecond > 0 {
		b.Ratio = s.PerSecond / perSecond
	}
	r.Bare = append(r.Bare, b)
	return nil
}

// overview asks the server how everything stands.
func (s *Server) overview(ctx context.Context) (o service.Overview, err error) {
	err = s.Client.Call(ctx, "overview.get", nil, &o)
	return o, err
}

// until asks the server how everything stands until it is so. A standstill
// of a minute is an error.
func (s *Server) until(ctx context.Context, what string, so func(o *service.Overview) (done bool, progress int64)) error {
	moved, last := time.Now(), int64(-1)
	for {
		o, err := s.overview(ctx)
		if err != nil {
			return err
		}
		done, progress := so(&o)
		if done {
			return nil
		}
		if progress != last {
			moved, last = time.Now(), progress
		} else if time.Since(moved) > time.Minute {
			return fault.New(fault.Broken, "bench.standstill", "for a minute nothing moved while waiting until %s", what)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// recorded waits until all that is in the journal is in the record.
func (s *Server) recorded(ctx context.Context) error {
	return s.until(ctx, "all is recorded", func(o *service.Overview) (bool, int64) {
		return o.Recorded == o.Journal, int64(o.Recorded)
	})
}

// owed gives what is not delivered yet, what the record has yet to see among
// it.
func owed(o *service.Overview) int64 {
	n := int64(o.Journal - o.Recorded)
	for _, d := range o.Destinations {
		n += d.Queued
	}
	return n
}

// delivered waits until nothing is owed to anybody.
func (s *Server) delivered(ctx context.Context) error {
	return s.until(ctx, "all is delivered", func(o *service.Overview) (bool, int64) { n := owed(o); return n == 0, n })
}

// brake holds senders while more than most is behind, so that a measurement
// finds the pace the whole way keeps up. stop ends it.
func (s *Server) brake(ctx context.Context, most int64, behind func(o *service.Overview) int64) (hold *atomic.Bool, stop func()) {
	hold = &atomic.Bool{}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if o, err := s.overview(ctx); err == nil {
				hold.Store(behind(&o) > most)
			}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return hold, func() { cancel(); <-done }
}
