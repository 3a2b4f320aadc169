package service

import (
	"context"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// SuggestAsk says of which devices something is suggested.
type SuggestAsk struct {
	Devices []model.DeviceID `json:"devices" arg:"devices" doc:"device ids, at most 100"`
}

// Suggestion is what a device seen on the wire seems to be, and what tells so
// (R30). It is found from the register alone and decides nothing.
type Suggestion struct {
	Device  model.DeviceID `json:"device"`
	Model   string         `json:"model,omitempty"` // id of the model its messages tell
	Name    string         `json:"name,omitempty"`  // maker and name of that
	Adopted int            `json:"adopted"`         // devices of the model in use already
	Profile string         `json:"profile,omitempty"`
	Read    uint64         `json:"read"` // messages that the profile read
	MayBe   []MayBe        `json:"mayBe"`
}

// MayBe is a device of the register that one seen on the wire may be.
type MayBe struct {
	Device model.DeviceID `json:"device"`
	Name   string         `json:"name"`
	Why    string         `json:"why"`   // serial: the same serial number; place: one of the model fell silent at the same bed before this one spoke
	Heard  bool           `json:"heard"` // it has spoken itself; else it was entered or imported
}

// mostSuggested bounds how many devices one question names.
const mostSuggested = 100

func suggestOps() []Op {
	return []Op{
		define(Reads, "device.suggest", "Say what devices seen on the wire seem to be: which model, which profile, and which known device each may be, with what tells so.", "dev-abc", suggestDevices),
	}
}

func suggestDevices(_ context.Context, c *call, r SuggestAsk) ([]Suggestion, error) {
	if len(r.Devices) == 0 || len(r.Devices) > mostSuggested {
		return nil, fault.New(fault.Invalid, "service.argument", "name 1 to %d devices", mostSuggested).At("devices")
	}
	alike := c.s.Register.Alike(r.Devices)
	all := make([]Suggestion, 0, len(r.Devices))
	for _, id := range r.Devices {
		v, err := c.s.Register.View(id)
		if err != nil {
			return nil, err
		}
		one := Suggestion{Device: id, Model: v.Model, MayBe: []MayBe{}}
		if m, ok := c.s.Register.Model(v.Model); ok {
			one.Name, one.Adopted = modelTitle(m), m.Adopted
		}
		reading := c.s.readingOf(v.Device)
		one.Profile, one.Read = reading.Profile, reading.Messages
		if reading.Title != "" {
			one.Profile = reading.Title
		}
		for _, a := range alike[id] {
			b := MayBe{Device: a.Device.ID, Name: c.s.deviceNamed(a.Device.ID), Why: "place", Heard: a.Device.Seen.Messages > 0}
			if a.Serial {
				b.Why = "serial"
			}
			one.MayBe = append(one.MayBe, b)
		}
		all = append(all, one)
	}
	return all, nil
}

// modelTitle is a model's maker and name.
func modelTitle(m register.Model) string {
	if m.Manufacturer == "" {
		return m.Name
	}
	return m.Manufacturer + " " + m.Name
}
