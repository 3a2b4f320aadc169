package roster

import (
	"slices"
	"strings"

	"thalamus/internal/udi"
)

// Unit is a device that the register knows, as far as importing needs it.
type Unit struct {
	ID      string
	Version int64
	Heard   bool              // on the wire
	Said    map[string]string // what people and other systems say of it now, by fact
	Names   map[string][]string
}

// Known finds devices by what names them.
type Known struct {
	units map[string]*Unit
	by    map[string][]string // key to ids
	year  int
}

// NewKnown makes an empty index; year is the present one, for dates in UDIs.
func NewKnown(year int) *Known {
	return &Known{units: map[string]*Unit{}, by: map[string][]string{}, year: year}
}

// Add takes a device in. Names hold every value that it is known under: serial,
// udi, asset, mac, manufacturer, model, and as id the ids of what was merged
// into it.
func (k *Known) Add(u Unit) {
	k.units[u.ID] = &u
	add := func(kind, key string) {
		if key != "" && !slices.Contains(k.by[kind+"|"+key], u.ID) {
			k.by[kind+"|"+key] = append(k.by[kind+"|"+key], u.ID)
		}
	}
	for _, v := range u.Names["id"] {
		add("id", v)
	}
	for _, v := range u.Names["serial"] {
		if !worthless(v) {
			add("serial", squeeze(v))
		}
	}
	for _, v := range u.Names["udi"] {
		add("udi", k.identity(v))
	}
	for _, v := range u.Names["asset"] {
		add("asset", squeeze(v))
	}
	for _, v := range u.Names["mac"] {
		add("mac", squeeze(v))
	}
}

// Unit gives a device by its id, or by that of what was merged into it.
func (k *Known) Unit(id string) (*Unit, bool) {
	if u, ok := k.units[id]; ok {
		return u, true
	}
	if heads := k.by["id|"+id]; len(heads) == 1 {
		return k.units[heads[0]], true
	}
	return nil, false
}

// Len is how many there are.
func (k *Known) Len() int { return len(k.units) }

// identity is what a UDI names one unit by; empty where it names a model.
func (k *Known) identity(text string) string {
	u, err := udi.Parse(text, k.year)
	if err != nil || u.Serial == "" {
		return ""
	}
	return u.Identity()
}

// squeeze makes spellings of one number equal: letters and digits, upper case.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r == ' ' || r == '-' || r == '.' || r == '/' || r == ':' || r == '_':
			return -1
		}
		return r
	}, s)
}

// worthless says that a number is a placeholder that many units share.
func worthless(s string) bool {
	if strings.Trim(s, "0- .:/?xX") == "" {
		return true
	}
	switch plain(s) {
	case "unknown", "none", "na", "null", "default", "serial", "notavailable", "unspecified", "unbekannt", "keine", "ohne", "inconnu", "aucun", "sansnumero", "tbd":
		return true
	}
	return false
}

// alike says how two names of makers or models are: same, near (one begins
// with the other: Philips, Philips Healthcare), or other.
func alike(a, b string) (same, near bool) {
	a, b = plain(a), plain(b)
	if a == b {
		return true, true
	}
	if a == "" || b == "" {
		return false, false
	}
	return false, strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}
