package hl7v2

import (
	"sync/atomic"
	"testing"

	"thalamus/internal/destination"
	"thalamus/internal/destination/destinationtest"
	"thalamus/internal/model"
)

// BenchmarkDeliver: one message at a time over each of 8 connections, to a
// receiver on this machine that answers at once.
func BenchmarkDeliver(b *testing.B) {
	for _, mode := range []string{asReceived, rebuilt} {
		b.Run(mode, func(b *testing.B) {
			r := listen(b, say("AA", ""))
			d, err := New(model.Destination{ID: "x", Settings: map[string]any{"address": r.ln.Addr().String(), "mode": mode, "connections": 8}}, destinationtest.Host())
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			var n atomic.Int64
			b.SetParallelism(4)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := d.Deliver(b.Context(), []destination.Parcel{destinationtest.Parcel(int(n.Add(1)))}); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
