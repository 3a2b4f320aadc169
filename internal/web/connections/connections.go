// Package connections holds the page of who talks to whom: what was seen, what
// is approved, and where the two differ (R33).
//
//	connections.go, connections.templ  counts, filters, list, approvals
//	picture.go, picture.templ          the picture by segment or department, and the table that says the same
//	imports.go, imports.templ          files of Zeek, nmap, NetFlow and captures
package connections

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// styles are the stylesheets of the room's pages.
var styles = []string{"flow.css", "connections.css"}

// importLimit bounds a file that is sent with a form, in bytes.
const importLimit = 64 << 20

// Room lists the pages and acts.
func Room() ui.Room {
	return ui.Room{
		Pages: []ui.Page{
			{Path: "/connections", Name: ui.N("Connections"), Place: ui.Oversight, Icon: "flow", Needs: "flow.list", Show: show},
			{Path: "/connections/import", Place: ui.Oversight, Under: "/connections", Needs: "flow.import", Show: importPage},
		},
		Acts: []ui.Act{
			{Path: "/connections/import/read", Needs: "flow.import", Do: importFile, Again: importPage, Limit: importLimit},
			{Path: "/connections/approve/{id}", Needs: "flow.approve", Do: approve, Again: show},
			{Path: "/connections/revoke/{id}", Needs: "flow.revoke", Do: revoke, Again: show},
		},
	}
}

// view is the page.
type view struct {
	Ask      service.FlowAsk
	List     service.List[service.FlowRow]
	Stat     service.FlowStat
	Picture  picture
	Names    map[string]string // of segments, by id
	Filtered bool
}

const pageSize = 100

func show(v *ui.Visit) (ui.View, error) {
	by := v.Query("by")
	if by != "department" {
		by = "segment"
	}
	p := view{Ask: service.FlowAsk{
		Text: v.Query("text"), Encrypted: v.Query("encrypted"), Approved: v.Query("approved"), Device: model.DeviceID(v.Query("device")), Model: v.Query("model"),
		From: v.Query("from"), To: v.Query("to"), By: by, Source: v.Query("source"), After: v.Query("after"), Limit: pageSize,
	}}
	a := &p.Ask
	p.Filtered = a.Text != "" || a.Encrypted != "" || a.Approved != "" || a.Device != "" || a.Model != "" || a.From != "" || a.To != "" || a.Source != ""
	if err := v.Call("flow.list", p.Ask, &p.List); err != nil {
		return ui.View{}, err
	}
	if err := v.Call("flow.stat", service.FlowStatAsk{By: by}, &p.Stat); err != nil {
		return ui.View{}, err
	}
	var segments []model.Segment
	if err := v.Call("segment.list", nil, &segments); err != nil {
		return ui.View{}, err
	}
	p.Names = map[string]string{}
	for _, s := range segments {
		p.Names[s.ID] = s.ID
		if s.Name != "" {
			p.Names[s.ID] = s.Name
		}
	}
	p.Picture = p.draw(v.Context())
	return ui.View{Title: ui.T(v.Context(), "Connections"), Body: page(p), Styles: styles, Actions: actions(by)}, nil
}

// approve approves a connection that was seen.
func approve(v *ui.Visit) (ui.Done, error) {
	ask := service.FlowApprove{ID: v.Path("id"), Encrypted: v.Typed("encrypted") != "", Reason: v.Typed("reason")}
	if day := v.Typed("expires"); day != "" {
		t, err := time.ParseInLocation(time.DateOnly, day, v.Zone)
		if err != nil {
			return ui.Done{}, fault.New(fault.Invalid, "flow.approval", "expected a day such as 2027-01-31").At("expires")
		}
		ask.Expires = t.AddDate(0, 0, 1) // the whole day
	}
	var done service.FlowApproved
	if err := v.Call("flow.approve", ask, &done); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/connections", Toast: &ui.Toast{
		Text: ui.T(v.Context(), "The connection is approved."),
		Undo: "/connections/revoke/" + done.Value.ID, With: map[string]string{"reason": ui.T(v.Context(), "Undone at once")},
	}}, nil
}

func revoke(v *ui.Visit) (ui.Done, error) {
	if err := v.Call("flow.revoke", service.Remove{ID: v.Path("id"), Reason: v.Typed("reason")}, nil); err != nil {
		return ui.Done{}, err
	}
	return ui.Done{To: "/connections", Toast: &ui.Toast{Text: ui.T(v.Context(), "The approval is taken back.")}}, nil
}

// endName is what an end of a connection is called.
func endName(ctx context.Context, e *service.FlowEnd) string {
	switch {
	case e.Own == model.FlowSelf:
		return ui.T(ctx, "Thalamus")
	case strings.HasPrefix(e.Own, "channel/"):
		return ui.T(ctx, "Channel %s", strings.TrimPrefix(e.Own, "channel/"))
	case strings.HasPrefix(e.Own, "destination/"):
		return ui.T(ctx, "Destination %s", strings.TrimPrefix(e.Own, "destination/"))
	case len(e.Devices) == 1:
		return deviceName(e.Devices[0])
	case e.Address == model.FlowAny:
		return ui.T(ctx, "Anybody")
	case len(e.Devices) > 1:
		return ui.Plural(ctx, len(e.Devices)+e.More, "%s device", "%s devices")
	}
	return e.Address
}

func deviceName(d service.FlowDevice) string {
	if d.Name != "" {
		return d.Name
	}
	return string(d.ID)
}

// endTo is the page of an end, empty where it has none.
func endTo(e *service.FlowEnd) templ.SafeURL {
	kind, id, _ := strings.Cut(e.Own, "/")
	switch {
	case kind == "channel":
		return ui.To("/channels/", id)
	case kind == "destination":
		return ui.To("/destinations/", id)
	case len(e.Devices) == 1:
		return ui.To("/devices/", string(e.Devices[0].ID))
	}
	return ""
}

// endLine is what stands under the name of an end.
func (p *view) endLine(e *service.FlowEnd) string {
	var parts []string
	if e.Address != model.FlowSelf && e.Address != model.FlowAny {
		parts = append(parts, e.Address)
	}
	if e.Segment != "" {
		parts = append(parts, p.Names[e.Segment])
	}
	if e.Department != "" {
		parts = append(parts, e.Department)
	}
	return strings.Join(parts, " · ")
}

// spoken is what is spoken, and at which port.
func spoken(r *service.FlowRow) (app, port string) {
	app = r.App
	if app == "" {
		app = r.Protocol
	}
	if r.Port == 0 {
		return app, r.Protocol
	}
	return app, r.Protocol + " " + strconv.Itoa(int(r.Port))
}

// why says why a connection is not approved.
func why(ctx context.Context, word string) string {
	switch word {
	case "stranger":
		return ui.T(ctx, "Nobody adopted what begins it.")
	case "disabled":
		return ui.T(ctx, "What it leads to is not in use.")
	case "no-route":
		return ui.T(ctx, "No route takes it further.")
	case "plain":
		return ui.T(ctx, "Approved only if it is encrypted.")
	case "expired":
		return ui.T(ctx, "Its approval has ended.")
	}
	return ui.T(ctx, "Nobody approved it.")
}

func encryptedOptions(ctx context.Context) []ui.Option {
	return []ui.Option{{Value: "", Text: ui.T(ctx, "All")}, {Value: "no", Text: ui.T(ctx, "Not encrypted")}, {Value: "yes", Text: ui.T(ctx, "Encrypted")}, {Value: "unknown", Text: ui.T(ctx, "Not known")}}
}

func approvedOptions(ctx context.Context) []ui.Option {
	return []ui.Option{{Value: "", Text: ui.T(ctx, "All")}, {Value: "no", Text: ui.T(ctx, "Not approved")}, {Value: "route", Text: ui.T(ctx, "By a route")}, {Value: "hand", Text: ui.T(ctx, "By hand")}}
}

func sourceOptions(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Value: "", Text: ui.T(ctx, "All")}, {Value: model.FromOwn, Text: ui.T(ctx, "Thalamus itself")}, {Value: model.FromZeek, Text: "Zeek"},
		{Value: model.FromNmap, Text: "nmap"}, {Value: model.FromNetFlow, Text: "NetFlow, IPFIX"}, {Value: model.FromPcap, Text: ui.T(ctx, "Capture")},
	}
}
