// Package graph lays out a graph whose nodes stand in columns and whose edges
// lead from one column to the next, as the flow of messages does. It is pure:
// the same graph gives the same picture. Nodes of a column never overlap; the
// order within a column is the one with the fewest crossings of those that a
// few sweeps find, and the given order where that is no worse.
//
// Lengths are in the units of the picture's own viewBox.
package graph

import (
	"cmp"
	"fmt"
	"slices"
)

// Size says how large things are.
type Size struct {
	Width, Height float64 // of a node
	Gap           float64 // between two nodes of a column
	Between       float64 // two columns
	Margin        float64 // around everything
}

// Edge leads from a node to one of the next column, by their places in the
// list of nodes. Weight is how thick it is against others; it plays no part in
// where it lies.
type Edge struct {
	From, To int
	Weight   float64
}

// Box is where a node stands: its upper left corner.
type Box struct{ X, Y float64 }

// Layout is where everything stands.
type Layout struct {
	Width, Height float64
	Boxes         []Box    // of the nodes, in their order
	Paths         []string // of the edges, in their order: SVG path data; empty for an edge that does not lead to the next column
}

// sweeps over the columns, there and back in turn. More change nothing in
// graphs such as ours.
const sweeps = 8

// Lay lays out nodes, given by their columns (0 is the leftmost), and edges.
// It takes time in proportion to sweeps · (nodes + edges) · log.
func Lay(columns []int, edges []Edge, size Size) Layout {
	p := newPlan(columns, edges)
	best, fewest := p.clone(), p.crossings()
	for i := 0; i < sweeps && fewest > 0; i++ {
		p.sweep(i%2 == 0)
		if n := p.crossings(); n < fewest {
			best, fewest = p.clone(), n
		}
	}
	p.restore(best)
	return p.draw(edges, size)
}

// plan is who stands where in each column.
type plan struct {
	column []int   // of each node
	place  []int   // of each node in its column
	order  [][]int // nodes of each column, from above
	edges  []Edge  // that lead to the next column
	left   [][]int // neighbours of each node
	right  [][]int
}

func newPlan(columns []int, edges []Edge) *plan {
	p := &plan{column: columns, place: make([]int, len(columns)), left: make([][]int, len(columns)), right: make([][]int, len(columns))}
	for node, c := range columns {
		for len(p.order) <= c {
			p.order = append(p.order, nil)
		}
		p.place[node] = len(p.order[c])
		p.order[c] = append(p.order[c], node)
	}
	for _, e := range edges {
		if p.leads(e) {
			p.edges = append(p.edges, e)
			p.right[e.From] = append(p.right[e.From], e.To)
			p.left[e.To] = append(p.left[e.To], e.From)
		}
	}
	return p
}

// leads says whether an edge leads to the next column.
func (p *plan) leads(e Edge) bool {
	n := len(p.column)
	return e.From >= 0 && e.From < n && e.To >= 0 && e.To < n && p.column[e.To] == p.column[e.From]+1
}

func (p *plan) clone() [][]int {
	out := make([][]int, len(p.order))
	for i, c := range p.order {
		out[i] = slices.Clone(c)
	}
	return out
}

func (p *plan) restore(order [][]int) {
	p.order = order
	for _, c := range order {
		for i, node := range c {
			p.place[node] = i
		}
	}
}

// sweep puts each column in the order of the middles of its neighbours on one
// side; a node without any stays where it is.
func (p *plan) sweep(rightwards bool) {
	for i := range p.order {
		c, near := i, p.left
		if !rightwards {
			c, near = len(p.order)-1-i, p.right
		}
		middle := func(node int) float64 {
			if len(near[node]) == 0 {
				return float64(p.place[node])
			}
			sum := 0
			for _, other := range near[node] {
				sum += p.place[other]
			}
			return float64(sum) / float64(len(near[node]))
		}
		slices.SortStableFunc(p.order[c], func(a, b int) int { return cmp.Compare(middle(a), middle(b)) })
		for at, node := range p.order[c] {
			p.place[node] = at
		}
	}
}

// crossings counts pairs of edges that cross: of those that leave from further
// up, the ones that arrive further down.
func (p *plan) crossings() int {
	sorted := slices.Clone(p.edges)
	slices.SortFunc(sorted, func(a, b Edge) int {
		return cmp.Or(p.column[a.From]-p.column[b.From], p.place[a.From]-p.place[b.From], p.place[a.To]-p.place[b.To])
	})
	sum, column, seen := 0, -1, 0
	var tree []int // Fenwick's, of the places where edges arrived
	for _, e := range sorted {
		if c := p.column[e.From]; c != column {
			column, seen, tree = c, 0, make([]int, len(p.order[c+1])+1)
		}
		upTo := 0 // arrived at the same place or further up
		for i := p.place[e.To] + 1; i > 0; i &= i - 1 {
			upTo += tree[i]
		}
		sum += seen - upTo
		seen++
		for i := p.place[e.To] + 1; i < len(tree); i += i & -i {
			tree[i]++
		}
	}
	return sum
}

// draw gives every node its box and every edge its path. Columns are centred;
// edges leave and arrive along the side of a node in the order of their other
// ends, so that they do not lie on each other.
func (p *plan) draw(edges []Edge, s Size) Layout {
	tallest := 0
	for _, c := range p.order {
		tallest = max(tallest, len(c))
	}
	tall := func(n int) float64 { return float64(n)*s.Height + float64(max(n-1, 0))*s.Gap }
	l := Layout{Height: tall(tallest) + 2*s.Margin, Boxes: make([]Box, len(p.column)), Paths: make([]string, len(edges))}
	if n := len(p.order); n > 0 {
		l.Width = float64(n)*s.Width + float64(n-1)*s.Between + 2*s.Margin
	}
	for c, nodes := range p.order {
		top := s.Margin + (tall(tallest)-tall(len(nodes)))/2
		for i, node := range nodes {
			l.Boxes[node] = Box{s.Margin + float64(c)*(s.Width+s.Between), top + float64(i)*(s.Height+s.Gap)}
		}
	}
	out, in := p.ports(edges, true), p.ports(edges, false)
	for i, e := range edges {
		if !p.leads(e) {
			continue
		}
		x1, y1 := l.Boxes[e.From].X+s.Width, l.Boxes[e.From].Y+s.Height*out[i]
		x2, y2 := l.Boxes[e.To].X, l.Boxes[e.To].Y+s.Height*in[i]
		bend := s.Between / 2
		l.Paths[i] = fmt.Sprintf("M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", x1, y1, x1+bend, y1, x2-bend, y2, x2, y2)
	}
	return l
}

// ports gives for each edge how far down the side of its node it leaves
// (or arrives), from 0 to 1.
func (p *plan) ports(edges []Edge, leaving bool) []float64 {
	at := make([]float64, len(edges))
	own := func(e Edge) (node, other int) {
		if leaving {
			return e.From, e.To
		}
		return e.To, e.From
	}
	of := make([][]int, len(p.column))
	for i, e := range edges {
		if p.leads(e) {
			node, _ := own(e)
			of[node] = append(of[node], i)
		}
	}
	for _, list := range of {
		slices.SortStableFunc(list, func(a, b int) int {
			_, x := own(edges[a])
			_, y := own(edges[b])
			return p.place[x] - p.place[y]
		})
		for i, edge := range list {
			at[edge] = float64(i+1) / float64(len(list)+1)
		}
	}
	return at
}
