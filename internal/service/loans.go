package service

import (
	"context"

	"thalamus/internal/fault"
	"thalamus/internal/register"
	"thalamus/internal/register/care"
	"thalamus/internal/register/fact"
)

// DeviceLend lends a device.
type DeviceLend struct {
	DeviceAct
	To    string   `json:"to" doc:"who gets it: a department, a person, another hospital; no patients"`
	Until care.Day `json:"until" doc:"the day it is to be back, as 2026-05-03"`
}

// DeviceReturn takes a lent device back.
type DeviceReturn struct {
	DeviceAct
	Life string `json:"life,omitempty" doc:"what it is from now on: in-use unless told, stored, in-repair"`
}

// DeviceDispose ends a device's life.
type DeviceDispose struct {
	DeviceAct
	WipedBy  string   `json:"wipedBy,omitempty" doc:"who wiped the data of patients"`
	WipedHow string   `json:"wipedHow,omitempty" doc:"by which method"`
	WipedOn  care.Day `json:"wipedOn,omitempty" doc:"on which day, as 2026-05-03"`
	Document string   `json:"document,omitempty" doc:"which document shows it: number or link"`
	Note     string   `json:"note,omitempty" doc:"where it went"`
	Force    bool     `json:"force,omitempty" doc:"although the device is in use"`
}

// Disposed tells what came of a disposal.
type Disposed struct {
	Order     care.Order `json:"order"`               // that keeps the proof
	Change    string     `json:"change"`              // undoes the stage of life, given to change.undo
	Cancelled []int64    `json:"cancelled,omitempty"` // orders that were still open
}

func loanOps() []Op {
	return []Op{
		define(Acts, "device.lend", "Lend a device: to whom, and until when.", "dev-abc --to 'Emergency room' --until 2026-12-01", lendDevice),
		define(Acts, "device.return", "Take a lent device back.", "dev-abc", returnDevice),
		define(Acts, "device.dispose", "Dispose of a device. One that kept patients' records needs the proof that they are gone.", "dev-abc --wipedBy 'J. Ott' --wipedHow 'overwritten, NIST 800-88 purge' --wipedOn 2026-11-20 --document DOC-771 --reason 'end of life'", disposeDevice),
	}
}

// say says facts of a device in one change; an empty value takes one back.
func (c *call) say(ctx context.Context, r DeviceAct, facts ...[2]string) (string, error) {
	for _, f := range facts {
		if _, err := c.s.Register.Say(ctx, c.tx, fact.Fact{Subject: fact.Of(fact.OfDevice, string(r.ID)), Name: f[0], Value: f[1], Truth: fact.Asserted}, c.mark()); err != nil {
			return "", err
		}
	}
	return c.change, nil
}

// acted reads a device that is acted on, of the version that was seen.
func (c *call) acted(r DeviceAct) (register.View, string, error) {
	c.object, c.reason = "device "+string(r.ID), r.Reason
	v, err := c.s.Register.View(r.ID)
	if err == nil && r.Version != 0 && r.Version != v.Version {
		err = register.VersionFault("device", string(r.ID), v.Version, r.Version)
	}
	return v, saidOf(v.Said, "life", c.s.now()), err
}

func lendDevice(ctx context.Context, c *call, r DeviceLend) (FactSaid, error) {
	_, life, err := c.acted(r.DeviceAct)
	if err != nil {
		return FactSaid{}, err
	}
	switch life {
	case "lent":
		return FactSaid{}, fault.New(fault.Conflict, "care.lent", "the device is lent already; take it back first")
	case "lost", "retired", "disposed":
		return FactSaid{}, fault.New(fault.Conflict, "care.lent", "the device is %s and cannot be lent", life)
	}
	until, err := care.ParseDay(string(r.Until))
	if err != nil || until == "" || r.To == "" {
		return FactSaid{}, fault.New(fault.Invalid, "care.loan", "say to whom it is lent, and the day it is to be back, as 2026-05-03").At("until")
	}
	if until < c.s.Register.Day(c.s.now()) {
		return FactSaid{}, fault.New(fault.Invalid, "care.loan", "it would have to be back before today").At("until")
	}
	change, err := c.say(ctx, r.DeviceAct, [2]string{"life", "lent"}, [2]string{"borrower", r.To}, [2]string{"return-by", string(until)})
	return FactSaid{Changed: err == nil, Change: change}, err
}

func returnDevice(ctx context.Context, c *call, r DeviceReturn) (FactSaid, error) {
	_, life, err := c.acted(r.DeviceAct)
	if err != nil {
		return FactSaid{}, err
	}
	if life != "lent" {
		return FactSaid{}, fault.New(fault.Conflict, "care.lent", "the device is not lent")
	}
	switch r.Life {
	case "":
		r.Life = "in-use"
	case "in-use", "stored", "in-repair":
	default:
		return FactSaid{}, fault.New(fault.Invalid, "care.loan", "life is %q; expected in-use, stored or in-repair", clip(r.Life, 40)).At("life")
	}
	change, err := c.say(ctx, r.DeviceAct, [2]string{"life", r.Life}, [2]string{"borrower", ""}, [2]string{"return-by", ""})
	return FactSaid{Changed: err == nil, Change: change}, err
}

func disposeDevice(ctx context.Context, c *call, r DeviceDispose) (Disposed, error) {
	v, life, err := c.acted(r.DeviceAct)
	if err != nil {
		return Disposed{}, err
	}
	if life == "disposed" {
		return Disposed{}, fault.New(fault.Conflict, "care.disposed", "the device is disposed of already; its orders hold the proof")
	}
	now := c.s.now()
	today := c.s.Register.Day(now)
	holds := saidOf(v.Said, "holds", now)
	if holds == "" {
		holds = saidOf(v.ModelSaid, "holds", now)
	}
	proof := care.Wiping{By: r.WipedBy, How: r.WipedHow, On: r.WipedOn, Document: r.Document}
	finish := care.Finish{Text: r.Note}
	switch {
	case proof != care.Wiping{}:
		if err := proof.Check(today); err != nil {
			return Disposed{}, err
		}
		finish.Wiping = &proof
	case care.NeedsWiping(holds):
		return Disposed{}, fault.New(fault.Invalid, "care.wiping", "the device keeps %s records of patients; give the proof that they are gone: wipedBy, wipedHow, wipedOn, document", holds).At("wipedBy")
	case holds == "":
		return Disposed{}, fault.New(fault.Invalid, "care.holds", "nobody has said whether the device keeps patients' records; say it with the fact holds (none, technical), or give the proof of wiping").At("wipedBy")
	}
	if err := c.notInUse(ctx, v.Device, r.Force, "dispose of it"); err != nil {
		return Disposed{}, err
	}
	out := Disposed{}
	if out.Cancelled, err = c.cancelAll(ctx, r.DeviceAct); err != nil {
		return out, err
	}
	o, err := care.Begin(care.Order{Device: r.ID, Kind: care.Disposal, Title: "Disposal"}, c.worker())
	if err == nil {
		err = o.End(finish, false, today, c.worker())
	}
	if err != nil {
		return out, err
	}
	if out.Order, err = c.s.Register.PutOrder(ctx, c.tx, o); err != nil {
		return out, err
	}
	out.Change, err = c.say(ctx, r.DeviceAct, [2]string{"life", "disposed"}, [2]string{"borrower", ""}, [2]string{"return-by", ""})
	return out, err
}

// cancelAll cancels what is still open for a device that goes.
func (c *call) cancelAll(ctx context.Context, r DeviceAct) (ids []int64, err error) {
	open, err := c.tx.Orders(ctx, care.OrderQuery{Device: r.ID, States: liveStates(), Limit: 1000})
	for _, o := range open {
		if err := o.Change(care.Change{State: care.Cancelled, Text: "The device was disposed of"}, c.worker()); err != nil {
			return ids, err
		}
		if _, err := c.s.Register.PutOrder(ctx, c.tx, o); err != nil {
			return ids, err
		}
		ids = append(ids, o.ID)
	}
	return ids, err
}
