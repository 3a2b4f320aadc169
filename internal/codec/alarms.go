package codec

import "thalamus/internal/model"

// Changes tells what happened to alarms, of devices that only say which are on
// (R21). now are those that are on, before those that the device said were on
// the last time; known is false where that is not known, as when a link was just
// opened. An alarm that is new starts, one that is no more ends, one that is as
// it was is not told of again; where nothing is known it goes on. Alarms are told
// apart by their ID. Phase and State are set here.
func Changes(now, before []model.Alert, known bool) []model.Alert {
	var out []model.Alert
	on := make(map[string]bool, len(now))
	was := make(map[string]*model.Alert, len(before))
	for i := range before {
		was[before[i].ID] = &before[i]
	}
	for _, a := range now {
		if on[a.ID] {
			continue
		}
		on[a.ID] = true
		a.State = "active"
		switch b := was[a.ID]; {
		case !known:
			a.Phase = "continue"
		case b == nil:
			a.Phase = "start"
		case b.Priority != a.Priority || b.Text != a.Text || b.Muted != a.Muted:
			a.Phase = "update"
		default:
			continue
		}
		out = append(out, a)
	}
	for i, a := range before {
		if known && !on[a.ID] && was[a.ID] == &before[i] {
			a.Phase, a.State = "end", "inactive"
			out = append(out, a)
		}
	}
	return out
}
