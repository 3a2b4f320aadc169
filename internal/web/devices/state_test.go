package devices

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"thalamus/internal/web/texts"
	"thalamus/internal/web/ui"
)

func TestHeardByItsOwnRhythm(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	ctx := ui.With(context.Background(), &ui.Visit{Request: httptest.NewRequest("GET", "/", nil), Now: now, Zone: time.UTC, Language: texts.Pick("en", "")})
	for _, c := range []struct {
		name     string
		first    time.Duration // before now
		last     time.Duration
		messages uint64
		want     string
	}{
		{"each second, just now", time.Hour, time.Second, 3600, "Online"},
		{"each second, pause of a network", time.Hour, 20 * time.Second, 3580, "Online"},
		{"each second, half a minute ago", time.Hour, 45 * time.Second, 3555, "Late"},
		{"each second, three minutes ago", time.Hour, 3 * time.Minute, 3420, "Silent"},
		{"each hour, two hours ago", 100 * time.Hour, 2 * time.Hour, 98, "Online"},
		{"each hour, six hours ago", 100 * time.Hour, 6 * time.Hour, 94, "Late"},
		{"each hour, a day ago", 100 * time.Hour, 24 * time.Hour, 76, "Silent"},
		{"once", time.Minute, time.Minute, 1, "Late"},
	} {
		if got := heard(ctx, now.Add(-c.first), now.Add(-c.last), c.messages); got.Text != c.want || got.Why == "" {
			t.Errorf("%s: %s because %s", c.name, got.Text, got.Why)
		}
	}
	if got := heard(ctx, time.Time{}, time.Time{}, 0); got.Text != "Never heard" {
		t.Errorf("a device that was entered by hand is %s", got.Text)
	}
}

func TestVersionOf(t *testing.T) {
	for text, want := range map[string]bool{"": true, "3": true, "-1": false, "x": false} {
		if _, ok := versionOf(text); ok != want {
			t.Errorf("version %q: %v", text, ok)
		}
	}
}
