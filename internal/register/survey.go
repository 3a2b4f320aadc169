package register

import (
	"hash/maphash"
	"strings"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register/care"
	"thalamus/internal/register/state"
)

// Judged is what a Judge made of a device. The register keeps it with the
// device until something of that, of its model, release, acceptance or plans
// changes, or its time comes (decision 134).
type Judged struct {
	state.Standing
	Dues     []care.Due // by plans, the next first
	Concerns []Concern  // what somebody should look at, beside its states
	ClockOff bool
	InUse    bool   // its stage of life says that it should speak
	Network  uint64 // stands for what is known of it on the network beside its last message
	*Common
}

// Common is what many devices have in common, and by which they are counted:
// those of one model that stand at one place. The register holds it once for
// all of them and changes none, so that whoever groups devices compares
// pointers (decision 275).
type Common struct {
	Owner, Department, Custodian string // as they count
	Place                        model.Place
	PlaceText                    string // of Place
	Name                         string // maker and model, as its messages tell them
	Model, Release               string // ids, by the register
	Owned                        bool   // somebody said whose it is
	Waits                        bool   // nobody adopted it, by the register
}

// Concern is something about a device that somebody should look at.
type Concern struct {
	Kind  string
	Grade state.Grade
	Since time.Time
}

// Judge makes of devices what a survey keeps.
type Judge interface {
	// Judge goes by the view, and by what Rejudge tells the change of.
	Judge(v *View, now time.Time) Judged
	// ClockOff says whether a device's clock is off, which its messages tell.
	ClockOff(id model.DeviceID) bool
}

// Surveyed is a device as a survey shows it. Nothing of it may be changed, or
// kept when the call it was given to returns, but for Common. What lies beside
// Device and Judged costs least: a survey that looks at nothing else passes through
// 100,000 devices in a few milliseconds (decision 183).
type Surveyed struct {
	*Device
	*Judged
	*Common
	Marks    state.Marks // of Judged.Rest
	Channel  model.ChannelID
	Last     time.Time // it was heard
	Expected bool      // as Judged.InUse
	Gone     bool      // as Judged.Away

	heard state.Heard
	now   time.Time
	unit  *unit
	r     *Register
}

// Hearing says whether the device speaks, and how long it is between two of its
// messages; 0: that is not known.
func (s *Surveyed) Hearing() (beat time.Duration, k state.Kind, g state.Grade) {
	return state.Voice(&s.heard, s.Expected, s.now)
}

// Speaks gives the state that says whether the device speaks, and why.
func (s *Surveyed) Speaks() state.State {
	heard := s.heard
	heard.Contact = s.unit.dev.Seen.Contact
	return s.Judged.Speaks(&heard, s.now)
}

// HeardOf says how a device was heard, as a survey knows it; false: there is no
// such device.
func (r *Register) HeardOf(id model.DeviceID) (state.Heard, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.unit(id)
	if u == nil {
		return state.Heard{}, false
	}
	return u.glance.heard(), true
}

func (g *glance) heard() state.Heard {
	return state.Heard{First: timeOfNanos(g.first), Last: timeOfNanos(g.last), Messages: g.messages, Down: g.down, Polite: g.polite}
}

// Whence stands for the host and channel of its last message; 0: it was never
// heard.
func (s *Surveyed) Whence() uint64 {
	u := s.unit
	if u.glance.whence == 0 && u.dev.Seen.Peer != "" {
		host := u.dev.Seen.Peer // the port is another one with each connection
		if i := strings.LastIndexByte(host, ':'); i >= 0 {
			host = host[:i]
		}
		u.glance.whence = maphash.Comparable(s.r.catalogue.seed, [2]string{host, string(u.dev.Seen.Channel)}) | 1
	}
	return u.glance.whence
}

// surveying is what the register keeps for surveys, guarded by Register.mu.
type surveying struct {
	turn    uint64          // of everything that is judged by, beside the devices
	news    uint64          // see News
	changed map[string]bool // models and releases of which something changed
	commons map[Common]*Common
}

// common gives what is held for all devices that have it in common. Called with
// r.mu held.
func (r *Register) common(c *Common) *Common {
	s := &r.surveys
	if have := s.commons[*c]; have != nil {
		return have
	}
	if s.commons == nil || len(s.commons) > 2*len(r.units)+1000 { // most of them are of no device any more
		s.commons = map[Common]*Common{}
	}
	s.commons[*c] = c
	return c
}

// glance is what a pass through all devices looks at, side by side, so that it
// touches little memory of each.
type glance struct {
	judged      *Judged // nil: to be made
	common      *Common // of judged
	said        uint64  // bits of the names of facts that are said of it, see nameBit
	turn        uint64  // of Register.surveys, when it was made
	from, until int64   // ns since 1970, it holds; until 0: it stays
	count       uint32  // of the unit's changes
	looked      bool    // at its clock since its last message
	expected    bool
	away        bool
	marks       state.Marks
	down        bool  // its link has ended
	polite      bool  // and it took its leave
	first, last int64 // ns since 1970, it was heard; 0: never
	messages    uint64
	channel     model.ChannelID
	whence      uint64 // see Surveyed.Whence; 0: to be made
}

// noted brings the glance up to what is known of a unit's messages. Called with
// r.mu held.
func (u *unit) noted() {
	g, s := &u.glance, &u.dev.Seen
	g.first, g.last, g.messages, g.looked = nanosOf(u.dev.Observed.FirstSeen), nanosOf(s.LastSeen), s.Messages, false
	g.channel, g.whence = s.Channel, 0
	g.down, g.polite = s.Contact != nil && s.Contact.Down, s.Contact != nil && s.Contact.Polite()
}

func nanosOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOfNanos(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// unjudge forgets what was made of a unit. Called with r.mu held.
func (r *Register) unjudge(u *unit) {
	u.glance.judged, u.glance.common = nil, nil
	u.glance.count++
	r.surveys.news++
}

// keep keeps what was made of a unit. Called with r.mu held.
func (u *unit) keep(j *Judged, turn uint64, at time.Time) {
	g := &u.glance
	g.judged, g.common, g.turn, g.from, g.until = j, j.Common, turn, at.UnixNano(), nanosOf(j.Until)
	g.marks, g.expected, g.away = state.MarksOf(j.Rest), j.InUse, j.Away
}

// holds says whether what was made of the unit still counts at an instant.
func (g *glance) holds(turn uint64, now int64) bool {
	return g.judged != nil && g.turn == turn && now >= g.from && (g.until == 0 || now < g.until)
}

// unjudgeThing forgets what was made of a device, or of those of a model or
// release. Called with r.mu held.
func (r *Register) unjudgeThing(id string) {
	if u := r.units[model.DeviceID(id)]; u != nil {
		r.unjudge(u)
		return
	}
	r.surveys.news++
	if r.surveys.changed == nil {
		r.surveys.changed = map[string]bool{}
	}
	r.surveys.changed[id] = true
}

// Rejudge says that something changed by which all devices are judged.
func (r *Register) Rejudge() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.surveys.turn++
	r.surveys.news++
}

// News counts what would make a survey show something else: all but what time
// does by itself, and the messages of devices that speak anyhow.
func (r *Register) News() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.surveys.news
}

// heardAt counts news when a unit is heard that did not speak. Called with r.mu
// held, before the message counts.
func (r *Register) heardAt(u *unit, at time.Time) {
	heard := u.glance.heard()
	if _, kind, _ := state.Voice(&heard, u.glance.expected, at); kind != state.Online && kind != state.Late {
		r.surveys.news++
	}
}

// judgeStep is how many devices are looked at whole before others get a turn.
const judgeStep = 128

// Survey shows the devices that match from q.After on, sorted by id, until see
// says that it has enough; q.Limit does not count. see is called with the
// register locked: it must be quick and ask the register nothing.
func (r *Register) Survey(q Query, now time.Time, judge Judge, see func(s *Surveyed) bool) {
	q.normal()
	p := survey{r: r, now: now, at: now.UnixNano(), judge: judge, after: q.After}
	p.row.now, p.row.r = now, r
	for p.step(&q, see) {
	}
}

type survey struct {
	r     *Register
	now   time.Time
	at    int64 // ns since 1970
	judge Judge
	after model.DeviceID
	upTo  model.DeviceID             // all to there were judged and their clocks looked at
	made  map[model.DeviceID]*Judged // for this survey, lately
	row   Surveyed
}

// unjudged is a unit that is to be judged, or whose clock is to be looked at.
type unjudged struct {
	u      *unit
	id     model.DeviceID
	count  uint32
	judged *Judged // nil: to be made of the view
	view   View
}

// step goes on by some devices; it says whether there may be more.
func (p *survey) step(q *Query, see func(*Surveyed) bool) bool {
	left, more := p.pass(q, see)
	if len(left) == 0 {
		return more
	}
	turn := p.turn()
	p.made = make(map[model.DeviceID]*Judged, len(left))
	for i := range left {
		p.look(&left[i])
	}
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	for i := range left {
		one := &left[i]
		one.judged.Common = p.r.common(one.judged.Common)
		p.made[one.id] = one.judged
		if one.u.glance.count != one.count {
			continue // it changed meanwhile: this survey shows it as it was
		}
		if one.u.glance.judged != one.judged {
			one.u.keep(one.judged, turn, p.now)
		}
		one.u.glance.looked = true
	}
	p.upTo = left[len(left)-1].id
	return true
}

// turn is that of everything that is judged by.
func (p *survey) turn() uint64 {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	return p.r.surveys.turn
}

// pass shows the next devices that are judged, and gives those after them that
// are not.
func (p *survey) pass(q *Query, see func(*Surveyed) bool) (left []unjudged, more bool) {
	r := p.r
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passChanged()
	r.ready(q)
	all, turn := q.all(), r.surveys.turn
	rest := r.behind(p.after)
	part := rest[:min(aTurn, len(rest))]
	more = len(part) < len(rest)
	var passed *unit // the last before those that are left
	defer func() {
		if passed != nil {
			p.after = passed.dev.ID
		}
	}()
	for _, u := range part {
		if len(left) == judgeStep {
			break
		}
		if !all && !r.matches(u, q) {
			if len(left) == 0 {
				passed = u
			}
			continue
		}
		judged := u.glance.judged
		if !u.glance.holds(turn, p.at) {
			judged = nil
			if u.dev.ID <= p.upTo {
				judged = p.made[u.dev.ID]
			}
		}
		if judged == nil || !u.glance.looked && u.dev.ID > p.upTo {
			one := unjudged{u: u, id: u.dev.ID, count: u.glance.count, judged: judged}
			if judged == nil {
				one.view = r.view(u)
			}
			left = append(left, one)
			continue
		}
		if len(left) > 0 {
			continue // its turn comes after those
		}
		passed = u
		if !see(p.show(u, judged)) {
			return nil, false
		}
	}
	return left, more
}

// show fills the row.
func (p *survey) show(u *unit, judged *Judged) *Surveyed {
	g, row := &u.glance, &p.row
	row.Device, row.Judged, row.unit = &u.dev, judged, u
	row.heard = g.heard()
	row.Channel, row.Last = g.channel, row.heard.Last
	if judged == g.judged {
		row.Common, row.Marks, row.Expected, row.Gone = g.common, g.marks, g.expected, g.away
	} else {
		row.Common, row.Marks, row.Expected, row.Gone = judged.Common, state.MarksOf(judged.Rest), judged.InUse, judged.Away
	}
	return row
}

// look judges a device that was not, and one whose clock turned.
func (p *survey) look(one *unjudged) {
	if one.judged != nil && p.judge.ClockOff(one.id) == one.judged.ClockOff {
		return
	}
	if one.judged != nil { // its clock turned
		view, err := p.r.View(one.id)
		if err != nil {
			return // it is being taken away
		}
		one.view = view
	}
	j := p.judge.Judge(&one.view, p.now)
	if j.Common == nil {
		j.Common = &Common{}
	}
	j.Model, j.Release, j.Waits = one.view.Model, one.view.Release, one.view.Adoption == nil
	one.judged = &j
}

// passChanged forgets what was made of the devices of models and releases of
// which something changed. Called with r.mu held.
func (r *Register) passChanged() {
	if len(r.surveys.changed) == 0 {
		return
	}
	for _, u := range r.order {
		if is := r.modelOf(u); r.surveys.changed[is.models] || r.surveys.changed[is.releases] {
			r.unjudge(u)
		}
	}
	r.surveys.changed = nil
}
