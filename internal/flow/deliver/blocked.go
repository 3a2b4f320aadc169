package deliver

import (
	"slices"
	"strings"
	"time"

	"thalamus/internal/destination"
	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Nothing of a blocked device leaves. What arrives from then on is decided so
// when it is routed; what was owed before is met here, right before the call,
// wherever it waited: it is set aside as what waits for adoption is, and goes
// out when somebody decides so. A replay that meets a block becomes a dead
// letter, because what it repeats may have gone out before (decision 0211).

// stopped is the end of a call that was not made, because of a block.
type stopped struct {
	error
	who string // what is waited for, as in Detained
}

// stops gives why a parcel may not leave now, nil where it may.
func (r *runner) stops(parcels []destination.Parcel) error {
	for i := range parcels {
		if who := r.o.blockers(parcels[i].Message); who != "" {
			return &stopped{fault.New(fault.Denied, "deliver.blocked", "%s; unblock the device, then try this again", WaitsReason(who)), who}
		}
	}
	return nil
}

// blockers are the whole devices of a message, as Detained has them, where one
// of them is blocked; empty where none is.
func (o *Options) blockers(m *model.Message) string {
	any := false
	for i := range m.Devices {
		d := &m.Devices[i]
		any = any || d.Parent < 0 && d.ID != "" && o.Blocked(d.ID, m.Arrived)
	}
	if !any {
		return ""
	}
	var who []string
	for i := range m.Devices {
		d := &m.Devices[i]
		if one := blocked + string(m.Channel) + "/" + string(d.ID); d.Parent < 0 && d.ID != "" && !o.known(one) {
			who = append(who, one)
		}
	}
	slices.Sort(who)
	return strings.Join(slices.Compact(who), " ")
}

// setAside takes the first parcel of a lane out of the queue, with its place in
// the order, until somebody decides about it; false: the lane is held by the
// dead letter that it became.
func (r *runner) setAside(l *lane, p *parcel, err *stopped, now time.Time) bool {
	if p.replay != 0 {
		return r.fail(l, p, err.error, now)
	}
	if slices.ContainsFunc(r.pending.Released, func(x Release) bool { return x.For == err.who }) {
		r.flush() // that was about what waited before
	}
	ord := p.ord
	if ord != 0 {
		r.pending.Unqueue = append(r.pending.Unqueue, ord)
		r.parked--
	} else {
		r.lastOrd++
		ord = r.lastOrd
	}
	r.pending.Wait = append(r.pending.Wait, Detained{Ord: ord, Key: l.key, Ref: p.ref, Owed: p.owed, For: err.who})
	if p.slot != 0 {
		r.ledger.settle(p.slot)
	}
	r.touched()
	r.waits.add(err.who, l.key, 1, p.owed)
	r.unload(p)
	l.drop(1)
	l.singles = max(0, l.singles-1)
	return true
}
