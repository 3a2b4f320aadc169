package register

import (
	"slices"
	"strings"
	"time"

	"thalamus/internal/model"
)

// Links of devices that are kept open tell when they are made and how they
// ended (R2, R29). That is how a device is now, not a fact of its history:
// however often a link breaks, it is one row of the device, written with its
// sighting once a second at most, and never a change.
//
// A link knows its peer; which devices speak over it, the messages that came
// from that peer tell. Several may: a gateway's are gone together.

// contacts are the links that told of themselves, guarded by Register.mu.
type contacts struct {
	byClient map[lineKey]*line // by what the device calls itself
	byPeer   map[lineKey]*line // by address and port of the connection there is, or was last
	through  map[string][]*unit
}

type lineKey struct {
	channel model.ChannelID
	name    string
}

// line is one device's or gateway's link, over its connections.
type line struct {
	key   lineKey
	peer  string
	last  model.ContactTold // At zero: nothing was told since the start
	units []*unit           // those that spoke over it last
}

// mostLines bounds the links remembered; when there are more, those that ended
// and over which no device spoke are forgotten.
const mostLines = 1 << 16

// Contact takes over what a link tells.
func (r *Register) Contact(c model.ContactTold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.contacts.line(lineKey{c.Channel, c.Client}); l != nil {
		if c.Made && l.peer != c.Peer {
			delete(r.contacts.byPeer, lineKey{c.Channel, l.peer})
			l.peer = c.Peer
			r.contacts.byPeer[lineKey{c.Channel, c.Peer}] = l
		}
		if l.last.At.After(c.At) {
			return
		}
		l.last = c
		for _, u := range l.units {
			r.contacted(u, &c)
		}
	}
	if u := r.unit(c.Device); u != nil {
		r.contacted(u, &c)
	}
}

// line gives the link of a name, making it; nil when there are too many.
func (k *contacts) line(key lineKey) *line {
	if l := k.byClient[key]; l != nil {
		return l
	}
	if k.byClient == nil {
		k.byClient, k.byPeer = map[lineKey]*line{}, map[lineKey]*line{}
	}
	if len(k.byClient) >= mostLines {
		for key, l := range k.byClient {
			if !l.last.Made && len(l.units) == 0 {
				delete(k.byClient, key)
				delete(k.byPeer, lineKey{key.channel, l.peer})
			}
		}
		if len(k.byClient) >= mostLines {
			return nil
		}
	}
	l := &line{key: key}
	k.byClient[key] = l
	return l
}

// join counts a unit among those that speak over the link, and over no other.
func (l *line) join(u *unit) {
	if u.line == l {
		return
	}
	u.leave()
	u.line = l
	l.units = append(l.units, u)
}

// leave takes a unit off its link.
func (u *unit) leave() {
	if u.line == nil {
		return
	}
	if i := slices.Index(u.line.units, u); i >= 0 {
		u.line.units = slices.Delete(u.line.units, i, i+1)
	}
	u.line = nil
}

// recall joins a unit to the link that it had before the start, and to the node
// it speaks through. Called with r.mu held or before use.
func (r *Register) recall(u *unit) {
	for _, id := range u.dev.Observed.Identifiers {
		r.contacts.behind(u, id)
	}
	c := u.dev.Seen.Contact
	if c == nil || c.Client == "" {
		return
	}
	if l := r.contacts.line(lineKey{u.dev.Seen.Channel, c.Client}); l != nil {
		l.join(u)
	}
}

// over joins a unit to the link from whose peer a message came. The link may
// have ended by now: what it told last counts for the unit too. Called with
// r.mu held.
func (r *Register) over(u *unit, m *model.Message) {
	l := r.contacts.byPeer[lineKey{m.Channel, m.Peer}]
	if l == nil {
		u.leave()
		return
	}
	l.join(u)
	r.contacted(u, &l.last)
}

// contacted brings in force for a unit what its link told. Called with r.mu held.
func (r *Register) contacted(u *unit, c *model.ContactTold) {
	if c.Made {
		r.begins(u, c.At, c.Client)
		return
	}
	r.ends(u, c.At, c.Ending)
}

// begins says that a unit's link is there. Called with r.mu held.
func (r *Register) begins(u *unit, at time.Time, client string) {
	was := u.dev.Seen.Contact
	if was != nil && (at.Before(was.Since) || !was.Down && was.Client == client) {
		return
	}
	now := model.Contact{Since: at, Client: client}
	if was != nil {
		now.Losses = was.Losses
	}
	r.setContact(u, now)
}

// ends says that a unit's link has ended. A will or a death certificate that
// comes after tells more of the same end. Called with r.mu held.
func (r *Register) ends(u *unit, at time.Time, e model.Ending) {
	e.Below = ""
	was := u.dev.Seen.Contact
	if was == nil {
		was = &model.Contact{}
	}
	now := *was
	switch {
	case at.Before(was.Since), !was.Down && at.Before(u.dev.Seen.LastSeen):
		return // it came back since
	case !was.Down:
		now.Down, now.Since, now.Ending = true, at, e
		if !e.Polite() {
			now.Losses++
		}
	case was.Topic == "" && (e.How == model.EndWill || e.How == model.EndDeath):
		now.Ending = e
		if was.Polite() {
			now.Losses++
		}
	default:
		return
	}
	r.setContact(u, now)
}

// speaks says that a unit's message arrived: it is there, whatever was told of
// its link before that. Called with r.mu held.
func (r *Register) speaks(u *unit, at time.Time) {
	if c := u.dev.Seen.Contact; c != nil && c.Down && at.After(c.Since) {
		r.setContact(u, model.Contact{Since: at, Client: c.Client, Losses: c.Losses})
	}
}

func (r *Register) setContact(u *unit, c model.Contact) {
	u.dev.Seen.Contact = &c
	u.glance.down, u.glance.polite = c.Down, c.Polite()
	r.surveys.news++
	r.hear(u)
}

// behind remembers through which node a unit speaks, by its identifier.
func (k *contacts) behind(u *unit, id model.Identifier) {
	if id.System != "sparkplug" {
		return
	}
	i := strings.LastIndexByte(id.Value, '/')
	if strings.Count(id.Value, "/") != 2 {
		return
	}
	if k.through == nil {
		k.through = map[string][]*unit{}
	}
	node := id.Value[:i+1]
	k.through[node] = append(k.through[node], u)
}

// endsBelow says that what speaks through a message's device is gone with it
// (Sparkplug 3.0.0 §5.4, tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-offline).
// Called with r.mu held.
func (r *Register) endsBelow(m *model.Message) {
	if m.Ended.Below == "" {
		return
	}
	for _, u := range r.contacts.through[m.Ended.Below] {
		r.ends(u, m.Arrived, *m.Ended)
	}
}
