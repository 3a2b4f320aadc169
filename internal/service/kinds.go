package service

import (
	"context"
	"strconv"

	"thalamus/internal/conf"
	"thalamus/internal/fault"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// Kind is a driver or a kind of destination that is in the program, with what
// can be set.
type Kind struct {
	Name   string     `json:"name"`
	Doc    string     `json:"doc"`
	Codecs []string   `json:"codecs,omitempty"` // of a driver: what its frames are read with
	Keys   []conf.Key `json:"keys"`
}

// ReplayCount says how much a replay would deliver again.
type ReplayCount struct {
	Messages int              `json:"messages"`
	More     bool             `json:"more,omitempty"` // counting stopped: there are more
	First    model.MessageRef `json:"first,omitzero"`
	Last     model.MessageRef `json:"last,omitzero"` // of those counted
}

// mostCounted bounds the work of counting what a replay would be about.
const mostCounted = 100_000

func kindOps() []Op {
	return []Op{
		define(Reads, "driver.list", "List the drivers in the program and what can be set for their channels.", "", func(_ context.Context, c *call, _ None) ([]Kind, error) { return c.s.Drivers, nil }),
		define(Reads, "kind.list", "List the kinds of destinations in the program and what can be set for them.", "", func(_ context.Context, c *call, _ None) ([]Kind, error) { return c.s.Kinds, nil }),
		define(Reads, "destination.stat", "Show how far a destination is: queue, oldest, breaker, waiting and held keys.", "ehr", destinationStat),
		define(Reads, "replay.preview", "Count the messages a replay would deliver again, without doing it.", "--from 14:30 --until 15:00", previewReplay),
	}
}

func destinationStat(ctx context.Context, c *call, r ID) (deliver.Stats, error) {
	stats, err := c.s.Deliveries.Stats(ctx)
	for _, s := range stats {
		if string(s.Destination) == r.ID {
			return s, err
		}
	}
	if err == nil {
		err = fault.New(fault.Absent, "deliver.no-destination", "no destination %s is in force; list them to see their ids", strconv.Quote(clip(r.ID, 80)))
	}
	return deliver.Stats{}, err
}

func previewReplay(ctx context.Context, c *call, r ReplayAsk) (ReplayCount, error) {
	var n ReplayCount
	if len(r.Entries)+len(r.Refs) > 0 {
		n.Messages = len(r.Entries) + len(r.Refs)
		return n, nil
	}
	if r.From.IsZero() && r.Device == "" {
		return n, fault.New(fault.Invalid, "deliver.replay-what", "nothing says what is to be replayed; give a time span or a device").At("from")
	}
	for ref, err := range c.s.Record.Refs(ctx, record.Span{From: r.From, Until: r.Until, Device: r.Device, Channel: r.Channel}) {
		if err != nil {
			return n, err
		}
		if n.Messages == mostCounted {
			n.More = true
			break
		}
		if n.Messages++; n.Messages == 1 {
			n.First = ref
		}
		n.Last = ref
	}
	return n, nil
}
