package profile

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"thalamus/internal/mdc"
	"thalamus/internal/model"
)

// alertAskable are the names that conditions over alerts know beside those of
// observations.
var alertAskable = append([]string{"kind", "muted", "phase", "priority", "state"}, askable...)

// teller gives the text that fields lead to in what an alert is made of.
type teller func(Fields) string

// alert reads the parts of an alert that the rule tells into out. It says
// whether the row has what the rule needs.
func (a *applying) alert(r *AlertRule, tell teller, out *model.Alert) bool {
	for n := range r.Needs {
		if tell(r.Needs[n:n+1]) == "" {
			return false
		}
	}
	label := tell(r.Label)
	if label == "" && r.Of == "alerts" {
		label = first(out.Received.Code, out.Received.Text)
	}
	known := a.p.alarm(label)
	if known == nil && r.Of == "alerts" {
		known = a.p.alarm(out.Received.Text)
	}
	if known == nil {
		known = &AlertLabel{}
	}
	if t := a.word(r, "text", tell(r.Text), out); t != "" {
		out.Text = t
	} else if out.Text == "" {
		out.Text = known.Text
	}
	if code, ok := event(first(r.Code, known.Code)); ok || known.Label != "" {
		out.Mapped = model.Mapping{Code: code, By: a.p.Ref()}
	}
	if out.Received == (model.Coding{}) {
		out.Received = model.Coding{Code: first(label, r.Code, out.Text), Text: out.Text, System: a.p.Name}
	}
	if source, ok := a.source(r, first(tell(r.Source), known.Source)); ok {
		out.Source = source
	}
	for _, part := range [...]struct {
		name string
		from Fields
		or   string
		to   *string
	}{{"priority", r.Priority, known.Priority, &out.Priority}, {"kind", r.Kind, known.Kind, &out.Kind}, {"phase", r.Phase, "", &out.Phase},
		{"state", r.State, "", &out.State}, {"muted", r.Muted, "", &out.Muted}} {
		if is := a.word(r, part.name, tell(part.from), out); is != "" {
			*part.to = is
		} else if part.or != "" {
			*part.to = part.or
		}
	}
	if t := tell(r.Limits); t != "" {
		out.Limits = t
	}
	for _, when := range [...]struct {
		from Fields
		to   *model.Timestamp
	}{{r.Time, &out.DeviceTime}, {r.Onset, &out.Onset}} {
		if t := tell(when.from); t != "" {
			*when.to = model.Timestamp{Original: t, Format: first(a.p.Time.Format, "auto")}
		}
	}
	if n, err := strconv.Atoi(tell(r.Update)); err == nil && n > 0 {
		out.Update = n
	}
	if id := tell(r.ID); id != "" {
		out.ID, out.Follows = id, true
	} else if out.ID == "" {
		out.ID = first(out.Mapped.Code.RefID, label, r.Code, out.Text)
		if key := first(out.Source.Key(), out.Source.Name); key != "" {
			out.ID += "@" + key
		}
	}
	return out.ID != ""
}

// word is a field of an alert as our words say it: by the rule's enumeration,
// or because the device uses them. Another word is kept, with an issue.
func (a *applying) word(r *AlertRule, field, sent string, out *model.Alert) string {
	if sent == "" {
		return ""
	}
	if name := r.Meaning[field]; name != "" {
		if means, ok := a.p.Enumerations[name][sent]; ok {
			return means
		}
	}
	words := alertWords[field]
	if words == nil {
		return sent
	}
	is := strings.ToLower(sent)
	if !slices.Contains(words, is) {
		a.issue("profile.alert-word", model.Warning, out.Field, field+" "+sent, "the profile does not say what this word of an alert means; it was kept as sent", "add it to the enumeration that reads the field ("+field+" under meaning)")
	}
	return is
}

// source finds what an alert is about.
func (a *applying) source(r *AlertRule, sent string) (model.Code, bool) {
	if sent == "" {
		return model.Code{}, false
	}
	name := sent
	if means, ok := a.p.Enumerations[r.Meaning["source"]][sent]; ok {
		name = means
	} else if l := a.p.lookup(sent); l != nil && l.Code != "" {
		name = l.Code
	}
	if code, ok := meaning(name); ok {
		return code, true
	}
	if t, _, ok := mdc.Resolve(name, name); ok {
		return t.Meaning(), true
	}
	return model.Code{Name: sent}, true
}

// alarm finds the row of the table of alarms.
func (p *Profile) alarm(label string) *AlertLabel {
	if label == "" || len(p.alarms) == 0 {
		return nil
	}
	return p.alarms[squeeze(label)]
}

// alert reads a row of a document by a rule. made: something came of it;
// failed: its condition could not be told.
func (r *reading) alert(rule *AlertRule, row node) (made, failed bool) {
	if rule.match != nil && !rule.match.holds(&r.w, row.value) {
		return false, false
	}
	field := r.fields(row)
	if rule.when != nil {
		if ok, err := rule.when.holds(field); err != nil || !ok {
			if err != nil {
				r.cannot(rule)
			}
			return false, err != nil
		}
	}
	out := model.Alert{Field: first(row.at, "$"), List: r.p.list(rule), Simulated: truth(rule.simulated, field), Heartbeat: truth(rule.heartbeat, field)}
	tell := func(f Fields) string { return r.text(f, row.value) }
	scratch := applying{p: r.p, m: &model.Message{}}
	if !scratch.alert(rule, tell, &out) && !out.Heartbeat {
		r.cannot(rule)
		return false, false
	}
	patient, id := rule.Patient, rule.Device
	if len(patient) == 0 {
		patient = r.p.Patient.ID
	}
	if len(id) == 0 {
		id = r.p.Device.ID
	}
	a := r.message(row.value, patient)
	a.m.Issues = append(a.m.Issues, scratch.m.Issues...)
	if slices.ContainsFunc(a.m.Alerts, func(b model.Alert) bool { return b.Field == out.Field }) {
		out.Field += ".alert[" + strconv.Itoa(len(a.m.Alerts)) + "]" // a field names one alert of a message
	}
	out.Device = r.device(a.m, row.value, id)
	if out.DeviceTime.Original == "" {
		if out.DeviceTime = r.time(r.p.Time.From, row.value); out.DeviceTime.Original == "" {
			out.DeviceTime = a.m.DeviceTime
		}
	}
	a.m.Alerts = append(a.m.Alerts, out)
	return true, false
}

// maxBeside bounds how many rows to each side of an alert's are looked at.
const maxBeside = 200

// alerts takes the observations that are alerts by the profile's rules out of
// a message, and reads those further that its codec knows. before are the
// observations as they were before they were refined.
func (a *applying) alerts(before []model.Observation) {
	w := walk{left: maxLook}
	for i := range a.m.Alerts {
		a.further(&a.m.Alerts[i], &w)
	}
	if before == nil {
		return
	}
	var taken []bool
	unread := map[*AlertRule]bool{}
	for i := range a.m.Observations {
		o := &a.m.Observations[i]
		field := a.field(o)
		for n := range a.p.Alerts {
			rule := &a.p.Alerts[n]
			if rule.Of != "rows" {
				continue
			}
			if ok, err := rule.when.holds(field); err != nil || !ok {
				unread[rule] = unread[rule] || err != nil
				continue
			}
			row := a.row(o)
			beside := a.beside(rule, i, row, &w)
			a.whole(rule, &w)
			used := []int{i}
			tell := func(f Fields) string {
				v, at, _ := w.first(f, row)
				if n, ok := besideAt(at); ok && n < len(beside) && !slices.Contains(used, beside[n]) {
					used = append(used, beside[n])
				}
				return strings.TrimSpace(text(v))
			}
			out := model.Alert{Field: o.Field, Device: o.Device, List: a.p.list(rule), DeviceTime: o.DeviceTime, Simulated: o.Simulated || truth(rule.simulated, field), Heartbeat: truth(rule.heartbeat, field)}
			if !a.alert(rule, tell, &out) && !out.Heartbeat {
				unread[rule] = true
				continue
			}
			if taken == nil {
				taken = make([]bool, len(a.m.Observations))
			}
			slices.Sort(used)
			out.Told = &model.Told{}
			for _, u := range used {
				if !taken[u] { // two alerts may share a row beside them
					taken[u] = true
					out.Told.At, out.Told.Observations = append(out.Told.At, u), append(out.Told.Observations, before[u])
				}
			}
			a.m.Alerts = append(a.m.Alerts, out)
			break
		}
	}
	a.complete(unread, &w)
	if taken == nil {
		return
	}
	kept := make([]model.Observation, 0, len(a.m.Observations))
	for i := range a.m.Observations {
		if !taken[i] {
			kept = append(kept, a.m.Observations[i])
		}
	}
	a.m.Observations = kept
}

// further reads an alert that the codec knows by the first rule that fits.
func (a *applying) further(out *model.Alert, w *walk) {
	if out.Told != nil {
		return
	}
	for n := range a.p.Alerts {
		rule := &a.p.Alerts[n]
		if rule.Of != "alerts" {
			continue
		}
		o := model.Observation{Received: out.Received, Value: out.Value, DeviceTime: out.DeviceTime, RangeText: out.Limits}
		of := a.field(&o)
		field := func(name string) any {
			switch name {
			case "kind":
				return out.Kind
			case "muted":
				return out.Muted
			case "phase":
				return out.Phase
			case "priority":
				return out.Priority
			case "state":
				return out.State
			case "text":
				return first(out.Text, out.Received.Text)
			}
			return of(name)
		}
		if rule.when != nil {
			if ok, err := rule.when.holds(field); err != nil || !ok {
				continue
			}
		}
		row := map[string]any{}
		for _, name := range alertAskable {
			row[name] = field(name)
		}
		row["id"], row["source"] = out.ID, first(out.Source.Key(), out.Source.Name)
		a.whole(rule, w)
		was := *out
		tell := func(f Fields) string {
			v, _, _ := w.first(f, row)
			return strings.TrimSpace(text(v))
		}
		if !a.alert(rule, tell, out) {
			*out = was
			continue
		}
		out.Simulated = out.Simulated || truth(rule.simulated, field)
		out.Heartbeat = out.Heartbeat || truth(rule.heartbeat, field)
		out.Told = &model.Told{Alert: &was}
		return
	}
}

// undo puts back what an earlier Refine made alerts of.
func undoAlerts(m *model.Message) {
	m.AlertLists = slices.DeleteFunc(m.AlertLists, func(l model.AlertList) bool { return l.Refined })
	if !slices.ContainsFunc(m.Alerts, func(a model.Alert) bool { return a.Told != nil }) {
		return
	}
	kept := m.Alerts[:0:0]
	for i := range m.Alerts {
		told := m.Alerts[i].Told
		switch {
		case told == nil:
			kept = append(kept, m.Alerts[i])
		case told.Alert != nil:
			kept = append(kept, *told.Alert)
		}
	}
	// Places count among all observations: the lowest goes back first.
	var at []int
	back := map[int]model.Observation{}
	for i := range m.Alerts {
		if told := m.Alerts[i].Told; told != nil {
			for n, place := range told.At {
				at, back[place] = append(at, place), told.Observations[n]
			}
		}
	}
	slices.Sort(at)
	for _, place := range at {
		m.Observations = slices.Insert(m.Observations, min(place, len(m.Observations)), back[place])
	}
	m.Alerts = kept
}

// row is an observation as paths look into it.
func (a *applying) row(o *model.Observation) map[string]any {
	row := make(map[string]any, len(askable)+2)
	field := a.field(o)
	for _, name := range askable {
		if v := field(name); v != nil && v != "" {
			row[name] = v
		}
	}
	if o.Value.Kind == model.ValueNumber {
		row["value"] = json.Number(o.Value.Number.String()) // with its digits
	}
	if len(o.Notes) > 0 {
		notes := make([]any, len(o.Notes))
		for i, n := range o.Notes {
			notes[i] = n
		}
		row["notes"] = notes
	}
	return row
}

// beside puts the rows of an alert's group into its row, and gives their
// places.
func (a *applying) beside(rule *AlertRule, i int, row map[string]any, w *walk) (places []int) {
	if !rule.beside {
		return nil
	}
	all := a.m.Observations
	o := &all[i]
	var rows []any
	for n := max(0, i-maxBeside); n < min(len(all), i+maxBeside) && w.left > 0; n++ {
		if n != i && all[n].Order == o.Order && groupOf(all[n].SubID) == groupOf(o.SubID) {
			w.left -= len(askable) // a row costs as much to make as to look at
			places, rows = append(places, n), append(rows, a.row(&all[n]))
		}
	}
	row["beside"] = rows
	return places
}

// groupOf an OBX-4: its place without the last part, itself where it has one.
func groupOf(sub string) string {
	if cut := strings.LastIndexByte(sub, '.'); cut >= 0 {
		return sub[:cut]
	}
	return sub
}

// besideAt reads the place of "beside[3].value".
func besideAt(at string) (int, bool) {
	rest, ok := strings.CutPrefix(at, "beside[")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(rest[:max(0, strings.IndexByte(rest, ']'))])
	return n, err == nil
}

// whole makes the message a document, once, for paths that begin with $.
func (a *applying) whole(rule *AlertRule, w *walk) {
	if !rule.root || w.document != nil {
		return
	}
	rows := make([]any, len(a.m.Observations))
	for i := range rows {
		rows[i] = a.row(&a.m.Observations[i])
	}
	w.document = map[string]any{"observations": rows, "message_type": a.m.Type, "sender": a.m.Sender.Application, "channel": string(a.m.Channel),
		"control_id": a.m.ControlID, "time": a.m.DeviceTime.Original}
}
