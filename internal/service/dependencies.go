package service

import (
	"context"
	"slices"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/depend"
	"thalamus/internal/register/state"
)

// DependencyAsk names a thing that may stop.
type DependencyAsk struct {
	Kind string `json:"kind" arg:"kind" doc:"device, model, place, channel, route, destination or service"`
	ID   string `json:"id" arg:"id" doc:"its id; of a place its beginning, ICU^2"`
}

func serviceOps() []Op {
	return append(governedOps("service", "service", `{"id":"icu","name":"Monitoring ICU","critical":"life","needs":[{"kind":"place","id":"ICU","least":4}]}`,
		register.Services(), func(*Service, model.Service) error { return nil }),
		define(Reads, "service.list", "List the services of the house: what they need and what is done when they stop.", "", func(ctx context.Context, c *call, _ None) ([]model.Service, error) {
			rows, err := register.Services().List(ctx, c.s.Store)
			out := make([]model.Service, len(rows))
			for i := range rows {
				out[i] = rows[i].Value
			}
			return out, err
		}),
		ofPatients(define(Reads, "dependency.get", "Tell what stops if a thing stops: which services, for how many patients right now, and what is done then.", "channel icu", getDependency)),
	)
}

// Dependency is what stops if a thing stops, and for whom.
type Dependency struct {
	depend.Answer
	// Concerned is how many patients are connected to the devices that stop, now.
	Concerned int `json:"concerned"`
	// Patients are these, for who may see patients; empty for others.
	Patients []DependentPatient `json:"patients"`
}

// DependentPatient is a patient whom it concerns.
type DependentPatient struct {
	Patient model.PatientID `json:"patient"`
	Name    string          `json:"name,omitempty"`
	Device  model.DeviceID  `json:"device"`
	Since   time.Time       `json:"since,omitzero"`
}

func getDependency(ctx context.Context, c *call, r DependencyAsk) (Dependency, error) {
	if !slices.Contains(depend.Kinds(), r.Kind) {
		return Dependency{}, fault.New(fault.Invalid, "service.argument", "there is no kind %q; expected %s", clip(r.Kind, 40), strings.Join(depend.Kinds(), ", ")).At("kind")
	}
	c.object = r.Kind + " " + r.ID
	if err := c.s.known(ctx, r); err != nil {
		return Dependency{}, err
	}
	world, err := c.s.world(ctx)
	if err != nil {
		return Dependency{}, err
	}
	out := Dependency{Answer: depend.Stops(world, depend.Ref{Kind: r.Kind, ID: r.ID})}
	now, named := c.s.now(), c.s.Access.May(c.actor, "patient.get")
	connected, err := c.s.Patients.Connected(ctx, now)
	if err != nil {
		return Dependency{}, err
	}
	var asked []model.DeviceID
	for _, one := range connected {
		if _, stops := slices.BinarySearch(out.Devices, one.Device); stops && c.s.counts(one, now) {
			asked = append(asked, one.Device)
		}
	}
	on, err := c.s.onDevices(ctx, asked, now)
	if err != nil {
		return Dependency{}, err
	}
	for _, id := range asked {
		who, ok := on[id]
		if ok {
			out.Concerned++
		}
		if ok && named {
			one := DependentPatient{Patient: who.Patient, Device: id, Since: who.From}
			if p, err := c.s.Patients.Get(ctx, who.Patient); err == nil {
				one.Patient, one.Name = p.ID, p.DisplayName()
			}
			out.Patients = append(out.Patients, one)
			c.look(one.Patient)
		}
	}
	return out, nil
}

// onDevice gives who is connected to a device now: whom somebody connected,
// else whom its messages name, as long as it speaks.
func (s *Service) onDevice(ctx context.Context, id model.DeviceID, now time.Time) (model.Association, bool, error) {
	d, err := s.Register.Get(id)
	if err != nil {
		return model.Association{}, false, err
	}
	who, ok, err := s.Patients.On(ctx, id, now)
	if err != nil || !ok || who.Source == "message" && !speaks(&d, now) {
		return model.Association{}, false, err
	}
	return who, true, nil
}

// onDevices is onDevice of many, those that somebody is connected to.
func (s *Service) onDevices(ctx context.Context, ids []model.DeviceID, now time.Time) (map[model.DeviceID]model.Association, error) {
	all, err := s.Patients.OnAll(ctx, ids, now)
	if err != nil {
		return nil, err
	}
	for id, who := range all {
		if who.Source != "message" {
			continue
		}
		d, err := s.Register.Get(id)
		if err != nil {
			return nil, err
		}
		if !speaks(&d, now) {
			delete(all, id)
		}
	}
	return all, nil
}

// known says whether a thing is there to stop.
func (s *Service) known(ctx context.Context, r DependencyAsk) (err error) {
	switch r.Kind {
	case "device":
		_, err = s.Register.Get(model.DeviceID(r.ID))
	case "model":
		if _, ok := s.Register.Model(r.ID); !ok {
			err = fault.New(fault.Absent, "register.no-subject", "there is no model %q in the register; list them to see their ids", clip(r.ID, 60))
		}
	case "channel":
		_, err = register.Channels().Get(ctx, s.Store, r.ID)
	case "route":
		_, err = register.Routes().Get(ctx, s.Store, r.ID)
	case "destination":
		_, err = register.Destinations().Get(ctx, s.Store, r.ID)
	case "service":
		_, err = register.Services().Get(ctx, s.Store, r.ID)
	}
	return err
}

// world is what depends on each other, now.
func (s *Service) world(ctx context.Context) (depend.World, error) {
	var w depend.World
	services, err := register.Services().List(ctx, s.Store)
	if err != nil {
		return w, err
	}
	for _, v := range services {
		w.Services = append(w.Services, v.Value)
	}
	routes, err := register.Routes().List(ctx, s.Store)
	if err != nil {
		return w, err
	}
	for _, v := range routes {
		if !v.Value.Disabled {
			w.Routes = append(w.Routes, v.Value)
		}
	}
	for _, c := range s.tally(s.now()).cohorts {
		w.Groups = append(w.Groups, depend.Group{Model: c.Model, Place: c.PlaceText, Channel: c.channel, Works: c.works, Idle: c.idle})
	}
	return w, nil
}

// walk calls see for every device that matches until it says false.
func (s *Service) walk(q register.Query, see func(v *register.View) bool) {
	q.Limit = 1000
	for {
		page := s.Register.Walk(q)
		for i := range page {
			if !see(&page[i]) {
				return
			}
			q.After = page[i].ID
		}
		if len(page) < q.Limit {
			return
		}
	}
}

// speaks says whether a device is not silent.
func speaks(d *register.Device, now time.Time) bool {
	heard := heardOf(d)
	return isHeard(&heard, now)
}

func isHeard(d *state.Heard, now time.Time) bool {
	h := Hear(d.First, d.Last, d.Messages, now)
	return !h.Last.IsZero() && !h.IsSilent
}
