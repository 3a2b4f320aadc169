package bench_test

import (
	"context"
	"encoding/json"
	"os"
	"os/signal"
	"testing"
	"time"

	"thalamus/internal/bench"
	"thalamus/internal/cli"
	"thalamus/internal/fault"
)

// The measurements start the program that runs: here that is this test, which
// then is the server.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		os.Exit(cli.Run(ctx, "test", os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// A short real run of every bench: the form of its report and that the counts
// of all parties agree. Never how fast anything is.
func TestBenches(t *testing.T) {
	for _, b := range bench.Benches() {
		t.Run(b.Name, func(t *testing.T) {
			o := bench.Options{For: 300 * time.Millisecond, Connections: 4, Messages: 500, Devices: 200, Sightings: 1000, Days: 3, Folder: t.TempDir()}
			if b.Name == "extract" {
				o.Messages = 3000 // a day must last so long that it can be cut
			}
			r, err := bench.Run(t.Context(), b.Name, o)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Agree {
				t.Errorf("the counts do not agree: %v", r.Problems)
			}
			if r.Schema != bench.Schema || r.Bench != b.Name || r.BestOf != 1 || r.Seconds <= 0 || r.MessageBytes <= 0 {
				t.Errorf("the head is wrong: %+v", r)
			}
			if r.Machine.Processors < 1 || r.Machine.SyncMs <= 0 || r.Machine.Go == "" {
				t.Errorf("the machine is wrong: %+v", r.Machine)
			}
			stretches := map[string]bench.Stretch{}
			for _, s := range r.Stretches {
				stretches[s.Name] = s
				if s.Of == "" || s.Count <= 0 || s.Seconds <= 0 || s.PerSecond <= 0 {
					t.Errorf("a stretch is wrong: %+v", s)
				}
				if l := s.Latency; l != nil && (l.P50 <= 0 || l.P99 < l.P50 || l.Max < l.P99) {
					t.Errorf("the latency of %q is wrong: %+v", s.Name, *l)
				}
			}
			for _, beside := range r.Bare {
				if s, ok := stretches[beside.Stretch]; !ok || beside.PerSec <= 0 || beside.Ratio <= 0 || s.Count == 0 {
					t.Errorf("a comparison is wrong: %+v", beside)
				}
			}
			// Wires for which nobody set a number are measured all the same.
			noGoal := b.Name == "rest" || b.Name == "serial"
			if inProcess := b.Name == "parse" || b.Name == "normalise" || b.Name == "extract"; len(r.Bare) == 0 && !inProcess && !noGoal {
				t.Error("nothing is compared with a bare file")
			}
			if b.Name == "extract" && (r.Counts["parquetKills"] == 0 || r.Counts["csvKills"] == 0 || r.Counts["fhirKills"] == 0) {
				t.Errorf("not every form was killed: %v", r.Counts)
			}
			if len(r.Goals) == 0 && !noGoal {
				t.Error("no goal")
			}
			for _, g := range r.Goals {
				if g.What == "" || g.Unit == "" || (g.AtLeast == 0) == (g.Below == 0) {
					t.Errorf("a goal is wrong: %+v", g)
				}
			}
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var keys map[string]any
			if err := json.Unmarshal(text, &keys); err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"schema", "bench", "began", "seconds", "bestOf", "machine", "stretches", "goals", "counts", "agree"} {
				if keys[key] == nil {
					t.Errorf("the report has no %q", key)
				}
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for name, c := range map[string]struct {
		bench string
		o     bench.Options
		code  string
	}{
		"unknown bench":        {"intkae", bench.Options{}, "bench.name"},
		"negative time":        {"parse", bench.Options{For: -1}, "bench.option"},
		"too many connections": {"parse", bench.Options{Connections: 1e6}, "bench.option"},
		"tiny message":         {"parse", bench.Options{Size: 10}, "bench.option"},
		"no such folder":       {"parse", bench.Options{Folder: "/nowhere/at/all"}, "bench.folder"},
		"no such program":      {"start", bench.Options{Binary: "/nowhere/thalamus"}, "bench.start"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := bench.Run(t.Context(), c.bench, c.o); fault.CodeOf(err) != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

// The size of a message is what was asked for, within one observation.
func TestSize(t *testing.T) {
	for _, size := range []int{800, 2048, 5000, 100_000} {
		r, err := bench.Run(t.Context(), "parse", bench.Options{For: time.Millisecond, Size: size})
		if err != nil {
			t.Fatal(err)
		}
		if r.MessageBytes > size || r.MessageBytes < size-130 {
			t.Errorf("asked for %d bytes, got %d", size, r.MessageBytes)
		}
	}
}
