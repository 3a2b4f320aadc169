package service

import (
	"context"
	"slices"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/care"
	"thalamus/internal/register/state"
)

// MetricAsk says of which devices the metrics are wanted.
type MetricAsk struct {
	Devices []model.DeviceID `json:"devices" arg:"devices" doc:"device ids, at most 100"`
}

// Metric is one thing a device measures or tells, without its values.
type Metric struct {
	Device   model.DeviceID `json:"device"`
	Code     model.Code     `json:"code,omitzero"`
	Received model.Coding   `json:"received,omitzero"` // as the device calls it
	Unit     string         `json:"unit,omitempty"`    // UCUM
	Last     time.Time      `json:"last,omitzero"`     // a value of it arrived; of a waveform, when samples of it began
	Speaks   bool           `json:"speaks"`            // the device is heard by its own rhythm
	// PeriodNS is how far apart its samples are, in nanoseconds, where it is a
	// waveform; 0 where single values come.
	PeriodNS int64 `json:"periodNs,omitempty"`
	// Calibrated is when the device was calibrated last and passed;
	// CalibrationDue says that it is time, or that it did not pass.
	Calibrated     time.Time `json:"calibrated,omitzero"`
	CalibrationDue bool      `json:"calibrationDue,omitempty"`
}

func metricOps() []Op {
	return []Op{
		define(Reads, "metric.list", "List what devices measure: codes, units, rates of waveforms and calibration, without values.", "dev-abc", listMetrics),
	}
}

// mostMetricDevices bounds one question.
const mostMetricDevices = 100

func listMetrics(ctx context.Context, c *call, r MetricAsk) ([]Metric, error) {
	if len(r.Devices) == 0 || len(r.Devices) > mostMetricDevices {
		return nil, fault.New(fault.Invalid, "service.argument", "name 1 to %d devices", mostMetricDevices).At("devices")
	}
	now := c.s.now()
	var out []Metric
	for _, id := range r.Devices {
		v, err := c.s.Register.View(id)
		if err != nil {
			return nil, err
		}
		values, err := c.s.Record.LastValues(ctx, record.LastQuery{Subjects: []record.Subject{{Device: id}}})
		if err != nil {
			return nil, err
		}
		waves, err := c.s.wavesOf(ctx, &v)
		if err != nil {
			return nil, err
		}
		if len(values)+len(waves) == 0 {
			continue
		}
		base := Metric{Device: id, Speaks: state.Of(c.s.knownOf(&v, now), now)[0].Kind == state.Online}
		if base.Calibrated, base.CalibrationDue, err = c.s.calibration(ctx, id, now); err != nil {
			return nil, err
		}
		out = append(append(out, metricsOf(base, values)...), waveMetricsOf(base, waves)...)
	}
	return out, nil
}

// waveSpan is how long before a device was heard last the waveforms count that
// it sends. They come all the time while they come.
const waveSpan = 10 * time.Minute

// wavesOf gives one run of samples of each waveform that a device sent lately.
func (s *Service) wavesOf(ctx context.Context, v *register.View) ([]record.Samples, error) {
	if v.Seen.LastSeen.IsZero() {
		return nil, nil
	}
	look := func(last time.Time) ([]record.Samples, error) {
		return s.Record.Waveform(ctx, record.TrendQuery{Subject: record.Subject{Device: v.ID}, From: last.Add(-waveSpan), Until: last.Add(waveSpan), Limit: 1})
	}
	waves, err := look(v.Seen.LastSeen)
	if err != nil || len(waves) > 0 {
		return waves, err
	}
	if e, ok := s.Clock(v.ID); ok && time.Duration(e.OffsetNS).Abs() > waveSpan { // by its own clock
		return look(v.Seen.LastSeen.Add(time.Duration(e.OffsetNS)))
	}
	return nil, nil
}

// waveMetricsOf gives each waveform once, whoever its patient was.
func waveMetricsOf(base Metric, waves []record.Samples) []Metric {
	var out []Metric
	for i := range waves {
		w := waves[i].Waveform
		if w.Status == model.StatusError || w.Status == model.StatusCancelled || waves[i].Simulated || w.PeriodNS <= 0 {
			continue
		}
		m := base
		m.Code, m.Received, m.Unit, m.PeriodNS, m.Last = w.Code, w.Received, w.UnitUCUM, w.PeriodNS, waves[i].Start
		if !slices.ContainsFunc(out, func(o Metric) bool {
			return o.Code.Key() == m.Code.Key() && o.Unit == m.Unit && o.PeriodNS == m.PeriodNS && (m.Code.Key() != "" || o.Received == m.Received)
		}) {
			out = append(out, m)
		}
	}
	return out
}

// metricsOf gives each code and unit once: a device measures the same of each
// of its patients.
func metricsOf(base Metric, values []record.LatestValue) []Metric {
	var out []Metric
	for i := range values {
		v := &values[i]
		if v.Status == model.StatusError || v.Simulated {
			continue
		}
		same := func(m Metric) bool {
			return m.Code.Key() == v.Code.Key() && m.Unit == v.UnitUCUM && (m.Code.Key() != "" || m.Received.Code == v.Received.Code && m.Received.System == v.Received.System)
		}
		at := slices.IndexFunc(out, same)
		if at < 0 {
			m := base
			m.Code, m.Received, m.Unit = v.Code, v.Received, v.UnitUCUM
			out, at = append(out, m), len(out)
		}
		if v.Arrived.After(out[at].Last) {
			out[at].Last = v.Arrived
		}
	}
	return out
}

// calibration says when a device was calibrated last, by its work orders, and
// whether it is time for the next.
func (s *Service) calibration(ctx context.Context, id model.DeviceID, now time.Time) (last time.Time, due bool, err error) {
	done, err := s.Store.Orders(ctx, care.OrderQuery{Device: id, Kind: care.Calibration, States: []care.State{care.Finished}, Limit: 20})
	if err != nil {
		return last, false, err
	}
	var newest care.Day
	for i := range done {
		f := done[i].Finish
		if f == nil {
			continue
		}
		if newest == "" || f.On > newest { // of one day the last order counts, which comes first
			newest, due = f.On, !f.Passed
		}
		if f.Passed && f.On.Time().After(last) {
			last = f.On.Time()
		}
	}
	v, err := s.Register.View(id)
	if err != nil {
		return last, due, err
	}
	for _, d := range s.Register.Dues(&v, time.Time{}, now) {
		if d.Kind == care.Calibration && !d.On.Time().After(now) {
			due = true
		}
	}
	return last, due, nil
}
