package driver

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func TestLooker(t *testing.T) {
	var rounds, over, told atomic.Int64
	l := &Looker{Every: time.Millisecond, Pauses: Pauses{Longest: time.Millisecond}, Peer: "folder", Hint: "wait", Count: func() model.Counts { return model.Counts{{Of: "taken", N: 7}} },
		Over: func() { over.Add(1) }}
	l.Round = func(context.Context) (time.Duration, error) {
		if rounds.Add(1) == 1 {
			return 0, fault.New(fault.Transient, "driver.memory", "away")
		}
		return 0, nil
	}
	l.Notes.To = func(peer string, issue model.Issue) {
		if peer == "folder" && issue.Code == "driver.memory" && issue.Hint == "wait" {
			told.Add(1)
		}
	}
	if s := l.Status(); s.State != "stopped" {
		t.Errorf("before it began: %+v", s)
	}
	if err := l.Keep("", ""); err != nil {
		t.Fatal(err)
	}
	l.Begin(t.Context())
	until(t, "it goes on after a failure", func() bool {
		return rounds.Load() > 2 && same(l.Status(), Status{State: "connected", Counts: model.Counts{{Of: "taken", N: 7}}})
	})
	l.Stop(t.Context())
	if over.Load() != 1 || told.Load() != 1 || l.Status().State != "stopped" {
		t.Errorf("over %d, told %d, %+v", over.Load(), told.Load(), l.Status())
	}
}

func TestLookerOutsideItsHours(t *testing.T) {
	l := &Looker{Every: time.Millisecond, Count: func() model.Counts { return nil }, Over: func() {}}
	l.Round = func(context.Context) (time.Duration, error) { t.Error("it looks"); return 0, nil }
	now := time.Now().UTC()
	day := now.Add(48 * time.Hour).Weekday().String()[:3]
	if err := l.Keep(day+" 10:00-11:00", "Etc/UTC"); err != nil {
		t.Fatal(err)
	}
	l.Begin(t.Context())
	until(t, "it rests", func() bool { return same(l.Status(), Status{State: "resting"}) })
	l.Stop(t.Context())
	for place, keep := range map[string][2]string{"zone": {"", "Nowhere/There"}, "hours": {"never", ""}} {
		var f *fault.Fault
		if err := l.Keep(keep[0], keep[1]); !errors.As(err, &f) || f.Place != place {
			t.Errorf("%s: %v", place, err)
		}
	}
}

func TestPauses(t *testing.T) {
	p := Pauses{Longest: 3 * time.Second}
	for _, most := range []time.Duration{1, 2, 3, 3} {
		if got := p.Next(); got < most*time.Second/2 || got >= most*time.Second*3/2 {
			t.Errorf("%v for %v s", got, most)
		}
	}
	p.Reset()
	if got := p.Next(); got >= 1500*time.Millisecond {
		t.Errorf("%v after all went well", got)
	}
}

func TestSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s3cret \r\nmore"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Secret(file, "token"); err != nil || got != "s3cret " {
		t.Errorf("%q %v", got, err)
	}
	if _, err := Secret(file+"x", "token"); fault.CodeOf(err) != "driver.secret" {
		t.Error(err)
	}
}

func same(a, b Status) bool { return reflect.DeepEqual(a, b) }
