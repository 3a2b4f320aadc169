package connections

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/graph"
	"thalamus/internal/web/ui"
)

// picture is who talks to whom by parts of the house: on the left who begins,
// on the right who is reached.
type picture struct {
	Nodes  []node
	Edges  []edge
	Layout graph.Layout
	Rest   int // connections between parts that only the table has
}

type node struct {
	Column int
	Name   string
	Line   string
	To     templ.SafeURL
	Kind   string
}

type edge struct {
	From, To int
	Path     string
	Flows    int
	Kind     string // bad: not approved; plain: not encrypted
}

// mostDrawn is how many pairs the picture has; those with most unapproved
// connections come first.
const mostDrawn = 40

var size = graph.Size{Width: 276, Height: 48, Gap: 12, Between: 220, Margin: 4}

// key names a part of the house in an address.
func key(name string, own bool) string {
	switch {
	case own:
		return model.FlowSelf
	case name == "":
		return "-"
	}
	return name
}

// part is what a part of the house, or an end of an approval, is called.
func (p *view) part(ctx context.Context, key string) string {
	switch key {
	case model.FlowSelf:
		return ui.T(ctx, "Thalamus")
	case model.FlowAny:
		return ui.T(ctx, "Anybody")
	case "-":
		if p.Ask.By == "department" {
			return ui.T(ctx, "No department known")
		}
		return ui.T(ctx, "No segment")
	}
	if name := p.Names[key]; name != "" && p.Ask.By == "segment" {
		return name
	}
	kind, id, ok := strings.Cut(key, "/")
	switch {
	case ok && kind == "channel":
		return ui.T(ctx, "Channel %s", id)
	case ok && kind == "destination":
		return ui.T(ctx, "Destination %s", id)
	}
	return key
}

func (p *view) here(pairs ...string) templ.SafeURL {
	q := url.Values{}
	if p.Ask.By != "segment" {
		q.Set("by", p.Ask.By)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return ui.To("/connections?", q.Encode(), "#connections")
}

func (p *view) draw(ctx context.Context) picture {
	var d picture
	at := map[string]int{}
	flows, open := map[string]int{}, map[string]int{}
	shown := p.Stat.Between
	if len(shown) > mostDrawn {
		d.Rest, shown = len(shown)-mostDrawn, shown[:mostDrawn]
	}
	stand := func(column int, part string, b *service.FlowBetween) int {
		id := strconv.Itoa(column) + part
		i, ok := at[id]
		if !ok {
			i = len(d.Nodes)
			at[id] = i
			n := node{Column: column, Name: p.part(ctx, part), To: p.here("from", part)}
			if column == 1 {
				n.To = p.here("to", part)
			}
			d.Nodes = append(d.Nodes, n)
		}
		flows[id] += b.Flows
		open[id] += b.Unapproved
		n := &d.Nodes[i]
		n.Kind, n.Line = "good", ui.Plural(ctx, flows[id], "%s connection", "%s connections")
		if open[id] > 0 {
			n.Kind = "warn"
			n.Line += " · " + ui.T(ctx, "%s not approved", ui.Num(ctx, int64(open[id])))
		}
		return i
	}
	for column := range 2 { // the layout wants a column's nodes together
		for i := range shown {
			b := &shown[i]
			if column == 0 {
				stand(0, key(b.From, b.FromOwn), b)
			} else {
				stand(1, key(b.To, b.ToOwn), b)
			}
		}
	}
	columns := make([]int, len(d.Nodes))
	for i, n := range d.Nodes {
		columns[i] = n.Column
	}
	var edges []graph.Edge
	for i := range shown {
		b := &shown[i]
		e := edge{From: at["0"+key(b.From, b.FromOwn)], To: at["1"+key(b.To, b.ToOwn)], Flows: b.Flows}
		switch {
		case b.Unapproved > 0:
			e.Kind = "bad"
		case b.Plain > 0:
			e.Kind = "plain"
		}
		d.Edges = append(d.Edges, e)
		edges = append(edges, graph.Edge{From: e.From, To: e.To, Weight: float64(b.Flows)})
	}
	d.Layout = graph.Lay(columns, edges, size)
	for i := range d.Edges {
		d.Edges[i].Path = d.Layout.Paths[i]
	}
	return d
}

// width of an edge: by the order of magnitude of its connections.
func (e edge) width() string {
	return fmt.Sprintf("%.1f", min(1.5+math.Log10(float64(max(e.Flows, 1))), 5))
}

func units(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func portText(e service.FlowExpected) string {
	text := e.Protocol
	if e.Port != 0 {
		text = strings.TrimSpace(text + " " + strconv.Itoa(int(e.Port)))
	}
	if text == "" {
		return "–"
	}
	return text
}
