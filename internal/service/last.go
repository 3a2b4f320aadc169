package service

import (
	"context"
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/grid"
	"thalamus/internal/model"
)

// LastAsk asks for last values (R19).
type LastAsk struct {
	Codes   []string        `json:"codes,omitempty" arg:"codes" doc:"RefIDs, MDC numbers, LOINC codes or codes as sent; all unless told"`
	Patient model.PatientID `json:"patient,omitempty" doc:"only this patient; identities merged with it count as it"`
	Device  model.DeviceID  `json:"device,omitempty" doc:"only this device"`
	From    time.Time       `json:"from,omitzero" doc:"only values of that time or later, e.g. -15m"`
}

// lookBack is how far a value is looked for in place of one that was taken
// back.
const lookBack = 24 * time.Hour

// getLast gives the last value of each code as it was recorded, unless it was
// deleted or wrong: then the one before it. Where a device last said that it
// has no value, that is the answer.
func getLast(ctx context.Context, c *call, r LastAsk) ([]record.LatestValue, error) {
	c.look(r.Patient)
	subjects, err := c.subjects(ctx, r.Patient, r.Device)
	if err != nil {
		return nil, err
	}
	all, err := c.s.Record.LastValues(ctx, record.LastQuery{Subjects: subjects, Codes: r.Codes, Since: r.From})
	if err != nil {
		return nil, err
	}
	kept := all[:0]
	for i := range all {
		v := &all[i]
		c.look(v.Patient)
		if v.Status == model.StatusError || v.Status == model.StatusCancelled {
			found, err := c.before(ctx, v)
			if err != nil {
				return nil, err
			}
			if !found || v.Time.Before(r.From) {
				continue
			}
		}
		kept = append(kept, *v)
	}
	return kept, nil
}

// before puts the number that holds in place of one that was taken back; false
// where there is none.
func (c *call) before(ctx context.Context, v *record.LatestValue) (bool, error) {
	code := v.Code.Key()
	if code == "" {
		code = v.Received.Code
	}
	q := record.NumbersQuery{Subjects: []record.Subject{v.Subject}, Codes: []string{code}, From: v.Time.Add(-lookBack), Until: v.Time}
	var last grid.Value
	found := false
	err := c.s.Record.Numbers(ctx, q, func(s *record.Series, values []grid.Value) error {
		if s.UnitUCUM == v.UnitUCUM && s.Simulated == v.Simulated && s.Subject == v.Subject && s.Code == v.Code {
			last, found = values[len(values)-1], true
		}
		return nil
	})
	if err != nil || !found {
		return false, err
	}
	m, err := c.s.Record.Message(ctx, last.Ref)
	if err != nil {
		return false, err
	}
	for i := range m.Observations {
		o := &m.Observations[i]
		if t := record.TimeOf(&o.DeviceTime, m); o.Code == v.Code && o.Received.Code == v.Received.Code && o.UnitUCUM == v.UnitUCUM && t.UnixNano() == last.At && record.DeviceOf(m, o.Device) == v.Device {
			v.Ref, v.Time, v.Arrived = last.Ref, t, m.Arrived
			v.Received, v.Value, v.Status, v.Absent = o.Received, o.Value, o.Status, o.Absent
			return true, nil
		}
	}
	return false, nil
}
