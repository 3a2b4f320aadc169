package bench

import (
	"context"
	"time"
)

// intake measures durable acknowledgements over MLLP: at full speed, then at
// half of what was reached.
func intake(ctx context.Context, o Options, r *Report) error {
	s, err := ready(ctx, o, channelText)
	if err != nil {
		return err
	}
	defer s.Kill()
	f := newFleet(s.MLLP, o.Connections, o.Connections, o.Size)
	r.Connections, r.MessageBytes, r.Observations = o.Connections, f.bytes, f.observed
	if _, err := f.send(ctx, pacing{length: warmUp(o)}); err != nil {
		return err
	}
	full, sent, err := r.phase(ctx, s, f, "full speed", pacing{length: o.For, rate: o.Rate}, o)
	if err != nil {
		return err
	}
	// What full speed left to record is not part of half the load.
	if err := s.recorded(ctx); err != nil {
		return err
	}
	half, more, err := r.phase(ctx, s, f, "half load", pacing{length: o.For, rate: full.PerSecond / 2}, o)
	if err != nil {
		return err
	}
	if err := s.recorded(ctx); err != nil {
		return err
	}
	ahead, evenMore, err := r.phase(ctx, s, f, "pipelined", pacing{length: o.For / 2, ahead: 16}, o)
	if err != nil {
		return err
	}
	r.Stretches = append(r.Stretches, full, half, ahead)
	for _, p := range []sentOff{sent, more, evenMore} {
		r.Counts["sent"] += p.sent
		r.Counts["acknowledged"] += p.acknowledged
	}
	if err := s.recorded(ctx); err != nil {
		return err
	}
	v, err := s.overview(ctx)
	if err != nil {
		return err
	}
	var all int64
	for _, x := range f.senders {
		all += x.sent
	}
	r.Counts["allSent"] = all // with the warm-up
	r.Counts["journal"], r.Counts["recorded"] = int64(v.Journal), int64(v.Channels[0].Recorded)
	r.agree("sent", "acknowledged")
	r.agree("allSent", "journal")
	r.agree("journal", "recorded")
	s.Stop()
	if err := r.compare(o, full, o.Connections); err != nil {
		return err
	}
	r.atLeast("durable acknowledgements, first goal", full.PerSecond, 20_000, "messages/s")
	r.atLeast("durable acknowledgements", full.PerSecond, 40_000, "messages/s")
	r.below("acknowledge latency at half load, p99", half.Latency.P99, 5, "ms")
	r.score = full.PerSecond
	return nil
}

// phase lets a fleet send and sums up what the server used for it.
func (r *Report) phase(ctx context.Context, s *Server, f *fleet, name string, p pacing, o Options) (Stretch, sentOff, error) {
	began := time.Now()
	p.report = func(int64) { o.Progress(name, time.Since(began).Seconds(), p.length.Seconds()) }
	w := watching(s)
	sent, err := f.send(ctx, p)
	if err != nil {
		return Stretch{}, sent, err
	}
	st := w.stretch(name, "messages", sent.acknowledged, sent.took, f.bytes)
	st.Latency = latencyOf(sent.latency)
	return st, sent, nil
}

// warmUp is how long is sent before anything is measured.
func warmUp(o Options) time.Duration { return min(o.For/4, time.Second) }
