package register

import (
	"slices"
	"strings"
)

// Bearing gives the devices whose own identifier, as their messages tell it, is
// a text: a serial number, an EUI-64 with or without separators, or another number. A
// label may show it. At most 20 are given, sorted by id.
func (r *Register) Bearing(text string) (found []Device) {
	if text == "" || len(text) > 200 || worthless(text) {
		return nil
	}
	want := []string{"|" + fold(text)}
	if h := hexDigits(text, 16); h != "" {
		want = append(want, "|"+h)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.units {
		if slices.ContainsFunc(u.dev.Keys, func(k string) bool {
			return (strings.HasPrefix(k, "serial|") || strings.HasPrefix(k, "ei|") || strings.HasPrefix(k, "eui64|") || strings.HasPrefix(k, "mac|")) &&
				slices.ContainsFunc(want, func(w string) bool { return strings.HasSuffix(k, w) })
		}) {
			found = append(found, u.dev.copy())
		}
	}
	slices.SortFunc(found, func(a, b Device) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return found[:min(len(found), 20)]
}
