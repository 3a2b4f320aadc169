package register

import (
	"thalamus/internal/model"
)

// Alike is a device that another, which nobody adopted, may be in truth.
type Alike struct {
	Device Device
	Serial bool // it has the same serial number
	Place  bool // it is of the same model, stands at the same bed, and was not heard since the other speaks
}

// mostAlike is how many are given of each.
const mostAlike = 5

// stranger is what is compared of a device.
type stranger struct {
	id            model.DeviceID
	serial, where string
	unit          *unit
}

// Alike gives for devices those that each may be, known by a serial number or
// standing where another of the model stood: a device that was entered or
// imported before it spoke, or that speaks under another name. It looks at the
// register once, however many are asked for.
func (r *Register) Alike(ids []model.DeviceID) map[model.DeviceID][]Alike {
	r.mu.Lock()
	defer r.mu.Unlock()
	serials, places := map[string][]*stranger{}, map[string][]*stranger{}
	for _, id := range ids {
		u := r.unit(id)
		if u == nil {
			continue
		}
		s := &stranger{id: id, serial: r.serialOf(u), where: r.bedOf(u), unit: u}
		if s.serial != "" {
			serials[s.serial] = append(serials[s.serial], s)
		}
		if s.where != "" {
			places[s.where] = append(places[s.where], s)
		}
	}
	found := map[model.DeviceID][]Alike{}
	if len(serials)+len(places) == 0 {
		return found
	}
	for _, u := range r.order {
		same := serials[r.serialOf(u)]
		for _, s := range same {
			if s.unit != u && len(found[s.id]) < mostAlike {
				found[s.id] = append(found[s.id], Alike{Device: u.dev.copy(), Serial: true})
			}
		}
		if u.dev.Adoption == nil {
			continue
		}
		for _, s := range places[r.bedOf(u)] {
			if s.unit != u && !(s.serial != "" && s.serial == r.serialOf(u)) && len(found[s.id]) < mostAlike && u.dev.Seen.LastSeen.Before(s.unit.dev.Observed.FirstSeen) {
				found[s.id] = append(found[s.id], Alike{Device: u.dev.copy(), Place: true})
			}
		}
	}
	return found
}

// serialOf is the serial number of a unit as its messages or people tell it, in
// the form that is compared; empty where it names nothing.
func (r *Register) serialOf(u *unit) string {
	serial := u.dev.Observed.Serial
	for i := 0; serial == "" && i < len(u.facts); i++ {
		if r.names.list[u.facts[i].name] == "serial" {
			serial = u.facts[i].value
		}
	}
	if worthless(serial) {
		return ""
	}
	return fold(serial)
}

// bedOf is the model and the bed of a unit; empty where either is not known.
func (r *Register) bedOf(u *unit) string {
	place := u.dev.Observed.Place
	if place.Bed == "" {
		place = u.dev.Asserted.Place
	}
	if is := r.modelOf(u); place.Bed != "" && is.models != "" {
		return is.models + "|" + place.String()
	}
	return ""
}
