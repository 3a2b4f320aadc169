package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"thalamus/internal/flow/record"
	"thalamus/internal/model"
)

// RecordSteps are steps for a record: batches of a ward over two midnights.
// One that was committed although the answer said otherwise is left alone.
func RecordSteps() []func(s RecordStore) error {
	ctx := context.Background()
	var steps []func(s RecordStore) error
	w := NewWard(3)
	for n := range 14 {
		if n%6 == 5 {
			w.Rest(20)
		}
		b := w.Batch(1 + n%7*2)
		steps = append(steps, func(s RecordStore) error { return s.Commit(ctx, b) })
	}
	return steps
}

// RecordState is what a record says it holds, through everything that reads
// it.
func RecordState(s RecordStore) (string, error) {
	ctx := context.Background()
	var out strings.Builder
	var last time.Time
	line := func(what string, x any, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		text, err := json.Marshal(x)
		fmt.Fprintf(&out, "%s %s\n", what, text)
		return err
	}
	fmt.Fprintln(&out, s.Cursor(), s.Head())
	for ref, err := range s.Refs(ctx, record.Span{}) {
		if err != nil {
			return "", err
		}
		m, err := s.Message(ctx, ref)
		if err == nil {
			last = m.Arrived
		}
		if err := line("message", m, err); err != nil {
			return "", err
		}
	}
	for _, dest := range []model.DestinationID{"fhir", "ehr", "lake"} {
		msgs, upTo, err := s.Owed(ctx, dest, model.MessageRef{}, 1000)
		if err := line("owed", []any{len(msgs), upTo}, err); err != nil {
			return "", err
		}
	}
	found, _, err := s.Search(ctx, record.Query{Device: "dev1", Limit: 1000})
	if err := line("found", found, err); err != nil {
		return "", err
	}
	latest, err := s.Latest(ctx, record.Subject{})
	// Values of the day before yesterday may be missing once a day has begun.
	latest = slices.DeleteFunc(slices.Clone(latest), func(v record.LatestValue) bool { return v.Arrived.Before(last.Add(-time.Hour)) })
	if err := line("latest", latest, err); err != nil {
		return "", err
	}
	alerts, err := s.Alerts(ctx, record.AlertQuery{Limit: 1000})
	if err := line("alerts", alerts, err); err != nil {
		return "", err
	}
	trend, err := s.Trend(ctx, record.TrendQuery{Subject: record.Subject{Device: "dev1"}, Code: "MDC_ECG_HEART_RATE", Until: noon.AddDate(1, 0, 0)})
	if err := line("trend", trend, err); err != nil {
		return "", err
	}
	issues, err := s.Issues(ctx, record.IssueQuery{})
	if err := line("issues", issues, err); err != nil {
		return "", err
	}
	return out.String(), line("counts", s.Counts(), nil)
}
