package mllp

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"

	"thalamus/internal/codec/mllpframe"
	"thalamus/internal/driver"
	"thalamus/internal/model"
)

// instant is an intake that costs nothing.
type instant struct{ seq atomic.Uint64 }

func (i *instant) Offer(_ context.Context, frames []model.Frame) ([]model.Seq, error) {
	seqs := make([]model.Seq, len(frames))
	for n := range seqs {
		seqs[n] = model.Seq(i.seq.Add(1))
	}
	return seqs, nil
}

// BenchmarkAcknowledge: messages of 20 OBX over connections that each wait for
// the answer, and over one that pipelines; sender and receiver on this
// machine. What intake and disk cost is not in it.
func BenchmarkAcknowledge(b *testing.B) {
	for _, c := range []struct{ conns, ahead int }{{1, 1}, {32, 1}, {1, 64}, {32, 64}} {
		b.Run(fmt.Sprintf("conns=%d/ahead=%d", c.conns, c.ahead), func(b *testing.B) {
			d, err := New(model.Channel{ID: "bench", Settings: map[string]any{"listen": "127.0.0.1:0"}})
			if err != nil {
				b.Fatal(err)
			}
			if err := d.Start(b.Context(), driver.Host{Intake: &instant{}, Log: slog.New(slog.DiscardHandler)}); err != nil {
				b.Fatal(err)
			}
			defer d.Stop(b.Context())
			b.ReportAllocs()
			b.ResetTimer()
			var left atomic.Int64
			left.Store(int64(b.N))
			done := make(chan error, c.conns)
			for k := range c.conns {
				go func() { done <- load(d.Addr().String(), k, c.ahead, &left) }()
			}
			for range c.conns {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// load sends until left is spent, ahead messages before reading their answers.
func load(addr string, k, ahead int, left *atomic.Int64) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	wire := mllpframe.Append(nil, oru(fmt.Sprint("bench", k)))
	var out []byte
	for left.Add(-int64(ahead)) > -int64(ahead) {
		out = out[:0]
		for range ahead {
			out = append(out, wire...)
		}
		if _, err := conn.Write(out); err != nil {
			return err
		}
		for range ahead {
			if _, err := r.ReadSlice(mllpframe.FS); err != nil {
				return err
			}
		}
	}
	return nil
}
