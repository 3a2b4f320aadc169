package devices

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/texts"
	"thalamus/internal/web/ui"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func reading(t *testing.T) context.Context {
	t.Helper()
	return ui.With(context.Background(), &ui.Visit{Request: httptest.NewRequest("GET", "/", nil), Now: noon, Zone: time.UTC, Language: texts.Pick("en", "")})
}

// Each state has a name, a why in words, and a place where it is settled (R29).
func TestEveryStateHasWords(t *testing.T) {
	ctx := reading(t)
	s := service.State{Since: noon.Add(-time.Hour)}
	s.Why.Last, s.Why.Beat, s.Why.Bound, s.Why.Offset = noon.Add(-time.Hour), model.Duration(time.Second), model.Duration(2*time.Minute), model.Duration(-40*time.Second)
	s.Why.Was, s.Why.Now, s.Why.On, s.Why.Of = "2.1", "2.2", noon, "Yearly check"
	s.Why.How, s.Why.Topic, s.Why.Losses = model.EndWill, "dev/7/state", 3
	for kind, want := range map[string]string{
		"unheard": "entered or imported", "online": "every 1 s", "late": "nothing for 2 min", "silent": "nothing for 2 min", "offline": "its will) went to dev/7/state",
		"not-adopted": "belongs here", "not-accepted": "opened again: 2.2", "in-use": "patient", "blocked": "Nothing of it leaves until 12:00: 2.2", "clock-off": "40 s behind",
		"changed": "was 2.1 and is 2.2", "outside-range": "2.2", "moved": "People said 2.1", "overdue": "2026-03-01",
		"due": "Yearly check is due on 2026-03-01", "ending": "ends on 2026-03-01", "ended": "ended on 2026-03-01", "gone": "said to be 2.1",
	} {
		s.Kind = service.StateKind(kind)
		if why := stateWhy(ctx, s); !strings.Contains(why, want) || strings.Contains(why, "%!") {
			t.Errorf("%s: %q does not say %q", kind, why, want)
		}
		if stateName(ctx, kind) == kind {
			t.Errorf("%s has no name", kind)
		}
		if to := settledAt(kind, "dev-1", "mdl-1", "release"); !ui.Local(to) {
			t.Errorf("%s is settled at %q", kind, to)
		}
	}
}

// TestEveryEndHasWords: why a device is offline says how its link ended.
func TestEveryEndHasWords(t *testing.T) {
	ctx := reading(t)
	seen := map[string]bool{}
	for _, how := range []model.EndKind{model.EndGoodbye, model.EndLost, model.EndSilent, model.EndWill, model.EndDeath, model.EndRefused, model.EndRevoked, model.EndTaken} {
		s := service.State{Kind: "offline", Since: noon}
		s.Why.Last, s.Why.How, s.Why.Topic, s.Why.Losses = noon, how, "topic/x", 7
		why := stateWhy(ctx, s)
		if seen[why] || strings.Contains(why, "%!") || !strings.Contains(why, "lost 7 times") {
			t.Errorf("%s: %q", how, why)
		}
		seen[why] = true
	}
	s := service.State{Kind: "offline"}
	s.Why.How, s.Why.Code = model.EndGoodbye, 0x80
	if why := stateWhy(ctx, s); !strings.Contains(why, "0x80") {
		t.Error(why)
	}
}

func TestCell(t *testing.T) {
	for in, want := range map[string]string{"Monitor 7": "Monitor 7", "-5.3": "-5.3", "=1+1": "'=1+1", "'=1": "''=1", "@x": "'@x", "": "", "+49 30": "'+49 30"} {
		if got := cell(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestVersionOf(t *testing.T) {
	for text, want := range map[string]bool{"": true, "3": true, "-1": false, "x": false} {
		if _, ok := versionOf(text); ok != want {
			t.Errorf("version %q: %v", text, ok)
		}
	}
}
