package alert

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"thalamus/internal/model"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// told is a report in short: seconds after noon by the source's clock, phase,
// and what else "priority=high state=latched muted=audio-off update=3 id=x
// code=MDC_EVT_HI follows text=…" say.
type told struct {
	at   int
	says string
}

func report(n int, t told) *Report {
	a := &model.Alert{ID: "a1", Code: model.Code{RefID: "MDC_EVT_LO"}, Device: 0}
	for i, word := range strings.Fields(t.says) {
		name, value, _ := strings.Cut(word, "=")
		switch {
		case i == 0:
			a.Phase = strings.TrimPrefix(name, "-")
		case name == "priority":
			a.Priority = value
		case name == "state":
			a.State = value
		case name == "muted":
			a.Muted = value
		case name == "update":
			fmt.Sscan(value, &a.Update)
		case name == "id":
			a.ID = value
		case name == "code":
			a.Code.RefID = value
		case name == "source":
			a.Source.RefID = value
		case name == "text":
			a.Text = value
		case name == "follows":
			a.Follows = true
		}
	}
	return &Report{Alert: a, Device: "d", Channel: "c", Ref: model.MessageRef{Seq: model.Seq(n + 1)},
		At: noon.Add(time.Duration(t.at) * time.Second), Arrived: noon.Add(time.Duration(n+1) * time.Second)}
}

// what gives a life in one line: stage, steps, counts.
func what(l *Life) string {
	var steps []string
	for _, s := range l.Steps {
		steps = append(steps, s.What)
	}
	return fmt.Sprintf("%s %s: %s (%d, late %d)", l.Alert.ID, l.Stage, strings.Join(steps, " "), l.Events, l.Late)
}

func TestLives(t *testing.T) {
	for name, c := range map[string]struct {
		told []told
		want []string // lives in the order they began
	}{
		"start, escalate, mute, end": {[]told{{0, "start priority=low"}, {1, "escalate priority=high"}, {2, "update muted=audio-paused"}, {3, "update muted=enabled"}, {4, "end"}},
			[]string{"a1 ended: start escalate mute unmute end (5, late 0)"}},
		"keep-alives are no steps": {[]told{{0, "start"}, {10, "continue"}, {20, "continue"}, {30, "continue"}},
			[]string{"a1 active: start (4, late 0)"}},
		"a latched alert is not over": {[]told{{0, "start state=active"}, {5, "end state=latched"}, {9, "end state=inactive"}},
			[]string{"a1 ended: start latch end (3, late 0)"}},
		"latched and there again": {[]told{{0, "start"}, {5, "update state=latched"}, {6, "update state=active"}},
			[]string{"a1 active: start latch resume (3, late 0)"}},
		"its beginning was not seen": {[]told{{0, "continue"}, {1, "end"}},
			[]string{"a1 ended: seen end (2, late 0)"}},
		"an end out of nothing": {[]told{{0, "end"}},
			[]string{"a1 ended: seen end (1, late 0)"}},
		"an update after the end that is older": {[]told{{0, "start"}, {9, "end"}, {5, "update priority=high"}},
			[]string{"a1 ended: start end late (3, late 1)"}},
		"the end came before the start": {[]told{{9, "end"}, {0, "start"}},
			[]string{"a1 ended: seen end late (2, late 1)"}},
		"there again after its end": {[]told{{0, "start"}, {5, "end"}, {8, "start"}},
			[]string{"a1 ended: start end (2, late 0)", "a1 active: start (1, late 0)"}},
		"the end twice": {[]told{{0, "start"}, {5, "end"}, {5, "end"}, {6, "end"}},
			[]string{"a1 ended: start end (4, late 0)"}},
		"the count of the source counts more than its clock": {[]told{{0, "start update=1"}, {9, "end update=3"}, {10, "continue update=2"}},
			[]string{"a1 ended: start end late (3, late 1)"}},
		"equal times: the end comes last": {[]told{{0, "start"}, {1, "end"}, {1, "update"}},
			[]string{"a1 ended: start end late (3, late 1)"}},
		"one id for two alerts": {[]told{{0, "start code=MDC_EVT_LO source=ART"}, {1, "start code=MDC_EVT_HI source=VEN"}, {2, "end code=MDC_EVT_LO source=ART"}},
			[]string{"a1 active: start (1, late 0)", "a1 ended: start end (2, late 0)"}},
		"named by its parent though the event is another": {[]told{{0, "start"}, {1, "escalate code=MDC_EVT_DESAT priority=high follows"}},
			[]string{"a1 active: start update escalate (2, late 0)"}},
		"two ids": {[]told{{0, "start"}, {1, "start id=a2"}, {2, "end"}},
			[]string{"a1 ended: start end (2, late 0)", "a2 active: start (1, late 0)"}},
		"points in time": {[]told{{0, "tpoint"}, {0, "tpoint"}, {7, "tpoint"}},
			[]string{"a1 ended: start end (2, late 0)", "a1 ended: start end (1, late 0)"}},
		"de-escalated by word alone": {[]told{{0, "start"}, {1, "de-escalate"}},
			[]string{"a1 active: start de-escalate (2, late 0)"}},
		"begun muted": {[]told{{0, "start muted=alarm-off"}},
			[]string{"a1 active: start mute (1, late 0)"}},
		"a clock that was set back by a day": {[]told{{0, "start"}, {-86400, "end"}},
			[]string{"a1 ended: start end (2, late 0)"}},
	} {
		t.Run(name, func(t *testing.T) {
			lives, all := NewLives(), map[string]*Life{}
			var order []string
			for n, one := range c.told {
				l, _ := lives.Take(report(n, one))
				k := fmt.Sprint(l.First)
				if all[k] == nil {
					order = append(order, k)
				}
				all[k] = l
			}
			var got []string
			for _, k := range order {
				got = append(got, what(all[k]))
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestWhatIsKnown(t *testing.T) {
	lives := NewLives()
	var l *Life
	for n, one := range []told{{0, "start priority=medium muted=enabled text=low"}, {60, "escalate priority=high muted=audio-paused"}, {90, "continue"}, {120, "end"}} {
		l, _ = lives.Take(report(n, one))
	}
	if l.Alert.Priority != "high" || l.Peak != "high" || l.Alert.Text != "low" || l.Alert.Muted != "audio-paused" {
		t.Errorf("what a report leaves out is as before: %+v", l.Alert)
	}
	if !l.Started.Equal(noon) || !l.Ended.Equal(noon.Add(2*time.Minute)) || l.Active {
		t.Errorf("%v to %v, active %v", l.Started, l.Ended, l.Active)
	}
}

// Whatever order the reports of an alert come in, its state is that of the
// newest, and it begins when the oldest says.
func TestAnyOrder(t *testing.T) {
	life := []told{{0, "start priority=low update=1"}, {10, "escalate priority=high update=2"}, {20, "update priority=high muted=audio-off update=3"}, {30, "end priority=high update=4"}}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		lives := NewLives()
		var l *Life
		for n, i := range r.Perm(len(life)) {
			l, _ = lives.Take(report(n, life[i]))
		}
		if l.Stage != model.AlertEnded || !l.Started.Equal(noon) || l.Events != 4 || l.Peak != "high" || l.Alert.Phase != "end" {
			t.Fatalf("order %d: %s %+v", seed, what(l), l)
		}
	}
}

// A keeper laid over another one leaves it as it is until it settles; a life
// given out is not changed; one made anew of what was kept goes on the same.
func TestKeepers(t *testing.T) {
	base := NewLives()
	first, _ := base.Take(report(0, told{0, "start priority=low"}))
	before := what(first)
	over := base.Over()
	over.Take(report(1, told{1, "escalate priority=high"}))
	over.Drop()
	if l, _ := over.Take(report(1, told{2, "update text=x"})); what(l) != "a1 active: start update (2, late 0)" {
		t.Error("dropped, and still there: " + what(l))
	}
	if what(first) != before {
		t.Error("a life given out changed: " + what(first))
	}
	over.Settle()
	ended, _ := base.Take(report(2, told{3, "end"}))
	text, err := json.Marshal(ended)
	if err != nil {
		t.Fatal(err)
	}
	back := new(Life)
	if err := json.Unmarshal(text, back); err != nil {
		t.Fatal(err)
	}
	anew := NewLives()
	anew.Load(back)
	a, _ := anew.Take(report(3, told{2, "update"}))
	b, _ := base.Take(report(3, told{2, "update"}))
	if what(a) != what(b) || a.Late != 1 {
		t.Errorf("made anew %s, else %s", what(a), what(b))
	}
	r := report(4, told{5000, "update"})
	r.Arrived = noon.Add(2 * time.Hour)
	if l, _ := base.Take(r); what(l) != "a1 active: seen (1, late 0)" {
		t.Error("an ended life is remembered for ever: " + what(l))
	}
}

func TestBounded(t *testing.T) {
	lives := NewLives()
	var l *Life
	for n := range 500 {
		l, _ = lives.Take(report(n, told{n, "update text=" + fmt.Sprint(n)}))
	}
	if len(l.Steps) != firstSteps+lastSteps || l.LeftOut != 500-firstSteps-lastSteps || l.Steps[0].What != Seen || l.Events != 500 {
		t.Errorf("%d steps, %d left out", len(l.Steps), l.LeftOut)
	}
	for n := range Most + 10 {
		lives.Take(report(n, told{n, "start id=" + fmt.Sprint("b", n)}))
	}
	if lives.count() > Most {
		t.Errorf("%d lives", lives.count())
	}
}

func TestHear(t *testing.T) {
	for _, c := range []struct {
		messages uint64
		ran, ago time.Duration
		late     bool
		silent   bool
	}{
		{1, 0, time.Minute, true, false},
		{1, 0, 3 * time.Minute, true, true},
		{3601, time.Hour, 20 * time.Second, false, false},
		{3601, time.Hour, 121 * time.Second, true, true},
		{25, 24 * time.Hour, 4 * time.Hour, false, false},
		{25, 24 * time.Hour, 21 * time.Hour, true, true},
	} {
		h := Hear(noon.Add(-c.ran), noon, c.messages, noon.Add(c.ago))
		if h.IsLate != c.late || h.IsSilent != c.silent {
			t.Errorf("%d messages in %v, %v ago: %+v", c.messages, c.ran, c.ago, h)
		}
	}
	if h := Hear(time.Time{}, time.Time{}, 0, noon); h.IsSilent {
		t.Error("what was never heard is not silent since then")
	}
}

func BenchmarkTake(b *testing.B) {
	lives := NewLives()
	r := report(0, told{0, "start"})
	b.ReportAllocs()
	for n := range b.N {
		r.At, r.Arrived = noon.Add(time.Duration(n)), noon.Add(time.Duration(n))
		lives.Take(r)
	}
}
