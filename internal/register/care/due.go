package care

import (
	"cmp"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Day is a day of the calendar as 2026-05-03; empty for none. Days compare as
// texts do.
type Day string

// DayOf gives the day of an instant in a zone.
func DayOf(t time.Time, zone *time.Location) Day {
	if t.IsZero() {
		return ""
	}
	return Day(t.In(zone).Format(time.DateOnly))
}

// ParseDay reads a day; the error is fault.Invalid, code care.day.
func ParseDay(text string) (Day, error) {
	if d := Day(text); d.valid() {
		return d, nil
	}
	return "", fault.New(fault.Invalid, "care.day", "%q is not a day; expected a date such as 2026-05-03", clip(text))
}

func (d Day) valid() bool {
	if d == "" {
		return true
	}
	t, err := time.Parse(time.DateOnly, string(d))
	return err == nil && t.Year() > 0
}

// Time is the beginning of the day, UTC; zero for none.
func (d Day) Time() time.Time {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Until counts the days to another day.
func (d Day) Until(e Day) int { return int(e.Time().Sub(d.Time()) / (24 * time.Hour)) }

// Add gives the day so many months and days later. A month that has no such
// day ends the span on its last: 31 January and one month is 28 February, in a
// leap year the 29th.
func (d Day) Add(months, days int) Day {
	t := d.Time()
	if t.IsZero() {
		return ""
	}
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := time.Date(first.Year(), first.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	at := time.Date(first.Year(), first.Month(), min(t.Day(), last), 0, 0, 0, 0, time.UTC).AddDate(0, 0, days)
	if at.Year() > 9999 {
		return "9999-12-31"
	}
	return Day(at.Format(time.DateOnly))
}

// Done is the last work by a plan on a device that passed.
type Done struct {
	On  Day `json:"on"`            // it was done
	Due Day `json:"due,omitempty"` // the day it was done for, where it was planned
}

// Begun is where a plan starts counting for a device: the day it was bought,
// else the day it was adopted.
func Begun(bought, adopted Day) Day { return cmp.Or(bought, adopted) }

// Next gives the day on which work by a plan is due next on a device; empty
// when nothing is: the plan is off, or nothing says when the device came. used
// is the day of its last use, which counts for plans after use alone.
//
// Without a rhythm to keep, the next day counts from the day the work was
// done. With one, days count from begun in whole spans, so that neither late
// work nor short months shift them: the next is the first after both the day
// the work was done and the day it was done for.
func (p *Plan) Next(begun Day, last Done, used Day) Day {
	if p.Disabled {
		return ""
	}
	if p.AfterUse {
		if used == "" || last.On != "" && used <= last.On {
			return ""
		}
		return max(used, p.From)
	}
	switch {
	case last.On == "" && begun == "":
		return ""
	case last.On == "":
		return max(begun.Add(p.Months, p.Days), p.From)
	case !p.KeepRhythm || begun == "":
		return max(last.On.Add(p.Months, p.Days), p.From)
	}
	after := max(last.On, last.Due)
	n := p.spans(begun, after)
	for begun.Add(n*p.Months, n*p.Days) <= after && n < 1<<20 {
		n++
	}
	return max(begun.Add(n*p.Months, n*p.Days), p.From)
}

// spans is a number of whole spans from begun that surely do not reach beyond
// a day; at least one, because the first span must pass.
func (p *Plan) spans(begun, after Day) int {
	days := begun.Until(after)
	if p.Days > 0 {
		return max(1, days/p.Days)
	}
	return max(1, days/31/p.Months)
}

// Due is work that a plan asks for on a device.
type Due struct {
	Plan   string         `json:"plan"`
	Name   string         `json:"name"`
	Kind   Kind           `json:"kind"`
	Device model.DeviceID `json:"device"`
	On     Day            `json:"on"`
	Last   Day            `json:"last,omitempty"` // it was done before
}

// Compare orders by day, then device and plan.
func (d Due) Compare(other Due) int {
	return cmp.Or(cmp.Compare(d.On, other.On), cmp.Compare(d.Device, other.Device), cmp.Compare(d.Plan, other.Plan))
}
