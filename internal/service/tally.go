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
}

// tallyHolds is how much later than it is so a count may show that devices fell
// silent, and how fast they speak.
const tallyHolds = time.Second

// cohort is the devices that have all in common and speak over one channel.
type cohort struct {
	*register.Common
	channel model.ChannelID
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
		t.last = s.count(now)
		t.last.news = news
	}
	return t.last
}

func (s *Service) count(now time.Time) *tally {
	t := &tally{at: now, states: stateCounts{}}
	type key struct {
		common  *register.Common
		channel model.ChannelID
	}
	cohorts := map[key]*cohort{}
	var network maphash.Hash
	network.SetSeed(s.kept.seed)
	s.survey(register.Query{}, now, func(d *register.Surveyed) bool {
		t.devices++
		t.states.add(d)
		if !d.Owned {
			t.unowned++
		}
		k := key{d.Common, d.Channel}
		c := cohorts[k]
		if c == nil {
			c = &cohort{Common: d.Common, channel: d.Channel}
			cohorts[k], t.cohorts = c, append(t.cohorts, c)
		}
		c.count(d, now)
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

// count adds one device.
func (c *cohort) count(d *register.Surveyed, now time.Time) {
	beat, kind, grade := d.Hearing()
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
