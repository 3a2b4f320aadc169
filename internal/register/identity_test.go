package register_test

import (
	"strings"
	"testing"

	"thalamus/internal/model"
	"thalamus/internal/register"
)

// Steps of one case run in turn; equal letters mean one unit.
func TestIdentity(t *testing.T) {
	type step struct {
		d       model.Device
		channel model.ChannelID
		unit    string
		issue   string
	}
	whole := func(d model.Device) model.Device { d.Parent = -1; return d }
	for name, steps := range map[string][]step{
		"EUI-64 in any spelling": {
			{whole(model.Device{Identifiers: ids("0012210839000001", "", "EUI-64")}), "a", "x", ""},
			{whole(model.Device{Identifiers: ids("00-12-21-08-39-00-00-01", "EUI-64", "")}), "b", "x", ""},
			{whole(model.Device{Identifiers: ids("0012210839000002", "1.2.840.10004.1.1.1.0.0.1.0.0.1.2680", "")}), "a", "y", ""},
		},
		"serial with maker and model holds everywhere": {
			{whole(model.Device{Manufacturer: "Acme", Model: "VM-200", Serial: "SN1"}), "a", "x", ""},
			{whole(model.Device{Manufacturer: "ACME ", Model: "vm-200", Serial: "sn1"}), "b", "x", ""},
			{whole(model.Device{Manufacturer: "Acme", Model: "VM-300", Serial: "SN1"}), "a", "y", ""},
		},
		"serial alone holds on its channel": {
			{whole(model.Device{Serial: "SN1"}), "a", "x", ""}, {whole(model.Device{Serial: "SN1"}), "b", "y", ""}, {whole(model.Device{Serial: "SN1"}), "a", "x", ""},
		},
		"serial of an authority holds everywhere (R18)": {
			{whole(model.Device{Identifiers: ids("MON77", "0003B10000000077", "serial")}), "a", "x", ""},
			{whole(model.Device{Identifiers: ids("mon77", "0003b10000000077", "serial")}), "b", "x", ""},
			{whole(model.Device{Identifiers: ids("MON77", "0012210839000001", "serial")}), "a", "y", ""},
			{whole(model.Device{Identifiers: ids("MON77", "0003B10000000077", "serial"), Manufacturer: "Acme", Model: "M"}), "a", "x", ""},
			{whole(model.Device{Manufacturer: "Acme", Model: "M", Serial: "MON77"}), "b", "x", ""},
			{whole(model.Device{Identifiers: ids("MON77", "0000000000000000", "serial")}), "a", "z", ""},
		},
		"an identifier of a namespace holds everywhere": {
			{whole(model.Device{Identifiers: ids("PUMP7", "ACME", "")}), "a", "x", ""}, {whole(model.Device{Identifiers: ids("PUMP7", "ACME", "")}), "b", "x", ""},
		},
		"a bare identifier holds on its channel": {
			{whole(model.Device{Identifiers: ids("PUMP7", "", "")}), "a", "x", ""}, {whole(model.Device{Identifiers: ids("PUMP7", "", "")}), "b", "y", ""},
		},
		"UDI with serial, in brackets and scanned": {
			{whole(model.Device{UDI: "(01)00844588003288(17)141120(10)7654321D(21)10987654d321"}), "a", "x", ""},
			{whole(model.Device{UDI: "0100844588003288171411201076\x1d2110987654d321"}), "a", "x", ""},
			{whole(model.Device{UDI: "+H123PARTNO1234567890120/$$420020216LOT123456789012345/SXYZ456789012345678/16D20130202C"}), "a", "y", ""},
		},
		"UDI of a model names no unit": {
			{whole(model.Device{UDI: "(01)00844588003288", Serial: "1"}), "a", "x", ""},
			{whole(model.Device{UDI: "(01)00844588003288", Serial: "2"}), "a", "y", ""},
		},
		"any known identifier wins": {
			{whole(model.Device{Identifiers: ids("0012210839000001", "", "EUI-64")}), "a", "x", ""},
			{whole(model.Device{Identifiers: ids("0012210839000001", "", "EUI-64"), Manufacturer: "Acme", Serial: "SN1"}), "a", "x", ""},
			{whole(model.Device{Manufacturer: "Acme", Serial: "SN1"}), "b", "x", ""},
		},
		"identifiers of two units": {
			{whole(model.Device{Identifiers: ids("0012210839000001", "", "EUI-64")}), "a", "x", ""},
			{whole(model.Device{Manufacturer: "Acme", Serial: "SN1"}), "a", "y", ""},
			{whole(model.Device{Identifiers: ids("0012210839000001", "", "EUI-64"), Manufacturer: "Acme", Serial: "SN1"}), "a", "x", "register.identity-conflict "},
			{whole(model.Device{Manufacturer: "Acme", Serial: "SN1"}), "a", "y", ""},
		},
		"placeholders name nobody": {
			{whole(model.Device{Serial: "00000000"}), "a", "sender", ""}, {whole(model.Device{Serial: "UNKNOWN"}), "a", "sender", ""},
			{whole(model.Device{Identifiers: ids("FFFFFFFFFFFFFFFF", "", "EUI-64")}), "a", "other", ""},
			{whole(model.Device{}), "a", "sender", ""},
		},
		"nobody named: the sender on its channel": {
			{whole(model.Device{}), "a", "x", ""}, {whole(model.Device{}), "b", "y", ""}, {whole(model.Device{}), "a", "x", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			got := map[string]model.DeviceID{}
			for round := range 2 {
				for i, s := range steps {
					m := h.message(s.d)
					m.Channel = s.channel
					h.sight(t, m)
					id := m.Devices[0].ID
					if !strings.HasPrefix(string(id), "dev-") || register.CheckID("device", string(id)) != nil {
						t.Fatalf("id %q", id)
					}
					if known, ok := got[s.unit]; ok && known != id {
						t.Errorf("round %d, step %d: %s, want %s", round, i, id, known)
					}
					for letter, known := range got {
						if letter != s.unit && known == id {
							t.Errorf("round %d, step %d: %s is both %s and %s", round, i, id, letter, s.unit)
						}
					}
					got[s.unit] = id
					if issues(m) != s.issue {
						t.Errorf("step %d: issues %q, want %q", i, issues(m), s.issue)
					}
				}
				h.Flush(t.Context())
				h.reopen(t, register.Options{})
			}
		})
	}
}

func TestPartsBelongToTheWhole(t *testing.T) {
	h := newHouse(t)
	eui := func(n string) []model.Identifier { return ids("001221083900000"+n, "", "EUI-64") }
	for name, c := range map[string]struct {
		devices []model.Device
		units   []int // device i has the id of device units[i]
	}{
		"MDS, VMD and channel":             {[]model.Device{{Parent: -1, Identifiers: eui("1")}, {Parent: 0, Serial: "V1"}, {Parent: 1}}, []int{0, 0, 0}},
		"VMD before its MDS":               {[]model.Device{{Parent: 1, Serial: "V1"}, {Parent: -1, Identifiers: eui("1")}}, []int{1, 1}},
		"only the VMD is named":            {[]model.Device{{Parent: -1}, {Parent: 0, Identifiers: eui("2")}}, []int{0, 0}},
		"two units behind a gateway":       {[]model.Device{{Parent: -1, Identifiers: eui("3")}, {Parent: -1, Identifiers: eui("4")}}, []int{0, 1}},
		"two nameless units":               {[]model.Device{{Parent: -1, SubID: "1.0.0.0"}, {Parent: -1, SubID: "2.0.0.0"}}, []int{0, 1}},
		"two named parts name no whole":    {[]model.Device{{Parent: -1}, {Parent: 0, Identifiers: eui("5")}, {Parent: 0, Identifiers: eui("6")}}, []int{0, 0, 0}},
		"a circle of parents":              {[]model.Device{{Parent: 1}, {Parent: 0, Serial: "C"}}, []int{0, 0}},
		"a parent that is not there":       {[]model.Device{{Parent: 9, Serial: "X"}}, []int{0}},
		"its own parent":                   {[]model.Device{{Parent: 0, Serial: "X"}}, []int{0}},
		"a circle besides and into a unit": {[]model.Device{{Parent: 2, Serial: "P"}, {Parent: -1, Serial: "Q"}, {Parent: 3}, {Parent: 2}}, []int{2, 1, 2, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			m := h.sight(t, h.message(c.devices...))
			for i, d := range m.Devices {
				if d.ID == "" || d.ID != m.Devices[c.units[i]].ID {
					t.Errorf("device %d: %q, want that of %d, %q", i, d.ID, c.units[i], m.Devices[c.units[i]].ID)
				}
				for j := range i {
					if c.units[i] != c.units[j] && d.ID == m.Devices[j].ID {
						t.Errorf("devices %d and %d are one", i, j)
					}
				}
			}
		})
	}
}
