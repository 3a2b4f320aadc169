package register

import (
	"slices"
	"strings"
	"time"

	"thalamus/internal/register/fact"
	"thalamus/internal/udi"
)

// Match is a device that a label may stand on, and why.
type Match struct {
	Device Device
	Why    string // udi, id, asset, serial-and-model, serial
}

// why orders reasons, the most certain first.
var why = []string{"udi", "id", "asset", "serial-and-model", "serial"}

// Labelled gives the devices that a label may stand on, the most certain
// first: text as scanned, and u where it is a UDI. At most 20 are given.
func (r *Register) Labelled(text string, u *udi.UDI, at time.Time) []Match {
	identity, serial := "", text
	if u != nil {
		identity, serial = u.Identity(), u.Serial
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	found := map[*unit]string{}
	take := func(is, told *unit) {
		w := r.labelled(told, text, serial, identity, u, at)
		if was, ok := found[is]; w != "" && (!ok || slices.Index(why, w) < slices.Index(why, was)) {
			found[is] = w
		}
	}
	for _, unit := range r.units {
		take(unit, unit)
	}
	for _, alias := range r.aliases { // what a machine told under another name is on its label too
		take(r.head(alias), alias)
	}
	var out []Match
	for is, w := range found {
		out = append(out, Match{Device: is.dev.copy(), Why: w})
	}
	slices.SortFunc(out, func(a, b Match) int {
		if d := slices.Index(why, a.Why) - slices.Index(why, b.Why); d != 0 {
			return d
		}
		return strings.Compare(string(a.Device.ID), string(b.Device.ID))
	})
	return out[:min(len(out), 20)]
}

// labelled says why a label may stand on a unit; empty: it does not.
func (r *Register) labelled(u *unit, text, serial, identity string, label *udi.UDI, at time.Time) string {
	if string(u.dev.ID) == text {
		return "id"
	}
	ids, _ := fact.KindOf("serial")
	same := func(a, b string) bool { return a != "" && b != "" && ids.Same(a, b) }
	serials := []string{u.dev.Observed.Serial}
	udis := []string{u.dev.Observed.UDI}
	found := ""
	for i := range u.facts {
		f := &u.facts[i]
		switch name := r.names.list[f.name]; {
		case !f.trueAt(at.UnixMicro()):
		case name == "serial":
			serials = append(serials, f.value)
		case name == "udi":
			udis = append(udis, f.value)
		case name == "asset" && same(f.value, text):
			found = "asset"
		}
	}
	for _, s := range udis {
		if same(s, text) {
			return "udi"
		}
		if known, err := udi.Parse(s, at.Year()); err == nil && identity != "" && known.Identity() == identity {
			return "udi"
		}
	}
	if found != "" {
		return found
	}
	for _, s := range serials {
		if !same(s, serial) {
			continue
		}
		if label != nil && r.modelHas(u, label.DI, at) {
			return "serial-and-model"
		}
		return "serial"
	}
	return ""
}

// modelHas says whether the unit's model is known under a device identifier.
func (r *Register) modelHas(u *unit, di string, at time.Time) bool {
	is := r.modelOf(u)
	return slices.ContainsFunc(r.beliefs[fact.Of(fact.OfModel, is.models)], func(f fact.Fact) bool {
		return f.Name == "udi-di" && f.Value == di && f.TrueAt(at)
	})
}
