package service

import (
	"context"

	"thalamus/internal/model"
	"thalamus/internal/register"
)

func segmentOps() []Op {
	return append(governedOps("segment", "segment of the network", `{"id":"icu","name":"Intensive care","ranges":["10.20.0.0/16"]}`,
		register.Segments(), func(*Service, model.Segment) error { return nil }),
		define(Reads, "segment.list", "List the segments of the network: which ranges of addresses have which name.", "", func(ctx context.Context, c *call, _ None) ([]model.Segment, error) {
			return listOf(ctx, c.s, register.Segments())
		}),
	)
}

// listOf gives the governed things of one kind, in force.
func listOf[T any](ctx context.Context, s *Service, set register.Set[T]) ([]T, error) {
	rows, err := set.List(ctx, s.Store)
	out := make([]T, len(rows))
	for i := range rows {
		out[i] = rows[i].Value
	}
	return out, err
}
