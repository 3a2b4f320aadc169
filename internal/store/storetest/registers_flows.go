package storetest

import (
	"testing"
	"time"

	"thalamus/internal/model"
)

// registerFlows: what was seen is widened, never counted twice, and each source
// tells its own.
func registerFlows(t *testing.T, s RegisterStore, reopen func() RegisterStore) {
	ctx := t.Context()
	save := func(seen ...model.Flow) {
		t.Helper()
		must(t, s.Update(ctx, func(tx RegisterTx) error { return tx.SaveFlows(ctx, seen) }))
	}
	seen := func(source string, from, until time.Duration, count uint64) model.Flow {
		return model.Flow{From: "10.0.0.1", To: "10.0.0.2", Port: 443, Protocol: "tcp", Source: source, App: "ssl", Encrypted: "yes",
			First: noon.Add(from), Last: noon.Add(until), Count: count}
	}
	only := func(source string) model.Flow {
		t.Helper()
		all, err := s.Flows(ctx)
		must(t, err)
		var found []model.Flow
		for _, f := range all {
			if f.Source == source {
				found = append(found, f)
			}
		}
		if len(found) != 1 {
			t.Fatalf("%d rows of %s: %+v", len(found), source, found)
		}
		return found[0]
	}
	turn := s.FlowsTurn()
	save()
	if s.FlowsTurn() != turn {
		t.Error("nothing was saved, and the flows turned")
	}
	save(seen(model.FromZeek, 0, time.Hour, 5))
	if s.FlowsTurn() == turn {
		t.Error("the flows did not turn")
	}
	for _, c := range []struct {
		name        string
		f           model.Flow
		first, last time.Duration
		count       uint64
	}{
		{"the same file again", seen(model.FromZeek, 0, time.Hour, 5), 0, time.Hour, 5},
		{"a part of it that counts more", seen(model.FromZeek, time.Minute, 2*time.Minute, 7), 0, time.Hour, 7},
		{"a later file", seen(model.FromZeek, time.Hour, 2*time.Hour, 3), 0, 2 * time.Hour, 10},
		{"an earlier one", seen(model.FromZeek, -time.Hour, 0, 2), -time.Hour, 2 * time.Hour, 12},
	} {
		save(c.f)
		if f := only(model.FromZeek); !f.First.Equal(noon.Add(c.first)) || !f.Last.Equal(noon.Add(c.last)) || f.Count != c.count {
			t.Errorf("%s: from %v until %v, %d times", c.name, f.First.Sub(noon), f.Last.Sub(noon), f.Count)
		}
	}
	// What is known later counts, what is left out stays.
	later := seen(model.FromZeek, 3*time.Hour, 3*time.Hour, 1)
	later.App, later.Encrypted, later.FromMAC = "", "no", "02:00:00:00:00:01"
	save(later)
	if f := only(model.FromZeek); f.App != "ssl" || f.Encrypted != "no" || f.FromMAC != later.FromMAC {
		t.Errorf("what is known of it: %+v", f)
	}
	early := seen(model.FromZeek, 0, time.Minute, 1)
	early.App, early.Encrypted = "http", "yes"
	save(early)
	if f := only(model.FromZeek); f.App != "ssl" || f.Encrypted != "no" || f.FromMAC != later.FromMAC {
		t.Errorf("what was seen before took the place of what was seen later: %+v", f)
	}
	// Our own listeners count each connection once: they add up within a span.
	own := seen(model.FromOwn, 0, time.Hour, 2)
	own.End = "channel/icu"
	save(own, own)
	if f := only(model.FromOwn); f.Count != 4 || f.End != "channel/icu" {
		t.Errorf("our own: %+v", f)
	}
	other := seen(model.FromOwn, 0, 0, 1)
	other.Port = 80
	save(other)
	all, err := s.Flows(ctx)
	must(t, err)
	s = reopen()
	again, err := s.Flows(ctx)
	must(t, err)
	if len(all) != 3 || len(again) != 3 {
		t.Errorf("%d rows, %d after opening again; want 3", len(all), len(again))
	}
}
