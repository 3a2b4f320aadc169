package bench

import (
	"context"
	"time"

	"thalamus/internal/service"
)

// mostBehind is how many messages may be on the way before the devices are
// held: enough that every batch is full, few enough to be made up for at once.
const mostBehind = 4096

// recordWay measures the whole way to recorded observations, in two halves:
// with an empty journal and record, and with what the first half left.
func recordWay(ctx context.Context, o Options, r *Report) error {
	s, err := ready(ctx, o, channelText)
	if err != nil {
		return err
	}
	defer s.Kill()
	f := newFleet(s.MLLP, o.Connections, o.Connections, o.Size)
	r.Connections, r.MessageBytes, r.Observations = o.Connections, f.bytes, f.observed
	for _, name := range []string{"first half", "second half"} {
		hold, stop := s.brake(ctx, mostBehind, func(v *service.Overview) int64 { return int64(v.Journal - v.Recorded) })
		began := time.Now()
		w := watching(s)
		sent, err := f.send(ctx, pacing{length: o.For, hold: hold, rate: o.Rate, report: func(int64) { o.Progress(name, time.Since(began).Seconds(), o.For.Seconds()) }})
		stop()
		if err == nil {
			err = s.recorded(ctx)
		}
		if err != nil {
			return err
		}
		st := w.stretch(name, "messages", sent.acknowledged, time.Since(began), f.bytes)
		st.Latency = latencyOf(sent.latency)
		r.Stretches = append(r.Stretches, st)
		r.Counts["sent"] += sent.sent
		r.Counts["acknowledged"] += sent.acknowledged
	}
	v, err := s.overview(ctx)
	if err != nil {
		return err
	}
	c := v.Channels[0]
	r.Counts["journal"], r.Counts["recorded"], r.Counts["observations"] = int64(v.Journal), int64(c.Recorded), int64(c.Observations)
	r.Counts["observationsSent"] = r.Counts["sent"] * int64(f.observed)
	r.Counts["duplicates"] = int64(c.Duplicates)
	r.agree("sent", "acknowledged")
	r.agree("acknowledged", "journal")
	r.agree("journal", "recorded")
	r.agree("observationsSent", "observations")
	s.Stop()
	first, second := r.Stretches[0], r.Stretches[1]
	if err := r.compare(o, first, o.Connections); err != nil {
		return err
	}
	both := float64(first.Count+second.Count) / (first.Seconds + second.Seconds)
	r.atLeast("whole way to the record, sustained", both, 5_000, "messages/s")
	r.atLeast("the same in observations", both*float64(f.observed), 100_000, "observations/s")
	r.atLeast("second half against the first", second.PerSecond/first.PerSecond, 0.9, "ratio")
	r.score = both
	return nil
}
