package register

import (
	"cmp"
	"slices"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register/care"
	"thalamus/internal/register/fact"
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

	Owner, Department, Custodian string // as they count
	Place                        model.Place
	PlaceText                    string // of Place
	InUse                        bool   // its stage of life says that it should speak
	Network                      uint64 // stands for what is known of it on the network beside its last message

	turn uint64 // of Register.surveys
	at   time.Time
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
	ClockOff(v *View) bool
}

// Surveyed is a device as a survey shows it. Nothing of it may be changed, or
// kept when the call it was given to returns.
type Surveyed struct {
	*Device
	*Judged
	Model, Release string
	Said           []fact.Fact
	Speaks         state.State
}

// surveying is what the register keeps for surveys, guarded by Register.mu.
type surveying struct {
	turn    uint64          // of everything that is judged by, beside the devices
	changed map[string]bool // models and releases of which something changed
}

// judging is what a unit keeps.
type judging struct {
	judged *Judged   // nil: to be made
	count  uint32    // of its changes
	seq    model.Seq // of the last message when its clock was looked at
}

// unjudge forgets what was made of a unit. Called with r.mu held.
func (u *unit) unjudge() {
	u.judging.judged = nil
	u.judging.count++
}

// unjudgeThing forgets what was made of a device, or of those of a model or
// release. Called with r.mu held.
func (r *Register) unjudgeThing(id string) {
	if u := r.units[model.DeviceID(id)]; u != nil {
		u.unjudge()
		return
	}
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
}

// surveyStep is how many devices a survey looks at before others get a turn.
const surveyStep = 2048

// Survey shows the devices that match from q.After on, sorted by id, until see
// says that it has enough; q.Limit does not count. see is called with the
// register locked: it must be quick and ask the register nothing.
func (r *Register) Survey(q Query, now time.Time, judge Judge, see func(s *Surveyed) bool) {
	q.normal()
	p := survey{r: r, now: now, judge: judge, after: q.After}
	for p.step(&q, see) {
	}
}

type survey struct {
	r     *Register
	now   time.Time
	judge Judge
	after model.DeviceID
	found []surveyedUnit
	views []View // of those to be judged or whose clock is to be looked at
	row   Surveyed
}

type surveyedUnit struct {
	u      *unit
	judged *Judged
	view   int // 1 and more: it is views[view-1]
	count  uint32
}

// step goes on by some devices; it says whether there may be more.
func (p *survey) step(q *Query, see func(*Surveyed) bool) bool {
	r := p.r
	p.found, p.views = p.found[:0], p.views[:0]
	r.mu.Lock()
	r.passChanged()
	turn := r.surveys.turn
	i, ok := slices.BinarySearchFunc(r.order, p.after, func(u *unit, id model.DeviceID) int { return cmp.Compare(u.dev.ID, id) })
	if ok {
		i++
	}
	part := r.order[i:min(i+surveyStep, len(r.order))]
	more := i+len(part) < len(r.order)
	for _, u := range part {
		p.after = u.dev.ID
		if !r.matches(u, q) {
			continue
		}
		one := surveyedUnit{u: u, judged: u.judging.judged, count: u.judging.count}
		if !one.judged.holds(turn, p.now) {
			one.judged = nil
		}
		if one.judged == nil || u.judging.seq != u.dev.Seen.Seq {
			p.views = append(p.views, r.view(u))
			one.view = len(p.views)
		}
		p.found = append(p.found, one)
	}
	if len(p.views) > 0 {
		r.mu.Unlock()
		for k := range p.found {
			p.look(&p.found[k], turn)
		}
		r.mu.Lock()
	}
	defer r.mu.Unlock()
	for k := range p.found {
		one := &p.found[k]
		u := one.u
		if one.view > 0 && u.judging.count == one.count {
			u.judging.judged, u.judging.seq = one.judged, p.views[one.view-1].Seen.Seq
		}
		is := r.modelOf(u)
		p.row = Surveyed{Device: &u.dev, Judged: one.judged, Model: is.models, Release: is.releases, Said: u.facts,
			Speaks: one.judged.Speaks(u.dev.Observed.FirstSeen, u.dev.Seen.LastSeen, u.dev.Seen.Messages, p.now)}
		if !see(&p.row) {
			return false
		}
	}
	return more
}

// look judges a device that was not, and one whose clock turned.
func (p *survey) look(one *surveyedUnit, turn uint64) {
	if one.view == 0 {
		return
	}
	v := &p.views[one.view-1]
	if one.judged == nil || p.judge.ClockOff(v) != one.judged.ClockOff {
		j := p.judge.Judge(v, p.now)
		j.turn, j.at = turn, p.now
		one.judged = &j
	}
}

// holds says whether what was judged still counts at an instant.
func (j *Judged) holds(turn uint64, now time.Time) bool {
	return j != nil && j.turn == turn && !now.Before(j.at) && (j.Until.IsZero() || now.Before(j.Until))
}

// passChanged forgets what was made of the devices of models and releases of
// which something changed. Called with r.mu held.
func (r *Register) passChanged() {
	if len(r.surveys.changed) == 0 {
		return
	}
	for _, u := range r.order {
		if is := r.modelOf(u); r.surveys.changed[is.models] || r.surveys.changed[is.releases] {
			u.unjudge()
		}
	}
	r.surveys.changed = nil
}
