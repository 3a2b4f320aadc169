package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/grid"
	"thalamus/internal/model"
	"thalamus/internal/patients"
	"thalamus/internal/service"
)

// mostMonitors is how many monitors fill the record that is asked; fewer for
// few messages, so that each has a history.
const mostMonitors = 500

// asks is how often each question is asked, of another patient or device each
// time.
const asks = 60

// query fills the record with a number of messages over the whole way and
// asks it, as the console does, in every way there is.
func query(ctx context.Context, o Options, r *Report) error {
	s, err := ready(ctx, o, channelText)
	if err != nil {
		return err
	}
	defer s.Kill()
	begins := time.Now().Add(-24 * time.Hour).Truncate(time.Minute)
	stayed, err := stay(ctx, s, o, begins)
	if err != nil {
		return err
	}
	filled, f, err := fill(ctx, s, o)
	if err != nil {
		return err
	}
	r.Connections, r.MessageBytes, r.Observations = o.Connections, f.bytes, f.observed
	r.Stretches = append(r.Stretches, filled)
	if err := r.counted(ctx, s, stayed+filled.Count, (stayed+filled.Count)*int64(f.observed)); err != nil {
		return err
	}
	q, err := newQuestions(ctx, s, stayed)
	if err != nil {
		return err
	}
	if err := q.ofStay(ctx, begins, stayed, f.observed-1); err != nil {
		return err
	}
	worst := 0.0
	all := q.all()
	for i, one := range all {
		o.Progress("asked", float64(i), float64(len(all)))
		st, err := q.measure(ctx, one)
		if err != nil {
			return err
		}
		if one.below > 0 {
			r.below(one.name+", p99", st.Latency.P99, one.below, "ms")
		}
		worst = max(worst, st.Latency.P99)
		r.Stretches = append(r.Stretches, st)
	}
	s.Stop()
	if err := r.compare(o, filled, o.Connections); err != nil {
		return err
	}
	r.score = -worst
	return nil
}

// mostOfStay is how many messages a stay of 24 hours has: one a second.
const mostOfStay = 24 * 60 * 60

// stay sends what a monitor measured of one patient in 24 hours, one message a
// second or, where fewer messages are wanted, as often as they allow.
func stay(ctx context.Context, s *Server, o Options, begins time.Time) (int64, error) {
	count := min(mostOfStay, int64(o.Messages))
	every := 24 * time.Hour / time.Duration(count)
	f := newStay(s.MLLP, max(o.Connections, min(mostMonitors, o.Messages/50)), o.Size)
	hold, stop := s.brake(ctx, 8*mostBehind, func(v *service.Overview) int64 { return int64(v.Journal - v.Recorded) })
	defer stop()
	sent, err := f.send(ctx, pacing{
		count: count, ahead: 64, hold: hold,
		of:     func(n int64) time.Time { return begins.Add(time.Duration(n-1) * every) },
		report: func(n int64) { o.Progress("stayed", float64(n), float64(count)) },
	})
	if err == nil {
		err = s.recorded(ctx)
	}
	return sent.acknowledged, err
}

// fill sends messages of many monitors, and waits until they are recorded.
func fill(ctx context.Context, s *Server, o Options) (Stretch, *fleet, error) {
	f := newFleet(s.MLLP, o.Connections, min(mostMonitors, o.Messages/50), o.Size)
	hold, stop := s.brake(ctx, 8*mostBehind, func(v *service.Overview) int64 { return int64(v.Journal - v.Recorded) })
	w := watching(s)
	began := time.Now()
	sent, err := f.send(ctx, pacing{count: int64(o.Messages), ahead: 16, hold: hold, report: func(n int64) { o.Progress("filled", float64(n), float64(o.Messages)) }})
	stop()
	if err == nil {
		err = s.recorded(ctx)
	}
	if err != nil {
		return Stretch{}, f, err
	}
	return w.stretch("filled", "messages", sent.acknowledged, time.Since(began), f.bytes), f, nil
}

// counted compares what the server counted with what was acknowledged.
func (r *Report) counted(ctx context.Context, s *Server, acknowledged, observations int64) error {
	v, err := s.overview(ctx)
	if err != nil {
		return err
	}
	c := v.Channels[0]
	r.Counts["acknowledged"], r.Counts["journal"], r.Counts["recorded"] = acknowledged, int64(v.Journal), int64(c.Recorded)
	r.Counts["observations"], r.Counts["observationsSent"] = int64(c.Observations), observations
	r.agree("acknowledged", "journal")
	r.agree("journal", "recorded")
	r.agree("observationsSent", "observations")
	return nil
}

// questions are asked of a filled record.
type questions struct {
	s        *Server
	devices  []model.DeviceID
	patients []model.PatientID
	controls []string
	stay     model.Seq // the last message of the patient of one day
	head     model.Seq
	day      service.SeriesAsk // 24 hours of one patient by minutes
}

// question is one way of asking. below is its goal in ms, 0 for none; found
// must say that there was an answer.
type question struct {
	name  string
	below float64
	ask   func(ctx context.Context, i int) (found int, err error)
}

const findBelow = 100

// newQuestions looks whom to ask about in what came after some messages.
func newQuestions(ctx context.Context, s *Server, after int64) (*questions, error) {
	q := &questions{s: s, stay: model.Seq(after)}
	v, err := s.overview(ctx)
	if err != nil {
		return nil, err
	}
	q.head = v.Journal
	// Messages from all over the record name whom to ask for.
	for i := range asks {
		seq := 1 + q.stay + (q.head-q.stay)*model.Seq(i)/asks
		var page service.MessagePage
		if err := s.Client.Call(ctx, "message.get", service.Ref{Seq: seq}, &page); err != nil {
			return nil, err
		}
		m := page.Message
		if m == nil || m.Patient == nil || m.Patient.ID == "" || len(m.Devices) == 0 || m.Devices[0].ID == "" {
			return nil, fault.New(fault.Broken, "bench.record", "entry %d has no patient and device in the record", seq)
		}
		q.patients = append(q.patients, m.Patient.ID)
		q.devices = append(q.devices, m.Devices[0].ID)
		q.controls = append(q.controls, m.ControlID)
	}
	return q, nil
}

// ofStay looks once whether the patient of the stay, whose messages came
// first, has all codes at every minute, and as many values as were sent.
func (q *questions) ofStay(ctx context.Context, begins time.Time, sent int64, codes int) error {
	var page service.MessagePage
	if err := q.s.Client.Call(ctx, "message.get", service.Ref{Seq: 1}, &page); err != nil {
		return err
	}
	if page.Message == nil || page.Message.Patient == nil {
		return fault.New(fault.Broken, "bench.record", "entry 1 has no patient in the record")
	}
	q.day = service.SeriesAsk{Patient: page.Message.Patient.ID, From: begins, Until: begins.Add(24 * time.Hour), Step: model.Duration(time.Minute), Take: []grid.Take{grid.Mean}}
	var a service.SeriesAnswer
	if err := q.s.Client.Call(ctx, "observation.series", q.day, &a); err != nil {
		return err
	}
	for _, row := range a.Rows {
		n := int64(0)
		for _, p := range row.Points {
			n += int64(p.Count)
		}
		if int64(len(row.Points)) < min(sent, 24*60) || n != sent {
			return fault.New(fault.Broken, "bench.record", "%d values of %s in %d minutes, and %d were sent", n, row.Code.RefID, len(row.Points), sent)
		}
	}
	if len(a.Rows) != codes {
		return fault.New(fault.Broken, "bench.record", "%d codes of the stay in the record, and %d were sent", len(a.Rows), codes)
	}
	return nil
}

const askedCode = "MDC_ECG_HEART_RATE"

func (q *questions) all() []question {
	search := func(ask func(i int) service.MessageSearch) func(context.Context, int) (int, error) {
		return func(ctx context.Context, i int) (int, error) {
			var page service.List[record.Summary]
			err := q.s.Client.Call(ctx, "message.search", ask(i), &page)
			return len(page.Rows), err
		}
	}
	trend := func(ask func(i int) service.TrendAsk) func(context.Context, int) (int, error) {
		return func(ctx context.Context, i int) (int, error) {
			var all []record.Trend
			if err := q.s.Client.Call(ctx, "trend.get", ask(i), &all); err != nil || len(all) == 0 {
				return 0, err
			}
			return len(all[0].Points), nil
		}
	}
	live := func(ask func(i int) service.LiveAsk) func(context.Context, int) (int, error) {
		return func(ctx context.Context, i int) (int, error) {
			var beds []service.Bed
			err := q.s.Client.Call(ctx, "live.get", ask(i), &beds)
			return len(beds), err
		}
	}
	// What is copied is not read by whoever measures: that would take longer
	// than answering.
	copied := func(name string, request any) func(context.Context, int) (int, error) {
		return func(ctx context.Context, _ int) (int, error) {
			n, err := q.s.Client.Copy(ctx, name, request, io.Discard)
			return int(n), err
		}
	}
	return []question{
		{"find by patient", findBelow, search(func(i int) service.MessageSearch { return service.MessageSearch{Patient: q.patients[i]} })},
		{"find by device", findBelow, search(func(i int) service.MessageSearch { return service.MessageSearch{Device: q.devices[i]} })},
		{"find by code", findBelow, search(func(int) service.MessageSearch { return service.MessageSearch{Code: askedCode} })},
		{"find by device and code", findBelow, search(func(i int) service.MessageSearch { return service.MessageSearch{Device: q.devices[i], Code: askedCode} })},
		{"find by control id", findBelow, search(func(i int) service.MessageSearch { return service.MessageSearch{Control: q.controls[i]} })},
		{"newest messages", 0, search(func(int) service.MessageSearch { return service.MessageSearch{} })},
		{"patient's older page", 0, search(func(i int) service.MessageSearch {
			return service.MessageSearch{Patient: q.patients[i], After: model.MessageRef{Seq: 1 + (q.stay+q.head)/2}}
		})},
		{"one message's whole way", 0, func(ctx context.Context, i int) (int, error) {
			var page service.MessagePage
			err := q.s.Client.Call(ctx, "message.get", service.Ref{Seq: 1 + (q.head-1)*model.Seq(i)/asks}, &page)
			return len(page.Received.Bytes), err
		}},
		{"last values of a patient", 0, live(func(i int) service.LiveAsk { return service.LiveAsk{Patient: q.patients[i]} })},
		{"last values of all beds", 0, live(func(int) service.LiveAsk { return service.LiveAsk{} })},
		{"24 h of 20 codes by minutes", 50, copied("observation.series", q.day)},
		{"last heart rate of 500 devices", 20, copied("observation.last", service.LastAsk{Codes: []string{askedCode}})},
		{"all last values of 500 devices", 0, copied("observation.last", service.LastAsk{})},
		{"trend as it came", 0, trend(func(i int) service.TrendAsk { return service.TrendAsk{Patient: q.patients[i], Code: askedCode} })},
		{"trend by minutes", 0, trend(func(i int) service.TrendAsk {
			return service.TrendAsk{Patient: q.patients[i], Code: askedCode, Step: model.Duration(time.Minute)}
		})},
		{"patient by name", 0, func(ctx context.Context, _ int) (int, error) {
			var all []patients.Patient
			err := q.s.Client.Call(ctx, "patient.search", service.PatientAsk{Text: "brandt"}, &all)
			return len(all), err
		}},
	}
}

func (q *questions) measure(ctx context.Context, one question) (Stretch, error) {
	var all []time.Duration
	w := watching(q.s)
	began := time.Now()
	for i := range asks {
		from := time.Now()
		found, err := one.ask(ctx, i)
		if err != nil {
			return Stretch{}, fmt.Errorf("%s: %w", one.name, err)
		}
		if found == 0 {
			return Stretch{}, fault.New(fault.Broken, "bench.record", "%s: nothing was found, though it is there", one.name)
		}
		all = append(all, time.Since(from))
	}
	st := w.stretch(one.name, "calls", asks, time.Since(began), 0)
	st.Latency = latencyOf(all)
	return st, nil
}
