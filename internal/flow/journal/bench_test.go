package journal_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"thalamus/internal/bench/bare"
	"thalamus/internal/flow/journal"
	"thalamus/internal/model"
)

// The two benchmarks are to be compared in one run:
//
//	go test -run '^$' -bench 'Append|Bare' ./internal/flow/journal
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// produce runs b.N messages through several producers.
func produce(b *testing.B, producers int, one func(payload []byte)) {
	var n atomic.Int64
	var wg sync.WaitGroup
	before := cpu()
	b.ResetTimer()
	for range producers {
		wg.Go(func() {
			payload := make([]byte, 2048)
			for n.Add(1) <= int64(b.N) {
				one(payload)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-µs/msg")
}

var counts = []int{1, 16, 256}

func BenchmarkAppend(b *testing.B) {
	for _, key := range [][][]byte{nil, {make([]byte, 32)}} {
		for _, producers := range counts {
			b.Run(fmt.Sprintf("producers=%d/encrypted=%t", producers, key != nil), func(b *testing.B) {
				l, err := journal.Open(b.TempDir(), journal.Options{Floor: -1, Keys: key})
				if err != nil {
					b.Fatal(err)
				}
				time.Sleep(300 * time.Millisecond) // segments are made ahead
				before, _ := l.Stat()
				arrived := time.Now()
				produce(b, producers, func(payload []byte) {
					f := [1]model.Frame{{Channel: "ward", Codec: "hl7v2", Peer: "192.0.2.7:4711", Identity: "CN=bed 7", Arrived: arrived, Bytes: payload}}
					if _, err := l.Append(context.Background(), f[:]); err != nil {
						b.Error(err)
					}
				})
				st, _ := l.Stat()
				b.ReportMetric(float64(st.Appends-before.Appends)/float64(st.Groups-before.Groups), "msg/group")
				b.ReportMetric(float64(st.Syncs-before.Syncs)/float64(st.Groups-before.Groups), "syncs/group")
				if err := l.Close(); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

func BenchmarkBareFile(b *testing.B) {
	for _, zeroed := range []bool{false, true} {
		for _, producers := range counts {
			b.Run(fmt.Sprintf("producers=%d/zeroed=%t", producers, zeroed), func(b *testing.B) {
				f, err := bare.Open(filepath.Join(b.TempDir(), "bare"), 1<<30, zeroed)
				if err != nil {
					b.Fatal(err)
				}
				produce(b, producers, func(payload []byte) {
					if err := f.Append(payload); err != nil {
						b.Error(err)
					}
				})
				groups, _ := f.Written()
				b.ReportMetric(float64(b.N)/float64(groups), "msg/group")
				f.Close()
			})
		}
	}
}

// BenchmarkRatio runs the journal and the bare file turn by turn, so that what
// else the machine does hits both, and reports the ratio of the medians.
func BenchmarkRatio(b *testing.B) {
	const rounds, turn = 15, 200 * time.Millisecond
	for _, producers := range counts {
		for _, zeroed := range []bool{false, true} {
			b.Run(fmt.Sprintf("producers=%d/zeroed=%t", producers, zeroed), func(b *testing.B) {
				l, err := journal.Open(b.TempDir(), journal.Options{Floor: -1})
				if err != nil {
					b.Fatal(err)
				}
				defer l.Close()
				f, err := bare.Open(filepath.Join(b.TempDir(), "bare"), 512<<20, zeroed)
				if err != nil {
					b.Fatal(err)
				}
				defer f.Close()
				arrived := time.Now()
				var rates, used [2][]float64
				for range rounds {
					for i, one := range []func(payload []byte) error{
						func(payload []byte) error {
							f := [1]model.Frame{{Channel: "ward", Codec: "hl7v2", Peer: "192.0.2.7:4711", Identity: "CN=bed 7", Arrived: arrived, Bytes: payload}}
							_, err := l.Append(context.Background(), f[:])
							return err
						},
						f.Append,
					} {
						if i == 0 {
							time.Sleep(turn / 2) // segments are made ahead
						}
						rate, each := spend(b, producers, turn, one)
						rates[i], used[i] = append(rates[i], rate), append(used[i], each)
					}
				}
				b.ReportMetric(median(rates[0]), "journal-msg/s")
				b.ReportMetric(median(rates[1]), "bare-msg/s")
				b.ReportMetric(median(rates[0])/median(rates[1]), "ratio")
				b.ReportMetric(median(used[0]), "journal-cpu-µs/msg")
				b.ReportMetric(median(used[1]), "bare-cpu-µs/msg")
			})
		}
	}
}

// spend runs producers for a while and gives messages a second and CPU in
// microseconds a message.
func spend(b *testing.B, producers int, d time.Duration, one func([]byte) error) (rate, used float64) {
	var n atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	before, start := cpu(), time.Now()
	for range producers {
		wg.Go(func() {
			payload := make([]byte, 2048)
			for !stop.Load() {
				if err := one(payload); err != nil {
					b.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	time.Sleep(d)
	stop.Store(true)
	wg.Wait()
	return float64(n.Load()) / time.Since(start).Seconds(), float64((cpu() - before).Microseconds()) / float64(n.Load())
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
