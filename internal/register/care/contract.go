package care

import (
	"slices"
	"strings"

	"thalamus/internal/fault"
	"thalamus/internal/model"
)

// Contract is what somebody outside does for devices.
type Contract struct {
	ID       string           `json:"id" yaml:"id"`
	Name     string           `json:"name" yaml:"name"`
	Supplier string           `json:"supplier" yaml:"supplier"`
	Number   string           `json:"number,omitempty" yaml:"number,omitempty"`
	From     Day              `json:"from,omitempty" yaml:"from,omitempty"`
	Until    Day              `json:"until,omitempty" yaml:"until,omitempty"` // its last day
	Covers   []Kind           `json:"covers" yaml:"covers"`                   // which work
	Parts    bool             `json:"parts,omitempty" yaml:"parts,omitempty"` // and what is used for it
	Models   []string         `json:"models,omitempty" yaml:"models,omitempty"`
	Devices  []model.DeviceID `json:"devices,omitempty" yaml:"devices,omitempty"`
	Contact  string           `json:"contact,omitempty" yaml:"contact,omitempty"`
	Hours    int              `json:"hours,omitempty" yaml:"hours,omitempty"`   // until somebody comes
	Notice   int              `json:"notice,omitempty" yaml:"notice,omitempty"` // days before its end to decide
	Document string           `json:"document,omitempty" yaml:"document,omitempty"`
	Note     string           `json:"note,omitempty" yaml:"note,omitempty"`
}

// Check says what is wrong with a contract. The error is fault.Invalid, code
// care.contract.
func (c Contract) Check() error {
	wrong := func(at, text string, args ...any) error {
		return fault.New(fault.Invalid, "care.contract", text, args...).At(at)
	}
	for _, f := range []struct {
		at, text string
		needed   bool
	}{{"name", c.Name, true}, {"supplier", c.Supplier, true}, {"number", c.Number, false}, {"contact", c.Contact, false}, {"document", c.Document, false}} {
		if len(f.text) > 500 || f.needed && strings.TrimSpace(f.text) == "" {
			return wrong(f.at, "a contract needs a name and a supplier; no text here has more than 500 bytes")
		}
	}
	switch {
	case !c.From.valid() || !c.Until.valid():
		return wrong("until", "expected a date such as 2026-05-03")
	case c.From != "" && c.Until != "" && c.Until < c.From:
		return wrong("until", "it would end before it begins")
	case len(c.Covers) == 0 || slices.ContainsFunc(c.Covers, func(k Kind) bool { return !slices.Contains(Kinds(), k) }):
		return wrong("covers", "say which work it covers: some of %v", Kinds())
	case len(c.Models)+len(c.Devices) == 0 || len(c.Models) > mostRows || len(c.Devices) > mostDevices:
		return wrong("models", "say for which models or devices it is, at most %d and %d", mostRows, mostDevices)
	case c.Hours < 0 || c.Hours > 10_000 || c.Notice < 0 || c.Notice > 3650:
		return wrong("notice", "expected 0 to 10000 hours and 0 to 3650 days")
	case len(c.Note) > longestText:
		return wrong("note", "expected at most %d bytes", longestText)
	}
	return nil
}

// For says whether the contract covers a device on a day.
func (c *Contract) For(device model.DeviceID, modelID string, on Day) bool {
	return (c.From == "" || c.From <= on) && (c.Until == "" || on <= c.Until) &&
		(modelID != "" && slices.Contains(c.Models, modelID) || slices.Contains(c.Devices, device))
}

// Accessory is something that belongs to a device: a cable, a battery, a
// consumable.
type Accessory struct {
	ID         int64          `json:"id"` // counts up
	Device     model.DeviceID `json:"device"`
	Name       string         `json:"name"`
	Number     string         `json:"number,omitempty"` // of the maker or supplier
	Serial     string         `json:"serial,omitempty"`
	Lot        string         `json:"lot,omitempty"`
	Count      int            `json:"count,omitempty"`      // 1 when left out
	Consumable bool           `json:"consumable,omitempty"` // is used up
	ReplaceBy  Day            `json:"replaceBy,omitempty"`  // its last day
	Note       string         `json:"note,omitempty"`
	Added      Mark           `json:"added"`
	Removed    *Mark          `json:"removed,omitempty"` // taken away from its device; nil: it is there
	Back       *Mark          `json:"back,omitempty"`    // is there again since, because that was taken back
}

// Check says what is wrong with an accessory, and tidies it. The error is
// fault.Invalid, code care.accessory.
func (a *Accessory) Check() error {
	a.Name = strings.TrimSpace(a.Name)
	bad := a.Name == "" || a.Device == "" || a.Count < 0 || a.Count > 1_000_000 || !a.ReplaceBy.valid() || len(a.Note) > longestText
	for _, text := range []string{a.Name, a.Number, a.Serial, a.Lot} {
		bad = bad || len(text) > longestName
	}
	if bad {
		return fault.New(fault.Invalid, "care.accessory", "an accessory needs its device and a name; texts have at most %d bytes, a count is not negative, a day is written 2026-05-03", longestName).At("name")
	}
	a.Count = max(a.Count, 1)
	return nil
}

// Does says whether the contract covers a kind of work.
func (c *Contract) Does(k Kind) bool { return slices.Contains(c.Covers, k) }
