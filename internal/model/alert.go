package model

import "time"

// Stages of an alert's life.
const (
	AlertActive  = "active"  // reported, and its end was not
	AlertLatched = "latched" // the condition is over, the source still holds the alert
	AlertEnded   = "ended"   // reported as over
)

// AlertLife is what the record knew of an alert's life once a report was in
// it (R21). It goes out with the message, so that who receives a report can
// tell which alert it belongs to and what has become of it.
type AlertLife struct {
	First    MessageRef `json:"first,omitzero"`     // the first report that came; with the device and id it names the life
	Stage    string     `json:"stage,omitempty"`    // active latched ended
	Began    time.Time  `json:"began,omitzero"`     // by the source's clock, as far as reported
	Ended    time.Time  `json:"ended,omitzero"`     // by the source's clock
	Late     bool       `json:"late,omitempty"`     // the report is older than what was known by then; it changes nothing of it
	Phase    string     `json:"phase,omitempty"`    // of the newest report
	State    string     `json:"state,omitempty"`    // of the newest report that says it
	Muted    string     `json:"muted,omitempty"`    // of the newest report that says it
	Priority string     `json:"priority,omitempty"` // of the newest report that says it
	Before   DeviceID   `json:"before,omitempty"`   // the life goes on from reports under this id, of a stranger that was merged into the device
}
