package flows

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Why a flow is not approved, a word each.
const (
	WhyStranger = "stranger" // nobody adopted what begins it
	WhyDisabled = "disabled" // the channel or destination is not in use
	WhyNoRoute  = "no-route" // no route takes it further
	WhyPlain    = "plain"    // approved only if encrypted
	WhyExpired  = "expired"  // it was approved until a day that is over
)

// approve says by what a flow is approved, or why it is not: by hand first,
// because that says more, then by what is governed.
func (w *World) approve(r *Row) {
	r.Approved = ByNone
	for _, a := range w.candidates(r) {
		if !w.covers(a, r) {
			continue
		}
		if !a.Expires.IsZero() && !a.Expires.After(w.Now) {
			r.Why, r.Approval = WhyExpired, a.ID
			continue
		}
		if a.Encrypted && r.Encrypted != "yes" {
			r.Why, r.Approval = WhyPlain, a.ID
			continue
		}
		r.Approved, r.Approval, r.Why = ByHand, a.ID, ""
		return
	}
	kind, id, _ := strings.Cut(r.To.Own, "/")
	route, why := "", ""
	switch kind {
	case "channel":
		route, why = w.intoChannel(model.ChannelID(id), r.From.all)
	case "destination":
		route, why = w.toDestination(model.DestinationID(id), r.From.Own == model.FlowSelf)
	default:
		return
	}
	if route != "" {
		r.Approved, r.Approval, r.Why = ByRoute, route, ""
	} else if r.Why == "" {
		r.Why = why
	}
}

// intoChannel: a flow into a channel is approved when every device behind the
// address is adopted and an enabled route takes what each of them sends
// further. What a route asks of a message (type, code, class) is not asked.
func (w *World) intoChannel(id model.ChannelID, devices []*Device) (route, why string) {
	c := w.channels[id]
	if c == nil || c.Disabled {
		return "", WhyDisabled
	}
	if len(devices) == 0 {
		return "", WhyStranger
	}
	for _, d := range devices {
		if !d.Adopted {
			return "", WhyStranger
		}
		i := slices.IndexFunc(w.Routes, func(r model.Route) bool { return takes(&r, id, d) })
		if i < 0 {
			return "", WhyNoRoute
		}
		route = cmp.Or(route, string(w.Routes[i].ID))
	}
	return route, ""
}

func takes(r *model.Route, channel model.ChannelID, d *Device) bool {
	return !r.Disabled &&
		(len(r.Channels) == 0 || slices.Contains(r.Channels, channel)) &&
		(len(r.Devices) == 0 || slices.Contains(r.Devices, d.ID)) &&
		(len(r.Models) == 0 || slices.ContainsFunc(r.Models, func(m string) bool { return slices.Contains(d.Called, m) })) &&
		(len(r.Locations) == 0 || slices.ContainsFunc(r.Locations, func(l string) bool { return d.Place == l || strings.HasPrefix(d.Place, l+"^") }))
}

func (w *World) toDestination(id model.DestinationID, own bool) (route, why string) {
	d := w.ends[id]
	if d == nil || d.Disabled {
		return "", WhyDisabled
	}
	if !own {
		return "", ""
	}
	for i := range w.Routes {
		if r := &w.Routes[i]; !r.Disabled && slices.Contains(r.Destinations, id) {
			return string(r.ID), ""
		}
	}
	return "", WhyNoRoute
}

// candidates are the approvals whose From may be the flow's.
func (w *World) candidates(r *Row) []*model.Approval {
	out := w.exact[r.From.Address]
	if len(w.exact) > 0 {
		out = out[:len(out):len(out)]
		for _, d := range r.From.all {
			out = append(out, w.exact["device/"+string(d.ID)]...)
			if d.Model != "" {
				out = append(out, w.exact["model/"+d.Model]...)
			}
		}
		if r.From.Segment != "" {
			out = append(out, w.exact["segment/"+r.From.Segment]...)
		}
	}
	return append(out[:len(out):len(out)], w.wide...)
}

func (w *World) covers(a *model.Approval, r *Row) bool {
	return (a.Port == 0 || a.Port == r.Port) && (a.Protocol == "" || a.Protocol == r.Protocol) && isEnd(a.From, &r.From) && isEnd(a.To, &r.To)
}

// isEnd says whether what an approval names is an end of a flow. Of several
// devices behind an address all must be meant.
func isEnd(name string, e *End) bool {
	if name == model.FlowAny || name == e.Address || e.Own != "" && name == e.Own {
		return true
	}
	kind, id, ok := strings.Cut(name, "/")
	if !ok {
		return false
	}
	switch kind {
	case "segment":
		return e.Segment == id
	case "device":
		return len(e.all) > 0 && !slices.ContainsFunc(e.all, func(d *Device) bool { return string(d.ID) != id })
	case "model":
		return len(e.all) > 0 && !slices.ContainsFunc(e.all, func(d *Device) bool { return d.Model != id })
	case "channel", "destination":
		return false // compared above
	}
	p, err := netip.ParsePrefix(name)
	return err == nil && e.netip.IsValid() && p.Contains(e.netip)
}

// longest is how many bytes a name or reason may have.
const longest = 500

// CheckApproval says what is wrong with an approval. Errors: flow.approval.
func CheckApproval(a model.Approval) error {
	for _, f := range []struct{ key, end string }{{"from", a.From}, {"to", a.To}} {
		if f.end == "" || len(f.end) > 200 || strings.ContainsAny(f.end, " \t\r\n") {
			return fault.New(fault.Invalid, "flow.approval", "an approval needs both ends: an address, a range, a name, *, device/…, model/…, segment/…, channel/… or destination/…").At(f.key)
		}
		if strings.Contains(f.end, "/") && !named(f.end) {
			if _, err := netip.ParsePrefix(f.end); err != nil {
				return fault.New(fault.Invalid, "flow.approval", "%q is neither a range such as 10.1.0.0/16 nor one of device/…, model/…, segment/…, channel/…, destination/…", clip(f.end)).At(f.key)
			}
		}
	}
	if a.From == model.FlowAny && a.To == model.FlowAny {
		return fault.New(fault.Invalid, "flow.approval", "an approval of anybody to anybody approves everything; name one end").At("from")
	}
	if len(a.Reason) > longest {
		return fault.New(fault.Invalid, "flow.approval", "a reason has at most %d bytes", longest).At("reason")
	}
	return nil
}

// ApprovalID names an approval by what it approves, so that the same cannot
// stand there twice.
func ApprovalID(a model.Approval) string {
	return "apr-" + strings.TrimPrefix(ID(a.From, a.To, a.Port, a.Protocol), "flw-")
}

// CheckSegment says what is wrong with a segment. Errors: flow.segment.
func CheckSegment(s model.Segment) error {
	if len(s.Ranges) == 0 || len(s.Ranges) > 1000 {
		return fault.New(fault.Invalid, "flow.segment", "a segment needs 1 to 1,000 ranges").At("ranges")
	}
	for _, text := range s.Ranges {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return fault.New(fault.Invalid, "flow.segment", "%q is no range of addresses; expected as in 10.1.0.0/16", clip(text)).At("ranges")
		}
		if p.Masked() != p {
			return fault.New(fault.Invalid, "flow.segment", "%q has bits beyond its length; did you mean %s?", clip(text), p.Masked()).At("ranges")
		}
	}
	if len(s.Name) > longest || len(s.Note) > longest {
		return fault.New(fault.Invalid, "flow.segment", "a name or note has at most %d bytes", longest).At("name")
	}
	return nil
}

func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// Expected is something that was approved and was not seen.
type Expected struct {
	From     string    `json:"from"`
	To       string    `json:"to"`
	Port     uint16    `json:"port,omitempty"`
	Protocol string    `json:"protocol,omitempty"`
	By       string    `json:"by"` // route hand
	Approval string    `json:"approval"`
	Expires  time.Time `json:"expires,omitzero"`
}

// Unseen gives what was approved and has no flow: approvals by hand that are
// in force, channels with a route that nobody speaks to, destinations with a
// route that were never reached.
func Unseen(rows []Row, w *World) []Expected {
	used := map[string]bool{}
	reached := map[string]bool{}
	for i := range rows {
		r := &rows[i]
		if r.To.Own != "" {
			reached[r.To.Own] = true
		}
		for _, a := range w.candidates(r) {
			if !used[a.ID] && w.covers(a, r) {
				used[a.ID] = true
			}
		}
	}
	var out []Expected
	for i := range w.Approvals {
		a := &w.Approvals[i]
		if !used[a.ID] && (a.Expires.IsZero() || a.Expires.After(w.Now)) {
			out = append(out, Expected{From: a.From, To: a.To, Port: a.Port, Protocol: a.Protocol, By: ByHand, Approval: a.ID, Expires: a.Expires})
		}
	}
	for i := range w.Routes {
		r := &w.Routes[i]
		if r.Disabled {
			continue
		}
		for _, d := range r.Destinations {
			if end := "destination/" + string(d); !reached[end] && w.ends[d] != nil && !w.ends[d].Disabled {
				reached[end] = true
				out = append(out, Expected{From: model.FlowSelf, To: end, By: ByRoute, Approval: string(r.ID)})
			}
		}
		for _, c := range r.Channels {
			if end := "channel/" + string(c); !reached[end] && w.channels[c] != nil && !w.channels[c].Disabled {
				reached[end] = true
				out = append(out, Expected{From: model.FlowAny, To: end, By: ByRoute, Approval: string(r.ID)})
			}
		}
	}
	return out
}
