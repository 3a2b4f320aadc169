package intellivue

import (
	"errors"
	"time"

	"thalamus/internal/codec/intellivue"
)

// poll is something that the monitor is asked for, again and again.
type poll struct {
	class, group uint16
	every        time.Duration
	extended     bool     // replies come by themselves
	labels       []uint32 // a list of waves to set, no poll
	quiet        bool     // to be heard of only; replies are not kept

	next   time.Time
	full   time.Time // when descriptions are due, of numerics
	id     uint16    // invoke id of the request under way, or of the last
	number uint16
	sentAt time.Time
	tries  int
	off    bool // the monitor does not offer it

	sequence uint16 // of an extended poll's last reply
	came     time.Time
}

// How long an extended poll is asked for, and when it is renewed.
const (
	extendedFor   = time.Minute
	extendedRenew = 45 * time.Second
	extendedQuiet = 5 * time.Second // replies come at least each second, of waves four times
)

const groupValues = 0x0803 // NOM_ATTR_GRP_METRIC_VAL_OBS

// plan makes the list of polls. The order counts at the start: who it is and of
// whom come before values.
func (s *session) plan() {
	p, agreed := s.polling, s.agreed.Options
	if !s.agreed.Extended {
		agreed = 0
	}
	add := func(one poll) {
		one.number = uint16(len(s.polls) + 1)
		s.polls = append(s.polls, &one)
	}
	add(poll{class: intellivue.ClassMDS, every: p.System})
	if p.Patient > 0 {
		add(poll{class: intellivue.ClassPatient, group: intellivue.GroupPatient, every: p.Patient})
	}
	if p.Alerts > 0 {
		add(poll{class: intellivue.ClassAlerts, group: intellivue.GroupAlerts, every: p.Alerts})
	}
	if p.Numerics > 0 {
		add(poll{class: intellivue.ClassNumeric, every: p.Numerics})
	}
	if p.Enumerations && agreed&intellivue.ExtendEnumerations != 0 {
		add(poll{class: intellivue.ClassEnumeration, every: extendedRenew, extended: true})
	}
	if p.Waves {
		if agreed&intellivue.ExtendWaves == 0 {
			s.note("intellivue.no-waves", "the monitor does not give waves", "See its software option for data export; numbers come all the same.")
		} else {
			if len(p.WaveLabels) > 0 {
				labels := make([]uint32, 0, len(p.WaveLabels))
				for _, name := range p.WaveLabels {
					id, _ := intellivue.TextID(name)
					labels = append(labels, id)
				}
				add(poll{labels: labels})
			}
			add(poll{class: intellivue.ClassWave}) // what describes them; the poll that goes on tells it one wave at a time
			add(poll{class: intellivue.ClassWave, every: extendedRenew, extended: true})
		}
	}
	add(poll{class: intellivue.ClassAlerts, group: intellivue.GroupStatic, every: s.agreed.Timeout() / 3, quiet: true})
	now := time.Now()
	for _, one := range s.polls {
		one.next = now
		if one.quiet {
			one.next = now.Add(one.every)
		}
	}
}

// turn asks for what is due, when the last answer came and is durable, and tells
// until when to wait for a message.
func (s *session) turn() (time.Time, error) {
	now := time.Now()
	if p := s.pending; p != nil {
		late := p.sentAt.Add(s.timing.Response)
		if now.Before(late) {
			return late, nil
		}
		if p.tries >= 3 {
			s.note("intellivue.lost", "the monitor does not answer any more", "It is connected again by itself; if not, look at the monitor and the network.")
			return now, errSilent
		}
		return now.Add(s.timing.Response), s.ask(p)
	}
	first := now.Add(s.agreed.Timeout())
	for _, p := range s.polls {
		if p.off || p.every == 0 && p.tries > 0 {
			continue
		}
		if p.extended && p.tries > 0 && now.Sub(p.came) > extendedQuiet && now.Sub(p.sentAt) > extendedQuiet {
			p.next = now // replies were lost, or it stopped
		}
		if p.quiet {
			p.next = s.sent.Add(p.every)
		}
		if !p.next.After(now) {
			p.tries = 0
			return now.Add(s.timing.Response), s.ask(p)
		}
		first = earliest(first, p.next)
		if p.extended {
			first = earliest(first, now.Add(extendedQuiet))
		}
	}
	return first, nil
}

// ask sends a request.
func (s *session) ask(p *poll) error {
	s.invoke++
	p.id, p.sentAt = s.invoke, time.Now()
	p.tries++
	s.pending = p
	if p.every > 0 {
		p.next = p.sentAt.Add(p.every)
	}
	if p.labels != nil {
		return s.send(intellivue.SetPriority(p.id, intellivue.AttrWavePriority, p.labels))
	}
	q := intellivue.Request{Number: p.number, Class: p.class, Group: p.group, Extended: p.extended}
	if p.extended {
		q.Period = extendedFor
	}
	if p.class == intellivue.ClassNumeric && !p.extended && p.sentAt.Before(p.full) {
		q.Group = groupValues
	}
	err := s.send(q.Bytes(p.id))
	if isRefusedPort(err) {
		return nil // seen when receiving, or asked again
	}
	return err
}

// reply keeps an answer to a poll. The next request goes out only afterwards.
func (s *session) reply(a *intellivue.APDU, b []byte, arrived time.Time) error {
	reply, err := intellivue.ParseReply(a.Body)
	if err != nil {
		s.note("intellivue.malformed", "an answer contradicts itself: "+err.Error(), "What came is kept.")
		if err := s.store(b, arrived); err != nil {
			return err
		}
		s.done(a.ID)
		return nil
	}
	p := s.pollOf(reply)
	if p == nil || !p.quiet {
		described := s.memory.Described(reply)
		if err := s.store(b, arrived); err != nil {
			return err
		}
		if p != nil && p.class == intellivue.ClassNumeric {
			switch {
			case reply.Group == groupValues && !described:
				p.full = time.Time{} // there is a new object
			case reply.Group != groupValues && a.Kind == intellivue.Result:
				p.full = p.sentAt.Add(s.polling.Describe)
			}
		}
	}
	if p != nil && p.extended {
		s.sequence(p, reply)
		p.came = arrived
	}
	if a.Kind == intellivue.Result { // after linked results one more comes
		if p != nil && p == s.pending { // to this request or to the one before it
			s.pending = nil
		}
		s.done(a.ID)
	}
	return nil
}

// sequence notes replies that were lost on the way: UDP does not send again.
func (s *session) sequence(p *poll, reply *intellivue.Reply) {
	if missing := reply.Sequence - p.sequence - 1; !p.came.IsZero() && missing > 0 && missing < 1<<15 {
		s.note("intellivue.gap", "answers of the monitor were lost on the way", "Look at the network between the monitor and here, and at how busy this machine is.")
	}
	p.sequence = reply.Sequence
}

func (s *session) pollOf(reply *intellivue.Reply) *poll {
	for _, p := range s.polls {
		if p.number == reply.Number && p.class == reply.Class && p.labels == nil {
			return p
		}
	}
	return nil
}

// done lets the next request go out.
func (s *session) done(id uint16) {
	if s.pending != nil && s.pending.id == id {
		s.pending = nil
	}
}

// failed takes the error that the monitor answers a request with. What it does
// not offer is not asked for again in this association.
func (s *session) failed(a *intellivue.APDU, b []byte, arrived time.Time) error {
	p := s.pending
	if p == nil || p.id != a.ID {
		return nil
	}
	if err := s.store(b, arrived); err != nil {
		return err
	}
	s.pending = nil
	what := "the list of waves"
	if p.labels == nil {
		what = "objects of the class " + intellivue.ClassName(p.class)
	}
	p.off = !p.quiet
	s.note("intellivue.error", "the monitor refused "+what+": "+intellivue.ErrorName(a.Error), "Waves are given to one program at a time; see the monitor's configuration.")
	if p.class == intellivue.ClassNumeric {
		return errors.Join(errRefused, s.wire.Send(intellivue.AbortMessage()))
	}
	return nil
}
