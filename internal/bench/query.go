package bench

import (
	"context"
	"fmt"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
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
	filled, f, err := fill(ctx, s, o)
	if err != nil {
		return err
	}
	r.Connections, r.MessageBytes, r.Observations = o.Connections, f.bytes, f.observed
	r.Stretches = append(r.Stretches, filled)
	if err := r.counted(ctx, s, filled.Count, f); err != nil {
		return err
	}
	q, err := newQuestions(ctx, s)
	if err != nil {
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
		if one.find {
			r.below(one.name+", p99", st.Latency.P99, 100, "ms")
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
func (r *Report) counted(ctx context.Context, s *Server, acknowledged int64, f *fleet) error {
	v, err := s.overview(ctx)
	if err != nil {
		return err
	}
	c := v.Channels[0]
	r.Counts["acknowledged"], r.Counts["journal"], r.Counts["recorded"] = acknowledged, int64(v.Journal), int64(c.Recorded)
	r.Counts["observations"], r.Counts["observationsSent"] = int64(c.Observations), acknowledged*int64(f.observed)
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
	head     model.Seq
}

// question is one way of asking. find says that it is a search among all
// messages; found must say that there was an answer.
type question struct {
	name string
	find bool
	ask  func(ctx context.Context, i int) (found int, err error)
}

func newQuestions(ctx context.Context, s *Server) (*questions, error) {
	q := &questions{s: s}
	v, err := s.overview(ctx)
	if err != nil {
		return nil, err
	}
	q.head = v.Journal
	// Messages from all over the record name whom to ask for.
	for i := range asks {
		seq := 1 + q.head*model.Seq(i)/asks
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
	return []question{
		{"find by patient", true, search(func(i int) service.MessageSearch { return service.MessageSearch{Patient: q.patients[i]} })},
		{"find by device", true, search(func(i int) service.MessageSearch { return service.MessageSearch{Device: q.devices[i]} })},
		{"find by code", true, search(func(int) service.MessageSearch { return service.MessageSearch{Code: askedCode} })},
		{"find by device and code", true, search(func(i int) service.MessageSearch { return service.MessageSearch{Device: q.devices[i], Code: askedCode} })},
		{"find by control id", true, search(func(i int) service.MessageSearch { return service.MessageSearch{Control: q.controls[i]} })},
		{"newest messages", false, search(func(int) service.MessageSearch { return service.MessageSearch{} })},
		{"patient's older page", false, search(func(i int) service.MessageSearch {
			return service.MessageSearch{Patient: q.patients[i], After: model.MessageRef{Seq: 1 + q.head/2}}
		})},
		{"one message's whole way", false, func(ctx context.Context, i int) (int, error) {
			var page service.MessagePage
			err := q.s.Client.Call(ctx, "message.get", service.Ref{Seq: 1 + (q.head-1)*model.Seq(i)/asks}, &page)
			return len(page.Received.Bytes), err
		}},
		{"last values of a patient", false, live(func(i int) service.LiveAsk { return service.LiveAsk{Patient: q.patients[i]} })},
		{"last values of all beds", false, live(func(int) service.LiveAsk { return service.LiveAsk{} })},
		{"trend as it came", false, trend(func(i int) service.TrendAsk { return service.TrendAsk{Patient: q.patients[i], Code: askedCode} })},
		{"trend by minutes", false, trend(func(i int) service.TrendAsk {
			return service.TrendAsk{Patient: q.patients[i], Code: askedCode, Step: time.Minute}
		})},
		{"patient by name", false, func(ctx context.Context, _ int) (int, error) {
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
