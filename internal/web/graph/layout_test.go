package graph

import (
	"reflect"
	"strings"
	"testing"
)

var size = Size{Width: 200, Height: 60, Gap: 12, Between: 80, Margin: 2}

// Each graph is laid out twice alike, without overlaps and within its bounds;
// what crosses needlessly is untangled.
func TestLay(t *testing.T) {
	for name, c := range map[string]struct {
		columns   []int
		edges     []Edge
		crossings int // at most, in the picture
	}{
		"nothing":                        {},
		"one node":                       {columns: []int{0}},
		"a line":                         {columns: []int{0, 1, 2, 3}, edges: []Edge{{0, 1, 1}, {1, 2, 1}, {2, 3, 1}}},
		"crossed in the given order":     {columns: []int{0, 0, 0, 1, 1, 1}, edges: []Edge{{0, 5, 1}, {1, 4, 1}, {2, 3, 1}}},
		"many to one":                    {columns: []int{0, 0, 0, 0, 1}, edges: []Edge{{0, 4, 1}, {1, 4, 1}, {2, 4, 1}, {3, 4, 1}}},
		"two by two cannot be untangled": {columns: []int{0, 0, 1, 1}, edges: []Edge{{0, 2, 1}, {0, 3, 1}, {1, 2, 1}, {1, 3, 1}}, crossings: 1},
		"an empty column":                {columns: []int{0, 2}},
		"edges that lead elsewhere":      {columns: []int{0, 1, 2}, edges: []Edge{{0, 2, 1}, {1, 0, 1}, {0, 0, 1}, {0, 9, 1}, {-1, 1, 1}}},
		"two ways side by side":          {columns: []int{0, 0, 1, 1, 2, 2}, edges: []Edge{{0, 3, 1}, {1, 2, 1}, {3, 4, 1}, {2, 5, 1}}},
		"two hundred":                    hundred(t, 200),
	} {
		t.Run(name, func(t *testing.T) {
			l := Lay(c.columns, c.edges, size)
			if !reflect.DeepEqual(l, Lay(c.columns, c.edges, size)) {
				t.Error("laid out differently the second time")
			}
			for i, a := range l.Boxes {
				if a.X < 0 || a.Y < 0 || a.X+size.Width > l.Width || a.Y+size.Height > l.Height {
					t.Errorf("node %d is outside: %v in %v × %v", i, a, l.Width, l.Height)
				}
				for j, b := range l.Boxes[:i] {
					if a.X < b.X+size.Width && b.X < a.X+size.Width && a.Y < b.Y+size.Height && b.Y < a.Y+size.Height {
						t.Errorf("nodes %d and %d overlap: %v, %v", j, i, b, a)
					}
				}
			}
			for i, e := range c.edges {
				leads := e.From >= 0 && e.To < len(c.columns) && c.columns[e.To] == c.columns[e.From]+1
				if leads != strings.HasPrefix(l.Paths[i], "M") {
					t.Errorf("edge %v: path %q", e, l.Paths[i])
				}
			}
			if n := crossed(l, c.columns, c.edges); n > c.crossings {
				t.Errorf("%d crossings, at most %d are needed", n, c.crossings)
			}
		})
	}
}

type sample = struct {
	columns   []int
	edges     []Edge
	crossings int
}

// hundred is a graph of n nodes in four columns, each tied to two of the next.
func hundred(t *testing.T, n int) sample {
	t.Helper()
	var s sample
	for i := range n {
		s.columns = append(s.columns, i%4)
	}
	for i := range n {
		if i%4 < 3 {
			s.edges = append(s.edges, Edge{i, (i+1)/4*4 + i%4 + 1, 1}, Edge{i, (i*7)%n/4*4 + i%4 + 1, 1})
		}
	}
	s.crossings = crossed(Layout{Boxes: inOrder(s.columns)}, s.columns, s.edges) // no worse than as given
	return s
}

func inOrder(columns []int) []Box {
	seen := map[int]float64{}
	out := make([]Box, len(columns))
	for i, c := range columns {
		out[i] = Box{float64(c), seen[c]}
		seen[c]++
	}
	return out
}

// crossed counts crossings the slow way, from the picture.
func crossed(l Layout, columns []int, edges []Edge) (n int) {
	leads := func(e Edge) bool {
		return e.From >= 0 && e.To < len(columns) && columns[e.To] == columns[e.From]+1
	}
	for i, a := range edges {
		for _, b := range edges[:i] {
			if !leads(a) || !leads(b) || columns[a.From] != columns[b.From] {
				continue
			}
			if (l.Boxes[a.From].Y-l.Boxes[b.From].Y)*(l.Boxes[a.To].Y-l.Boxes[b.To].Y) < 0 {
				n++
			}
		}
	}
	return n
}

func BenchmarkLay(b *testing.B) {
	var s sample
	for i := range 200 {
		s.columns = append(s.columns, i%4)
		if i%4 < 3 {
			for k := range 5 {
				s.edges = append(s.edges, Edge{i, (i*7+k*31)%200/4*4 + i%4 + 1, 1})
			}
		}
	}
	for b.Loop() {
		Lay(s.columns, s.edges, size)
	}
}
