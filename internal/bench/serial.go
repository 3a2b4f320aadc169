package bench

import (
	"context"
	"sync"
	"time"

	"thalamus/internal/sim/lab"
)

const serialText = `channels:
  - {id: in, driver: astm, codec: astm, settings: {link: {listen: "MLLP", max_connections: 20000}}}
`

// overSerial measures laboratory instruments behind terminal servers: whole
// transmissions over ASTM E1381, a record to a frame, each frame answered.
func overSerial(ctx context.Context, o Options, r *Report) error {
	s, err := ready(ctx, o, serialText)
	if err != nil {
		return err
	}
	defer s.Kill()
	r.Connections, r.Observations = o.Connections, lab.Results
	r.MessageBytes = lab.Size()
	var all int64
	work := func(name string, length time.Duration) (*lab.Outcome, time.Duration) {
		end, cancel := context.WithTimeout(ctx, length)
		defer cancel()
		outcome := lab.NewOutcome(nil)
		began := time.Now()
		var instruments sync.WaitGroup
		for n := range o.Connections {
			instruments.Go(func() {
				(&lab.Analyser{Address: s.MLLP, Number: n + 1, Run: name, Outcome: outcome}).Work(end)
			})
		}
		instruments.Wait()
		all += int64(outcome.Told().Acknowledged)
		return outcome, time.Since(began)
	}
	work("warm", warmUp(o))
	o.Progress("transmissions", 0, o.For.Seconds())
	w := watching(s)
	outcome, took := work("full", o.For)
	if err := ctx.Err(); err != nil {
		return err
	}
	told := outcome.Told()
	st := w.stretch("transmissions", "messages", int64(told.Acknowledged), took, r.MessageBytes)
	st.Latency = latencyOf(outcome.Latencies())
	r.Stretches = append(r.Stretches, st)
	r.Counts["sent"], r.Counts["acknowledged"], r.Counts["allSent"] = int64(told.Sent), int64(told.Acknowledged), all
	if err := s.recorded(ctx); err != nil {
		return err
	}
	v, err := s.overview(ctx)
	if err != nil {
		return err
	}
	r.Counts["journal"], r.Counts["recorded"] = int64(v.Journal), int64(v.Channels[0].Recorded)
	r.agree("sent", "acknowledged")
	r.agree("allSent", "journal")
	r.agree("journal", "recorded")
	s.Stop()
	r.score = st.PerSecond
	return r.compare(o, st, o.Connections)
}
