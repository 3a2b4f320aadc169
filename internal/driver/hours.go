package driver

import (
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
)

// Hours are when a link that fetches by itself works: spans of the week, in
// minutes from Monday 0:00. None means always.
type Hours []span

type span struct{ from, until int } // until may lie in the next week

const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
)

var weekdays = [...]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// ParseHours reads "Mon-Fri 20:00-06:00; Sat,Sun 00:00-24:00". Faults are at the
// setting hours.
func ParseHours(text string) (Hours, error) {
	invalid := func(text string) error {
		return fault.New(fault.Invalid, "driver.hours", "%s", text).At("hours")
	}
	var out Hours
	for part := range strings.SplitSeq(text, ";") {
		f := strings.Fields(part)
		if len(f) == 0 {
			continue
		}
		days, clock := "mon-sun", f[len(f)-1]
		if len(f) == 2 {
			days = strings.ToLower(f[0])
		}
		from, until, ok := strings.Cut(clock, "-")
		a, okA := minutes(from)
		b, okB := minutes(until)
		if !ok || !okA || !okB || a >= dayMinutes || len(f) > 2 {
			return nil, invalid("expected days and hours, such as Mon-Fri 20:00-06:00")
		}
		if b <= a {
			b += dayMinutes
		}
		for one := range strings.SplitSeq(days, ",") {
			first, last, isRange := strings.Cut(one, "-")
			if !isRange {
				last = first
			}
			x, y := weekday(first), weekday(last)
			if x < 0 || y < 0 {
				return nil, invalid("days are Mon, Tue, Wed, Thu, Fri, Sat and Sun, such as Mon-Fri or Sat,Sun")
			}
			for d := x; ; d = (d + 1) % 7 {
				out = append(out, span{d*dayMinutes + a, d*dayMinutes + b})
				if d == y {
					break
				}
			}
		}
	}
	return out, nil
}

func weekday(s string) int {
	for i, name := range weekdays {
		if s == name {
			return i
		}
	}
	return -1
}

// minutes reads 20:00, at most 24:00.
func minutes(s string) (int, bool) {
	h, m, ok := strings.Cut(s, ":")
	hour, err1 := strconv.ParseUint(h, 10, 8)
	minute, err2 := strconv.ParseUint(m, 10, 8)
	if !ok || err1 != nil || err2 != nil || minute > 59 || hour*60+minute > dayMinutes {
		return 0, false
	}
	return int(hour*60 + minute), true
}

// Open says whether an instant lies within, by the clock of its zone.
func (h Hours) Open(t time.Time) bool {
	if len(h) == 0 {
		return true
	}
	at := (int(t.Weekday())+6)%7*dayMinutes + t.Hour()*60 + t.Minute()
	for _, s := range h {
		if at >= s.from && at < s.until || at+weekMinutes >= s.from && at+weekMinutes < s.until {
			return true
		}
	}
	return false
}
