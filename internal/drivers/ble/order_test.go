package ble

import (
	"testing"
	"time"

	"thalamus/internal/codec/gatt"
	"thalamus/internal/model"
)

// R23: no number counts while one before it may be missing.
func TestOrder(t *testing.T) {
	const all = -2 // the device says that it told all
	for name, c := range map[string]struct {
		counted int
		came    []int
		want    int
	}{
		"one after another":              {-1, []int{0, 1, 2}, 2},
		"from where it was":              {4, []int{5, 6}, 6},
		"the first may not be the first": {-1, []int{7}, -1},
		"with gaps":                      {-1, []int{10, 15, 20}, 15},
		"with gaps, all":                 {-1, []int{10, 15, 20, all}, 20},
		"a new one in between":           {4, []int{5, 6, 101}, 6},
		"a new one in between, and on":   {4, []int{5, 6, 101, 7, 8}, 8},
		"a new one first":                {4, []int{101, 5, 6}, 6},
		"after all":                      {4, []int{5, all, 9}, 9},
		"none, all":                      {4, []int{all}, 4},
		"again":                          {4, []int{3, 4}, 4},
	} {
		o, counted := order{}, c.counted
		for _, n := range c.came {
			if n == all {
				counted = o.told(counted)
			} else {
				counted = o.counts(counted, n)
			}
		}
		if counted != c.want {
			t.Errorf("%s: %d counts, want %d", name, counted, c.want)
		}
	}
}

// R23: what came before a meter counted anew does not count after a restart.
func TestRecentOfBefore(t *testing.T) {
	anew := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	m := &memory{all: map[string]remembered{"00:12": {Accepted: true, Anew: anew, Last: map[string]uint16{"2a18": 3}}}}
	take := m.recent()
	for at, n := range []byte{48, 49, 50, 4, 5} {
		e := model.Entry{}
		e.Topic, e.Bytes, e.Arrived = gatt.Topic("00:12", "1808", "2a18"), []byte{2, n, 0}, anew.Add(time.Duration(at-3)*time.Second)
		take(e)
	}
	if known := m.get("00:12"); known.counted("2a18") != 5 {
		t.Errorf("%+v", known)
	}
}
