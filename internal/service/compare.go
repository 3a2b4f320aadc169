package service

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"thalamus/internal/register"
)

// ConfigChange is one difference between what is in force and a text.
type ConfigChange struct {
	What string `json:"what"`          // channel icu
	Do   string `json:"do"`            // add, change, remove
	Key  string `json:"key,omitempty"` // settings.listen
	Was  string `json:"was,omitempty"`
	Now  string `json:"now,omitempty"`
}

// compare lists the differences of two states, both with their secrets, which
// do not show in the answer: only that they differ.
func (s *Service) compare(have, want governed) []ConfigChange {
	h, w := s.redacted(have), s.redacted(want)
	out := []ConfigChange{}
	for _, k := range textKinds() {
		out = append(out, k.compare(have, want, h, w)...)
	}
	return out
}

// redacted gives a state as people may see it.
func (s *Service) redacted(g governed) governed {
	out := g
	out.Channels, out.Destinations = nil, nil
	for _, v := range g.Channels {
		out.Channels = append(out.Channels, redacted(s, v))
	}
	for _, v := range g.Destinations {
		out.Destinations = append(out.Destinations, redacted(s, v))
	}
	return out
}

// things are things by id, each as path → JSON text.
type things map[string]map[string]string

func flat[T any](list []T) things {
	out := things{}
	for _, v := range list {
		text, _ := json.Marshal(v) // our own types always marshal
		var tree map[string]any
		_ = json.Unmarshal(text, &tree)
		one := map[string]string{}
		flatten(one, "", tree)
		out[fmt.Sprint(tree["id"])] = one
	}
	return out
}

// deviceTexts leaves out what only messages say of a device: a text makes it
// known where it was never heard, and does not overrule what was heard.
func deviceTexts(list []register.DeviceText) things {
	asserted := make([]register.DeviceText, len(list))
	for i, d := range list {
		asserted[i] = register.DeviceText{ID: d.ID, Name: d.Name, Note: d.Note, Place: d.Place}
	}
	return flat(asserted)
}

func flatten(into map[string]string, path string, v any) {
	if m, ok := v.(map[string]any); ok {
		for k, x := range m {
			p := k
			if path != "" {
				p = path + "." + k
			}
			flatten(into, p, x)
		}
		return
	}
	text, _ := json.Marshal(v)
	into[path] = strings.Trim(string(text), `"`)
}

// masks gives the paths whose value is secret on either side.
func masks(sides ...things) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for _, side := range sides {
		for id, one := range side {
			for path, text := range one {
				if text != secret {
					continue
				}
				if out[id] == nil {
					out[id] = map[string]bool{}
				}
				out[id][path] = true
			}
		}
	}
	return out
}

// masked gives the secret path that a path is or lies under.
func masked(mask map[string]bool, path string) (string, bool) {
	for at := path; at != ""; {
		if mask[at] {
			return at, true
		}
		i := strings.LastIndexByte(at, '.')
		if i < 0 {
			break
		}
		at = at[:i]
	}
	return path, false
}

func compareLists(noun string, have, want things, mask map[string]map[string]bool) (changes []ConfigChange, ids map[string]bool) {
	ids = map[string]bool{}
	for _, id := range sortedKeys(have, want) {
		h, w := have[id], want[id]
		what := noun + " " + id
		switch {
		case h == nil:
			changes, ids[id] = append(changes, ConfigChange{What: what, Do: "add"}), true
		case w == nil:
			changes, ids[id] = append(changes, ConfigChange{What: what, Do: "remove"}), true
		default:
			last := ""
			for _, k := range sortedKeys(h, w) {
				if h[k] == w[k] {
					continue
				}
				ids[id] = true
				one := ConfigChange{What: what, Do: "change", Key: k, Was: h[k], Now: w[k]}
				if at, ok := masked(mask[id], k); ok {
					one.Key, one.Was, one.Now = at, secret, "(another secret)"
					if at == last {
						continue
					}
					last = at
				}
				changes = append(changes, one)
			}
		}
	}
	return changes, ids
}

func sortedKeys[V any](a, b map[string]V) []string {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	keys := make([]string, 0, len(all))
	for k := range all {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
