package profile

import (
	"slices"

	"thalamus/internal/model"
)

// complete notes which lists of a document name every alert there is. A list
// with a row that is an alert and could not be read does not.
func (r *reading) complete() {
	for i := range r.p.Alerts {
		rule := &r.p.Alerts[i]
		if len(rule.Complete) == 0 || r.unread[rule] || r.w.left <= 0 {
			continue
		}
		if _, _, found := r.w.first(rule.Complete, nil); !found {
			continue
		}
		m := r.message(r.w.document, r.p.Patient.ID).m
		m.AlertLists = append(m.AlertLists, model.AlertList{Name: r.p.list(rule), Device: r.device(m, r.w.document, r.p.Device.ID)})
	}
}

// cannot notes that a row of a rule is an alert that could not be read.
func (r *reading) cannot(rule *AlertRule) {
	if len(rule.Complete) == 0 {
		return
	}
	if r.unread == nil {
		r.unread = map[*AlertRule]bool{}
	}
	r.unread[rule] = true
}

// complete notes which of the message's observations are lists that name every
// alert of its one device; where it tells of several, none is.
func (a *applying) complete(unread map[*AlertRule]bool, w *walk) {
	for n := range a.p.Alerts {
		rule := &a.p.Alerts[n]
		if len(rule.Complete) == 0 || unread[rule] || w.left <= 0 {
			continue
		}
		device := slices.IndexFunc(a.m.Devices, func(d model.Device) bool { return d.Parent < 0 })
		if device >= 0 && slices.ContainsFunc(a.m.Devices[device+1:], func(d model.Device) bool { return d.Parent < 0 }) {
			return
		}
		a.whole(rule, w)
		if _, _, found := w.first(rule.Complete, nil); found {
			a.m.AlertLists = append(a.m.AlertLists, model.AlertList{Name: a.p.list(rule), Device: device, Refined: true})
		}
	}
}
