package bench

import (
	"bytes"
	"context"
	"runtime"
	"time"

	"thalamus/internal/codec/hl7v2"
	"thalamus/internal/sim"
)

// samples are messages as the devices of the other benches send them.
func samples(size int, r *Report) [][]byte {
	all := templates(beds(1)[0], sim.NewTerms(), size, nil)
	raw := make([][]byte, len(all))
	at := time.Now()
	for i, t := range all {
		raw[i] = t.message(int64(i+1), at).Bytes
	}
	r.MessageBytes, r.Observations = all[0].bytes(), all[0].observations()
	return raw
}

// alone runs work over messages in one goroutine of this process. What counts
// is the processor's time, the collector's of memory among it, so that others
// who use the machine do not.
func alone(ctx context.Context, o Options, name string, raw [][]byte, work func(b []byte) error) (Stretch, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, cpu := time.Now(), ownCPU()
	var n, size int64
	for time.Since(began) < o.For && ctx.Err() == nil {
		for _, b := range raw {
			if err := work(b); err != nil {
				return Stretch{}, err
			}
			size += int64(len(b))
		}
		n += int64(len(raw))
		o.Progress(name, time.Since(began).Seconds(), o.For.Seconds())
	}
	took := time.Since(began)
	if cpu = ownCPU() - cpu; cpu <= 0 {
		cpu = took
	}
	runtime.ReadMemStats(&after)
	allocs := float64(after.Mallocs-before.Mallocs) / float64(n)
	if allocs < 0.01 {
		allocs = 0 // those of the runtime
	}
	return Stretch{
		Name: name, Of: "messages", Count: n, Seconds: took.Seconds(), PerSecond: float64(n) / took.Seconds(),
		MBPerSec: float64(size) / 1e6 / cpu.Seconds(), CPUMs: ms(cpu) / float64(n), Allocs: &allocs,
	}, ctx.Err()
}

// parse measures the HL7 v2 parser: what it costs to know where everything is
// without asking for anything, and to ask for every value. Beside it, what
// merely looking at the bytes for separators costs.
func parse(ctx context.Context, o Options, r *Report) error {
	raw := samples(o.Size, r)
	var m hl7v2.Message
	var text []byte
	values := 0
	for _, part := range []struct {
		name string
		work func(b []byte) error
	}{
		{"parsed", m.Reset},
		{"every value read", func(b []byte) error {
			if err := m.Reset(b); err != nil {
				return err
			}
			for _, s := range m.Segments() {
				for _, f := range s.Fields() {
					for _, c := range f.Components() {
						text = c.AppendText(text[:0])
						values++
					}
				}
			}
			return nil
		}},
		{"bytes looked at", func(b []byte) error { values += bytes.Count(b, []byte("|")) + bytes.Count(b, []byte("\r")); return nil }},
	} {
		st, err := alone(ctx, o, part.name, raw, part.work)
		if err != nil {
			return err
		}
		r.Stretches = append(r.Stretches, st)
	}
	r.Counts["values"] = int64(values)
	parsed := r.Stretches[0]
	r.atLeast("HL7 v2 parse", parsed.MBPerSec, 500, "MB/s")
	r.below("allocations for what is not asked", *parsed.Allocs, 0.5, "a message")
	r.score = parsed.MBPerSec
	return nil
}
