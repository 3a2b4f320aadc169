package flows

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"thalamus/internal/model"
)

// Device is what of a device matters here.
type Device struct {
	ID         model.DeviceID
	Name       string
	Model      string   // mdl-…
	Called     []string // "Acme/VM-200", "VM-200": what routes name its model by
	Department string
	Place      string // ICU^2^23
	Addresses  []string
	MACs       []string
	Peer       string // whence its messages came last, with port
	Channel    model.ChannelID
	Adopted    bool
}

// World is what flows are judged by. Fill its fields, then call Ready.
type World struct {
	Now          time.Time
	Devices      []Device
	Segments     []model.Segment
	Approvals    []model.Approval
	Channels     []model.Channel
	Routes       []model.Route
	Destinations []model.Destination

	byAddress map[string][]*Device // said
	byMAC     map[string][]*Device
	byPeer    map[string][]*Device // address of the last message
	ranges    []ranged
	channels  map[model.ChannelID]*model.Channel
	ends      map[model.DestinationID]*model.Destination
	exact     map[string][]*model.Approval // by the text of From
	wide      []*model.Approval            // From is a range or anybody
}

type ranged struct {
	prefix  netip.Prefix
	segment string
}

// Ready makes the indexes.
func (w *World) Ready() *World {
	w.byAddress, w.byMAC, w.byPeer = map[string][]*Device{}, map[string][]*Device{}, map[string][]*Device{}
	w.channels, w.ends, w.exact = map[model.ChannelID]*model.Channel{}, map[model.DestinationID]*model.Destination{}, map[string][]*model.Approval{}
	for i := range w.Devices {
		d := &w.Devices[i]
		for _, a := range d.Addresses {
			w.byAddress[a] = append(w.byAddress[a], d)
		}
		for _, m := range d.MACs {
			w.byMAC[m] = append(w.byMAC[m], d)
		}
		if host := HostOf(d.Peer); host != "" {
			w.byPeer[host] = append(w.byPeer[host], d)
		}
	}
	for _, s := range w.Segments {
		for _, text := range s.Ranges {
			if p, err := netip.ParsePrefix(text); err == nil {
				w.ranges = append(w.ranges, ranged{p.Masked(), s.ID})
			}
		}
	}
	slices.SortStableFunc(w.ranges, func(a, b ranged) int {
		return cmp.Or(cmp.Compare(b.prefix.Bits(), a.prefix.Bits()), cmp.Compare(a.segment, b.segment))
	})
	for i := range w.Channels {
		w.channels[w.Channels[i].ID] = &w.Channels[i]
	}
	for i := range w.Destinations {
		w.ends[w.Destinations[i].ID] = &w.Destinations[i]
	}
	for i := range w.Approvals {
		a := &w.Approvals[i]
		if strings.Contains(a.From, "/") && !named(a.From) || a.From == model.FlowAny {
			w.wide = append(w.wide, a)
		} else {
			w.exact[a.From] = append(w.exact[a.From], a)
		}
	}
	return w
}

// HostOf gives the address of a peer written with its port, in one form; empty
// where there is none.
func HostOf(peer string) string {
	ap, err := netip.ParseAddrPort(peer)
	if err != nil {
		return ""
	}
	return ap.Addr().Unmap().WithZone("").String()
}

// named says whether an end of an approval names something of ours: kind/id.
func named(end string) bool {
	kind, _, ok := strings.Cut(end, "/")
	return ok && slices.Contains([]string{"device", "model", "segment", "channel", "destination"}, kind)
}

// Segment gives the id of the segment of an address, empty for none.
func (w *World) Segment(a netip.Addr) string {
	for _, r := range w.ranges {
		if r.prefix.Contains(a) {
			return r.segment
		}
	}
	return ""
}

// behind gives the devices of an address: those said to have it; else those
// whose messages on the channel come from it; else on any channel.
func (w *World) behind(address, mac string, channel model.ChannelID) []*Device {
	if mac != "" && len(w.byMAC[mac]) > 0 {
		return w.byMAC[mac]
	}
	if found := w.byAddress[address]; len(found) > 0 {
		return found
	}
	found := w.byPeer[address]
	if channel == "" {
		return found
	}
	var here []*Device
	for _, d := range found {
		if d.Channel == channel {
			here = append(here, d)
		}
	}
	return here
}

// end tells what is known of one end.
func (w *World) end(e *End, mac string, channel model.ChannelID) {
	if e.Address == model.FlowSelf {
		e.Own = model.FlowSelf
		return
	}
	a, err := netip.ParseAddr(e.Address)
	if err != nil {
		return
	}
	e.netip = a.Unmap()
	e.Segment = w.Segment(e.netip)
	e.all = w.behind(e.Address, mac, channel)
	e.said = mac != "" && len(w.byMAC[mac]) > 0 || len(w.byAddress[e.Address]) > 0
	for i, d := range e.all {
		if i == 0 {
			e.Department = d.Department
		} else if e.Department != d.Department {
			e.Department = ""
		}
		if i < MostBehind {
			e.Devices = append(e.Devices, Named{ID: d.ID, Name: d.Name, Model: d.Model, Adopted: d.Adopted})
		} else {
			e.More++
		}
	}
}
