package recorddb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"thalamus/internal/flow/record"
	"thalamus/internal/grid"
	"thalamus/internal/model"
)

// Many values are read ahead and handed on as few are: the same, in the same
// order; who takes them may stop, and damage ends it.
func TestReadAhead(t *testing.T) {
	asked := func(count int) *numbers {
		n := &numbers{lo: -1 << 63, hi: 1<<63 - 1, count: count, runs: map[seriesKey]*run{}}
		for i := range 40 {
			k := seriesKey{patient: model.PatientID(fmt.Sprintf("pat-%02d", i/4)), code: codeKey{text: fmt.Sprintf("CODE-%d", i%4), kind: 'r'}}
			one := &run{series: &series{seriesKey: k}}
			for part := range 3 {
				var c chunk
				for p := range 200 {
					c.add(point{time: int64(part*200+p) * 1e9, value: model.Decimal{Coef: int64(i*1000 + p)}, ref: keyOf(model.MessageRef{Seq: model.Seq(p + 1)})}, int64(part*200+p)*1e9)
				}
				one.chunks = append(one.chunks, piece{c.start, c.end, c.count, c.body})
			}
			n.runs[k] = one
		}
		return n
	}
	all := func(n *numbers) (seen []string) {
		t.Helper()
		err := n.hand(t.Context(), func(s *record.Series, values []grid.Value) error {
			for _, v := range values {
				seen = append(seen, fmt.Sprint(s.Patient, s.Subject, v))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	few, ahead := all(asked(0)), all(asked(many))
	if len(few) != 40*600 || !slices.Equal(few, ahead) {
		t.Errorf("%d values one by one, %d read ahead, and they are not the same", len(few), len(ahead))
	}
	enough := errors.New("enough")
	for stop := range 5 {
		took := 0
		err := asked(many).hand(t.Context(), func(*record.Series, []grid.Value) error {
			if took++; took > stop {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) || took != stop+1 {
			t.Errorf("stopped after %d: %v, took %d", stop, err, took)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := asked(many).hand(gone, func(*record.Series, []grid.Value) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
	damaged := asked(many)
	for _, one := range damaged.runs {
		one.chunks[2].body = one.chunks[2].body[:1]
		break
	}
	if err := damaged.hand(t.Context(), func(*record.Series, []grid.Value) error { return nil }); err == nil {
		t.Error("damage is not seen")
	}
}
