package service

import (
	"context"
	"slices"
	"time"

	"thalamus/internal/flow/normalise"
	"thalamus/internal/flow/record"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// TryLabel asks what reading stored messages again would change.
type TryLabel struct {
	ID       string `json:"id" arg:"id" doc:"id of the mapped label"`
	Messages int    `json:"messages,omitempty" doc:"look at so many messages with issues, the latest first; 500 unless told, at most 5000"`
}

// LabelTrial is what reading stored messages again with a label would change.
// It holds no values of patients: codes, units and places in messages only.
type LabelTrial struct {
	Label    model.LabelID      `json:"label"`
	Messages int                `json:"messages"`       // looked at
	Holding  int                `json:"holding"`        // of them, that hold the label
	Gone     int                `json:"gone,omitempty"` // of those, whose entry cannot be read any more
	Changed  []model.MessageRef `json:"changed"`        // messages that would say something else, oldest first: what entry.replay is to read again
	Kinds    []TrialKind        `json:"kinds"`          // what would change, the most frequent first
	First    time.Time          `json:"first,omitzero"` // arrival of the earliest that would change
	Last     time.Time          `json:"last,omitzero"`
	More     bool               `json:"more,omitempty"` // there are earlier messages that were not looked at
}

// tryLabel looks through the latest messages with issues, which all have that
// hold a label nobody knew, and reads those again that a label is for.
func tryLabel(ctx context.Context, c *call, r TryLabel) (LabelTrial, error) {
	out := LabelTrial{Label: model.LabelID(r.ID)}
	c.object = "label " + r.ID
	v, err := register.Labels().Get(ctx, c.s.Store, r.ID)
	if err != nil {
		return out, err
	}
	label := normalise.NewLabels([]normalise.VersionedLabel{{Label: v.Value, Version: v.Version}})
	read := c.s.Reader(c.s.Profiles())
	most := r.Messages
	if most <= 0 {
		most = 500
	}
	kinds := trialKinds{}
	out.More, err = c.s.withIssues(ctx, record.Query{Channel: v.Value.Channel, WithIssues: true}, min(most, mostMessages), func(m *model.Message) error {
		out.Messages++
		if err := ctx.Err(); err != nil || !holds(label, m) {
			return err
		}
		out.Holding++
		e, err := c.s.Journal.Read(m.Ref.Seq)
		if err != nil || e.Redacted {
			out.Gone++ // dropped by retention, damaged or redacted
			return nil
		}
		again := read(e)
		if m.Ref.Part >= len(again) {
			out.Gone++
			return nil
		}
		if changes := readAgain(m, &again[m.Ref.Part], false); len(changes) > 0 {
			out.Changed = append(out.Changed, m.Ref)
			if out.Last.IsZero() {
				out.Last = m.Arrived
			}
			out.First = m.Arrived
			kinds.add(changes, m.Ref)
		}
		return nil
	})
	for i, j := 0, len(out.Changed)-1; i < j; i, j = i+1, j-1 {
		out.Changed[i], out.Changed[j] = out.Changed[j], out.Changed[i]
	}
	out.Kinds = kinds.list()
	return out, err
}

func holds(l *normalise.Labels, m *model.Message) bool {
	return slices.ContainsFunc(l.Called(m), func(c normalise.Called) bool { return c.Label != "" })
}
