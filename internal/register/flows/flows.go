// Package flows judges who talks to whom: it joins the flows that several
// sources saw, says which devices stand behind their addresses, which of them
// are approved, by a route or by hand, and where what was seen and what was
// approved differ (R33). It is pure.
//
// An address belongs to a device when somebody said so (facts ip and mac), or
// when the device's messages come from it. Several devices behind one address,
// as behind a gateway, are all named.
package flows

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/model"
)

// Most is how many flows are kept: beyond it those that were not seen for
// longest go.
const Most = 100_000

// Store keeps flows, one row for each pair of ends, port, protocol and source.
type Store interface {
	// Flows gives all flows.
	Flows(ctx context.Context) ([]model.Flow, error)
	// FlowsTurn changes whenever a flow does.
	FlowsTurn() uint64
}

// Tx writes flows.
type Tx interface {
	// SaveFlows adds what was seen: a flow that is there already is widened,
	// and its count grows unless the span was counted before.
	SaveFlows(ctx context.Context, seen []model.Flow) error
}

// How a flow is approved.
const (
	ByRoute = "route" // what is governed sends it there
	ByHand  = "hand"
	ByNone  = "no"
)

// End is one end of a flow.
type End struct {
	Address    string     `json:"address"`
	Devices    []Named    `json:"devices,omitempty"` // that stand behind the address, at most MostBehind
	More       int        `json:"more,omitempty"`    // further ones
	Department string     `json:"department,omitempty"`
	Segment    string     `json:"segment,omitempty"` // id
	Own        string     `json:"own,omitempty"`     // channel/icu, destination/ehr, thalamus
	netip      netip.Addr // zero where it is a name
	all        []*Device
	said       bool // that the address, or its hardware's, is theirs
}

// MostBehind is how many devices behind one address are named.
const MostBehind = 5

// Named is a device with what people call it.
type Named struct {
	ID      model.DeviceID `json:"id"`
	Name    string         `json:"name,omitempty"`
	Model   string         `json:"model,omitempty"` // mdl-…
	Adopted bool           `json:"adopted"`
}

// Row is one flow as all sources together tell it.
type Row struct {
	ID        string    `json:"id"`
	From      End       `json:"from"`
	To        End       `json:"to"`
	Port      uint16    `json:"port"`
	Protocol  string    `json:"protocol"`
	App       string    `json:"app,omitempty"`
	Encrypted string    `json:"encrypted"` // yes no unknown
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Count     uint64    `json:"count"`
	Sources   []string  `json:"sources"`
	Approved  string    `json:"approved"`           // route hand no
	Approval  string    `json:"approval,omitempty"` // id of the route or approval
	Why       string    `json:"why,omitempty"`      // why it is not, a word: stranger, disabled, no-route, plain, expired; empty: nobody said anything
}

// ID names a flow by its ends.
func ID(from, to string, port uint16, protocol string) string {
	sum := sha256.Sum256([]byte(from + "\x00" + to + "\x00" + strconv.Itoa(int(port)) + "\x00" + protocol))
	return "flw-" + hex.EncodeToString(sum[:6])
}

// Judge gives one row for each pair of ends, port and protocol, the latest
// first.
func Judge(seen []model.Flow, w *World) []Row {
	type key struct {
		from, to string
		port     uint16
		protocol string
	}
	type row struct {
		Row
		knew             time.Time // when Encrypted was last known
		end              string
		fromMAC, toMAC   string
		appFrom, macFrom time.Time
	}
	rows := make(map[key]*row, len(seen))
	order := make([]*row, 0, len(seen))
	own := map[key]string{} // what answers at an address and port of ours
	for i := range seen {
		f := &seen[i]
		k := key{f.From, f.To, f.Port, f.Protocol}
		if f.End != "" && f.From != model.FlowSelf {
			own[key{"", f.To, f.Port, f.Protocol}] = f.End
		}
		r := rows[k]
		if r == nil {
			r = &row{Row: Row{ID: ID(f.From, f.To, f.Port, f.Protocol), From: End{Address: f.From}, To: End{Address: f.To}, Port: f.Port, Protocol: f.Protocol, First: f.First}}
			rows[k], order = r, append(order, r)
		}
		if f.First.Before(r.First) {
			r.First = f.First
		}
		if f.Last.After(r.Last) {
			r.Last = f.Last
		}
		r.Count += f.Count
		if !slices.Contains(r.Sources, f.Source) {
			r.Sources = append(r.Sources, f.Source)
		}
		if f.Encrypted != "" && !f.Last.Before(r.knew) {
			r.Encrypted, r.knew = f.Encrypted, f.Last
		}
		if f.App != "" && !f.Last.Before(r.appFrom) {
			r.App, r.appFrom = f.App, f.Last
		}
		if (f.FromMAC != "" || f.ToMAC != "") && !f.Last.Before(r.macFrom) {
			r.fromMAC, r.toMAC, r.macFrom = f.FromMAC, f.ToMAC, f.Last
		}
		if f.End != "" {
			r.end = f.End
		}
	}
	out := make([]Row, len(order))
	for i, r := range order {
		if r.end == "" {
			r.end = own[key{"", r.To.Address, r.Port, r.Protocol}]
		}
		if r.Encrypted == "" {
			r.Encrypted = "unknown"
		}
		slices.Sort(r.Sources)
		channel, _ := strings.CutPrefix(r.end, "channel/")
		w.end(&r.From, r.fromMAC, model.ChannelID(channel))
		w.end(&r.To, r.toMAC, "")
		if r.end != "" {
			r.To.Own = r.end
		}
		w.approve(&r.Row)
		out[i] = r.Row
	}
	slices.SortFunc(out, func(a, b Row) int { return Latest(&a, &b) })
	return out
}

// Latest puts the row that was seen later first.
func Latest(a, b *Row) int { return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.ID, b.ID)) }

// Names is everything a row may be looked for by, in lower case.
func (r *Row) Names() string {
	var b strings.Builder
	for _, e := range []*End{&r.From, &r.To} {
		b.WriteString(e.Address + " " + e.Own + " " + e.Department + " " + e.Segment + " ")
		for _, d := range e.Devices {
			b.WriteString(string(d.ID) + " " + d.Name + " ")
		}
	}
	b.WriteString(r.ID + " " + r.App + " " + r.Protocol + " " + strconv.Itoa(int(r.Port)) + " " + strings.Join(r.Sources, " "))
	return strings.ToLower(b.String())
}

// Has says whether a device stands behind the end.
func (e *End) Has(id model.DeviceID) bool {
	return slices.ContainsFunc(e.all, func(d *Device) bool { return d.ID == id })
}

// HasModel says whether a device of a model stands behind the end.
func (e *End) HasModel(id string) bool {
	return slices.ContainsFunc(e.all, func(d *Device) bool { return d.Model == id })
}

// Alone gives the device whose own the address is: somebody said so, and no
// other stands behind it. That its messages come from an address is not enough:
// a gateway's do, too.
func (e *End) Alone() (model.DeviceID, bool) {
	if len(e.all) != 1 || !e.said {
		return "", false
	}
	return e.all[0].ID, true
}

// AllOf says whether nothing but devices of a model stand behind the end.
func (e *End) AllOf(id string) bool {
	return len(e.all) > 0 && !slices.ContainsFunc(e.all, func(d *Device) bool { return d.Model != id })
}
