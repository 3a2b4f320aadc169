package ble

import "testing"

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
