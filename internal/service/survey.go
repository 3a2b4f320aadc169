package service

import (
	"slices"
	"strings"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/state"
)

// survey shows the devices that match from q.After on, until see has enough.
// What was found out of a device is kept until something of it changes, so that
// counting all of them costs little (decision 134). see must ask the register
// nothing.
func (s *Service) survey(q register.Query, now time.Time, see func(d *register.Surveyed) bool) {
	s.Register.Survey(q, now, judge{s}, see)
}

// judge makes what a survey keeps of devices.
type judge struct{ s *Service }

// afterUseHolds is how long a judgement holds where work is due after use: the
// end of a use is told by messages of others, too.
const afterUseHolds = time.Minute

// Judge implements register.Judge.
func (j judge) Judge(v *register.View, now time.Time) register.Judged {
	known := j.s.knownOf(v, now)
	out := register.Judged{
		Standing: state.Stand(known, now), Concerns: concernsOf(v, now), ClockOff: j.ClockOff(v.ID),
		Common: &register.Common{
			Owner: saidOf(v.Said, "owner", now), Department: saidOf(v.Said, "department", now), Custodian: saidOf(v.Said, "custodian", now),
			Place: placeOf(v), Name: strings.TrimSpace(v.Observed.Manufacturer + " " + v.Observed.Model),
		},
	}
	out.InUse = out.Expected()
	out.Owned = slices.ContainsFunc(v.Said, func(f fact.Fact) bool { return f.Name == "owner" })
	out.PlaceText, out.Network = out.Place.String(), j.s.kept.network(v, now)
	out.Dues = j.s.Register.Dues(v, j.s.lastUse(v, now), now)
	for _, said := range [][]fact.Fact{v.Said, v.ModelSaid, v.ReleaseSaid} {
		for i := range said {
			out.Ends(said[i].From, now)
			out.Ends(said[i].Until, now)
		}
	}
	if v.Seen.Messages > 0 && j.s.Register.CaredAfterUse(v) {
		out.Ends(now.Add(afterUseHolds), now)
	}
	return out
}

// ClockOff implements register.Judge.
func (j judge) ClockOff(id model.DeviceID) bool {
	e, ok := j.s.Clock(id)
	return ok && state.ClockIsOff(time.Duration(e.OffsetNS), clockTolerance+time.Duration(e.UncertaintyNS))
}

// placeOf is where people say that a device stands, else where its messages do.
func placeOf(v *register.View) model.Place {
	if v.Asserted.Place != (model.Place{}) {
		return v.Asserted.Place
	}
	return v.Observed.Place
}

// eachVoice calls see for the states of a device that tell whether it speaks.
func eachVoice(d *register.Surveyed, see func(one *state.State)) {
	speaks := d.Speaks()
	see(&speaks)
	if gone, ok := d.Standing.Gone(speaks); ok {
		see(&gone)
	}
}

// marksOf gives the marks of all states of a device, whether it speaks among
// them.
func marksOf(d *register.Surveyed) state.Marks {
	_, kind, grade := d.Hearing()
	return marksWith(d, kind, grade)
}

// marksWith is marksOf where it is known whether the device speaks.
func marksWith(d *register.Surveyed, kind state.Kind, grade state.Grade) state.Marks {
	m := d.Marks.And(kind, grade)
	if d.Gone && (kind == state.Online || kind == state.Late) {
		m = m.And(state.Gone, state.Bad)
	}
	return m
}

// views gives devices with all that is said of them; one that went meanwhile is
// left out.
func (s *Service) views(ids []model.DeviceID) []register.View {
	out := make([]register.View, 0, len(ids))
	for _, id := range ids {
		if v, err := s.Register.View(id); err == nil {
			out = append(out, v)
		}
	}
	return out
}
