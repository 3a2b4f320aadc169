package service

import (
	"context"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
	"thalamus/internal/register/care"
)

// ContractAsk says which contracts to list.
type ContractAsk struct {
	Device model.DeviceID `json:"device,omitempty" arg:"device" doc:"only those that cover this device today"`
	Ends   int            `json:"ends,omitempty" doc:"only those that end within so many days"`
}

func planOps() []Op {
	ops := governedOps("plan", "maintenance plan", `{"id":"vm200-safety","name":"Electrical safety","kind":"electrical-safety","models":["mdl-ab12"],"months":12,"measures":[{"name":"Earth leakage current","unitUCUM":"uA","max":"500"}]}`,
		register.Plans(), knownModels(func(p care.Plan) []string { return p.Models }))
	ops = append(ops, governedOps("contract", "contract", `{"id":"acme-full","name":"Full service","supplier":"Acme","until":"2027-12-31","covers":["preventive","corrective"],"models":["mdl-ab12"]}`,
		register.Contracts(), knownModels(func(k care.Contract) []string { return k.Models }))...)
	return append(ops,
		define(Reads, "plan.list", "List the maintenance plans: what is to be done to which devices, and how often.", "", func(ctx context.Context, c *call, _ None) ([]care.Plan, error) {
			rows, err := register.Plans().List(ctx, c.s.Store)
			out := make([]care.Plan, len(rows))
			for i := range rows {
				out[i] = rows[i].Value
			}
			return out, err
		}),
		define(Reads, "contract.list", "List the contracts for devices: with whom, until when, what they cover.", "--ends 90", listContracts),
	)
}

// knownModels refuses what names a model that the register does not know.
func knownModels[T any](models func(T) []string) func(s *Service, v T) error {
	return func(s *Service, v T) error {
		for _, id := range models(v) {
			if _, ok := s.Register.Model(id); !ok {
				return fault.New(fault.Absent, "register.no-subject", "there is no model %q in the register; list them to see their ids", clip(id, 60)).At("models")
			}
		}
		return nil
	}
}

func listContracts(ctx context.Context, c *call, r ContractAsk) ([]care.Contract, error) {
	rows, err := register.Contracts().List(ctx, c.s.Store)
	if err != nil {
		return nil, err
	}
	today := c.s.Register.Day(c.s.now())
	modelID := ""
	if r.Device != "" {
		if _, err := c.s.Register.Get(r.Device); err != nil {
			return nil, err
		}
		modelID, _ = c.s.Register.ModelOf(r.Device)
	}
	var out []care.Contract
	for _, v := range rows {
		k := v.Value
		if r.Device != "" && !k.For(r.Device, modelID, today) {
			continue
		}
		if r.Ends > 0 && (k.Until == "" || k.Until > today.Add(0, min(r.Ends, 36_500))) {
			continue
		}
		out = append(out, k)
	}
	return out, nil
}

// AccessoryAsk says whose accessories to list.
type AccessoryAsk struct {
	Device model.DeviceID `json:"device,omitempty" arg:"device" doc:"device they belong to; left out: all of them"`
	After  int64          `json:"after,omitempty" doc:"the next page: the last id of the page before"`
	Limit  int            `json:"limit,omitempty" doc:"rows of a page, 100 unless told"`
}

// AccessoryNew is an accessory that a device gets.
type AccessoryNew struct {
	Device     model.DeviceID `json:"device" arg:"device" doc:"device it belongs to"`
	Name       string         `json:"name" arg:"name" doc:"what it is"`
	Number     string         `json:"number,omitempty" doc:"of the maker or supplier"`
	Serial     string         `json:"serial,omitempty" doc:"its serial number"`
	Lot        string         `json:"lot,omitempty" doc:"its lot"`
	Count      int            `json:"count,omitempty" doc:"how many, 1 unless told"`
	Consumable bool           `json:"consumable,omitempty" doc:"it is used up"`
	ReplaceBy  care.Day       `json:"replaceBy,omitempty" doc:"its last day, as 2026-05-03"`
	Note       string         `json:"note,omitempty" doc:"anything worth knowing"`
	Reason     string         `json:"reason,omitempty" doc:"why, for the audit"`
}

// Numbered names something that counts up.
type Numbered struct {
	ID     int64  `json:"id" arg:"id" doc:"its number"`
	Reason string `json:"reason,omitempty" doc:"why, for the audit"`
}

func accessoryOps() []Op {
	return []Op{
		define(Reads, "accessory.list", "List what belongs to a device: cables, batteries, consumables.", "dev-abc", func(ctx context.Context, c *call, r AccessoryAsk) ([]care.Accessory, error) {
			if r.Device != "" {
				if _, err := c.s.Register.Get(r.Device); err != nil {
					return nil, err
				}
			}
			return c.s.Store.Accessories(ctx, care.AccessoryQuery{Device: r.Device, After: r.After, Limit: r.Limit})
		}),
		define(Acts, "accessory.add", "Add what belongs to a device.", "dev-abc 'NIBP cuff, adult' --lot 2291 --consumable", addAccessory),
		define(Acts, "accessory.remove", "Take an accessory away from its device.", "7 --reason 'worn out'", removeAccessory),
	}
}

// worker is who acts, as orders keep it.
func (c *call) worker() care.Mark {
	return care.Mark{By: c.actor.ID, Name: c.actor.Name, At: c.s.now(), Change: c.change}
}

func addAccessory(ctx context.Context, c *call, r AccessoryNew) (care.Accessory, error) {
	c.object, c.reason = "device "+string(r.Device), r.Reason
	if _, err := c.s.Register.Get(r.Device); err != nil {
		return care.Accessory{}, err
	}
	a := care.Accessory{
		Device: r.Device, Name: r.Name, Number: strings.TrimSpace(r.Number), Serial: strings.TrimSpace(r.Serial), Lot: strings.TrimSpace(r.Lot),
		Count: r.Count, Consumable: r.Consumable, ReplaceBy: r.ReplaceBy, Note: r.Note, Added: c.worker(),
	}
	if err := a.Check(); err != nil {
		return care.Accessory{}, err
	}
	return c.tx.AddAccessory(ctx, a)
}

func removeAccessory(ctx context.Context, c *call, r Numbered) (care.Accessory, error) {
	c.reason = r.Reason
	found, err := c.tx.Accessories(ctx, care.AccessoryQuery{After: r.ID - 1, Limit: 1})
	if err != nil {
		return care.Accessory{}, err
	}
	if len(found) == 0 || found[0].ID != r.ID {
		return care.Accessory{}, fault.New(fault.Absent, "care.absent", "there is no accessory %d; list the accessories of the device to see their numbers", r.ID)
	}
	a := found[0]
	c.object, a.Removed = "device "+string(a.Device), new(c.worker())
	return a, c.tx.PutAccessory(ctx, a)
}
