package register

import (
	"strings"
	"time"

	"thalamus/internal/model"
)

// Reading is how the messages of a unit are read (R12).
type Reading struct {
	Profile string    `json:"profile,omitempty"` // name and version, acme/vm200@3; empty: no profile has read any
	Since   time.Time `json:"since,omitzero"`    // arrival of the first message that this version read
	// Outside is since when the unit's software lies outside the range that the
	// profile was made for, by arrival; zero: it does not.
	Outside time.Time `json:"outside,omitzero"`
}

// outsideRange is the issue by which a message says that its sender's software
// lies outside the range of the profile it was read with all the same.
const outsideRange = "normalise.profile-range"

// Name is the profile without its version.
func (r Reading) Name() string {
	name, _, _ := strings.Cut(r.Profile, "@")
	return name
}

// reading keeps which profile reads the unit's messages, and since when its
// software lies outside the profile's range (R12). A message that no profile
// reads changes nothing: a unit's alarms may be understood without one.
func (r *Register) reading(u *unit, m *model.Message) {
	if m.ReadWith == "" {
		return
	}
	is := &u.dev.Observed.Reading
	if name, _, _ := strings.Cut(m.ReadWith, "@"); name != is.Name() {
		u.dev.Seen.Read = 0
	}
	u.dev.Seen.Read++
	if m.ReadWith != is.Profile {
		r.note(u, m, "profile", is.Profile, m.ReadWith)
		is.Profile, is.Since = m.ReadWith, m.Arrived
		u.changed = true
	}
	outside := false
	for i := range m.Issues {
		outside = outside || m.Issues[i].Code == outsideRange
	}
	switch {
	case outside && is.Outside.IsZero():
		is.Outside = m.Arrived
		r.note(u, m, "range", "inside", "outside")
	case !outside && !is.Outside.IsZero():
		is.Outside = time.Time{}
		r.note(u, m, "range", "outside", "inside")
	}
}
