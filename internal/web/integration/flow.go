package integration

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/graph"
	"thalamus/internal/web/ui"
)

// flowView is the picture of what flows where, and the table that says the
// same.
type flowView struct {
	By      string
	Columns []flowColumn
	Nodes   []flowNode // of the picture: the table has those left out, too
	Edges   []flowEdge
	Layout  graph.Layout
}

// flowColumn is one of the four columns with all that stands in it.
type flowColumn struct {
	Name string
	All  []flowNode
}

// flowNode is a group of devices, a channel, a route or a destination.
type flowNode struct {
	ID     string // within the page
	Column int
	Name   string
	Line   string // figures
	Kind   string // of the state: good, warn, bad, busy, quiet
	State  string // in words
	Why    string // the state is what it is
	To     templ.SafeURL
	Rate   string
	Queue  int64
	Age    string   // of the oldest that waits, or since the last was heard
	Next   []string // names of what it leads to
}

// flowEdge leads from a node to one of the next column.
type flowEdge struct {
	From, To int
	Rate     float64
	Quiet    bool // nothing goes this way: disabled
	Path     string
}

// mostOfColumn is how many nodes of a column the picture has; the rest is one
// node that leads to the table.
const mostOfColumn = 30

var flowSize = graph.Size{Width: 232, Height: 66, Gap: 12, Between: 46, Margin: 4}

func flow(v *ui.Visit) (ui.View, error) {
	by := v.Query("by")
	if by != "place" {
		by = "model"
	}
	var g service.Graph
	if err := v.Call("graph.get", service.GraphAsk{By: by}, &g); err != nil {
		return ui.View{}, err
	}
	return ui.View{Title: ui.T(v.Context(), "Flow"), Body: flowPage(flowOf(v.Context(), g)), Styles: []string{"flow.css"}, Actions: flowActions(by)}, nil
}

// flowOf makes the picture and its table.
func flowOf(ctx context.Context, g service.Graph) flowView {
	f := flowView{By: g.By, Columns: []flowColumn{
		{Name: ui.T(ctx, "Devices")}, {Name: ui.T(ctx, "Channels")}, {Name: ui.T(ctx, "Routes")}, {Name: ui.T(ctx, "Destinations")},
	}}
	for i := range g.Groups {
		f.add(0, groupNode(ctx, g.By, &g.Groups[i]))
	}
	for i := range g.Channels {
		f.add(1, channelNode(ctx, &g.Channels[i]))
	}
	for i := range g.Routes {
		f.add(2, routeNode(ctx, &g.Routes[i]))
	}
	for i := range g.Destinations {
		f.add(3, destinationNode(ctx, &g.Destinations[i]))
	}
	for i := range g.Groups {
		for _, over := range g.Groups[i].Over {
			f.tie(0, i, slices.IndexFunc(g.Channels, func(c service.GraphChannel) bool { return c.ID == over.Channel }), over.PerSecond, false)
		}
	}
	for i := range g.Channels {
		for j := range g.Routes {
			if r := &g.Routes[j]; len(r.Channels) == 0 || slices.Contains(r.Channels, g.Channels[i].ID) {
				f.tie(1, i, j, g.Channels[i].PerSecond, r.Disabled)
			}
		}
	}
	for i := range g.Routes {
		for _, to := range g.Routes[i].Destinations {
			f.tie(2, i, slices.IndexFunc(g.Destinations, func(d service.DestinationRow) bool { return d.ID == to }), 0, g.Routes[i].Disabled)
		}
	}
	f.draw(ctx)
	return f
}

func (f *flowView) add(column int, n flowNode) {
	n.Column = column
	n.ID = fmt.Sprintf("flow-%d-%d", column, len(f.Columns[column].All))
	f.Columns[column].All = append(f.Columns[column].All, n)
}

// tie leads from a node of a column to one of the next; what is not there any
// more (-1) is left out. In the picture it leads to the node in its stead.
func (f *flowView) tie(column, from, to int, rate float64, quiet bool) {
	if to < 0 {
		return
	}
	f.Columns[column].All[from].Next = append(f.Columns[column].All[from].Next, f.Columns[column+1].All[to].Name)
	e := flowEdge{From: f.drawn(column, from), To: f.drawn(column+1, to), Rate: rate, Quiet: quiet}
	for i := range f.Edges {
		if have := &f.Edges[i]; have.From == e.From && have.To == e.To {
			have.Rate += e.Rate
			have.Quiet = have.Quiet && quiet
			return
		}
	}
	f.Edges = append(f.Edges, e)
}

// drawn is the place of a node among those of the picture.
func (f *flowView) drawn(column, i int) int {
	base := 0
	for _, c := range f.Columns[:column] {
		base += min(len(c.All), mostOfColumn)
	}
	return base + min(i, mostOfColumn-1)
}

// draw lays the picture out.
func (f *flowView) draw(ctx context.Context) {
	for _, c := range f.Columns {
		shown := min(len(c.All), mostOfColumn)
		f.Nodes = append(f.Nodes, c.All[:shown]...)
		if rest := len(c.All) - mostOfColumn + 1; rest > 1 {
			f.Nodes[len(f.Nodes)-1] = flowNode{
				ID: "flow-rest-" + c.All[0].ID, Column: c.All[0].Column, Kind: "quiet", To: "#flow-table",
				Name: ui.Plural(ctx, rest, "%s more", "%s more"), Line: ui.T(ctx, "in the table below"),
			}
		}
	}
	columns := make([]int, len(f.Nodes))
	for i, n := range f.Nodes {
		columns[i] = n.Column
	}
	edges := make([]graph.Edge, len(f.Edges))
	for i, e := range f.Edges {
		edges[i] = graph.Edge{From: e.From, To: e.To, Weight: e.Rate}
	}
	f.Layout = graph.Lay(columns, edges, flowSize)
	for i := range f.Edges {
		f.Edges[i].Path = f.Layout.Paths[i]
	}
}

func groupNode(ctx context.Context, by string, g *service.DeviceGroup) flowNode {
	n := flowNode{Name: g.Name, Kind: "good", State: ui.T(ctx, "All speak"), Rate: perSecond(ctx, g.PerSecond),
		Why: ui.T(ctx, "Each of them was heard within its own rhythm.")}
	switch {
	case g.Name == "" && by == "place":
		n.Name = ui.T(ctx, "No place known")
	case g.Name == "":
		n.Name = ui.T(ctx, "No model known")
	case g.Model != "":
		n.To = list("/devices", "model", g.Model)
	default:
		n.To = list("/devices", "text", g.Name)
	}
	if n.To == "" {
		n.To = "/devices"
	}
	n.Line = ui.Plural(ctx, g.Devices, "%s device", "%s devices") + rateText(ctx, g.PerSecond)
	if !g.Last.IsZero() {
		n.Age = ui.Since(ctx, g.Last)
	}
	switch {
	case g.Silent > 0:
		n.Kind, n.State = "bad", ui.Plural(ctx, g.Silent, "%s silent", "%s silent")
		n.Why = ui.T(ctx, "They missed many messages, measured by their own rhythm.")
	case g.Waiting > 0:
		n.Kind, n.State = "warn", ui.Plural(ctx, g.Waiting, "%s not adopted", "%s not adopted")
		n.Why = ui.T(ctx, "It sends, and nobody has said that it belongs here.")
	case g.Last.IsZero():
		n.Kind, n.State = "quiet", ui.T(ctx, "Never heard")
		n.Why = ui.T(ctx, "No message has come from it; it was entered or imported.")
	}
	return n
}

func channelNode(ctx context.Context, c *service.GraphChannel) flowNode {
	n := flowNode{Name: called(c.Name, string(c.ID)), To: ui.To("/channels/", string(c.ID)), Rate: perSecond(ctx, c.PerSecond)}
	n.Line = ui.Plural(ctx, c.Peers, "%s sender", "%s senders") + rateText(ctx, c.PerSecond)
	n.Kind, n.State = ui.StateWords(ctx, c.State)
	n.Why = ui.StateWhy(ctx, c.State, c.Text)
	if c.Plain {
		n.State += " · " + ui.T(ctx, "not encrypted")
		n.Why += " " + ui.T(ctx, "Anybody on the way can read what comes over it from other machines.")
		if n.Kind == "good" {
			n.Kind = "warn"
		}
	}
	if !c.Last.IsZero() {
		n.Age = ui.Since(ctx, c.Last)
	}
	return n
}

func routeNode(ctx context.Context, r *model.Route) flowNode {
	n := flowNode{Name: string(r.ID), To: ui.To("/routes/", string(r.ID)), Kind: "good", State: ui.T(ctx, "In use"), Rate: "–",
		Why: ui.T(ctx, "Nobody closed it: every message that fits it goes to its destinations.")}
	only := slices.Concat(r.Types, r.Models, r.Locations, r.Codes, r.PatientClass)
	if len(r.Devices) > 0 {
		only = append(only, ui.Plural(ctx, len(r.Devices), "%s device", "%s devices"))
	}
	n.Line = strings.Join(only, ", ")
	if len(only) == 0 {
		n.Line = ui.T(ctx, "every message")
	}
	if r.Disabled {
		n.Kind, n.State, n.Why = "quiet", ui.T(ctx, "Disabled"), ui.StateWhy(ctx, "disabled", "")
	}
	return n
}

func destinationNode(ctx context.Context, d *service.DestinationRow) flowNode {
	n := flowNode{Name: called(d.Name, string(d.ID)), To: ui.To("/destinations/", string(d.ID)), Rate: perSecond(ctx, d.PerSecond), Queue: d.Queued}
	n.Kind, n.State = ui.StateWords(ctx, d.State)
	n.Why = ui.StateWhy(ctx, d.State, d.LastReason)
	n.Line = ui.T(ctx, "nothing waits") + rateText(ctx, d.PerSecond)
	if d.Queued > 0 {
		n.Age = ui.Since(ctx, d.Oldest)
		n.Line = ui.T(ctx, "%s wait, oldest %s", ui.Num(ctx, d.Queued), ui.Span(ctx, ui.From(ctx).Now.Sub(d.Oldest)))
	}
	if d.Dead > 0 {
		n.State += " · " + ui.Plural(ctx, int(d.Dead), "%s dead letter", "%s dead letters")
		if n.Kind == "good" || n.Kind == "busy" {
			n.Kind = "warn"
		}
	}
	return n
}

// rateText is a rate behind other figures, empty where there is none.
func rateText(ctx context.Context, rate float64) string {
	if rate < 0.05 {
		return ""
	}
	return " · " + ui.T(ctx, "%s / s", ui.Tenth(ctx, rate))
}

// width of an edge: by the order of magnitude of what flows.
func (e flowEdge) width() string {
	return fmt.Sprintf("%.1f", min(1.5+math.Log10(1+10*e.Rate), 5))
}

// units writes a length of the picture.
func units(f float64) string { return fmt.Sprintf("%g", f) }
