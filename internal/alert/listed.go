package alert

import (
	"slices"
	"strings"
	"time"

	"thalamus/internal/model"
)

// list notes whether an alert goes on and stands on a list.
func (s *Lives) list(k key, lives []*Life) {
	ids := s.listed[k.device]
	switch on := slices.ContainsFunc(lives, func(l *Life) bool { return l.Active && l.Alert.List != "" }); {
	case on && ids == nil:
		s.listed[k.device] = map[string]bool{k.id: true}
	case on:
		ids[k.id] = true
	case ids != nil:
		if delete(ids, k.id); len(ids) == 0 {
			delete(s.listed, k.device)
		}
	}
}

// Missing gives the alerts of a device that stood on a list and go on, and
// that are not named by the whole of it at a time: they have ended. One of
// which something newer is known is not among them.
func (s *Lives) Missing(device model.DeviceID, list string, at time.Time, named func(id string) bool) []*Life {
	var out []*Life
	seen := map[string]bool{}
	for layer := s; layer != nil; layer = layer.base {
		for id := range layer.listed[device] {
			if seen[id] || named(id) {
				continue
			}
			seen[id] = true
			for _, l := range s.get(key{device, id}) {
				if l.Active && l.Alert.List == list && !l.older(&Report{Alert: &model.Alert{}, At: at}) {
					out = append(out, l)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b *Life) int { // the order of a map is none
		if c := strings.Compare(a.Alert.ID, b.Alert.ID); c != 0 {
			return c
		}
		return a.Since.Compare(b.Since)
	})
	return out
}
