package service

import (
	"context"
	"slices"
	"strconv"

	"thalamus/internal/model"
)

// onNetwork is what the network alone saw of a device: files of Zeek, nmap,
// NetFlow or a capture, not our own listeners.
type onNetwork struct {
	ports []string // of its own that answered, tcp/443
	plain []string // connections that were not encrypted: tcp/80 of 10.1.2.3
}

// network gives what the network saw of each device. An address counts for a
// device only where somebody said that it is its own, and no other one stands
// behind it: that messages come from an address says nothing of what else does
// (decision 137).
func (s *Service) network(ctx context.Context) (map[model.DeviceID]*onNetwork, error) {
	rows, _, err := s.judged(ctx)
	if err != nil {
		return nil, err
	}
	return networkOf(rows), nil
}

func networkOf(rows []FlowRow) map[model.DeviceID]*onNetwork {
	out := map[model.DeviceID]*onNetwork{}
	put := func(e *FlowEnd, add func(n *onNetwork)) {
		id, ok := e.Alone()
		if !ok {
			return
		}
		if out[id] == nil {
			out[id] = &onNetwork{}
		}
		add(out[id])
	}
	once := func(list *[]string, text string) {
		if !slices.Contains(*list, text) {
			*list = append(*list, text)
		}
	}
	for i := range rows {
		r := &rows[i]
		if !slices.ContainsFunc(r.Sources, func(source string) bool { return source != model.FromOwn }) {
			continue
		}
		port := r.Protocol + "/" + strconv.Itoa(int(r.Port))
		put(&r.To, func(n *onNetwork) { once(&n.ports, port) })
		if r.Encrypted == "no" {
			for _, e := range []*FlowEnd{&r.From, &r.To} {
				put(e, func(n *onNetwork) { once(&n.plain, port+" of "+r.To.Address) })
			}
		}
	}
	for _, n := range out {
		slices.Sort(n.ports)
		slices.Sort(n.plain)
	}
	return out
}

// attendNetwork compares the devices of a file of connections with what was
// accepted.
func (s *Service) attendNetwork(ctx context.Context, file []FlowRow) error {
	if s.Register.AcceptanceTurn() == 0 {
		return nil
	}
	all, err := s.network(ctx)
	if err != nil {
		return err
	}
	for id := range networkOf(file) {
		if _, ok := s.Register.AcceptanceFor(id); !ok {
			continue
		}
		if err := s.attend(ctx, id, all[id]); err != nil {
			return err
		}
	}
	return nil
}
