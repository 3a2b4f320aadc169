package patients

import (
	"context"
	"reflect"
	"slices"
	"sort"
	"time"

	"thalamus/internal/model"
)

// stay is what is remembered of where a person lay.
type stay struct {
	group []model.PatientID // the person's record first, then those merged into it
	moves []Movement
	since time.Time // what happened before it is settled; zero: nothing is
}

// stayMemory is how many movements of a person are looked at; older ones are
// settled.
const stayMemory = 200

// futureAllowed is how far an event may lie after its arrival.
const futureAllowed = 10 * time.Minute

// movements of the actions that codecs name.
func movementOf(action string) What {
	switch action {
	case "admit", "register", "to-inpatient", "to-outpatient":
		return Enter
	case "transfer":
		return Move
	case "discharge":
		return Leave
	case "cancel-admit":
		return CancelEnter
	case "cancel-transfer":
		return CancelMove
	case "cancel-discharge":
		return CancelLeave
	}
	return ""
}

// event applies an ADT message. Called with p.mu held.
func (p *Patients) event(ctx context.Context, m *model.Message, id model.PatientID) error {
	switch {
	case m.Test:
		issue(m, model.Issue{
			Code: "patients.test-event", Severity: model.Warning, Field: "MSH-11",
			Text: "this event is marked as a test or training message, so no bed or name was changed",
			Hint: "send with MSH-11 = P what shall count",
		})
		return nil
	case id == "":
		issue(m, model.Issue{
			Code: "patients.no-identifier", Severity: model.Error, Field: "PID-3",
			Text: "the event names no patient by a usable number, so it changed nothing",
			Hint: "the sender must fill PID-3",
		})
		return nil
	}
	at, said := p.times(m)
	if m.Event.Action == "merge" {
		if err := p.merge(ctx, m, id); err != nil {
			return err
		}
	}
	if err := p.tell(ctx, m, id, at); err != nil {
		return err
	}
	what := movementOf(m.Event.Action)
	if what == "" {
		return nil
	}
	mv := Movement{Patient: id, What: what, At: at, Said: said}
	if m.Visit != nil {
		mv.Visit, mv.Place = visitKey(m.Visit), m.Visit.Place
	}
	return p.move(ctx, m, id, mv)
}

func visitKey(v *model.Visit) string {
	if v.Number.Value == "" {
		return ""
	}
	return part(v.Number.System) + "|" + part(v.Number.Value)
}

// times gives when an event happened and when it was said, to the
// microsecond. Neither may lie after the arrival: a clock ahead must not hold
// back what comes later.
func (p *Patients) times(m *model.Message) (at, said time.Time) {
	at, said = m.Event.Occurred.UTC, m.DeviceTime.UTC
	if said.IsZero() {
		said = m.Arrived
	}
	if at.IsZero() {
		at = said
	}
	if !m.Arrived.IsZero() {
		if at.After(m.Arrived.Add(futureAllowed)) {
			issue(m, model.Issue{
				Code: "patients.future-event", Severity: model.Warning, Field: "EVN-6",
				Text: "the event is dated after its arrival; the time of arrival counts",
				Hint: "check the sender's clock and time zone",
			})
			at = m.Arrived
		}
		if said.After(m.Arrived) {
			said = m.Arrived
		}
	}
	return at.UTC().Truncate(time.Microsecond), said.UTC().Truncate(time.Microsecond)
}

// tell takes over what an ADT event says of a person, unless something newer
// was told. What it leaves out stays.
func (p *Patients) tell(ctx context.Context, m *model.Message, id model.PatientID, at time.Time) error {
	one, err := p.person(ctx, id)
	if err != nil || one == nil || at.Before(one.Updated) {
		return err
	}
	next, said := *one, m.Patient
	if said.Family != "" || len(said.Given) > 0 {
		next.Family, next.Given, next.Prefix, next.Suffix = said.Family, slices.Clone(said.Given), said.Prefix, said.Suffix
	}
	if said.BirthDate != "" {
		next.BirthDate = said.BirthDate
	}
	if said.Sex != "" {
		next.Sex = said.Sex
	}
	if said.Deceased {
		next.Deceased, next.DeceasedAt = true, said.DeceasedAt
	}
	if len(said.Phones) > 0 {
		next.Phones = slices.Clone(said.Phones)
	}
	if said.Address != nil {
		a := *said.Address
		a.Lines = slices.Clone(a.Lines)
		next.Address = &a
	}
	if m.Visit != nil && m.Visit.Class != "" {
		next.Class, next.Visit, next.VisitTold = m.Visit.Class, m.Visit.Number.Value, at
	}
	next.Updated = at
	if !reflect.DeepEqual(next, *one) {
		p.keep(next)
	}
	return nil
}

// stayOf gives where a person lay.
func (p *Patients) stayOf(ctx context.Context, one *Patient) (*stay, error) {
	if s, ok := p.stays.get(one.ID); ok {
		return s, nil
	}
	s := &stay{group: append([]model.PatientID{one.ID}, one.Aliases...)}
	list, more, err := p.store.Movements(ctx, s.group, stayMemory)
	if err != nil {
		return nil, err
	}
	s.moves = list
	if more {
		s.settle()
	}
	p.stays.put(one.ID, s)
	return s, nil
}

// settle sets since to the oldest movement remembered.
func (s *stay) settle() {
	for i, m := range s.moves {
		if i == 0 || m.At.Before(s.since) {
			s.since = m.At
		}
	}
}

// move applies a movement.
func (p *Patients) move(ctx context.Context, m *model.Message, id model.PatientID, mv Movement) error {
	one, err := p.person(ctx, id)
	if err != nil || one == nil {
		return err
	}
	s, err := p.stayOf(ctx, one)
	if err != nil {
		return err
	}
	if slices.Contains(s.moves, mv) || mv.At.Before(s.since) {
		return nil
	}
	if len(s.moves) >= 2*stayMemory {
		sort.SliceStable(s.moves, func(i, j int) bool { return s.moves[i].Said.Before(s.moves[j].Said) })
		s.moves = slices.Clone(s.moves[len(s.moves)-stayMemory:])
		s.settle()
	}
	before := spansOf(s.moves, one.ID)
	after := spansOf(append(s.moves, mv), one.ID)
	if err := p.load(ctx, before, after); err != nil {
		return err // nothing was changed yet
	}
	s.moves = append(s.moves, mv)
	p.pending.Movements = append(p.pending.Movements, mv)
	p.made++
	if !slices.Equal(before, after) {
		p.taken(m, s, before, after)
		p.replace(m, s, before, after)
	}
	return nil
}

// load brings the beds of spans into memory.
func (p *Patients) load(ctx context.Context, lists ...[]Span) error {
	for _, list := range lists {
		for i := range list {
			if _, err := p.bed(ctx, list[i].Bed); err != nil {
				return err
			}
		}
	}
	return nil
}

// bed gives the last spans of a bed, by From.
func (p *Patients) bed(ctx context.Context, bed string) ([]Span, error) {
	if list, ok := p.beds.get(bed); ok {
		return list, nil
	}
	list, err := p.store.BedSpans(ctx, bed, bedMemory)
	if err != nil {
		return nil, err
	}
	p.beds.put(bed, list)
	return list, nil
}

// replace puts a person's spans in the place of what was known before. The
// beds concerned are in memory.
func (p *Patients) replace(m *model.Message, s *stay, before, after []Span) {
	defer p.review(m, s, before, after)
	p.pending.Stays = append(p.pending.Stays, Stay{Group: slices.Clone(s.group), Since: s.since, Spans: after})
	p.made++
	done := map[string]bool{}
	for _, list := range [][]Span{before, after} {
		for i := range list {
			key := list[i].Bed
			if done[key] {
				continue
			}
			done[key] = true
			old, _ := p.beds.get(key)
			var spans []Span
			for _, one := range old {
				if !slices.Contains(s.group, one.Patient) || one.From.Before(s.since) {
					spans = append(spans, one)
				}
			}
			for _, one := range after {
				if one.Bed == key {
					spans = append(spans, one)
				}
			}
			// Who came at the same moment is told apart by anything but the
			// order in which the two were told.
			sort.SliceStable(spans, func(i, j int) bool {
				if !spans[i].From.Equal(spans[j].From) {
					return spans[i].From.Before(spans[j].From)
				}
				return spans[i].Patient < spans[j].Patient
			})
			if len(spans) > bedMemory {
				spans = spans[len(spans)-bedMemory:]
			}
			p.beds.put(key, spans)
		}
	}
}

// taken tells of a bed that somebody else was in when the person came.
func (p *Patients) taken(m *model.Message, s *stay, before, after []Span) {
	if len(after) == 0 {
		return
	}
	last := after[len(after)-1]
	if !last.Until.IsZero() || slices.Contains(before, last) {
		return
	}
	spans, _ := p.beds.get(last.Bed)
	others := slices.DeleteFunc(slices.Clone(spans), func(o Span) bool { return slices.Contains(s.group, o.Patient) })
	if who, _ := occupant(others, last.Place, last.From); who != nil {
		issue(m, model.Issue{
			Code: "patients.bed-taken", Severity: model.Warning, Field: "PV1-3",
			Text: "another patient was still in this bed; that stay is taken to have ended when this one began",
			Hint: "the patient administration should send the discharge or transfer of the patient before",
		})
	}
}
