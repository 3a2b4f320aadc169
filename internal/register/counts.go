package register

import (
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register/fact"
)

// Standings of a device.
const (
	Active   = "active"   // adopted, or said to be in use or lent
	Inactive = "inactive" // ordered, stored, in repair, lost, retired or disposed of
	Unknown  = "unknown"  // nobody adopted it or said anything of its life
)

// Standing says whether a device is in use, by its stage of life as it counts,
// else by its adoption.
func Standing(life string, adopted bool) string {
	switch {
	case life == "in-use" || life == "lent":
		return Active
	case life != "":
		return Inactive
	case adopted:
		return Active
	}
	return Unknown
}

// Counts gives what counts of a device at an instant by the names of facts:
// what was decided, then what the kind of the fact says (fact.Resolve).
func Counts(v *View, at time.Time) map[string]string {
	o := &v.Observed
	rows := make([]fact.Fact, 0, len(v.Said)+8)
	for _, f := range []struct{ name, value string }{
		{"manufacturer", o.Manufacturer}, {"model", o.Model}, {"serial", o.Serial}, {"udi", o.UDI}, {"release", o.Release}, {"hardware", o.Hardware}, {"place", o.Place.String()},
	} {
		if f.value != "" {
			rows = append(rows, fact.Fact{Name: f.name, Truth: fact.Observed, Value: f.value})
		}
	}
	for i := range o.Identifiers {
		if KindOfIdentifier(o.Identifiers[i]) == "mac" {
			rows = append(rows, fact.Fact{Name: "mac", Truth: fact.Observed, Value: o.Identifiers[i].Value})
		}
	}
	for i := range v.Said {
		if v.Said[i].TrueAt(at) {
			rows = append(rows, v.Said[i])
		}
	}
	out := make(map[string]string, len(rows)+2)
	for _, r := range fact.Resolve(rows) {
		out[r.Name] = r.Value
	}
	for _, f := range []struct{ name, value string }{{"name", v.Asserted.Name}, {"note", v.Asserted.Note}, {"place", v.Asserted.Place.String()}} {
		if out[f.name] == "" && f.value != "" {
			out[f.name] = f.value
		}
	}
	return out
}

// PlaceOf is where a device stands as it counts: its place, else its
// department.
func PlaceOf(counts map[string]string) model.Place {
	place, err := ParsePlace(counts["place"])
	if err != nil || place == (model.Place{}) {
		return model.Place{PointOfCare: counts["department"]}
	}
	return place
}
