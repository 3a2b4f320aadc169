// Package route decides what goes where. It is pure: the same message and the
// same table give the same decisions, so they can be computed before the
// record's transaction and stored with the message. Nothing is dropped
// silently: what matches a route and may still not go out is a decision with
// its reason in Refused (R25).
package route

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Why a message that matches a route does not go out.
const (
	RefusedDuplicate  = model.RefusedDuplicate  // the same message came before (R18)
	RefusedQuarantine = model.RefusedQuarantine // its device is adopted by nobody and the channel asks for it (R11)
	RefusedAcceptance = model.RefusedAcceptance // its device is not accepted and the channel asks for it (R32)
	RefusedBlocked    = model.RefusedBlocked    // its device is blocked by a person
	RefusedSimulated  = "simulated"             // it holds simulated values and the route does not pass them (R17)
)

// Table is a compiled list of routes. It never changes, so any number of
// goroutines may use it.
type Table struct {
	routes       []rule
	destinations []model.DestinationID // of all enabled routes, each once
}

// rule is one enabled route, its lists turned into what compares fastest.
type rule struct {
	id           model.RouteID
	channels     []model.ChannelID
	types        []string
	devices      map[model.DeviceID]struct{}
	models       []modelName
	places       []model.Place
	codes        map[string]struct{}
	terms        map[uint32]struct{}
	classes      []string
	simulated    bool
	destinations []model.DestinationID
}

// modelName is "Acme/VM-200" or "VM-200"; whole is the text as written, since
// the name of a model may hold a slash itself.
type modelName struct{ manufacturer, model, whole string }

// Compile checks the routes and makes a table of the enabled ones. Every
// mistake is reported, joined: a fault.Invalid whose Place names the route and
// the key, "route icu: destinations[1]".
func Compile(routes []model.Route, known []model.DestinationID) (*Table, error) {
	t := &Table{}
	var faults []error
	seen := map[model.RouteID]bool{}
	for i := range routes {
		r := &routes[i]
		c := checker{place: "route " + string(r.ID)}
		if r.ID == "" {
			c.place = fmt.Sprintf("routes[%d]", i)
			c.fail("id", "route.no-id", "the route has no id; give it a short name")
		} else if seen[r.ID] {
			c.fail("id", "route.twice", "another route has the same id; rename one of them")
		}
		seen[r.ID] = true
		one := c.compile(r, known)
		faults = append(faults, c.faults...)
		if r.Disabled {
			continue
		}
		t.routes = append(t.routes, one)
		for _, d := range one.destinations {
			t.destinations = appendOnce(t.destinations, d)
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return t, nil
}

// Destinations are those some enabled route leads to.
func (t *Table) Destinations() []model.DestinationID { return t.destinations }

type checker struct {
	place  string
	faults []error
}

func (c *checker) fail(key, code, text string, args ...any) {
	c.faults = append(c.faults, fault.New(fault.Invalid, code, text, args...).At(c.place+": "+key))
}

// text reports elements that can match nothing.
func (c *checker) text(key string, i int, s string) bool {
	if s == "" || strings.TrimSpace(s) != s {
		c.fail(fmt.Sprintf("%s[%d]", key, i), "route.empty", "an element is empty or has blanks around it; remove it, or write it without")
		return false
	}
	return true
}

func (c *checker) compile(r *model.Route, known []model.DestinationID) rule {
	one := rule{id: r.ID, simulated: r.Simulated}
	for i, s := range r.Channels {
		if c.text("channels", i, string(s)) {
			one.channels = append(one.channels, s)
		}
	}
	for i, s := range r.Types {
		if c.text("types", i, s) {
			one.types = append(one.types, s)
		}
	}
	for i, s := range r.Devices {
		if c.text("devices", i, string(s)) {
			if one.devices == nil {
				one.devices = map[model.DeviceID]struct{}{}
			}
			one.devices[s] = struct{}{}
		}
	}
	for i, s := range r.Models {
		if !c.text("models", i, s) {
			continue
		}
		n := modelName{model: s, whole: s}
		if maker, name, ok := strings.Cut(s, "/"); ok {
			n = modelName{maker, name, s}
		}
		if n.model == "" {
			c.fail(fmt.Sprintf("models[%d]", i), "route.model", "no model behind the slash; write Manufacturer/Model or Model")
			continue
		}
		one.models = append(one.models, n)
	}
	for i, s := range r.Locations {
		if !c.text("locations", i, s) {
			continue
		}
		part := strings.Split(s, "^")
		if len(part) > 4 || strings.Trim(s, "^") == "" {
			c.fail(fmt.Sprintf("locations[%d]", i), "route.location", "not a location; write point of care, room, bed and facility joined by ^, for example ICU or ICU^2^23")
			continue
		}
		part = append(part, "", "", "")
		one.places = append(one.places, model.Place{PointOfCare: part[0], Room: part[1], Bed: part[2], Facility: part[3]})
	}
	for i, s := range r.Codes {
		if !c.text("codes", i, s) {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimPrefix(s, "mdc:"), 10, 32); err == nil {
			if one.terms == nil {
				one.terms = map[uint32]struct{}{}
			}
			one.terms[uint32(n)] = struct{}{}
			continue
		}
		if one.codes == nil {
			one.codes = map[string]struct{}{}
		}
		one.codes[strings.TrimPrefix(s, "loinc:")] = struct{}{}
	}
	for i, s := range r.PatientClass {
		if c.text("patient_class", i, s) {
			one.classes = append(one.classes, s)
		}
	}
	if len(r.Destinations) == 0 {
		c.fail("destinations", "route.nowhere", "the route leads nowhere; name at least one destination")
	}
	for i, d := range r.Destinations {
		if !contains(known, d) {
			c.fail(fmt.Sprintf("destinations[%d]", i), "route.unknown-destination", "there is no destination %q; add it first, or correct the name", d)
			continue
		}
		one.destinations = appendOnce(one.destinations, d)
	}
	return one
}

func appendOnce[T comparable](list []T, one T) []T {
	if contains(list, one) {
		return list
	}
	return append(list, one)
}

func contains[T comparable](list []T, one T) bool {
	for _, have := range list {
		if have == one {
			return true
		}
	}
	return false
}
