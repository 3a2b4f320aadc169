package alert

import (
	"time"

	"thalamus/internal/model"
)

// Life is one alert from the first report that came to its end.
type Life struct {
	Patient model.PatientID `json:"patient,omitempty"`
	Device  model.DeviceID  `json:"device,omitempty"` // whose id the first report came under
	// Now is the device whose id later reports came under, where Device was
	// merged into it meanwhile (decision 210).
	Now model.DeviceID `json:"now,omitempty"`
	// Alert is the newest report by the source's own order; what it leaves out
	// is as in the report before.
	Alert   model.Alert      `json:"alert"`
	Active  bool             `json:"active"`            // its end was not reported; latched ones among them
	Stage   string           `json:"stage"`             // active, latched or ended
	Peak    string           `json:"peak,omitempty"`    // the highest priority it had: high medium low none
	Started time.Time        `json:"started"`           // the source's time of the earliest report
	Updated time.Time        `json:"updated"`           // and of the newest
	Ended   time.Time        `json:"ended,omitzero"`    // the source's time of the end
	Since   time.Time        `json:"since"`             // arrival of the first report that came
	Arrived time.Time        `json:"arrived"`           // and of the last
	Events  int              `json:"events"`            // reports that came
	Late    int              `json:"late,omitempty"`    // of them, older than what was known by then
	First   model.MessageRef `json:"first"`             // the first report that came
	Ref     model.MessageRef `json:"ref"`               // of the newest report
	Channel model.ChannelID  `json:"channel"`           // of the newest report
	Steps   []Step           `json:"steps,omitempty"`   // what changed, in the order it came
	LeftOut int              `json:"leftOut,omitempty"` // steps between the tenth and the last thirty; the messages have them
}

// What a step of a life is.
const (
	Began       = "start"       // reported as new
	Seen        = "seen"        // the first report that came; it began before
	Updated     = "update"      // text, limits, source or event changed
	Escalated   = "escalate"    // the priority rose, or the source says so
	Deescalated = "de-escalate" // the priority fell, or the source says so
	Muted       = "mute"        // sound or alarm was paused, switched off or acknowledged
	Unmuted     = "unmute"      // and is on again
	Latched     = "latch"       // the condition is over, the source holds the alert
	Resumed     = "resume"      // the condition is there again
	Over        = "end"         // reported as over
	TooLate     = "late"        // a report older than what was known; it changed nothing
)

// Step is one change of a life.
type Step struct {
	What     string           `json:"what"`               // start seen update escalate de-escalate mute unmute latch resume end late
	Time     time.Time        `json:"time,omitzero"`      // the source's
	Arrived  time.Time        `json:"arrived"`            // of the message that brought it
	Ref      model.MessageRef `json:"ref"`                // of that message
	Phase    string           `json:"phase,omitempty"`    // as reported
	State    string           `json:"state,omitempty"`    // as reported
	Muted    string           `json:"muted,omitempty"`    // as reported
	Priority string           `json:"priority,omitempty"` // as reported
	Vanished bool             `json:"vanished,omitempty"` // not reported: it is no longer on a list of its device that is complete
}

// Report is what one message says of one alert.
type Report struct {
	Alert   *model.Alert
	Device  model.DeviceID
	Patient model.PatientID
	Channel model.ChannelID
	Ref     model.MessageRef
	At      time.Time // the source's time, else that of arrival
	Arrived time.Time
}

// began is since when the alert is, as far as the report knows.
func (r *Report) began() time.Time {
	if onset := r.Alert.Onset.UTC; !onset.IsZero() && onset.Before(r.At) {
		return onset
	}
	return r.At
}

// StageOf says what stage one report puts an alert in. A latched alert is not
// over, whatever its phase: somebody still has to look (IHE PCD TF-2, facet
// "alarm current state").
func StageOf(a *model.Alert) string {
	switch {
	case a.State == "latched":
		return model.AlertLatched
	case a.Phase == "end" || a.Phase == "tpoint" || a.State == "inactive" || a.State == "off":
		return model.AlertEnded
	}
	return model.AlertActive
}

// IsMuted says whether an inactivation state keeps an alert from being heard
// or seen at its source: anything but "enabled".
func IsMuted(state string) bool { return state != "" && state != "enabled" }

// Rank orders priorities; one nobody knows counts as medium, for an alarm of
// unknown weight is no small one.
func Rank(priority string) int {
	switch priority {
	case "high":
		return 3
	case "low":
		return 1
	case "none":
		return 0
	}
	return 2
}

// begin makes the life a report is the first of.
func begin(r *Report) *Life {
	l := &Life{Device: r.Device, Started: r.began(), Since: r.Arrived, First: r.Ref, Peak: r.Alert.Priority}
	what := Began
	if r.Alert.Phase != "start" && r.Alert.Phase != "tpoint" {
		what = Seen
	}
	l.newest(r, *r.Alert)
	l.step(r, what)
	if IsMuted(l.Alert.Muted) {
		l.step(r, Muted)
	}
	switch l.Stage {
	case model.AlertLatched:
		l.step(r, Latched)
	case model.AlertEnded:
		l.step(r, Over)
	}
	return l
}

// take adds a report to a life.
func (l *Life) take(r *Report) {
	if l.older(r) {
		l.Events++
		l.Late++
		if r.Arrived.After(l.Arrived) {
			l.Arrived = r.Arrived
		}
		if began := r.began(); began.Before(l.Started) {
			l.Started = began
		}
		l.peak(r.Alert.Priority)
		l.step(r, TooLate)
		return
	}
	was := l.Alert
	stage := l.Stage
	now := filled(*r.Alert, &was)
	l.newest(r, now)
	l.peak(now.Priority)
	if at := r.began(); at.Before(l.Started) {
		l.Started = at
	}
	if now.Code != was.Code || now.Source != was.Source || now.Text != was.Text || now.Limits != was.Limits {
		l.step(r, Updated)
	}
	switch {
	case Rank(now.Priority) > Rank(was.Priority) || now.Phase == "escalate" && was.Phase != "escalate":
		l.step(r, Escalated)
	case Rank(now.Priority) < Rank(was.Priority) || now.Phase == "de-escalate" && was.Phase != "de-escalate":
		l.step(r, Deescalated)
	}
	switch {
	case IsMuted(now.Muted) && now.Muted != was.Muted:
		l.step(r, Muted)
	case IsMuted(was.Muted) && !IsMuted(now.Muted):
		l.step(r, Unmuted)
	}
	if l.Stage != stage {
		l.step(r, map[string]string{model.AlertActive: Resumed, model.AlertLatched: Latched, model.AlertEnded: Over}[l.Stage])
	}
}

// newest makes a report the one that counts.
func (l *Life) newest(r *Report, a model.Alert) {
	a.Life = model.AlertLife{}
	l.Alert, l.Ref, l.Channel = a, r.Ref, r.Channel
	l.Patient, l.Updated, l.Arrived = r.Patient, r.At, r.Arrived
	l.Events++
	l.Stage = StageOf(&a)
	l.Active = l.Stage != model.AlertEnded
	l.Ended = time.Time{}
	if !l.Active {
		l.Ended = r.At
	}
}

// filled gives a report with what it leaves out as it was before. Its value is
// its own: an old one would be taken for a new one.
func filled(a model.Alert, was *model.Alert) model.Alert {
	if a.State == "" && a.Phase != "start" && a.Phase != "end" {
		a.State = was.State
	}
	for _, one := range [...]struct {
		now *string
		was string
	}{{&a.List, was.List}, {&a.Muted, was.Muted}, {&a.Priority, was.Priority}, {&a.Kind, was.Kind}, {&a.Text, was.Text}, {&a.Limits, was.Limits}} {
		if *one.now == "" {
			*one.now = one.was
		}
	}
	if a.Code == (model.Code{}) && a.Received == (model.Coding{}) {
		a.Code, a.Received = was.Code, was.Received
	}
	if a.Source == (model.Code{}) {
		a.Source = was.Source
	}
	return a
}

func (l *Life) peak(priority string) {
	if priority != "" && (l.Peak == "" || Rank(priority) > Rank(l.Peak)) {
		l.Peak = priority
	}
}

// Bounds of Steps.
const (
	firstSteps = 10
	lastSteps  = 30
)

// step notes a change. Readers may hold the list: it is only ever added to,
// or made anew.
func (l *Life) step(r *Report, what string) {
	s := Step{What: what, Time: r.At, Arrived: r.Arrived, Ref: r.Ref, Phase: r.Alert.Phase, State: r.Alert.State, Muted: r.Alert.Muted, Priority: r.Alert.Priority, Vanished: r.Alert.Vanished}
	if len(l.Steps) < firstSteps+lastSteps {
		l.Steps = append(l.Steps, s)
		return
	}
	fewer := make([]Step, 0, firstSteps+lastSteps)
	fewer = append(append(fewer, l.Steps[:firstSteps]...), l.Steps[firstSteps+1:]...)
	l.Steps = append(fewer, s)
	l.LeftOut++
}

// Stamp is what a report that has just become part of the life goes out with.
func (l *Life) Stamp(late bool) model.AlertLife {
	return model.AlertLife{
		First: l.First, Stage: l.Stage, Began: l.Started, Ended: l.Ended, Late: late,
		Phase: l.Alert.Phase, State: l.Alert.State, Muted: l.Alert.Muted, Priority: l.Alert.Priority,
	}
}
