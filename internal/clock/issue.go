package clock

import (
	"strings"
	"time"

	"thalamus/internal/model"
)

const prefix = "clock."

// Forget drops the issues that an earlier reading of the message made.
func Forget(m *model.Message) {
	kept := m.Issues[:0]
	for _, i := range m.Issues {
		if !strings.HasPrefix(i.Code, prefix) {
			kept = append(kept, i)
		}
	}
	clear(m.Issues[len(kept):])
	m.Issues = kept
}

// Tell adds the issue that a sample's verdict calls for, if any.
func (r *Reading) Tell(m *model.Message, s State, v Verdict) {
	i := model.Issue{Severity: model.Warning, Field: r.Field}
	switch {
	case v == Jumped:
		i.Code = prefix + "jumped"
		i.Text = "the clock of device " + string(r.Device) + " was set " + moved(s.JumpBy) + ", or what had waited on the way came through"
		i.Hint = "values before and after may lie in another order than they were measured; check how the device gets its time"
	case v == Back:
		i.Code = prefix + "back"
		i.Text = "the time is before one that device " + string(r.Device) + " said already: the message is late, or the clock was set back"
		i.Hint = "check the device's clock; it says when it is known which of the two it was"
	case v == Unset:
		i.Code, i.Severity = prefix+"unset", model.Error
		i.Text = "the clock of device " + string(r.Device) + " says a time that cannot be; unless it is forbidden, its times count from their arrival"
		i.Hint = "set the device's clock; a battery may be empty"
	case s.Far():
		offset, _ := s.Offset()
		i.Code = prefix + "far"
		i.Text = "the clock of device " + string(r.Device) + " is more than a day off: " + moved(offset/1000)
		i.Hint = "set the device's clock, or let its times be corrected (clock: offset)"
	default:
		return
	}
	m.Issues = append(m.Issues, i)
}

// moved is "forward by 1h0m5s".
func moved(us int64) string {
	way := "forward"
	if us < 0 {
		way, us = "back", -us
	}
	d := time.Duration(us) * time.Microsecond
	if us > int64(100*365*24*time.Hour/time.Microsecond) {
		return way + " by a century or more"
	}
	if d > 48*time.Hour {
		return way + " by " + d.Round(time.Hour).String()
	}
	return way + " by " + d.Round(time.Second).String()
}
