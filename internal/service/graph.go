package service

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// GraphAsk says how devices are grouped.
type GraphAsk struct {
	By string `json:"by,omitempty" arg:"by" doc:"how devices are grouped: model (unless told) or place"`
}

// Graph is what flows where, right now: groups of devices, the channels they
// speak on, the routes and the destinations.
type Graph struct {
	At           time.Time        `json:"at"`
	By           string           `json:"by"`
	Groups       []DeviceGroup    `json:"groups"` // the most devices first
	Channels     []GraphChannel   `json:"channels"`
	Routes       []model.Route    `json:"routes"`
	Destinations []DestinationRow `json:"destinations"`
}

// GraphChannel is a channel with how much comes over it.
type GraphChannel struct {
	ChannelRow
	PerSecond float64 `json:"perSecond"` // messages, see DeviceGroup
	Plain     bool    `json:"plain"`     // what comes over it from other machines is not encrypted
}

// DeviceGroup is the devices of one model or one place.
type DeviceGroup struct {
	Name    string `json:"name"`            // empty: their model or place is not known
	Model   string `json:"model,omitempty"` // id of the model
	Devices int    `json:"devices"`
	Silent  int    `json:"silent"`  // by their own rhythm
	Waiting int    `json:"waiting"` // nobody has adopted them
	// PerSecond is how many messages those that speak send, by the rhythm each
	// has had since it was first heard.
	PerSecond float64     `json:"perSecond"`
	Last      time.Time   `json:"last,omitzero"` // heard from any of them
	Over      []GroupOver `json:"over"`          // the channels they speak on
}

// GroupOver is the part of a group that speaks on one channel.
type GroupOver struct {
	Channel   model.ChannelID `json:"channel"`
	Devices   int             `json:"devices"`
	PerSecond float64         `json:"perSecond"`
}

func graphOps() []Op {
	return []Op{
		define(Reads, "graph.get", "Show what flows where: groups of devices, channels, routes, destinations, with rates, queues and ages.", "place", getGraph),
	}
}

func getGraph(ctx context.Context, c *call, r GraphAsk) (Graph, error) {
	g := Graph{At: c.s.now(), By: cmp.Or(r.By, "model")}
	if g.By != "model" && g.By != "place" {
		return g, fault.New(fault.Invalid, "service.argument", "devices are grouped by model or place, not by %q", clip(r.By, 40)).At("by")
	}
	channels, err := listChannels(ctx, c, None{})
	if err != nil {
		return g, err
	}
	plain, err := c.s.plainChannels(ctx)
	if err != nil {
		return g, err
	}
	if g.Routes, err = listRoutes(ctx, c, None{}); err != nil {
		return g, err
	}
	if g.Destinations, err = listDestinations(ctx, c, None{}); err != nil {
		return g, err
	}
	g.Groups = c.s.groups(g.By, g.At)
	for _, row := range channels {
		ch := GraphChannel{ChannelRow: row, Plain: plain[row.ID]}
		for _, group := range g.Groups {
			for _, over := range group.Over {
				if over.Channel == row.ID {
					ch.PerSecond += over.PerSecond
				}
			}
		}
		g.Channels = append(g.Channels, ch)
	}
	return g, nil
}

// groups gives the devices by model or place.
func (s *Service) groups(by string, now time.Time) []DeviceGroup {
	byName := map[string]*DeviceGroup{}
	for _, c := range s.tally(now).cohorts {
		name := c.Name
		if by == "place" {
			name = strings.TrimSpace(cmp.Or(c.Place.PointOfCare, c.Place.Facility))
		}
		g := byName[name]
		if g == nil {
			g = &DeviceGroup{Name: name}
			byName[name] = g
		}
		if by == "model" {
			g.Model = c.Model
		}
		g.add(c)
	}
	out := make([]DeviceGroup, 0, len(byName))
	for _, g := range byName {
		slices.SortFunc(g.Over, func(a, b GroupOver) int { return cmp.Compare(a.Channel, b.Channel) })
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b DeviceGroup) int {
		return cmp.Or(cmp.Compare(b.Devices, a.Devices), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func (g *DeviceGroup) add(c *cohort) {
	g.Devices += c.devices()
	if c.Waits {
		g.Waiting += c.devices()
	}
	g.Silent += c.silent
	g.PerSecond += c.perSecond
	if c.last.After(g.Last) {
		g.Last = c.last
	}
	if c.channel == "" {
		return
	}
	i := slices.IndexFunc(g.Over, func(have GroupOver) bool { return have.Channel == c.channel })
	if i < 0 {
		i = len(g.Over)
		g.Over = append(g.Over, GroupOver{Channel: c.channel})
	}
	g.Over[i].Devices += c.devices()
	g.Over[i].PerSecond += c.perSecond
}
