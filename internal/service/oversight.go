package service

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"net/url"
	"time"

	"thalamus/internal/flow/journal"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// Oversight is what whoever answers for the house should look at, each as a
// count of what a list shows, and how the program itself is.
type Oversight struct {
	Devices int          `json:"devices"`
	States  []StateCount `json:"states"`  // how many devices are in each state
	Unowned int          `json:"unowned"` // nothing is said of their owner
	Plain   []PlainLink  `json:"plain"`   // links whose bytes anybody on the way can read
	Own     OwnHealth    `json:"own"`
}

// PlainLink is a channel or destination that is not encrypted.
type PlainLink struct {
	Kind    string `json:"kind"` // channel or destination
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Address string `json:"address"`
	Local   bool   `json:"local"` // stays on this machine
}

// OwnHealth is how the program itself is.
type OwnHealth struct {
	Version     string       `json:"version"`
	Started     time.Time    `json:"started"`
	Faults      []string     `json:"faults"` // in plain words
	Journal     journal.Stat `json:"journal"`
	Behind      int64        `json:"behind"` // entries that are durable and not recorded yet
	Queued      int64        `json:"queued"`
	Oldest      time.Time    `json:"oldest,omitzero"` // of what is queued
	Dead        int64        `json:"dead"`
	Quarantined int64        `json:"quarantined"`
	// AuditRecords counts the audit's records. AuditCut says that its end does
	// not fit the head kept beside it: records were cut off. Whether all within
	// is as it was written, audit.verify tells, which reads them all.
	AuditRecords uint64 `json:"auditRecords"`
	AuditCut     bool   `json:"auditCut"`
}

func oversightOps() []Op {
	return []Op{
		define(Reads, "oversight.get", "Show what should be looked at: devices not adopted, unowned, unsupported, silent, links that are not encrypted, and how the program itself is.", "", getOversight),
	}
}

func getOversight(ctx context.Context, c *call, _ None) (Oversight, error) {
	all := c.s.tally(c.s.now())
	o := Oversight{Devices: all.devices, Unowned: all.unowned, States: all.states.list(nil)}
	var err error
	if o.Plain, err = c.s.plainLinks(ctx); err != nil {
		return o, err
	}
	o.Own, err = ownHealth(ctx, c)
	return o, err
}

func ownHealth(ctx context.Context, c *call) (OwnHealth, error) {
	h := OwnHealth{Version: c.s.Version, Started: c.s.Started, Faults: c.s.Health()}
	var err error
	if h.Journal, err = c.s.Journal.Stat(); err != nil {
		return h, err
	}
	if head, recorded := c.s.Journal.Head(), c.s.Cursor(); head > recorded {
		h.Behind = int64(head - recorded)
	}
	stats, err := c.s.Deliveries.Stats(ctx)
	if err != nil {
		return h, err
	}
	for _, st := range stats {
		h.Queued += st.Queued
		h.Dead += st.Dead
		h.Quarantined += st.Quarantined
		if st.Queued > 0 && !st.Oldest.IsZero() && (h.Oldest.IsZero() || st.Oldest.Before(h.Oldest)) {
			h.Oldest = st.Oldest
		}
	}
	// The anchor first: it is never ahead of what is durable then.
	anchor, kept, err := c.s.Store.AuditAnchor()
	if err != nil {
		return h, err
	}
	head, err := c.s.Store.AuditHead(ctx)
	if err != nil {
		return h, err
	}
	h.AuditRecords, h.AuditCut = head.Seq, kept && anchor.Seq > head.Seq
	return h, nil
}

// plainChannels tells the channels that other machines reach unencrypted.
func (s *Service) plainChannels(ctx context.Context) (map[model.ChannelID]bool, error) {
	all, err := register.Channels().List(ctx, s.Store)
	plain := map[model.ChannelID]bool{}
	for _, v := range all {
		if address, is := plainLink(v.Value.Settings); is && !local(address) {
			plain[v.Value.ID] = true
		}
	}
	return plain, err
}

// plainLinks lists what is not encrypted, also what is not in use: it would be
// as plain tomorrow.
func (s *Service) plainLinks(ctx context.Context) ([]PlainLink, error) {
	var out []PlainLink
	add := func(kind, id, name string, settings map[string]any) {
		if address, is := plainLink(settings); is {
			out = append(out, PlainLink{Kind: kind, ID: id, Name: name, Address: address, Local: local(address)})
		}
	}
	channels, err := register.Channels().List(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	for _, v := range channels {
		add("channel", string(v.Value.ID), v.Value.Name, v.Value.Settings)
	}
	destinations, err := register.Destinations().List(ctx, s.Store)
	for _, v := range destinations {
		add("destination", string(v.Value.ID), v.Value.Name, v.Value.Settings)
	}
	return out, err
}

// plainLink says from a link's settings whether its bytes go unencrypted, and
// where. A link without an address, such as a folder, has no bytes on the way.
func plainLink(settings map[string]any) (address string, plain bool) {
	text := func(name string) string { s, _ := settings[name].(string); return s }
	if u, err := url.Parse(cmp.Or(text("base_url"), text("url"))); err == nil && u.Host != "" {
		return u.Host, u.Scheme != "https"
	}
	address = cmp.Or(text("address"), text("listen"))
	tls, _ := settings["tls"].(map[string]any)
	enabled, _ := tls["enabled"].(bool)
	return address, address != "" && !enabled
}

// local says whether an address is of this machine alone.
func local(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
