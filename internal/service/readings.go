package service

import (
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register"
)

// DeviceReading is the profile a device's messages are read with (R12), as the
// last of them was.
type DeviceReading struct {
	Profile  string          `json:"profile,omitempty"`  // name and version: mindray/vs8@1; empty: none fits the device
	ID       model.ProfileID `json:"id,omitempty"`       // of the profile, as addresses have it; empty: no profile of that name is in force any more
	Title    string          `json:"title,omitempty"`    // of the profile
	Since    time.Time       `json:"since,omitzero"`     // arrival of the first message that this version read
	Messages uint64          `json:"messages"`           // read with it, any version
	Software string          `json:"software,omitempty"` // of the device, as its messages say
	Range    string          `json:"range,omitempty"`    // of software that the profile was made for; empty: any
	Outside  time.Time       `json:"outside,omitzero"`   // since when the software lies outside; the profile is used all the same
}

func (s *Service) readingOf(d register.Device) DeviceReading {
	is := d.Observed.Reading
	r := DeviceReading{Profile: is.Profile, Since: is.Since, Messages: d.Seen.Read, Software: d.Observed.Release, Outside: is.Outside}
	_, versions := s.profileNamed(is.Name())
	if is.Profile == "" || len(versions) == 0 {
		return r
	}
	newest := versions[len(versions)-1].Profile
	if p := s.Profiles().Get(is.Profile); p != nil {
		newest = p
	}
	r.ID, r.Title, r.Range = profileID(newest.Name), newest.Title, newest.AppliesTo.Software
	return r
}
