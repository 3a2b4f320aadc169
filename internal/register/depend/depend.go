// Package depend answers what stops if something stops: which services, by
// which way, and what is done then (R30). It is pure.
package depend

import (
	"cmp"
	"slices"
	"strings"

	"thalamus/internal/model"
)

// Ref names a thing that may stop.
type Ref struct {
	Kind string `json:"kind"` // device, model, place, channel, route, destination, service
	ID   string `json:"id"`
}

// Kinds are what may stop.
func Kinds() []string {
	return []string{"device", "model", "place", "channel", "route", "destination", "service"}
}

// Group is the devices of one model at one place that speak on one channel. A
// house of 100,000 devices has few of them.
type Group struct {
	Model   string // id of their model
	Place   string // ICU^2^23
	Channel model.ChannelID
	Works   []model.DeviceID // in use and speaking, sorted
	Idle    []model.DeviceID // the others, sorted
}

// World is everything that depends on each other, as it is now.
type World struct {
	Services []model.Service
	Routes   []model.Route
	Groups   []Group // each device is in one
}

// Effect is what happens to one service.
type Effect struct {
	Service model.Service `json:"service"`
	// Stops: one of its needs is not met any more. Otherwise it goes on with
	// less than it has.
	Stops bool `json:"stops"`
	// Down says that a need is not met already, whatever stops.
	Down    bool      `json:"down,omitempty"`
	Because []Because `json:"because"`
}

// Because is one need that is touched.
type Because struct {
	Need  model.Need `json:"need"`
	By    []Ref      `json:"by"`              // from what stops to the need
	Left  int        `json:"left"`            // devices that still work
	Of    int        `json:"of"`              // devices that work now
	Least int        `json:"least,omitempty"` // devices that must
}

// Answer is what stops.
type Answer struct {
	What    Ref              `json:"what"`
	Devices []model.DeviceID `json:"devices"` // that stop, or cannot be heard
	Effects []Effect         `json:"effects"` // the gravest first
}

// Stops says what happens if a thing stops. What does not exist touches
// nothing; the caller knows whether it does.
func Stops(w World, what Ref) Answer {
	a := Answer{What: what}
	gone := map[Ref][]Ref{what: {what}} // what is gone, and by which way
	needed := tallies(&w, what, &a.Devices)
	slices.Sort(a.Devices)
	// path is the way to a thing that is gone.
	path := func(r Ref) ([]Ref, bool) {
		if r.Kind == "device" && r != what {
			if _, ok := slices.BinarySearch(a.Devices, model.DeviceID(r.ID)); ok {
				return []Ref{what, r}, true
			}
		}
		by, ok := gone[r]
		return by, ok
	}
	for _, r := range w.Routes {
		ref := Ref{"route", string(r.ID)}
		switch {
		case what.Kind == "destination" && slices.Contains(r.Destinations, model.DestinationID(what.ID)),
			what.Kind == "channel" && len(r.Channels) == 1 && r.Channels[0] == model.ChannelID(what.ID):
			gone[ref] = []Ref{what, ref}
		}
	}
	// A service that stops takes with it those that need it, and so on. Each
	// round adds at least one, so it ends.
	effects := map[model.ServiceID]*Effect{}
	for again := true; again; {
		again = false
		for _, s := range w.Services {
			ref := Ref{"service", string(s.ID)}
			if ref == what {
				continue
			}
			e := touched(needed, &s, path)
			if e == nil {
				continue
			}
			effects[s.ID] = e
			if _, known := gone[ref]; !known && e.Stops {
				gone[ref] = append(slices.Clone(e.Because[0].By), ref)
				again = true
			}
		}
	}
	for _, e := range effects {
		a.Effects = append(a.Effects, *e)
	}
	slices.SortFunc(a.Effects, func(x, y Effect) int {
		return cmp.Or(boolean(y.Stops)-boolean(x.Stops), weight(x.Service.Critical)-weight(y.Service.Critical), cmp.Compare(x.Service.Name, y.Service.Name), cmp.Compare(x.Service.ID, y.Service.ID))
	})
	return a
}

// touched gives what happens to a service, nil when nothing does.
func touched(needed map[Ref]*tally, s *model.Service, gone func(Ref) ([]Ref, bool)) *Effect {
	e := Effect{Service: *s}
	for _, n := range s.Needs {
		if n.Kind == "service" && n.ID == string(s.ID) {
			continue
		}
		b := Because{Need: n, Least: n.Least}
		if n.Kind == "model" || n.Kind == "place" {
			var by []Ref
			if t := needed[Ref{n.Kind, n.ID}]; t != nil {
				b.Of, b.Left = t.works, t.works-t.stop
				if t.stop > 0 {
					by, _ = gone(Ref{"device", string(t.first)})
				}
			}
			if path, ok := gone(Ref{n.Kind, n.ID}); ok {
				by = path
			}
			if by == nil {
				e.Down = e.Down || n.Least > 0 && b.Of < n.Least
				continue
			}
			if n.Least == 0 {
				b.Least = b.Of
			}
			b.By = by
			e.Stops = e.Stops || b.Left < b.Least || b.Left == 0
			e.Down = e.Down || b.Of < n.Least
		} else {
			path, ok := gone(Ref{n.Kind, n.ID})
			if !ok {
				continue
			}
			b.By = path
			e.Stops = true
		}
		e.Because = append(e.Because, b)
	}
	if len(e.Because) == 0 {
		return nil
	}
	// What makes it stop is said before what only weakens it.
	slices.SortStableFunc(e.Because, func(x, y Because) int { return boolean(y.stops()) - boolean(x.stops()) })
	return &e
}

func (b *Because) stops() bool {
	return b.Need.Kind != "model" && b.Need.Kind != "place" || b.Left < b.Least || b.Left == 0
}

// of gives which of a group's devices stop with a thing: those that work, and
// the others.
func (g *Group) of(what Ref) (works, idle []model.DeviceID) {
	stops := false
	switch what.Kind {
	case "device":
		return only(g.Works, what.ID), only(g.Idle, what.ID)
	case "model":
		stops = g.Model == what.ID
	case "channel":
		stops = string(g.Channel) == what.ID
	case "place":
		stops = within(g.Place, what.ID)
	}
	if stops {
		return g.Works, g.Idle
	}
	return nil, nil
}

// only is the part of a sorted list that has one id.
func only(list []model.DeviceID, id string) []model.DeviceID {
	if i, ok := slices.BinarySearch(list, model.DeviceID(id)); ok {
		return list[i : i+1]
	}
	return nil
}

// tally counts the devices that work of a model or place that services need.
type tally struct {
	works int
	stop  int            // of them stop
	first model.DeviceID // of these
}

// tallies gives them, however many services there are, and the devices that
// stop with a thing.
func tallies(w *World, what Ref, stop *[]model.DeviceID) map[Ref]*tally {
	out := map[Ref]*tally{}
	for _, s := range w.Services {
		for _, n := range s.Needs {
			if (n.Kind == "model" || n.Kind == "place") && out[Ref{n.Kind, n.ID}] == nil {
				out[Ref{n.Kind, n.ID}] = &tally{}
			}
		}
	}
	for i := range w.Groups {
		g := &w.Groups[i]
		works, idle := g.of(what)
		*stop = append(append(*stop, works...), idle...)
		if len(g.Works) == 0 {
			continue
		}
		if t := out[Ref{"model", g.Model}]; t != nil {
			t.count(g, works)
		}
		for _, t := range around(out, g.Place) {
			t.count(g, works)
		}
	}
	return out
}

func (t *tally) count(g *Group, stop []model.DeviceID) {
	t.works += len(g.Works)
	if len(stop) > 0 && (t.stop == 0 || stop[0] < t.first) {
		t.first = stop[0]
	}
	t.stop += len(stop)
}

// around gives the tallies of a place and of those it lies in: ICU^2^23, ICU^2
// and ICU.
func around(all map[Ref]*tally, place string) (in []*tally) {
	for k := range len(place) {
		if place[k] == '^' && k > 0 {
			if t := all[Ref{"place", place[:k]}]; t != nil {
				in = append(in, t)
			}
		}
	}
	if t := all[Ref{"place", place}]; t != nil {
		in = append(in, t)
	}
	return in
}

// within says whether a place lies at or below another: ICU^2 holds ICU^2^23
// and not ICU^23.
func within(place, of string) bool {
	return of != "" && (place == of || strings.HasPrefix(place, of+"^"))
}

func weight(critical string) int {
	i := slices.Index([]string{"life", "harm", "delay", "nuisance"}, critical)
	if i < 0 {
		return 4
	}
	return i
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}
