package service

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"thalamus/internal/fault"
	"thalamus/internal/imports/sheet"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
)

// EditAsk says what to say of all devices that match, as device.list lists
// them. Without Begin it counts and changes nothing.
type EditAsk struct {
	DeviceAsk
	Devices []model.DeviceID `json:"devices,omitempty" doc:"only these devices"`
	Set     []string         `json:"set" doc:"what to say of each, as owner=ICU; owner= ends what is said"`
	Begin   bool             `json:"begin,omitempty" doc:"do it, in the background; needs the digest of what was counted"`
	Digest  string           `json:"digest,omitempty" doc:"of what was counted; refuse when it would be something else now"`
	Reason  string           `json:"reason,omitempty" doc:"why, for the audit; needed to begin"`
}

// EditCheck is what an edit would do.
type EditCheck struct {
	Matched int               `json:"matched"`
	Changed int               `json:"changed"` // of them say something else now
	Set     map[string]string `json:"set"`
	Sample  []EditRow         `json:"sample"` // the first that change
	Digest  string            `json:"digest"`
	Job     *register.Job     `json:"job,omitempty"` // when it was begun
}

// EditRow is one device that an edit changes.
type EditRow struct {
	ID  model.DeviceID    `json:"id"`
	Was map[string]string `json:"was"`
}

func editOps() []Op {
	return []Op{
		define(Works, "device.edit", "Count, and then change, all devices that match at once, in the background.", "--facts department=ICU --set owner='Clinic A' --begin --digest 0a1b2c3d4e5f --reason 'new owner'", editDevices),
	}
}

func editDevices(ctx context.Context, c *call, r EditAsk) (EditCheck, error) {
	set, err := wantedFacts(r.Set)
	if err != nil {
		return EditCheck{}, under(err, "set", "")
	}
	if len(set) == 0 {
		return EditCheck{}, fault.New(fault.Invalid, "service.argument", "say what to set, as in owner=ICU").At("set")
	}
	for name, value := range set {
		if kind, _ := fact.KindOf(name); kind.Own != "" && name != "name" {
			return EditCheck{}, fault.New(fault.Invalid, "register.fact", "the fact %q is said with %s", name, kind.Own).At("set")
		}
		if set[name], err = fact.Check(fact.OfDevice, name, value); err != nil {
			return EditCheck{}, err
		}
	}
	q, err := r.DeviceAsk.query()
	if err != nil {
		return EditCheck{}, err
	}
	q.After = ""
	a := EditCheck{Set: set}
	var rows []EditRow
	only := map[model.DeviceID]bool{}
	for _, id := range r.Devices {
		only[id] = true
	}
	now := c.s.now()
	see := func(v *register.View) bool {
		if len(only) > 0 && !only[v.ID] {
			return true
		}
		a.Matched++
		unit := rosterUnit(v, now)
		row := EditRow{ID: v.ID, Was: map[string]string{}}
		differs := false
		for name, value := range set {
			row.Was[name] = unit.Said[name]
			differs = differs || unit.Said[name] != value
		}
		if differs {
			rows = append(rows, row)
		}
		return true
	}
	if r.State != "" {
		q.Limit = 1 << 30
		page, err := c.s.inState(ctx, q, r.State)
		if err != nil {
			return a, err
		}
		for i := range page {
			see(&page[i])
		}
	} else {
		c.s.walk(q, see)
	}
	a.Changed = len(rows)
	a.Sample = rows[:min(len(rows), mostSteps)]
	a.Digest = digestOf(set, rows)
	if !r.Begin {
		return a, nil
	}
	if a.Digest != r.Digest {
		return a, fault.New(fault.Conflict, "service.import-stale", "the register changed since it was counted, and the edit would do something else now; count again").At("digest")
	}
	if err := needReason(r.Reason); err != nil {
		return a, err
	}
	j := register.Job{ID: "job-" + newChange(), Kind: "edit", Change: c.change, By: c.actor.ID, ByName: c.actor.Name, Reason: r.Reason, Made: now, Began: now, Total: len(rows)}
	c.object = "job " + j.ID
	input, err := json.Marshal(rows)
	if err == nil {
		j.Ask, err = json.Marshal(r)
	}
	if err == nil {
		input, err = sheet.Pack(input)
	}
	if err != nil {
		return a, fault.Wrap(err, fault.Broken, "register.body", "the edit cannot be written")
	}
	err = c.s.Store.Update(ctx, func(tx Tx) error {
		if err := tx.SaveJob(ctx, j); err != nil {
			return err
		}
		return tx.SaveJobInput(ctx, j.ID, input)
	})
	if err != nil {
		return a, err
	}
	j.State = register.JobWaiting
	a.Job = &j
	return a, c.startJob(ctx, j)
}

func digestOf(set map[string]string, rows []EditRow) string {
	h := sha256.New()
	names := slices.Sorted(maps.Keys(set))
	for _, n := range names {
		fmt.Fprintf(h, "%s\x00%s\x00", n, set[n])
	}
	for i := range rows {
		fmt.Fprintf(h, "%s\x00", rows[i].ID)
		for _, n := range names {
			fmt.Fprintf(h, "%s\x00", rows[i].Was[n])
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// editRows does the devices of an edit that are not done yet.
func editRows(ctx context.Context, s *Service, j *register.Job) error {
	var r EditAsk
	input, err := s.Store.JobInput(ctx, j.ID)
	if err != nil {
		return err
	}
	var rows []EditRow
	body, err := sheet.Unpack(input)
	if err == nil {
		if err = json.Unmarshal(body, &rows); err == nil {
			err = json.Unmarshal(j.Ask, &r)
		}
	}
	if err != nil {
		return fault.Wrap(err, fault.Broken, "register.body", "the edit cannot be read; do it again")
	}
	set, err := wantedFacts(r.Set)
	if err != nil {
		return err
	}
	done, err := s.lastLine(ctx, j.ID)
	if err != nil {
		return err
	}
	for done < len(rows) {
		part := rows[done:min(len(rows), done+rowsAtOnce)]
		err := s.batch(ctx, j, func(tx Tx, now *register.Job) error {
			entries := make([]register.Entry, len(part))
			for i := range part {
				entries[i] = register.Entry{ID: part[i].ID, Said: set, Was: part[i].Was}
			}
			entered, err := s.Register.Enter(ctx, tx, entries, s.markOf(now))
			if err != nil {
				return err
			}
			lines := make([]register.JobLine, len(part))
			for i, e := range entered {
				lines[i] = register.JobLine{N: done + i + 1, Outcome: "changed", Subject: fact.Of(fact.OfDevice, string(part[i].ID))}
				switch {
				case e.Err != nil:
					lines[i].Outcome, lines[i].Text = "skipped", clip(e.Err.Error(), 300)
				case e.Said == 0:
					lines[i].Outcome = "same"
				}
			}
			return s.settle(ctx, tx, now, lines)
		})
		if err != nil {
			return err
		}
		done += len(part)
	}
	return nil
}
