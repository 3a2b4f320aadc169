package alert

import (
	"time"

	"thalamus/internal/model"
)

// reset is from which difference on a time that lies before the newest one is
// that of a clock that was set, not of a report that comes late.
const reset = 6 * time.Hour

// older says whether a report is older than what the life knows: by the
// source's own count, else by its time, else it is not. At one and the same
// time an end comes last, unless a new beginning is told.
func (l *Life) older(r *Report) bool {
	if mine, its := l.Alert.Update, r.Alert.Update; mine > 0 && its > 0 && mine != its {
		return its < mine
	}
	if r.At.Equal(l.Updated) {
		return l.Stage == model.AlertEnded && StageOf(r.Alert) != model.AlertEnded
	}
	behind := l.Updated.Sub(r.At)
	return behind > 0 && behind < reset
}

// key is what reports of one alert share: the source and its name for it.
type key struct {
	device model.DeviceID
	id     string
}

// about says whether a report can be of a life with the same key. Some sources
// use one id for several alerts at once (that of a therapy, say): unless a
// report names the one it goes on with, event and source must not contradict.
func (r *Report) about(l *Life) bool {
	return r.exact(l) || r.Alert.Follows
}

func (r *Report) exact(l *Life) bool {
	return agree(eventOf(r.Alert), eventOf(&l.Alert)) && agree(r.Alert.Source.Key(), l.Alert.Source.Key())
}

func agree(a, b string) bool { return a == b || a == "" || b == "" }

func eventOf(a *model.Alert) string {
	if k := a.Code.Key(); k != "" {
		return k
	}
	return a.Received.Code
}
