package bench

import (
	"testing"
	"time"

	"thalamus/internal/builtin"
	"thalamus/internal/codec"
	"thalamus/internal/flow/decode"
	"thalamus/internal/flow/normalise"
	"thalamus/internal/model"
)

// BenchmarkMiddle is the pure middle of the way over the messages that the
// measurements send.
func BenchmarkMiddle(b *testing.B) {
	raw := samples(0, &Report{})
	decoder := decode.New(builtin.Codecs()...)
	e := model.Entry{Seq: 1, Frame: model.Frame{Channel: "in", Codec: "hl7v2", Arrived: time.Now().UTC()}}
	b.ReportAllocs()
	cpu := ownCPU()
	for i := 0; b.Loop(); i++ {
		e.Bytes = raw[i%len(raw)]
		all := decoder.Decode(e, codec.Context{Site: time.UTC})
		normalise.Normalise(&all[0], normalise.Context{Site: time.UTC})
	}
	b.ReportMetric(float64((ownCPU()-cpu).Nanoseconds())/1e3/float64(b.N), "cpu-µs/msg")
}
