package service

import (
	"context"
	"fmt"
	"iter"

	"thalamus/internal/fault"
	"thalamus/internal/flow"
	"thalamus/internal/flow/deliver"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// ReplayID names a replay.
type ReplayID struct {
	ID uint64 `json:"id" arg:"id" doc:"number of the replay"`
}

// ReplayPage is one replay: how far it is and, where it read messages again,
// what they say now that they did not say before. It holds no values of
// patients.
type ReplayPage struct {
	deliver.Replay
	Read    int              `json:"read"`           // messages read again, of those looked at
	Changed int              `json:"changed"`        // of them, that say something else
	Kinds   []TrialKind      `json:"kinds"`          // what changed, the most frequent first
	First   model.MessageRef `json:"first,omitzero"` // the first that changed
	More    bool             `json:"more,omitempty"` // there are further messages that were not looked at
}

// mostCompared bounds how many messages of a replay are compared.
const mostCompared = 1000

func getReplay(ctx context.Context, c *call, r ReplayID) (ReplayPage, error) {
	var page ReplayPage
	found, err := c.s.Deliveries.Replays(ctx, r.ID+1, 1)
	if err != nil {
		return page, err
	}
	if r.ID == 0 || len(found) == 0 || found[0].ID != r.ID {
		return page, fault.New(fault.Absent, "service.no-replay", "there is no replay %d; list them to see their numbers", r.ID)
	}
	page.Replay = found[0]
	if !page.Span.Reread {
		return page, nil
	}
	kinds, looked := trialKinds{}, 0
	for ref, err := range c.s.replayed(ctx, page.Span) {
		if err != nil {
			return page, err
		}
		if looked++; looked > mostCompared {
			page.More = true
			break
		}
		versions, err := c.s.Deliveries.Versions(ctx, ref)
		if err != nil {
			return page, err
		}
		for _, v := range versions {
			if v.Replay != r.ID {
				continue
			}
			first, err := c.s.Record.Message(ctx, ref)
			if fault.KindOf(err) == fault.Absent {
				continue
			}
			if err != nil {
				return page, err
			}
			page.Read++
			if changes := readAgain(first, v.Message, true); len(changes) > 0 {
				if page.Changed++; page.Changed == 1 {
					page.First = ref
				}
				kinds.add(changes, ref)
			}
		}
	}
	page.Kinds = kinds.list()
	return page, nil
}

// replayed gives the messages that a replay is about, oldest first.
func (s *Service) replayed(ctx context.Context, span deliver.Span) iter.Seq2[model.MessageRef, error] {
	if len(span.Refs) == 0 {
		return s.Record.Refs(ctx, record.Span{From: span.From, Until: span.Until, Device: span.Device, Channel: span.Channel})
	}
	return func(yield func(model.MessageRef, error) bool) {
		for _, ref := range span.Refs {
			if !yield(ref, nil) {
				return
			}
		}
	}
}

// Reread is one thing that a later reading of a message says differently.
type Reread struct {
	Field, Before, After string // with values: the page that shows it is a look at a patient
}

// Rereads lists what a version of a message says differently from its first
// reading, in the order of its parts.
func Rereads(first, again *model.Message) []Reread {
	say := func(m *model.Message) (fields []string, by map[string]string) {
		by = map[string]string{}
		for _, s := range flow.Say([]model.Message{*m}) {
			key, text := s.Field, told(s)
			if s.Issue != "" {
				key = s.Field + "\x00" + s.Issue
			}
			if _, twice := by[key]; !twice {
				fields = append(fields, key)
			}
			by[key] = text
		}
		return fields, by
	}
	order, was := say(first)
	more, is := say(again)
	var out []Reread
	for _, key := range append(order, more...) {
		before, after := was[key], is[key]
		if before == after {
			continue
		}
		field := key
		for i := range field {
			if field[i] == 0 {
				field = field[:i]
				break
			}
		}
		out = append(out, Reread{field, before, after})
		was[key] = after // what stands in both comes once
	}
	return out
}

// told is shape with the value.
func told(s flow.Said) string {
	if s.Value == "" || s.Issue != "" {
		return shape(s)
	}
	return fmt.Sprintf("%s = %s", shape(s), s.Value)
}
