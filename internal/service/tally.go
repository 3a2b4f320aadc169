package service

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/state"
)

// tally is how the whole house stands: its devices counted. One survey makes it
// for all who ask, and it counts until there is news of a device; what time does
// by itself it may show for tallyHolds longer (decision 275).
type tally struct {
	at      time.Time
	news    uint64 // of the register
	states  stateCounts
	devices int
	unowned int
	network uint64 // stands for all devices as flows know them
	cohorts []*cohort
	first   map[*register.Common]*cohort // by what they have in common, linked by next
}

// tallyHolds is how much later than it is so a count may show that devices fell
// silent, and how fast they speak.
const tallyHolds = time.Second

// cohort is the devices that have all in common and speak over one channel.
type cohort struct {
	*register.Common
	channel model.ChannelID
	next    *cohort // that has the same in common, on another channel
	silent  int
	// perSecond is how many messages those that speak send.
	perSecond float64
	last      time.Time        // heard from any of them
	works     []model.DeviceID // in use and speaking, sorted
	idle      []model.DeviceID // the others, sorted
}

func (c *cohort) devices() int { return len(c.works) + len(c.idle) }

// tallying keeps the last tally.
type tallying struct {
	mu   sync.Mutex // held while one is made: who comes meanwhile needs the same
	last *tally
}

// tally counts the devices. Nobody may change what it gives.
func (s *Service) tally(now time.Time) *tally {
	t := &s.tallying
	t.mu.Lock()
	defer t.mu.Unlock()
	news := s.Register.News() // before they are counted: what comes meanwhile makes them be counted again
	if have := t.last; have == nil || have.news != news || now.Sub(have.at).Abs() >= tallyHolds {
		t.last = s.count(now, have)
		t.last.news = news
	}
	return t.last
}

// count counts the devices; was is how they were counted last, nil: never.
func (s *Service) count(now time.Time, was *tally) *tally {
	t := &tally{at: now, states: stateCounts{}, first: map[*register.Common]*cohort{}}
	var network maphash.Hash
	network.SetSeed(s.kept.seed)
	s.survey(register.Query{}, now, func(d *register.Surveyed) bool {
		t.devices++
		if !d.Owned {
			t.unowned++
		}
		beat, kind, grade := d.Hearing()
		t.states[marksWith(d, kind, grade)]++
		t.of(d.Common, d.Channel, was).count(d, beat, kind, grade, now)
		if known, whence := d.Network, d.Whence(); known != 0 || whence != 0 {
			var both [16]byte
			binary.NativeEndian.PutUint64(both[:8], known)
			binary.NativeEndian.PutUint64(both[8:], whence)
			_, _ = network.Write(both[:])
		}
		return true
	})
	t.network = network.Sum64()
	return t
}

// find gives a cohort; nil: there is none.
func (t *tally) find(common *register.Common, channel model.ChannelID) *cohort {
	c := t.first[common]
	for c != nil && c.channel != channel {
		c = c.next
	}
	return c
}

// of gives a cohort, which is made where there is none, with room for as many
// as there were.
func (t *tally) of(common *register.Common, channel model.ChannelID, was *tally) *cohort {
	c := t.find(common, channel)
	if c != nil {
		return c
	}
	c = &cohort{Common: common, channel: channel, next: t.first[common]}
	if was != nil {
		if old := was.find(common, channel); old != nil {
			c.works, c.idle = make([]model.DeviceID, 0, len(old.works)), make([]model.DeviceID, 0, len(old.idle))
		}
	}
	t.first[common], t.cohorts = c, append(t.cohorts, c)
	return c
}

// count adds one device.
func (c *cohort) count(d *register.Surveyed, beat time.Duration, kind state.Kind, grade state.Grade, now time.Time) {
	switch {
	case kind == state.Unheard:
	case kind == state.Silent, kind == state.Offline && grade == state.Bad:
		c.silent++
	case beat > 0:
		c.perSecond += 1 / max(beat, now.Sub(d.Last)).Seconds() // a burst is no rhythm
	}
	if d.Last.After(c.last) {
		c.last = d.Last
	}
	// One that took its leave until it is used again works, too.
	if d.Expected && (kind == state.Online || kind == state.Late || kind == state.Offline && grade == state.Info) {
		c.works = append(c.works, d.ID)
	} else {
		c.idle = append(c.idle, d.ID)
	}
}
