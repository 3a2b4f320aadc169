package register_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/state"
)

// plainJudge judges by what a view tells alone.
type plainJudge struct{ clockOff map[model.DeviceID]bool }

func known(v *register.View, now time.Time) state.Device {
	d := state.Device{
		Heard: state.Heard{First: v.Observed.FirstSeen, Last: v.Seen.LastSeen, Messages: v.Seen.Messages, Contact: v.Seen.Contact, Down: v.Seen.Contact != nil && v.Seen.Contact.Down, Polite: v.Seen.Contact != nil && v.Seen.Contact.Polite()}, Adopted: v.Adopted(),
		Place: v.Observed.Turns["place"], PlaceSaid: v.Asserted.Place.String(), Life: register.Counts(v, now)["life"],
	}
	d.Place.Now = v.Observed.Place.String()
	return d
}

func (j plainJudge) Judge(v *register.View, now time.Time) register.Judged {
	out := register.Judged{Standing: state.Stand(known(v, now), now), ClockOff: j.clockOff[v.ID]}
	out.InUse = out.Expected()
	for i := range v.Said {
		out.Ends(v.Said[i].From, now)
		out.Ends(v.Said[i].Until, now)
	}
	return out
}

func (j plainJudge) ClockOff(id model.DeviceID) bool { return j.clockOff[id] }

// compareKept compares what the register keeps with what one finds who looks at
// every single device (decision 183).
func (h *house) compareKept(t *testing.T, all []model.DeviceID, now time.Time) {
	t.Helper()
	models, releases, waiting := map[string]register.Model{}, map[string]int{}, 0
	for _, id := range all {
		v, err := h.View(id)
		if err != nil {
			t.Fatal(err)
		}
		m := models[v.Model]
		m.Devices++
		if v.Adopted() {
			m.Adopted++
		} else {
			waiting++
		}
		models[v.Model] = m
		if v.Release != "" {
			releases[v.Release]++
		}
	}
	if n, w := h.Totals(); n != len(all) || w != waiting {
		t.Errorf("%d devices, %d waiting, not %d and %d", n, w, len(all), waiting)
	}
	listed := h.Models("")
	if len(listed) != len(models) {
		t.Errorf("%d models, not %d", len(listed), len(models))
	}
	for _, m := range listed {
		if want := models[m.ID]; m.Devices != want.Devices || m.Adopted != want.Adopted {
			t.Errorf("%+v, not %+v", m, want)
		}
		one, ok := h.Model(m.ID)
		if !ok || fmt.Sprint(one) != fmt.Sprint(m) {
			t.Errorf("%+v, not %+v", one, m)
		}
		for _, rel := range m.Releases {
			if one, ok := h.ReleaseOf(rel.ID); !ok || one != rel || rel.Devices != releases[rel.ID] {
				t.Errorf("%+v, not %d devices", rel, releases[rel.ID])
			}
		}
	}
	h.compareSurvey(t, all, plainJudge{}, now)
}

func (h *house) compareSurvey(t *testing.T, all []model.DeviceID, judge plainJudge, now time.Time) {
	t.Helper()
	type shown struct {
		id      model.DeviceID
		marks   state.Marks
		states  string
		clock   bool
		channel model.ChannelID
		waits   bool
		model   string
	}
	var got, want []shown
	counted := ""
	news := h.News()
	h.Survey(register.Query{}, now, judge, func(d *register.Surveyed) bool {
		_, kind, grade := d.Hearing()
		speaks := d.Speaks()
		if speaks.Kind != kind || speaks.Grade != grade || d.Expected != d.InUse || d.Standing.Away != d.Gone {
			t.Errorf("%s speaks as %+v, heard as %s %s", d.ID, speaks, kind, grade)
		}
		counted += fmt.Sprintln(d.ID, d.Marks, kind, grade, d.Channel, d.Whence(), *d.Common)
		got = append(got, shown{d.ID, d.Marks, fmt.Sprint(d.All(speaks)), d.ClockOff, d.Channel, d.Waits, d.Model})
		return true
	})
	for _, id := range all {
		v, _ := h.View(id)
		of := known(&v, now)
		want = append(want, shown{id, state.MarksOf(state.Stand(of, now).Rest), fmt.Sprint(state.Of(of, now)), judge.clockOff[id], v.Seen.Channel, !v.Adopted(), v.Model})
	}
	slices.SortFunc(want, func(a, b shown) int { return cmpID(a.id, b.id) })
	if !slices.Equal(got, want) {
		t.Errorf("a survey shows\n%v, not\n%v", got, want)
	}
	if h.survey.news == news && h.survey.now.Equal(now) && h.survey.counted != counted {
		t.Errorf("without news a survey shows\n%s, before that\n%s", counted, h.survey.counted)
	}
	h.survey.news, h.survey.now, h.survey.counted = news, now, counted
}

// TestNews: whoever counts devices counts them anew when one is heard that did
// not speak, and when somebody says something of one; not for each message.
func TestNews(t *testing.T) {
	h := newHouse(t)
	heard := func(serial string, at time.Time) model.DeviceID {
		m := h.message(model.Device{Parent: -1, Serial: serial, Manufacturer: "Acme", Model: "M"})
		m.Arrived = at
		return h.sight(t, m).Devices[0].ID
	}
	id := heard("S-1", morning)
	at := morning
	for _, c := range []struct {
		what string
		act  func()
		news bool
	}{
		{"nothing", func() {}, false},
		{"it speaks on", func() { at = at.Add(time.Second); heard("S-1", at) }, false},
		{"a stranger speaks", func() { heard("S-2", at) }, true},
		{"it speaks after silence", func() { at = at.Add(time.Hour); heard("S-1", at) }, true},
		{"it speaks on again", func() { at = at.Add(time.Second); heard("S-1", at) }, false},
		{"adopted", func() {
			if err := h.act(t, func(tx register.Tx) error {
				_, err := h.Adopt(t.Context(), tx, id, -1, register.Mark{By: "user:1", At: at})
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"its link ended", func() {
			m := h.message(model.Device{Parent: -1, Serial: "S-1", Manufacturer: "Acme", Model: "M"})
			at = at.Add(time.Second)
			m.Arrived, m.Ended = at, &model.Ending{How: model.EndWill}
			h.sight(t, m)
		}, true},
		{"plans", func() { h.Plan(nil, nil) }, true},
		{"everything is judged otherwise", func() { h.Rejudge() }, true},
	} {
		before := h.News()
		c.act()
		if got := h.News() != before; got != c.news {
			t.Errorf("%s: news %v", c.what, got)
		}
	}
}

func cmpID(a, b model.DeviceID) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// TestSurveyShowsWhatIs: a survey shows each device once, as it is now, when it
// was heard since, when its clock turned, and wherever the survey begins.
func TestSurveyShowsWhatIs(t *testing.T) {
	h := newHouse(t)
	var all []model.DeviceID
	for i := range 30 {
		m := h.sight(t, h.message(model.Device{Parent: -1, Serial: fmt.Sprint("S-", i), Manufacturer: "Acme", Model: fmt.Sprint("M", i%3), Release: fmt.Sprint(i % 2)}))
		all = append(all, m.Devices[0].ID)
	}
	judge := plainJudge{clockOff: map[model.DeviceID]bool{}}
	now := morning.Add(2 * time.Minute)
	h.compareSurvey(t, all, judge, now)
	h.compareSurvey(t, all, judge, now.Add(time.Hour)) // all fell silent, and nothing was judged anew
	m := h.message(model.Device{Parent: -1, Serial: "S-3", Manufacturer: "Acme", Model: "M0", Release: "9", Place: model.Place{PointOfCare: "ICU"}})
	m.Arrived = now.Add(time.Hour)
	h.sight(t, m)
	judge.clockOff[all[3]] = true // told by its message
	h.compareSurvey(t, all, judge, now.Add(time.Hour))
	slices.Sort(all)
	var part []model.DeviceID
	h.Survey(register.Query{After: all[9]}, now, judge, func(d *register.Surveyed) bool {
		part = append(part, d.ID)
		return len(part) < 5
	})
	if !slices.Equal(part, all[10:15]) {
		t.Errorf("after %s: %v", all[9], part)
	}
	h.compareKept(t, all, now)
}
