package patients

import (
	"slices"
	"testing"
	"time"

	"thalamus/internal/model"
)

// movementsOf reads movements out of fuzzed bytes, four bytes each.
func movementsOf(b []byte) []Movement {
	kinds := []What{Enter, Move, Leave, CancelEnter, CancelMove, CancelLeave}
	start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	var list []Movement
	for i := 0; i+4 <= len(b) && len(list) < 64; i += 4 {
		m := Movement{
			Patient: "pat-a", What: kinds[int(b[i])%len(kinds)], Visit: []string{"", "v1", "v2"}[int(b[i+1])%3],
			At: start.Add(time.Duration(b[i+2]) * time.Minute), Said: start.Add(time.Duration(len(list)) * time.Second),
		}
		if bed := b[i+3] % 5; bed > 0 {
			m.Place = model.Place{PointOfCare: "ICU", Bed: string(rune('A' + bed))}
		}
		list = append(list, m)
	}
	return list
}

// Whatever is told: the order of coming does not matter, stays have a length,
// follow each other and do not overlap.
func FuzzSpans(f *testing.F) {
	f.Add([]byte{0, 1, 10, 1, 1, 1, 20, 2, 4, 1, 20, 1, 2, 1, 40, 0, 5, 1, 40, 1})
	f.Add([]byte{3, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 2, 2, 1, 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		list := movementsOf(b)
		spans := spansOf(list, "pat-a")
		other := slices.Clone(list)
		slices.Reverse(other)
		if again := spansOf(other, "pat-a"); !slices.Equal(spans, again) {
			t.Fatalf("order matters:\n%+v\n%+v", spans, again)
		}
		if len(spans) > len(list) {
			t.Fatal("more stays than events")
		}
		for i, s := range spans {
			if s.Bed == "" || s.Patient != "pat-a" || !s.Until.IsZero() && !s.Until.After(s.From) {
				t.Errorf("%+v", s)
			}
			if i > 0 && (spans[i-1].Until.IsZero() || spans[i-1].Until.After(s.From)) {
				t.Errorf("%+v overlaps %+v", spans[i-1], s)
			}
			if who, unsure := occupant(spans, s.Place, s.From); unsure || who == nil {
				t.Errorf("nobody in %+v", s)
			}
		}
	})
}

func TestRecent(t *testing.T) {
	r := newRecent[int, int](10)
	for i := range 100 {
		r.put(i, i)
		r.get(0)
		r.rotate()
		if len(r.young)+len(r.old) > 22 {
			t.Fatal(len(r.young), len(r.old))
		}
	}
	if _, ok := r.get(0); !ok {
		t.Error("what is asked for all the time was dropped")
	}
	if _, ok := r.get(1); ok {
		t.Error("what nobody asked for is kept")
	}
	r.clear()
	if _, ok := r.get(0); ok {
		t.Error("cleared")
	}
}
