package bench

import (
	"context"
	"os"
	"time"

	"thalamus/internal/fault"
)

// starts is how often a start is measured.
const starts = 5

// startUp measures the time from starting the process until it answers, with
// an empty folder and with a full one, its memory at rest, and its size.
func startUp(ctx context.Context, o Options, r *Report) error {
	empty := o
	var err error
	if empty.Folder, err = subfolder(o.Folder, "empty"); err != nil {
		return err
	}
	s, err := ready(ctx, empty, channelText)
	if err != nil {
		return err
	}
	defer s.Kill()
	if err := r.startsOf(ctx, o, s, "empty folder"); err != nil {
		return err
	}
	s.Kill()

	full := o
	if full.Folder, err = subfolder(o.Folder, "full"); err != nil {
		return err
	}
	if s, err = ready(ctx, full, channelText); err != nil {
		return err
	}
	defer s.Kill()
	filled, f, err := fill(ctx, s, full)
	if err != nil {
		return err
	}
	r.Connections, r.MessageBytes, r.Observations = o.Connections, f.bytes, f.observed
	if err := r.counted(ctx, s, filled.Count, filled.Count*int64(f.observed)); err != nil {
		return err
	}
	r.Stretches = append(r.Stretches, filled)
	if err := r.startsOf(ctx, o, s, "full folder"); err != nil {
		return err
	}
	if err := r.counted(ctx, s, filled.Count, filled.Count*int64(f.observed)); err != nil {
		return err
	}
	s.Kill()
	if _, err := s.Start(ctx); err != nil {
		return err
	}
	rest(ctx, s)
	if err := r.counted(ctx, s, filled.Count, filled.Count*int64(f.observed)); err != nil {
		return err
	}
	s.Kill()
	if err := r.compare(o, filled, o.Connections); err != nil {
		return err
	}

	size, err := os.Stat(s.binary)
	if err != nil {
		return fault.Wrap(err, fault.Broken, "bench.binary", "cannot look at the program").At(s.binary)
	}
	r.Counts["binaryBytes"] = size.Size()
	none, much := r.stretch("empty folder"), r.stretch("full folder")
	r.below("start to ready, empty folder", none.Latency.Max/1000, 1, "s")
	r.below("start to ready, full folder", much.Latency.Max/1000, 1, "s")
	r.below("resident at rest", none.ResidentMB, 80, "MiB")
	r.below("resident at rest, full folder", much.ResidentMB, 80, "MiB")
	r.below("binary", float64(size.Size())/1e6, 60, "MB")
	r.score = -much.Latency.Max
	return nil
}

// startsOf stops and starts a server some times.
func (r *Report) startsOf(ctx context.Context, o Options, s *Server, name string) error {
	var all []time.Duration
	var total time.Duration
	for i := range starts {
		o.Progress(name, float64(i), starts)
		s.Stop()
		took, err := s.Start(ctx)
		if err != nil {
			return err
		}
		all, total = append(all, took), total+took
	}
	rest(ctx, s)
	u := usageOf(s.Pid())
	r.Stretches = append(r.Stretches, Stretch{
		Name: name, Of: "starts", Count: starts, Seconds: total.Seconds(), PerSecond: starts / total.Seconds(), Latency: latencyOf(all),
		CPUMs: ms(u.cpu), ResidentMB: float64(u.resident) / (1 << 20),
	})
	return nil
}

// rest waits until what a start left to do is done: the server uses next to no
// processor time for a second. A minute is the most.
func rest(ctx context.Context, s *Server) {
	was := usageOf(s.Pid()).cpu
	for range 60 {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
		now := usageOf(s.Pid()).cpu
		if now-was < time.Second/20 {
			return
		}
		was = now
	}
}

func (r *Report) stretch(name string) *Stretch {
	for i := range r.Stretches {
		if r.Stretches[i].Name == name {
			return &r.Stretches[i]
		}
	}
	return &Stretch{Latency: &Latency{}}
}
