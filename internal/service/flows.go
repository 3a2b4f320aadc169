package service

import (
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/flows"
)

// FlowRow, FlowEnd and FlowBetween are what the map of connections is made of.
type (
	FlowRow      = flows.Row
	FlowEnd      = flows.End
	FlowDevice   = flows.Named
	FlowBetween  = flows.Between
	FlowTotal    = flows.Total
	FlowExpected = flows.Expected
	FlowFile     = model.FlowFile
)

// FlowAsk says which connections to list. All of what is given must hold.
type FlowAsk struct {
	Text      string         `json:"text,omitempty" arg:"text" doc:"part of an address, a device's name, a channel, a protocol or a port"`
	Encrypted string         `json:"encrypted,omitempty" doc:"yes, no or unknown"`
	Approved  string         `json:"approved,omitempty" doc:"no, route, hand, or yes for either"`
	Device    model.DeviceID `json:"device,omitempty" doc:"at one end of it"`
	Model     string         `json:"model,omitempty" doc:"a device of this model at one end of it"`
	Segment   string         `json:"segment,omitempty" doc:"id of a segment at one end; - for none"`
	From      string         `json:"from,omitempty" doc:"segment or department in which it begins; - for none, thalamus for the program itself"`
	To        string         `json:"to,omitempty" doc:"segment or department it leads to"`
	By        string         `json:"by,omitempty" doc:"what from and to name: segment unless told, or department"`
	Source    string         `json:"source,omitempty" doc:"who saw it: own, zeek, nmap, netflow, pcap"`
	After     string         `json:"after,omitempty" doc:"page on from this one"`
	Limit     int            `json:"limit,omitempty" doc:"rows, 100 unless told, at most 1,000"`
}

// FlowStatAsk says by which parts of the house connections are counted.
type FlowStatAsk struct {
	By string `json:"by,omitempty" arg:"by" doc:"segment unless told, or department"`
}

// FlowStat counts connections, and tells what was approved and was not seen.
type FlowStat struct {
	By      string         `json:"by"`
	Total   FlowTotal      `json:"total"`
	Between []FlowBetween  `json:"between"`
	Unseen  []FlowExpected `json:"unseen"`
}

func flowOps() []Op {
	return []Op{
		define(Reads, "flow.list", "List who talks to whom: seen by our own listeners and destinations and in imported files, encrypted or not, approved or not.", "--encrypted no --approved no", listFlows),
		define(Reads, "flow.stat", "Count connections between segments or departments, and list what was approved and never seen.", "department", statFlows),
		define(Works, "flow.import", "Read a file of observed connections: Zeek's conn.log, nmap's XML, NetFlow or IPFIX, a capture; also compressed with gzip. Nothing is kept unless told.", "zeek conn.log --keep --reason 'span port of the ICU, 21 November'", importFlows),
		define(Acts, "flow.approve", "Approve a connection by hand: one that was seen, by its id, or any ends and ports, for good or until a day.", "flw-ab12cd34ef56 --encrypted --expires 2027-01-01 --reason 'agreed with the vendor, ticket 4711'", approveFlow),
		define(Acts, "flow.revoke", "Take back an approval of a connection.", "apr-ab12cd34ef56 --reason 'remote support ended'", revokeFlow),
		define(Reads, "flow.approvals", "List the connections that were approved by hand.", "", func(ctx context.Context, c *call, _ None) ([]model.Approval, error) {
			return listOf(ctx, c.s, register.Approvals())
		}),
		define(Reads, "model.mud", "Write a MUD file (RFC 8520) for a model: the approved connections of its devices as access lists for the network.", "mdl-abc --url https://mud.hospital.example/vm-200.json", modelMUD),
	}
}

// flowDevice is a device as flows know it.
func flowDevice(v *register.View, now time.Time) flows.Device {
	place := v.Observed.Place
	if v.Asserted.Place != (model.Place{}) {
		place = v.Asserted.Place
	}
	said := func(name, observed string) string {
		if text := saidOf(v.Said, name, now); text != "" {
			return text
		}
		return observed
	}
	maker, name := said("manufacturer", v.Observed.Manufacturer), said("model", v.Observed.Model)
	d := flows.Device{
		ID: v.ID, Name: v.Asserted.Name, Model: v.Model, Department: said("department", place.PointOfCare), Place: place.String(),
		Peer: v.Seen.Peer, Channel: v.Seen.Channel, Adopted: v.Adopted(),
	}
	if name != "" {
		d.Called = []string{name, maker + "/" + name}
	}
	if d.Name == "" {
		d.Name = strings.TrimSpace(strings.TrimSpace(maker+" "+name) + " " + said("serial", v.Observed.Serial))
	}
	for i := range v.Said {
		f := &v.Said[i]
		if !f.TrueAt(now) {
			continue
		}
		switch f.Name {
		case "ip":
			d.Addresses = append(d.Addresses, f.Value)
		case "mac":
			d.MACs = append(d.MACs, f.Value)
		}
	}
	return d
}

func listFlows(ctx context.Context, c *call, r FlowAsk) (List[FlowRow], error) {
	for _, f := range []struct{ name, value, among string }{
		{"encrypted", r.Encrypted, "yes no unknown"}, {"approved", r.Approved, "no route hand yes"}, {"by", r.By, "segment department"},
	} {
		if f.value != "" && !slices.Contains(strings.Fields(f.among), f.value) {
			return List[FlowRow]{}, fault.New(fault.Invalid, "service.argument", "%q is not one of: %s", clip(f.value, 40), f.among).At(f.name)
		}
	}
	rows, _, err := c.s.judged(ctx)
	if err != nil {
		return List[FlowRow]{}, err
	}
	if r.Limit <= 0 {
		r.Limit = 100
	}
	r.Limit = min(r.Limit, 1000)
	r.Text = strings.ToLower(r.Text)
	var page List[FlowRow]
	past := r.After == ""
	for i := range rows {
		row := &rows[i]
		if !past {
			past = row.ID == r.After
			continue
		}
		if !r.matches(row) {
			continue
		}
		if len(page.Rows) == r.Limit {
			page.Next = page.Rows[r.Limit-1].ID
			break
		}
		page.Rows = append(page.Rows, *row)
	}
	return page, nil
}

// matches says whether a flow is one of those asked for.
func (r *FlowAsk) matches(row *FlowRow) bool {
	ends := []*FlowEnd{&row.From, &row.To}
	either := func(is func(e *FlowEnd) bool) bool { return is(ends[0]) || is(ends[1]) }
	part := func(e *FlowEnd, want string) bool {
		name, own := e.Part(r.By)
		switch want {
		case "":
			return true
		case "-":
			return name == "" && !own
		case model.FlowSelf:
			return own
		}
		return name == want
	}
	switch {
	case r.Encrypted != "" && row.Encrypted != r.Encrypted,
		r.Approved == "yes" && row.Approved == flows.ByNone,
		r.Approved != "" && r.Approved != "yes" && row.Approved != r.Approved,
		r.Device != "" && !either(func(e *FlowEnd) bool { return e.Has(r.Device) }),
		r.Model != "" && !either(func(e *FlowEnd) bool { return e.HasModel(r.Model) }),
		r.Segment == "-" && !either(func(e *FlowEnd) bool { return e.Segment == "" && e.Own == "" }),
		r.Segment != "" && r.Segment != "-" && !either(func(e *FlowEnd) bool { return e.Segment == r.Segment }),
		!part(ends[0], r.From), !part(ends[1], r.To),
		r.Source != "" && !slices.Contains(row.Sources, r.Source):
		return false
	}
	return r.Text == "" || strings.Contains(row.Names(), r.Text)
}

func statFlows(ctx context.Context, c *call, r FlowStatAsk) (FlowStat, error) {
	if r.By == "" {
		r.By = flows.BySegment
	}
	if r.By != flows.BySegment && r.By != flows.ByDepartment {
		return FlowStat{}, fault.New(fault.Invalid, "service.argument", "connections are counted by segment or department").At("by")
	}
	rows, w, err := c.s.judged(ctx)
	if err != nil {
		return FlowStat{}, err
	}
	out := FlowStat{By: r.By, Unseen: flows.Unseen(rows, w)}
	out.Between, out.Total = flows.Gather(rows, r.By)
	return out, nil
}
