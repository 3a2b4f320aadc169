package profile

import (
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// InForce is a version of a profile and since when it counts.
type InForce struct {
	Profile *Profile
	Since   time.Time // messages that arrived from then on are read with it; zero: always
}

// Set is all profiles with the times their versions came into force. It is a
// value: a change makes a new set, and what is being read is read to its end
// with the old one (R12).
type Set struct {
	versions map[string][]InForce // by name, oldest first
	names    []string
	byCodec  map[string][][]InForce // the versions again, in order of name
	only     *Profile
	zones    map[*Profile]*time.Location // of those that name one
}

// Only makes a set that reads everything of a profile's codec with it, whoever
// sent it: for trying it.
func Only(p *Profile) *Set {
	s := &Set{only: p}
	s.locate(p)
	return s
}

// locate keeps the zone that a profile names; reading it took a file.
func (s *Set) locate(p *Profile) {
	if p.Time.Zone == "" || p.Time.Zone == "register" {
		return
	}
	if zone, err := time.LoadLocation(p.Time.Zone); err == nil { // checked when the profile was read
		if s.zones == nil {
			s.zones = map[*Profile]*time.Location{}
		}
		s.zones[p] = zone
	}
}

// Zone is that of times which name none, as the profile says; nil where it
// leaves that to the register.
func (s *Set) Zone(p *Profile) *time.Location { return s.zones[p] }

// Get gives a profile by its name and version, "acme/vm200@3"; nil when it was
// never in force.
func (s *Set) Get(ref string) *Profile {
	if s == nil {
		return nil
	}
	name, _, _ := strings.Cut(ref, "@")
	for _, v := range s.versions[name] {
		if v.Profile.Ref() == ref {
			return v.Profile
		}
	}
	return nil
}

// NewSet makes a set. Two versions of one profile may not begin at one
// instant.
func NewSet(all []InForce) (*Set, error) {
	s := &Set{versions: map[string][]InForce{}}
	for _, f := range all {
		s.versions[f.Profile.Name] = append(s.versions[f.Profile.Name], f)
		s.locate(f.Profile)
	}
	s.names = sortedKeys(s.versions)
	for _, name := range s.names {
		v := s.versions[name]
		slices.SortStableFunc(v, func(a, b InForce) int { return a.Since.Compare(b.Since) })
		for i := 1; i < len(v); i++ {
			if v[i].Since.Equal(v[i-1].Since) {
				return nil, fault.New(fault.Conflict, "profile.twice", "two versions of the profile come into force at one time").At(name)
			}
		}
		if s.byCodec == nil {
			s.byCodec = map[string][][]InForce{}
		}
		codec := v[0].Profile.Codec
		s.byCodec[codec] = append(s.byCodec[codec], v)
	}
	return s, nil
}

// With is the set with one profile that counts always, in place of all other
// versions of its name: for trying it.
func (s *Set) With(p *Profile) (*Set, error) {
	all := []InForce{{Profile: p}}
	for _, name := range s.Names() {
		if name != p.Name {
			all = append(all, s.versions[name]...)
		}
	}
	return NewSet(all)
}

// Names lists the profiles.
func (s *Set) Names() []string {
	if s == nil {
		return nil
	}
	return s.names
}

// Versions of a profile, oldest first.
func (s *Set) Versions(name string) []InForce { return s.versions[name] }

// Now is the version of a profile that is in force at an instant; nil when
// there is none of this name.
func (s *Set) Now(name string, when time.Time) *Profile {
	if s == nil {
		return nil
	}
	return at(s.versions[name], when)
}

// at is the version in force at an instant.
func at(v []InForce, when time.Time) *Profile {
	for i := len(v) - 1; i >= 0; i-- {
		if !v[i].Since.After(when) {
			return v[i].Profile
		}
	}
	return nil
}

// Sender is what a profile is chosen by: what a message says of its device.
type Sender struct {
	Codec        string
	Channel      string
	Type         string
	Application  string
	Topic        string
	Manufacturer string
	Model        string
	Software     string
	Document     any // json, csv
	Arrived      time.Time
}

// SenderOf a decoded message: its first device that is named.
func SenderOf(m *model.Message) Sender {
	s := Sender{Codec: m.Codec, Channel: string(m.Channel), Type: m.Type, Application: first(m.Sender.Application, m.Sender.ApplicationID), Topic: m.Topic, Arrived: m.Arrived}
	for i := range m.Devices {
		d := &m.Devices[i]
		if s.Manufacturer == "" {
			s.Manufacturer = d.Manufacturer
		}
		if s.Model == "" {
			s.Model = d.Model
		}
		if s.Software == "" {
			s.Software = d.Release
		}
	}
	return s
}

// Find chooses the profile for a sender: the one that says most about it; of
// equals, the first by name. outside says that the sender's software lies
// outside the range of the profile, which is used all the same because no
// other fits better (an issue says so). Of a sender that does not tell its
// software nobody can say that.
func (s *Set) Find(from Sender) (found *Profile, outside bool) {
	if s == nil {
		return nil, false
	}
	if s.only != nil && s.only.Codec == from.Codec {
		return s.only, false
	}
	best := 0
	for _, versions := range s.byCodec[from.Codec] {
		p := at(versions, from.Arrived)
		if p == nil {
			continue
		}
		score, inRange := p.fits(&from)
		if score == 0 {
			continue
		}
		score *= 2
		if inRange {
			score++
		}
		if score > best {
			best, found, outside = score, p, !inRange && strings.TrimSpace(from.Software) != ""
		}
	}
	return found, outside
}

// field is what one field of applies_to counts, more than any letters in it.
const field = 1000

// fits counts what of applies_to says something and holds, fields first, then
// letters; 0 when one thing does not hold.
func (p *Profile) fits(from *Sender) (score int, inRange bool) {
	a := &p.AppliesTo
	// What tells most strangers apart comes first: each message is asked of
	// each profile.
	if p.Codec != from.Codec || !counts(a.Sender, from.Application, &score) || !counts(a.Channel, from.Channel, &score) ||
		!counts(a.Manufacturer, from.Manufacturer, &score) || !counts(a.Model, from.Model, &score) || !counts(a.Type, from.Type, &score) ||
		!counts(topics(a.Topic), from.Topic, &score) {
		return 0, false
	}
	if p.when != nil {
		fields, _ := from.Document.(map[string]any)
		ok, err := p.when.holds(func(name string) any { return fields[name] })
		if !ok || err != nil {
			return 0, false
		}
		score += field
	}
	return score, p.range_.holds(strings.TrimSpace(from.Software))
}

// matcher are texts, or patterns of them. like says how much of a text they
// say, 0 when none is like it.
type matcher interface {
	~[]string
	like(s string) int
}

// counts adds what a field of applies_to says about a text; false when it says
// something else.
func counts[M matcher](want M, is string, score *int) bool {
	if len(want) == 0 {
		return true
	}
	says := want.like(is)
	if says > 0 {
		*score += field + says
	}
	return says > 0
}
