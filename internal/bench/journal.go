package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"thalamus/internal/bench/bare"
	"thalamus/internal/flow/journal"
	"thalamus/internal/model"
)

// turns is how often journal and bare file take turns; their medians count.
const turns = 9

// journalAlone measures the journal beside a bare file, turn by turn, so that
// what else the machine does hits both.
func journalAlone(ctx context.Context, o Options, r *Report) error {
	r.MessageBytes = 2048
	if o.Size > 0 {
		r.MessageBytes = o.Size
	}
	for _, producers := range []int{16, 256} {
		if err := r.journalBeside(ctx, o, producers); err != nil {
			return err
		}
		r.score += r.Bare[len(r.Bare)-1].Ratio
	}
	return nil
}

func (r *Report) journalBeside(ctx context.Context, o Options, producers int) error {
	dir := filepath.Join(o.Folder, fmt.Sprint("journal-", producers))
	log, err := journal.Open(dir, journal.Options{Floor: -1})
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer log.Close()
	plain, err := bare.Open(filepath.Join(o.Folder, "bare"), bareSize, true)
	if err != nil {
		return diskFault(err, o.Folder)
	}
	defer plain.Close()
	arrived := time.Now()
	appendOne := func(payload []byte) error {
		f := [1]model.Frame{{Channel: "in", Codec: "hl7v2", Peer: "192.0.2.7:4711", Arrived: arrived, Bytes: payload}}
		_, err := log.Append(context.Background(), f[:])
		return err
	}
	name := fmt.Sprint(producers, " producers")
	turn := max(o.For/turns/2, 20*time.Millisecond)
	var rates, others []float64
	var slowest, slowestBare Latency
	var count int64
	var spent, cpu time.Duration
	for i := range turns {
		o.Progress(name, float64(i), turns)
		time.Sleep(turn / 2) // segments are made ahead
		before := ownCPU()
		rate, latency, err := produce(producers, r.MessageBytes, turn, appendOne)
		if err != nil {
			return err
		}
		cpu += ownCPU() - before
		count += int64(rate * turn.Seconds())
		spent += turn
		rates, slowest = append(rates, rate), worse(slowest, latency)
		if rate, latency, err = produce(producers, r.MessageBytes, turn, plain.Append); err != nil {
			return err
		}
		others, slowestBare = append(others, rate), worse(slowestBare, latency)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	st, err := log.Stat()
	if err != nil {
		return err
	}
	s := Stretch{Name: name, Of: "messages", Count: count, Seconds: spent.Seconds(), PerSecond: median(rates), Latency: &slowest, CPUMs: ms(cpu) / float64(count)}
	s.MBPerSec = s.PerSecond * float64(r.MessageBytes) / 1e6
	b := Bare{Stretch: name, Bare: "group-committed file", PerSec: median(others), Latency: slowestBare}
	b.Ratio = s.PerSecond / b.PerSec
	r.Stretches, r.Bare = append(r.Stretches, s), append(r.Bare, b)
	r.Counts[fmt.Sprint("groups", producers)], r.Counts[fmt.Sprint("syncs", producers)] = int64(st.Groups), int64(st.Syncs)
	r.agree(fmt.Sprint("groups", producers), fmt.Sprint("syncs", producers))
	r.atLeast(name+" against a bare file", b.Ratio, 0.8, "ratio")
	r.below("CPU with "+name, s.CPUMs*1000, 3, "µs a message")
	return nil
}

// worse is the larger of each figure.
func worse(a, b Latency) Latency {
	return Latency{P50: max(a.P50, b.P50), P99: max(a.P99, b.P99), Max: max(a.Max, b.Max)}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
