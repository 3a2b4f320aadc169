package service

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/acceptance"
	"thalamus/internal/register/care"
)

// textKind is one kind of governed things in the configuration text.
type textKind struct {
	key     string // in the text
	noun    string // of one of them
	list    func(g *governed) any
	count   func(g governed) int
	load    func(ctx context.Context, s *Service, r register.Reader, g *governed) error
	check   func(s *Service, g governed) error
	compare func(have, want, shownHave, shownWant governed) []ConfigChange
	set     func(ctx context.Context, c *call, have, want governed) error
	// revert takes back what this call changed of the kind: what the call was
	// the last to change is as in before again.
	revert func(ctx context.Context, c *call, before governed) error
	// back makes a thing what it was before a change made a version of it; what it
	// gives checks that against what else there is then. Devices have none: what
	// is said of them is facts.
	back func(ctx context.Context, u *undoing, row register.Row) (func(g governed) error, error)
}

// textKinds are all kinds, in the order in which they are written, compared
// and brought in force. A new kind is a row here and a field of governed.
func textKinds() []textKind {
	return []textKind{
		kindOf("channels", register.Channels(), func(g *governed) *[]model.Channel { return &g.Channels }, checkChannel),
		kindOf("destinations", register.Destinations(), func(g *governed) *[]model.Destination { return &g.Destinations }, func(s *Service, v model.Destination, _ governed) error { return s.CheckDestination(v) }),
		kindOf("routes", register.Routes(), func(g *governed) *[]model.Route { return &g.Routes }, func(_ *Service, v model.Route, g governed) error { return routeKnows(v, g) }),
		kindOf("labels", register.Labels(), func(g *governed) *[]model.Label { return &g.Labels }, func(_ *Service, v model.Label, _ governed) error { return checkLabel(v) }),
		kindOf("profiles", register.Profiles(), func(g *governed) *[]model.DeviceProfile { return &g.Profiles }, func(_ *Service, v model.DeviceProfile, _ governed) error { return checkProfile(v) }),
		kindOf("services", register.Services(), func(g *governed) *[]model.Service { return &g.Services }, nil),
		kindOf("templates", register.Templates(), func(g *governed) *[]acceptance.Template { return &g.Templates }, nil),
		kindOf("segments", register.Segments(), func(g *governed) *[]model.Segment { return &g.Segments }, nil),
		kindOf("approvals", register.Approvals(), func(g *governed) *[]model.Approval { return &g.Approvals }, nil),
		kindOf("plans", register.Plans(), func(g *governed) *[]care.Plan { return &g.Plans }, nil),
		kindOf("contracts", register.Contracts(), func(g *governed) *[]care.Contract { return &g.Contracts }, nil),
		deviceKind(),
	}
}

// kindOf makes a kind of what a Set governs. check says what the set alone
// cannot: it may look at the rest of the text.
func kindOf[T any](key string, set register.Set[T], list func(g *governed) *[]T, check func(s *Service, v T, g governed) error) textKind {
	of := func(g governed) []T { return *list(&g) }
	return textKind{
		key:   key,
		noun:  set.Kind,
		list:  func(g *governed) any { return list(g) },
		count: func(g governed) int { return len(of(g)) },
		load: func(ctx context.Context, _ *Service, r register.Reader, g *governed) error {
			rows, err := set.List(ctx, r)
			for _, v := range rows {
				*list(g) = append(*list(g), v.Value)
			}
			return err
		},
		check: func(s *Service, g governed) error {
			for i, v := range of(g) {
				err := set.Check(v)
				if err == nil && check != nil {
					err = check(s, v, g)
				}
				if err != nil {
					return under(err, fmt.Sprintf("%s[%d]", key, i), set.ID(v))
				}
			}
			return nil
		},
		compare: func(have, want, shownHave, shownWant governed) []ConfigChange {
			changes, _ := compareLists(set.Kind, flat(of(have)), flat(of(want)), masks(flat(of(shownHave)), flat(of(shownWant))))
			return changes
		},
		set: func(ctx context.Context, c *call, have, want governed) error {
			return setAll(ctx, c, set, of(have), of(want))
		},
		revert: func(ctx context.Context, c *call, before governed) error {
			return revertAll(ctx, c, set, of(before))
		},
		back: func(ctx context.Context, u *undoing, row register.Row) (func(g governed) error, error) {
			return backAll(ctx, u, set, check, row)
		},
	}
}

// setAll makes the things of a set be want; have is what they are.
func setAll[T any](ctx context.Context, c *call, set register.Set[T], have, want []T) error {
	_, changes := compareLists(set.Kind, flat(have), flat(want), nil)
	keep := map[string]bool{}
	for _, v := range want {
		keep[set.ID(v)] = true
		if !changes[set.ID(v)] {
			continue
		}
		if _, err := set.Put(ctx, c.tx, v, register.AnyVersion, c.mark()); err != nil {
			return err
		}
	}
	for _, v := range have {
		if keep[set.ID(v)] {
			continue
		}
		if err := set.Remove(ctx, c.tx, set.ID(v), register.AnyVersion, c.mark()); err != nil {
			return err
		}
	}
	return nil
}

// revertAll gives the things of a set that this call changed, and nobody since,
// the versions of before.
func revertAll[T any](ctx context.Context, c *call, set register.Set[T], before []T) error {
	rows, err := set.List(ctx, c.tx)
	if err != nil {
		return err
	}
	now := make([]T, len(rows))
	ours := map[string]bool{}
	for i, v := range rows {
		now[i] = v.Value
		ours[set.ID(v.Value)] = v.Change == c.change
	}
	_, changes := compareLists(set.Kind, flat(before), flat(now), nil)
	was := map[string]T{}
	for _, v := range before {
		was[set.ID(v)] = v
	}
	for _, id := range slices.Sorted(maps.Keys(changes)) {
		if _, stands := ours[id]; !stands { // who removed it?
			versions, err := set.History(ctx, c.tx, id, 1)
			if err != nil {
				return err
			}
			ours[id] = len(versions) > 0 && versions[0].Change == c.change
		}
		if !ours[id] {
			continue
		}
		if v, ok := was[id]; ok {
			_, err = set.Put(ctx, c.tx, v, register.AnyVersion, c.mark())
		} else {
			err = set.Remove(ctx, c.tx, id, register.AnyVersion, c.mark())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkChannel checks a channel of a text. The profile that tells how its line
// is set may stand in the text itself, and is then not in force yet.
func checkChannel(s *Service, v model.Channel, g governed) error {
	for _, stored := range g.Profiles {
		if name := v.LineProfile(); name == "" || stored.ID != profileID(name) {
			continue
		}
		p, _, err := parseProfile(stored.Files)
		if err != nil {
			return nil // its own check says why
		}
		v = v.WithLine(p.Line)
	}
	return s.Links.Check(v)
}

// routeKnows says whether a route names only destinations that the text holds.
func routeKnows(v model.Route, g governed) error {
	known := map[model.DestinationID]bool{}
	for _, d := range g.Destinations {
		known[d.ID] = true
	}
	for i, d := range v.Destinations {
		if !known[d] {
			return fault.New(fault.Invalid, "service.no-destination", "the route names a destination %q that the text does not hold", d).At(fmt.Sprintf("destinations[%d]", i))
		}
	}
	return nil
}

func checkProfile(v model.DeviceProfile) error {
	one, stored, err := parseProfile(v.Files)
	if err == nil && stored.ID != v.ID {
		return fault.New(fault.Invalid, "register.id", "the profile %s has the id %s", one.Name, stored.ID).At("id")
	}
	return err
}

// deviceKind is the kind of adopted devices: a text makes a device known where
// it was never heard, and adopts it; one that the text leaves out is released.
func deviceKind() textKind {
	return textKind{
		key:   "devices",
		noun:  "device",
		list:  func(g *governed) any { return &g.Devices },
		count: func(g governed) int { return len(g.Devices) },
		load: func(_ context.Context, s *Service, _ register.Reader, g *governed) error {
			adopted := true
			for after := model.DeviceID(""); ; {
				page, _ := s.Register.List(register.Query{Adopted: &adopted, Limit: 1000, After: after})
				for _, d := range page {
					g.Devices = append(g.Devices, d.Text())
					after = d.ID
				}
				if len(page) < 1000 {
					return nil
				}
			}
		},
		check: func(_ *Service, g governed) error {
			for i, d := range g.Devices {
				err := register.CheckID("device", string(d.ID))
				if err == nil {
					_, err = register.ParsePlace(d.Place)
				}
				if err != nil {
					return under(err, fmt.Sprintf("devices[%d]", i), string(d.ID))
				}
			}
			return nil
		},
		compare: func(have, want, _, _ governed) []ConfigChange {
			changes, _ := compareLists("device", deviceTexts(have.Devices), deviceTexts(want.Devices), nil)
			return changes
		},
		set:    setDevices,
		revert: revertDevices,
	}
}

// revertDevices is revertAll of devices: each is what it was where this call was
// the last to say something of it that a text can say.
func revertDevices(ctx context.Context, c *call, before governed) error {
	var now governed
	if err := deviceKind().load(ctx, c.s, c.tx, &now); err != nil {
		return err
	}
	_, changes := compareLists("device", deviceTexts(before.Devices), deviceTexts(now.Devices), nil)
	if len(changes) == 0 {
		return nil
	}
	byID := func(list []register.DeviceText) map[string]register.DeviceText {
		out := make(map[string]register.DeviceText, len(list))
		for _, d := range list {
			out[string(d.ID)] = d
		}
		return out
	}
	was, is := byID(before.Devices), byID(now.Devices)
	var have, want governed
	for _, id := range slices.Sorted(maps.Keys(changes)) {
		ours, err := c.lastSaid(ctx, model.DeviceID(id))
		if err != nil {
			return err
		}
		if !ours {
			continue
		}
		if d, ok := was[id]; ok {
			want.Devices = append(want.Devices, d)
		}
		if d, ok := is[id]; ok {
			have.Devices = append(have.Devices, d)
		}
	}
	return setDevices(ctx, c, have, want)
}

// lastSaid tells whether this call was the last to say something of a device
// that a text can say.
func (c *call) lastSaid(ctx context.Context, id model.DeviceID) (bool, error) {
	steps, err := c.s.Register.History(ctx, id, 1000)
	if err != nil {
		return false, err
	}
	for _, one := range steps {
		if slices.Contains([]string{"name", "place", "note", "zone", "clock", "adoption"}, one.Fact) {
			return one.Change == c.change, nil
		}
	}
	return false, nil
}

func setDevices(ctx context.Context, c *call, have, want governed) error {
	_, changes := compareLists("device", deviceTexts(have.Devices), deviceTexts(want.Devices), nil)
	keep := map[model.DeviceID]bool{}
	for _, d := range want.Devices {
		keep[d.ID] = true
		if !changes[string(d.ID)] {
			continue
		}
		if _, err := c.s.Register.Put(ctx, c.tx, d, register.AnyVersion, c.mark()); err != nil {
			return err
		}
	}
	for _, d := range have.Devices {
		if keep[d.ID] {
			continue
		}
		if _, err := c.s.Register.Release(ctx, c.tx, d.ID, register.AnyVersion, c.mark()); err != nil {
			return err
		}
	}
	return nil
}
