package service

import (
	"cmp"
	"context"
	"hash/maphash"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/flows"
)

// keptFlows are the flows as they were judged last. They count as long as what
// is stored and what they are judged by is the same (decision 135).
type keptFlows struct {
	seed maphash.Seed

	mu     sync.Mutex // held while flows are judged: who comes meanwhile needs the same
	world  *flows.World
	by     judgedBy
	turn   uint64       // of the store
	stored []model.Flow // sorted by their ends
	rows   []FlowRow
	until  time.Time // from then on an approval is over; zero: none will be
}

// judgedBy is everything that flows are judged by.
type judgedBy struct {
	devices uint64
	set     flows.World // what is governed
}

func newKeptFlows() *keptFlows { return &keptFlows{seed: maphash.MakeSeed()} }

// network stands for what flows know of a device beside its last message.
func (k *keptFlows) network(v *register.View, now time.Time) uint64 {
	d := flowDevice(v, now)
	if len(d.Addresses) == 0 && len(d.MACs) == 0 && d.Peer == "" {
		return 0
	}
	d.Peer, d.Channel = "", ""
	return maphash.Comparable(k.seed, strings.Join(slices.Concat([]string{
		string(d.ID), d.Name, d.Model, d.Department, d.Place, map[bool]string{true: "adopted"}[d.Adopted]},
		d.Called, []string{"\x00"}, d.Addresses, []string{"\x00"}, d.MACs), "\x01"))
}

// governedOfFlows is what of the governed flows are judged by.
func (s *Service) governedOfFlows(ctx context.Context) (w flows.World, err error) {
	if w.Segments, err = listOf(ctx, s, register.Segments()); err != nil {
		return w, err
	}
	if w.Approvals, err = listOf(ctx, s, register.Approvals()); err != nil {
		return w, err
	}
	if w.Channels, err = listOf(ctx, s, register.Channels()); err != nil {
		return w, err
	}
	if w.Routes, err = listOf(ctx, s, register.Routes()); err != nil {
		return w, err
	}
	all, err := listOf(ctx, s, register.Destinations())
	reaches := s.Reaches()
	w.Destinations = slices.DeleteFunc(all, func(d model.Destination) bool { return !reaches[d.ID] })
	return w, err
}

// flowWorld is what flows are judged by.
func (s *Service) flowWorld(set flows.World, now time.Time) *flows.World {
	w := set
	w.Now = now
	s.walk(register.Query{}, func(v *register.View) bool {
		if d := flowDevice(v, now); d.Peer != "" || len(d.Addresses) > 0 || len(d.MACs) > 0 {
			w.Devices = append(w.Devices, d)
		}
		return true
	})
	return w.Ready()
}

// judged gives every flow as it is now, the latest first. Nobody may change
// what it gives.
func (s *Service) judged(ctx context.Context) ([]FlowRow, *flows.World, error) {
	now := s.now()
	set, err := s.governedOfFlows(ctx)
	if err != nil {
		return nil, nil, err
	}
	by := judgedBy{devices: s.tally(now).network, set: set}
	k := s.kept
	k.mu.Lock()
	defer k.mu.Unlock()
	fresh, err := s.Flows(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := k.bring(ctx, s, by, now); err != nil {
		return nil, nil, err
	}
	if len(fresh) == 0 {
		return k.rows, k.world, nil
	}
	if k.announces(fresh) { // what answers at an address of ours is not stored yet: it tells of other flows
		return flows.Judge(append(slices.Clone(k.stored), fresh...), k.world), k.world, nil
	}
	return k.with(fresh), k.world, nil
}

// bring makes what is kept anew, as far as it does not count any more.
func (k *keptFlows) bring(ctx context.Context, s *Service, by judgedBy, now time.Time) error {
	same := k.world != nil && reflect.DeepEqual(by, k.by)
	turn := s.Store.FlowsTurn() // before they are read: what comes meanwhile makes them be read again
	if k.stored == nil || turn != k.turn {
		stored, err := s.Store.Flows(ctx)
		if err != nil {
			return err
		}
		slices.SortStableFunc(stored, compareEnds)
		k.stored, k.turn, k.rows = stored, turn, nil
	}
	if over := !k.until.IsZero() && !k.until.After(now); !same || over {
		k.world, k.by, k.rows, k.until = s.flowWorld(by.set, now), by, nil, time.Time{}
		for _, a := range by.set.Approvals {
			if a.Expires.After(now) && (k.until.IsZero() || a.Expires.Before(k.until)) {
				k.until = a.Expires
			}
		}
	}
	if k.rows == nil {
		k.rows = flows.Judge(k.stored, k.world)
	}
	return nil
}

func compareEnds(a, b model.Flow) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
}

// same gives the stored flows with the ends of one.
func (k *keptFlows) same(f model.Flow) []model.Flow {
	i, _ := slices.BinarySearchFunc(k.stored, f, compareEnds)
	n := i
	for n < len(k.stored) && compareEnds(k.stored[n], f) == 0 {
		n++
	}
	return k.stored[i:n]
}

// announces says whether a fresh flow tells of an end of ours that no stored
// one with the same ends tells of.
func (k *keptFlows) announces(fresh []model.Flow) bool {
	return slices.ContainsFunc(fresh, func(f model.Flow) bool {
		return f.End != "" && !slices.ContainsFunc(k.same(f), func(g model.Flow) bool { return g.End == f.End })
	})
}

// with joins fresh flows to those that are kept.
func (k *keptFlows) with(fresh []model.Flow) []FlowRow {
	var again []model.Flow
	for _, f := range fresh {
		again = append(append(again, k.same(f)...), f)
	}
	// Two fresh ones with the same ends must not count what is stored twice.
	slices.SortStableFunc(again, compareEnds)
	again = slices.CompactFunc(again, func(a, b model.Flow) bool { return a == b })
	now := flows.Judge(again, k.world)
	told := make(map[string]bool, len(now))
	for i := range now {
		told[now[i].ID] = true
	}
	out := make([]FlowRow, 0, len(k.rows)+len(now))
	for i, n := 0, 0; i < len(k.rows) || n < len(now); {
		switch {
		case i < len(k.rows) && told[k.rows[i].ID]:
			i++
		case n == len(now) || i < len(k.rows) && flows.Latest(&k.rows[i], &now[n]) < 0:
			out = append(out, k.rows[i])
			i++
		default:
			out = append(out, now[n])
			n++
		}
	}
	return out
}

// KeepFlows judges the flows ahead, so that who asks for them does not wait.
func (s *Service) KeepFlows(ctx context.Context) error {
	_, _, err := s.judged(ctx)
	return err
}
