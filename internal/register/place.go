package register

import (
	"strings"

	"thalamus/internal/model"
)

// Level says how large a location is.
type Level string

// The levels, the largest first.
const (
	AtSite Level = "site" // PL.4, the facility
	AtWard Level = "ward" // PL.1, the department or point of care
	AtRoom Level = "room" // PL.2
	AtBed  Level = "bed"  // PL.3
)

// Location is a place in the house that some device stands at, or that holds
// one such place.
type Location struct {
	ID     string      `json:"id"`               // loc-…, made of the place
	Parent string      `json:"parent,omitempty"` // id of the location it is in
	Level  Level       `json:"level"`
	Name   string      `json:"name"` // what it is called within its parent
	Place  model.Place `json:"place"`
	// Devices is how many devices stand there or in a location in it.
	Devices int `json:"devices"`
}

// LocationID names the location of a place, empty for no place. Letters' case
// and blanks make no difference.
func LocationID(p model.Place) string {
	chain := locations(p)
	if len(chain) == 0 {
		return ""
	}
	return chain[len(chain)-1].ID
}

// locations gives the location of a place and those it is in, the largest
// first. Parts that are not said are left out.
func locations(p model.Place) []Location {
	var out []Location
	var at model.Place
	add := func(level Level, name string, part *string) {
		if strings.TrimSpace(name) == "" {
			return
		}
		*part = name
		l := Location{ID: idFrom("loc-", string(level), at.Facility, at.PointOfCare, at.Room, at.Bed), Level: level, Name: strings.TrimSpace(name), Place: at}
		if len(out) > 0 {
			l.Parent = out[len(out)-1].ID
		}
		out = append(out, l)
	}
	add(AtSite, p.Facility, &at.Facility)
	add(AtWard, p.PointOfCare, &at.PointOfCare)
	add(AtRoom, p.Room, &at.Room)
	add(AtBed, p.Bed, &at.Bed)
	return out
}
