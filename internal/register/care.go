package register

import (
	"context"
	"slices"
	"time"

	"thalamus/internal/model"
	"thalamus/internal/register/care"
	"thalamus/internal/register/fact"
)

// Plans is the set of maintenance plans (R31).
func Plans() Set[care.Plan] {
	return Set[care.Plan]{Kind: "plan", id: func(p care.Plan) string { return p.ID }, check: care.Plan.Check}
}

// Contracts is the set of contracts for devices (R31).
func Contracts() Set[care.Contract] {
	return Set[care.Contract]{Kind: "contract", id: func(c care.Contract) string { return c.ID }, check: care.Contract.Check}
}

// caring is what the register keeps in memory of maintenance, guarded by
// Register.mu: a device's next day is asked for in every list.
type caring struct {
	zone    *time.Location // of days
	models  map[string][]*care.Plan
	devices map[model.DeviceID][]*care.Plan
	done    map[model.DeviceID]map[string]care.Done // by plan
}

func newCaring(rows []care.DoneRow) caring {
	c := caring{zone: time.UTC, done: map[model.DeviceID]map[string]care.Done{}}
	for _, r := range rows {
		if c.done[r.Device] == nil {
			c.done[r.Device] = map[string]care.Done{}
		}
		c.done[r.Device][r.Plan] = r.Done
	}
	return c
}

// Plan brings maintenance plans in force; zone is where days begin.
func (r *Register) Plan(plans []care.Plan, zone *time.Location) {
	models, devices := map[string][]*care.Plan{}, map[model.DeviceID][]*care.Plan{}
	for i := range plans {
		p := &plans[i]
		if p.Disabled {
			continue
		}
		for _, m := range p.Models {
			models[m] = append(models[m], p)
		}
		for _, d := range p.Devices {
			devices[d] = append(devices[d], p)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.caring.models, r.caring.devices = models, devices
	r.surveys.turn++
	r.surveys.news++
	if zone != nil {
		r.caring.zone = zone
	}
}

// Day is the day of an instant where the installation is.
func (r *Register) Day(t time.Time) care.Day {
	r.mu.Lock()
	defer r.mu.Unlock()
	return care.DayOf(t, r.caring.zone)
}

// plansOf gives the plans for a device, each once. Called with r.mu held.
func (r *Register) plansOf(id model.DeviceID, modelID string) []*care.Plan {
	ofModel, own := r.caring.models[modelID], r.caring.devices[id]
	if modelID == "" || len(ofModel) == 0 {
		return own
	}
	if len(own) == 0 {
		return ofModel
	}
	both := slices.Clone(ofModel)
	for _, p := range own {
		if !slices.Contains(both, p) {
			both = append(both, p)
		}
	}
	return both
}

// CaredAfterUse says whether a plan asks for work on a device after each use.
func (r *Register) CaredAfterUse(v *View) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.plansOf(v.ID, v.Model), func(p *care.Plan) bool { return p.AfterUse })
}

// Dues gives what plans ask for on a device, the next first. used is when it
// was last in use; without, plans after use ask for nothing. A device that
// nobody adopted, or that is lost, retired or disposed of, needs nothing.
func (r *Register) Dues(v *View, used, now time.Time) []care.Due {
	r.mu.Lock()
	defer r.mu.Unlock()
	plans := r.plansOf(v.ID, v.Model)
	if len(plans) == 0 || v.Adoption == nil {
		return nil
	}
	switch factOf(v.Said, "life", now) {
	case "lost", "retired", "disposed":
		return nil
	}
	var out []care.Due
	begun := r.begun(v, now)
	for _, p := range plans {
		last := r.caring.done[v.ID][p.ID]
		if on := p.Next(begun, last, care.DayOf(used, r.caring.zone)); on != "" {
			out = append(out, care.Due{Plan: p.ID, Name: p.Name, Kind: p.Kind, Device: v.ID, On: on, Last: last.On})
		}
	}
	slices.SortFunc(out, care.Due.Compare)
	return out
}

// factOf gives what is said of a name at an instant, a decision first.
func factOf(facts []fact.Fact, name string, at time.Time) string {
	value, decided := "", false
	for i := range facts {
		if f := &facts[i]; f.Name == name && f.TrueAt(at) && (!decided || f.Truth == fact.Decided) {
			value, decided = f.Value, f.Truth == fact.Decided
		}
	}
	return value
}

// PutOrder stores an order in the caller's transaction; what it says of plans
// counts after the commit.
func (r *Register) PutOrder(ctx context.Context, tx Tx, o care.Order) (care.Order, error) {
	o, err := tx.PutOrder(ctx, o)
	if err != nil || o.Plan == "" {
		return o, err
	}
	rows, err := tx.LastDone(ctx, o.Device)
	if err != nil {
		return o, err
	}
	tx.OnCommit(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.caring.done[o.Device] = newCaring(rows).done[o.Device]
		r.unjudgeThing(string(o.Device))
	})
	return o, nil
}

// Next gives the day on which work by a plan is due next on a device, given
// the last that passed; of plans after use nothing.
func (r *Register) Next(p *care.Plan, v *View, last care.Done, now time.Time) care.Day {
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.Next(r.begun(v, now), last, "")
}

// begun is where plans start counting for a device: the day it was bought, else
// the day it was adopted. Called with r.mu held.
func (r *Register) begun(v *View, now time.Time) care.Day {
	adopted := care.Day("")
	if v.Adoption != nil {
		adopted = care.DayOf(v.Adoption.At, r.caring.zone)
	}
	return care.Begun(care.Day(factOf(v.Said, "purchased", now)), adopted)
}
