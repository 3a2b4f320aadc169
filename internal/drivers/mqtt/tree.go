package mqtt

import (
	"strings"

	"thalamus/internal/codec/mqttwire"
)

// sub is one subscription of a session.
type sub struct {
	mqttwire.Filter
	id    uint32 // subscription identifier, 0: none
	group string // of a shared subscription, empty: none
	topic string // the filter without its share
}

// subOf takes a filter apart; ok is false when it cannot be one (MQTT 5
// §4.8.2).
func subOf(f mqttwire.Filter, id uint32) (sub, bool) {
	s := sub{Filter: f, id: id, topic: f.Text}
	if rest, shared := strings.CutPrefix(f.Text, "$share/"); shared {
		group, topic, found := strings.Cut(rest, "/")
		if !found || group == "" || topic == "" || strings.ContainsAny(group, "+#") || f.NoLocal {
			return s, false
		}
		s.group, s.topic = group, topic
	}
	return s, true
}

// tree finds the subscriptions that match a topic. Its cost grows with the
// levels of the topic, not with the number of subscriptions.
type tree struct {
	below  map[string]*tree
	subs   map[*session]sub
	shared map[string]*group
}

// group is the sessions that share a subscription.
type group struct {
	members []*session
	subs    map[*session]sub
	next    int
}

// node gives the place of a filter, made where it is not there.
func (t *tree) node(filter string) *tree {
	for level := range strings.SplitSeq(filter, "/") {
		n := t.below[level]
		if n == nil {
			n = &tree{}
			if t.below == nil {
				t.below = map[string]*tree{}
			}
			t.below[level] = n
		}
		t = n
	}
	return t
}

func (t *tree) add(s *session, u sub) {
	n := t.node(u.topic)
	if u.group == "" {
		if n.subs == nil {
			n.subs = map[*session]sub{}
		}
		n.subs[s] = u
		return
	}
	if n.shared == nil {
		n.shared = map[string]*group{}
	}
	g := n.shared[u.group]
	if g == nil {
		g = &group{subs: map[*session]sub{}}
		n.shared[u.group] = g
	}
	if _, there := g.subs[s]; !there {
		g.members = append(g.members, s)
	}
	g.subs[s] = u
}

// remove takes a subscription out, and places that hold nothing any more.
func (t *tree) remove(s *session, u sub) { t.take(s, u, strings.Split(u.topic, "/")) }

func (t *tree) take(s *session, u sub, levels []string) {
	if len(levels) > 0 {
		n := t.below[levels[0]]
		if n == nil {
			return
		}
		if n.take(s, u, levels[1:]); len(n.below) == 0 && len(n.subs) == 0 && len(n.shared) == 0 {
			delete(t.below, levels[0])
		}
		return
	}
	if u.group == "" {
		delete(t.subs, s)
		return
	}
	g := t.shared[u.group]
	if g == nil {
		return
	}
	if _, there := g.subs[s]; there {
		delete(g.subs, s)
		for i, m := range g.members {
			if m == s {
				g.members = append(g.members[:i], g.members[i+1:]...)
				break
			}
		}
	}
	if len(g.members) == 0 {
		delete(t.shared, u.group)
	}
}

// match calls each for every subscription that matches, once a session and
// filter; of those that share one, for the one whose turn it is.
func (t *tree) match(topic string, each func(*session, sub)) {
	t.walk(topic, true, strings.HasPrefix(topic, "$"), each)
}

func (t *tree) walk(topic string, more, hidden bool, each func(*session, sub)) {
	if !more {
		t.here(each)
		if n := t.below["#"]; n != nil { // "a/#" matches "a"
			n.here(each)
		}
		return
	}
	level, rest, more := strings.Cut(topic, "/")
	if n := t.below[level]; n != nil {
		n.walk(rest, more, false, each)
	}
	if hidden { // MQTT 5 §4.7.2
		return
	}
	if n := t.below["+"]; n != nil {
		n.walk(rest, more, false, each)
	}
	if n := t.below["#"]; n != nil {
		n.here(each)
	}
}

func (t *tree) here(each func(*session, sub)) {
	for s, u := range t.subs {
		each(s, u)
	}
	for _, g := range t.shared {
		if s := g.turn(); s != nil {
			each(s, g.subs[s])
		}
	}
}

// turn gives the member whose turn it is: one that is connected, where there
// is one.
func (g *group) turn() *session {
	var away *session
	for range g.members {
		s := g.members[g.next%len(g.members)]
		g.next = (g.next + 1) % len(g.members)
		if s.conn != nil {
			return s
		}
		if away == nil {
			away = s
		}
	}
	return away
}
