package service

import (
	"context"
	"encoding/json"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/fact"
	"thalamus/internal/register/roster"
)

// knownDevices gives what the register knows its devices by.
func (s *Service) knownDevices() *roster.Known {
	now := s.now()
	k := roster.NewKnown(now.Year())
	merged := s.Register.Merged()
	s.walk(register.Query{}, func(v *register.View) bool {
		u := rosterUnit(v, now)
		for _, other := range merged[v.ID] { // what the machine told under another name is its own too
			u.Names["id"] = append(u.Names["id"], string(other.ID))
			named(u.Names, &other.Observed)
		}
		k.Add(u)
		return true
	})
	return k
}

func rosterUnit(v *register.View, now time.Time) roster.Unit {
	u := roster.Unit{ID: string(v.ID), Version: v.Version, Heard: v.Seen.Messages > 0, Said: map[string]string{}, Names: map[string][]string{}}
	named(u.Names, &v.Observed)
	for i := range v.Said {
		f := &v.Said[i]
		if !f.TrueAt(now) {
			continue
		}
		switch f.Name {
		case "serial", "udi", "asset", "mac", "manufacturer", "model":
			u.Names[f.Name] = append(u.Names[f.Name], f.Value)
		}
		if f.Truth == fact.Asserted {
			u.Said[f.Name] = f.Value
		}
	}
	return u
}

// named adds to names what a device's messages name it by.
func named(names map[string][]string, o *register.Observed) {
	name := func(kind, value string) {
		if value != "" {
			names[kind] = append(names[kind], value)
		}
	}
	name("serial", o.Serial)
	name("udi", o.UDI)
	name("manufacturer", o.Manufacturer)
	name("model", o.Model)
	for _, id := range o.Identifiers {
		switch register.KindOfIdentifier(id) {
		case "mac", "udi", "serial":
			name(register.KindOfIdentifier(id), id.Value)
		}
	}
}

// knownModels gives the models the register knows.
func (s *Service) knownModels() *roster.Known {
	now := s.now()
	k := roster.NewKnown(now.Year())
	for _, m := range s.Register.Models("") {
		u := roster.Unit{ID: m.ID, Said: map[string]string{}, Names: map[string][]string{"manufacturer": {m.Manufacturer}, "model": {m.Name}}}
		for _, f := range s.Register.Said(fact.Of(fact.OfModel, m.ID), now) {
			if f.Truth == fact.Asserted {
				u.Said[f.Name] = f.Value
			}
			if f.Name == "udi-di" {
				u.Names["udi-di"] = append(u.Names["udi-di"], f.Value)
			}
		}
		k.AddModel(u)
	}
	return k
}

// importRows does the rows of an import that are not done yet.
func importRows(ctx context.Context, s *Service, j *register.Job) error {
	var r ImportAsk
	if err := json.Unmarshal(j.Ask, &r); err != nil {
		return fault.Wrap(err, fault.Broken, "register.body", "the import cannot be read; import the table again")
	}
	body, err := s.Store.JobInput(ctx, j.ID)
	if err != nil {
		return err
	}
	if body == nil {
		return fault.New(fault.Absent, "register.no-job", "the table of the import is gone; import it again")
	}
	p, err := s.planImport(ctx, body, r)
	if err == nil {
		err = p.mistake
	}
	if err != nil {
		return err
	}
	after := -1
	last, err := s.lastLine(ctx, j.ID)
	if err != nil {
		return err
	}
	after = max(after, last)
	steps := p.steps
	for len(steps) > 0 && steps[0].Row <= after {
		steps = steps[1:]
	}
	j.Total = j.Done + len(steps)
	for len(steps) > 0 {
		part := steps[:min(len(steps), rowsAtOnce)]
		steps = steps[len(part):]
		err := s.batch(ctx, j, func(tx Tx, now *register.Job) error {
			lines, err := s.enterSteps(ctx, tx, part, r, p.what, now)
			if err != nil {
				return err
			}
			return s.settle(ctx, tx, now, lines)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lastLine gives the last row that a job settled, 0 for none.
func (s *Service) lastLine(ctx context.Context, job string) (int, error) {
	last := 0
	for {
		lines, err := s.Store.JobLines(ctx, job, "", last, 1000)
		if err != nil || len(lines) == 0 {
			return last, err
		}
		last = lines[len(lines)-1].N
	}
}

// enterSteps enters a part of a plan and says what became of each row.
func (s *Service) enterSteps(ctx context.Context, tx Tx, steps []roster.Step, r ImportAsk, what roster.What, j *register.Job) ([]register.JobLine, error) {
	lines := make([]register.JobLine, len(steps))
	layer := fact.OfDevice
	if what == roster.Models {
		layer = fact.OfModel
	}
	source := "import"
	if j.Name != "" {
		source = clip("import "+j.Name, 190)
	}
	var devices []register.Entry
	var models []register.ModelEntry
	var at []int
	for i := range steps {
		st := &steps[i]
		lines[i] = register.JobLine{N: st.Row, Outcome: string(st.Outcome)}
		if st.ID != "" {
			lines[i].Subject = fact.Of(layer, st.ID)
		}
		switch {
		case st.Outcome == roster.Doubtful:
			lines[i].Outcome, lines[i].Text = "skipped", "it may be several devices, and nobody chose"
			continue
		case st.Outcome == roster.Wrong:
			lines[i].Text = "it has problems"
			continue
		case st.Outcome == roster.Same:
			continue
		case st.Outcome == roster.New && r.OnlyKnown:
			lines[i].Outcome, lines[i].Text = "skipped", "the register does not know it"
			lines[i].Subject = ""
			continue
		}
		at = append(at, i)
		said, was := map[string]string{}, map[string]string{}
		for _, c := range st.Changes {
			said[c.Name], was[c.Name] = c.Now, c.Was
		}
		if layer == fact.OfModel {
			models = append(models, register.ModelEntry{ID: st.ID, Source: source, Said: said, Was: was})
			continue
		}
		e := register.Entry{ID: model.DeviceID(st.ID), Source: source, Said: said, Was: was, Adopt: r.Adopt}
		if st.Outcome == roster.New {
			v := st.Values
			e.Was = nil // it may have been heard meanwhile, which says nothing against it
			e.Asset = v["asset"]
			e.Names = model.Device{Manufacturer: v["manufacturer"], Model: v["model"], Serial: v["serial"], UDI: v["udi"]}
			if v["mac"] != "" {
				e.Names.Identifiers = []model.Identifier{{Value: v["mac"], Type: "MAC"}}
			}
		}
		devices = append(devices, e)
	}
	entered, err := s.Register.Enter(ctx, tx, devices, s.markOf(j))
	if err == nil && len(models) > 0 {
		entered, err = s.Register.EnterModels(ctx, tx, models, s.markOf(j))
	}
	if err != nil {
		return nil, err
	}
	for k, e := range entered {
		l := &lines[at[k]]
		if e.ID != "" {
			l.Subject = fact.Of(layer, string(e.ID))
		}
		switch {
		case e.Err != nil:
			l.Outcome, l.Text = "skipped", clip(e.Err.Error(), 300)
		case e.Made:
			l.Outcome = "new"
		case e.Said > 0:
			l.Outcome = "changed"
		default:
			l.Outcome = "same"
		}
	}
	return lines, nil
}
