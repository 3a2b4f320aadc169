package service

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"thalamus/internal/access"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/acceptance"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/state"
)

// watch compares what devices do with what was accepted (R32). It sees every
// recorded message; one that tells nothing new of its device costs a look into
// a map. What it finds is done by Attend, beside the way.
type watch struct {
	mu    sync.Mutex
	last  map[model.DeviceID]did
	todo  chan model.DeviceID
	asked map[model.DeviceID]bool // stand in todo
}

// did is what a device did when it was looked at.
type did struct {
	channel model.ChannelID
	release string
	plain   bool
	turn    uint64 // of the acceptances
}

func newWatch() *watch {
	return &watch{last: map[model.DeviceID]did{}, todo: make(chan model.DeviceID, 1024), asked: map[model.DeviceID]bool{}}
}

// watchAcceptances looks at recorded messages. It never blocks: what finds no place is found
// with the device's next message.
func (s *Service) watchAcceptances(messages []*model.Message) {
	turn := s.Register.AcceptanceTurn()
	if turn == 0 {
		return
	}
	w := s.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range messages {
		plain, asked := false, false
		for i := range m.Devices {
			d := &m.Devices[i]
			if d.Parent >= 0 || d.ID == "" {
				continue
			}
			if !asked {
				plain, asked = s.Plain(m.Channel), true
			}
			have, known := w.last[d.ID]
			if known && have.channel == m.Channel && have.plain == plain && have.turn == turn && (d.Release == "" || d.Release == have.release) || w.asked[d.ID] {
				continue
			}
			select {
			case w.todo <- d.ID:
				w.asked[d.ID] = true
				w.last[d.ID] = did{m.Channel, cmp.Or(d.Release, have.release), plain, turn}
			default:
			}
		}
	}
}

// Attend does what watching found, until ctx ends: it reopens what is
// contradicted, and begins the acceptance of a release that a device was
// updated to. Faults are reported, and what they concern is found again.
func (s *Service) Attend(ctx context.Context, report func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-s.watch.todo:
			s.watch.mu.Lock()
			delete(s.watch.asked, id)
			s.watch.mu.Unlock()
			if err := s.attend(ctx, id, nil); err != nil && ctx.Err() == nil {
				s.watch.mu.Lock()
				delete(s.watch.last, id)
				s.watch.mu.Unlock()
				report(err)
			}
		}
	}
}

// attend compares one device with what was accepted; on is what the network
// alone saw of it, nil: that is not looked at.
func (s *Service) attend(ctx context.Context, id model.DeviceID, on *onNetwork) error {
	d, err := s.Register.Get(id)
	if err != nil || !d.Adopted() {
		return nil
	}
	now := s.now()
	o := s.observation(&d, on)
	a, ok := s.Register.AcceptanceFor(id)
	if ok && a.Decided() {
		why, learn := a.Contradictions(o)
		switch {
		case a.Rejection != nil || len(why) == 0 && !learn:
			return nil
		case a.Reopening != nil && openAlready(a.Reopening, why):
			return nil
		}
		return s.itself(ctx, a.ID, why, func(c *call, a *acceptance.Acceptance) (*acceptance.Acceptance, acceptance.Step, error) {
			if len(why) == 0 {
				a.Seen.Add(o)
				return a, acceptance.Step{Mark: c.accepter(), What: "seen", Text: strings.Join(slices.DeleteFunc(append([]string{o.Release, string(o.Link.Channel)}, o.Ports...), func(s string) bool { return s == "" }), " ")}, nil
			}
			step, err := a.Reopen(why, c.accepter())
			return a, step, err
		})
	}
	before, was, release, ok := s.Register.Turned(id)
	if !ok {
		return nil
	}
	modelID, releaseID := s.Register.ModelOf(id)
	m, _ := s.Register.Model(modelID)
	subject := fact.Of(fact.OfRelease, releaseID)
	why := acceptance.Contradiction{Kind: acceptance.NewRelease, Was: was, Now: release, Device: id}
	return s.itself(ctx, before.ID, []acceptance.Contradiction{why}, func(c *call, old *acceptance.Acceptance) (*acceptance.Acceptance, acceptance.Step, error) {
		begun, err := c.tx.Acceptance(ctx, register.AcceptanceID(subject))
		if err != nil && fault.KindOf(err) != fault.Absent || begun.Decided() {
			return nil, acceptance.Step{}, err
		}
		if st := old.State(now); st != acceptance.Accepted && st != acceptance.Expired && st != acceptance.Reopened {
			return nil, acceptance.Step{}, nil
		}
		next, step := old.Succeed(register.AcceptanceID(subject), string(subject), m.Title()+" "+release, why, c.accepter())
		if begun.Version > 0 { // somebody looks at the new release already
			next.Template, next.Answers, next.Conditions, next.Began, next.Version = begun.Template, begun.Answers, begun.Conditions, begun.Began, begun.Version
		}
		return &next, step, nil
	})
}

// openAlready says whether all of it is open already, for these devices.
func openAlready(r *acceptance.Reopening, why []acceptance.Contradiction) bool {
	for _, c := range why {
		told, device := false, len(r.Devices) == 0
		for _, have := range r.Why {
			told = told || have.Kind == c.Kind && have.Now == c.Now
		}
		for _, have := range r.Devices {
			device = device || have == c.Device
		}
		if !told || !device {
			return false
		}
	}
	return true
}

// itself changes an acceptance as the program, with its audit record.
func (s *Service) itself(ctx context.Context, id string, why []acceptance.Contradiction, do func(c *call, a *acceptance.Acceptance) (*acceptance.Acceptance, acceptance.Step, error)) error {
	var told []string
	for _, one := range why {
		told = append(told, one.String())
	}
	op := s.ops["acceptance.reopen"]
	op.run = func(ctx context.Context, c *call, _ any) (any, error) {
		c.object, c.reason = "acceptance "+id, strings.Join(told, "; ")
		have, err := c.tx.Acceptance(ctx, id)
		if err != nil {
			return nil, err
		}
		next, step, err := do(c, &have)
		if err != nil || next == nil {
			c.silent = true
			return nil, err
		}
		c.object, c.silent = "acceptance "+next.ID, len(why) == 0
		if _, err := s.Register.PutAcceptance(ctx, c.tx, *next, next.Version, step); err != nil {
			return nil, err
		}
		c.after(func(context.Context) error {
			s.Deliveries.Adopted()
			return nil
		})
		return nil, nil
	}
	c := &call{s: s, actor: access.Itself(), from: Origin{Remote: "itself"}, op: op, change: newChange()}
	_, err := c.act(ctx, nil)
	return err
}

// acceptanceOf fills in what state wants to know of a device's acceptance: it is
// wanted where its channel asks for it, or where somebody began it.
func (s *Service) acceptanceOf(v *register.View, d *state.Device, now time.Time) {
	channel, _ := s.Channel(cmp.Or(v.Seen.Channel, v.Observed.Channel))
	a, ok := s.Register.AcceptanceFor(v.ID)
	if !ok {
		d.AcceptanceWanted, d.AcceptanceSince = channel.Accept != "", v.Observed.FirstSeen
		return
	}
	st := a.State(now)
	d.AcceptanceWanted = true
	d.Accepted = st == acceptance.Accepted || st == acceptance.Expired // what has run out is told by its day
	d.AcceptedUntil, _ = a.Ends()
	d.AcceptanceSince = a.Since(now)
	switch st {
	case acceptance.Reopened:
		if concerned := a.Reopening.Devices; len(concerned) > 0 && !slices.Contains(concerned, v.ID) {
			d.Accepted, d.AcceptanceSince = true, a.Accepted // another device contradicts it, not this one
			return
		}
		for i, c := range a.Reopening.Why {
			if i > 0 {
				d.AcceptanceWhy += "; "
			}
			d.AcceptanceWhy += c.String()
		}
	case acceptance.Rejected:
		d.AcceptanceWhy = a.Rejection.Reason
	default:
		d.AcceptanceWhy = string(st)
	}
}
