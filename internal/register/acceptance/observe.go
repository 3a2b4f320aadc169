package acceptance

import (
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Seen is what was observed of a subject when it was accepted.
type Seen struct {
	Releases []string `json:"releases,omitempty"` // software versions
	Links    []Link   `json:"links,omitempty"`    // channels it spoke on
	// Ports of its own that the network saw answering, tcp/443; none: nobody
	// looked at the network.
	Ports []string `json:"ports,omitempty"`
}

// Link is a channel, which is a port of ours that a device speaks to.
type Link struct {
	Channel model.ChannelID `json:"channel"`
	Plain   bool            `json:"plain,omitempty"` // not encrypted
}

// Observation is what one device does now.
type Observation struct {
	Device  model.DeviceID
	Release string
	Link    Link
	Ports   []string // of its own, as the network alone saw them: tcp/443
	Plain   []string // connections of its that the network saw unencrypted: tcp/80 of 10.1.2.3
}

// Contradiction is observed behaviour that an acceptance did not know.
type Contradiction struct {
	Kind   string         `json:"kind"` // release, port, unencrypted; or reason: a person says so
	Was    string         `json:"was,omitempty"`
	Now    string         `json:"now,omitempty"`
	Device model.DeviceID `json:"device,omitempty"`
}

// The kinds of contradictions.
const (
	NewRelease  = "release"
	NewPort     = "port"
	Unencrypted = "unencrypted"
	Said        = "reason"
)

// Reopening says why an acceptance is open again.
type Reopening struct {
	Mark
	Why     []Contradiction  `json:"why"`
	Devices []model.DeviceID `json:"devices,omitempty"` // that contradict it; none: it concerns all
}

// Bounds of what is kept.
const (
	mostSeen       = 200
	mostWhy        = 20
	mostContradict = 1000
)

// Add takes in what a device does, and says whether that was new.
func (s *Seen) Add(o Observation) bool {
	fresh := false
	if o.Release != "" && !slices.Contains(s.Releases, o.Release) && len(s.Releases) < mostSeen {
		s.Releases = append(s.Releases[:len(s.Releases):len(s.Releases)], o.Release)
		fresh = true
	}
	if o.Link.Channel != "" && !slices.Contains(s.Links, o.Link) && len(s.Links) < mostSeen {
		s.Links = append(s.Links[:len(s.Links):len(s.Links)], o.Link)
		fresh = true
	}
	for _, p := range o.Ports {
		if !slices.Contains(s.Ports, p) && len(s.Ports) < mostSeen {
			s.Ports = append(s.Ports[:len(s.Ports):len(s.Ports)], p)
			fresh = true
		}
	}
	return fresh
}

// Contradictions compares what a device does with what was accepted. What was
// not known when it was accepted (it was accepted before it ever spoke) is
// learned from the first observation, but for a link without encryption where
// the answers promise it.
func (a *Acceptance) Contradictions(o Observation) (why []Contradiction, learn bool) {
	s := &a.Seen
	if o.Release != "" && !slices.Contains(s.Releases, o.Release) {
		if len(s.Releases) > 0 {
			why = append(why, Contradiction{Kind: NewRelease, Was: strings.Join(s.Releases, ", "), Now: o.Release, Device: o.Device})
		} else {
			learn = true
		}
	}
	for _, p := range o.Ports {
		switch {
		case len(s.Ports) == 0:
			learn = true
		case !slices.Contains(s.Ports, p):
			why = append(why, Contradiction{Kind: NewPort, Was: strings.Join(s.Ports, ", "), Now: p, Device: o.Device})
		}
	}
	if a.promises(Encrypted) {
		for _, c := range o.Plain {
			why = append(why, Contradiction{Kind: Unencrypted, Now: c, Device: o.Device})
		}
	}
	why = why[:min(len(why), mostWhy)]
	if o.Link.Channel == "" {
		return why, learn && len(why) == 0
	}
	channel := slices.ContainsFunc(s.Links, func(l Link) bool { return l.Channel == o.Link.Channel })
	plain := slices.ContainsFunc(s.Links, func(l Link) bool { return l.Plain })
	switch {
	case len(s.Links) == 0:
		learn = true
	case !channel:
		var known []string
		for _, l := range s.Links {
			known = append(known, string(l.Channel))
		}
		slices.Sort(known)
		why = append(why, Contradiction{Kind: NewPort, Was: strings.Join(slices.Compact(known), ", "), Now: string(o.Link.Channel), Device: o.Device})
	}
	if o.Link.Plain && !plain && (len(s.Links) > 0 || a.promises(Encrypted)) {
		why = append(why, Contradiction{Kind: Unencrypted, Now: string(o.Link.Channel), Device: o.Device})
	}
	return why, learn && len(why) == 0
}

// promises says whether a question that watches something was answered yes.
func (a *Acceptance) promises(watch string) bool {
	for _, q := range a.Template.Questions {
		if one, _ := a.Of(q.ID); q.Watch == watch && one.Value == Yes {
			return true
		}
	}
	return false
}

// Against compares what was observed with the answers before anybody signs:
// the channels over which it speaks without encryption although that is
// promised.
func (a *Acceptance) Against(s Seen) (channels []string) {
	if !a.promises(Encrypted) {
		return nil
	}
	for _, l := range s.Links {
		if l.Plain && !slices.Contains(channels, string(l.Channel)) {
			channels = append(channels, string(l.Channel))
		}
	}
	return channels
}

// Reopen opens what was accepted. Answers, evidence and conditions stay; every
// role signs again. More that contradicts adds to what is open already.
func (a *Acceptance) Reopen(why []Contradiction, by Mark) (Step, error) {
	if a.Accepted.IsZero() || a.Rejection != nil {
		return Step{}, fault.New(fault.Conflict, "acceptance.not-accepted", "%s is not accepted; only what was accepted can be reopened", a.Title)
	}
	r := Reopening{Mark: by}
	all := false
	if a.Reopening != nil {
		r = *a.Reopening
		r.Why, r.Devices = slices.Clone(r.Why), slices.Clone(r.Devices)
		all = len(r.Devices) == 0
	}
	var told []string
	for _, c := range why {
		if all = all || c.Device == ""; c.Device != "" && !slices.Contains(r.Devices, c.Device) {
			r.Devices = append(r.Devices, c.Device)
		}
		known := slices.ContainsFunc(r.Why, func(have Contradiction) bool { return have.Kind == c.Kind && have.Now == c.Now })
		if !known && len(r.Why) < mostWhy {
			r.Why = append(r.Why, c)
			told = append(told, c.String())
		}
	}
	if all || len(r.Devices) > mostContradict {
		r.Devices = nil
	}
	a.Reopening, a.Signatures = &r, nil
	return Step{Mark: by, What: "reopened", Text: strings.Join(told, "; ")}, nil
}

// String says it in English, for the history and the audit.
func (c Contradiction) String() string {
	switch c.Kind {
	case NewRelease:
		return "software " + c.Now + " instead of " + c.Was + " on " + string(c.Device)
	case NewPort:
		return string(c.Device) + " speaks on channel " + c.Now + ", which was not known (" + c.Was + ")"
	case Unencrypted:
		return string(c.Device) + " speaks without encryption on channel " + c.Now
	}
	return c.Now
}

// Succeed gives the acceptance of a new release of what was accepted: reopened,
// with the answers of the old one to look at again, so that a device which was
// updated does not fall silent (docs/decisions/0111).
func (a *Acceptance) Succeed(id, subject, title string, why Contradiction, by Mark) (Acceptance, Step) {
	next := *a
	next.ID, next.Subject, next.Title, next.Version = id, subject, title, 0
	next.Began, next.Rejection = by, nil
	next.Seen = Seen{Releases: []string{why.Now}, Links: slices.Clone(a.Seen.Links)}
	next.Signatures = nil
	next.Reopening = &Reopening{Mark: by, Why: []Contradiction{why}, Devices: []model.DeviceID{why.Device}}
	return next, Step{Mark: by, What: "reopened", Text: why.String()}
}

// Passes says whether the messages of a device may go out. What was accepted
// once goes on when it has run out or was reopened, until somebody decides;
// strict stops it: all of it when it has run out or a person reopened it, else
// the devices that contradict it.
func (a *Acceptance) Passes(device model.DeviceID, strict bool, now time.Time) bool {
	switch a.State(now) {
	case Accepted:
		return true
	case Expired:
		return !strict
	case Reopened:
		return !strict || len(a.Reopening.Devices) > 0 && !slices.Contains(a.Reopening.Devices, device)
	}
	return false
}
