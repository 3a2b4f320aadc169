package fact

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"thalamus/internal/fault"
)

// Layer says what kind of thing a fact is about.
type Layer string

// The layers: a model is a type of device, a release its software version, a
// device one physical unit; a service is what the house does with them.
const (
	OfModel   Layer = "model"
	OfRelease Layer = "release"
	OfDevice  Layer = "device"
	OfService Layer = "service"
)

// Form is how a value is written.
type Form string

// The forms of values.
const (
	Text     Form = "text"
	Identity Form = "identity" // a number or name by which it is known
	Date     Form = "date"     // 2026-05-03
	Number   Form = "number"   // decimal
	Address  Form = "address"  // IP address
	Hardware Form = "hardware" // MAC address, 00:11:22:33:44:55
	Choice   Form = "choice"
	Place    Form = "place" // ICU^2^23^HOSP
	Link     Form = "link"  // https://…
)

// Kind is a name facts have.
type Kind struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"` // for people, English
	Layers  []Layer  `json:"layers"`
	Form    Form     `json:"form"`
	First   Truth    `json:"first"`             // which counts when nothing was decided: observed or asserted
	Choices []string `json:"choices,omitempty"` // of a Choice
	Group   string   `json:"group"`             // under which it stands: identity, placement, ownership, security, support, service
	Own     string   `json:"own,omitempty"`     // the operation that says it, where it is not fact.set
}

// longest is how many bytes a value may have.
const longest = 1000

var support = []string{"supported", "limited", "announced-end", "ended"}

// kinds are all names, in the order people see them.
var kinds = []Kind{
	{Name: "name", Title: "Name", Layers: []Layer{OfDevice, OfService}, Form: Text, First: Asserted, Group: "identity", Own: "device.assert"},
	{Name: "manufacturer", Title: "Manufacturer", Layers: []Layer{OfDevice, OfModel}, Form: Text, First: Observed, Group: "identity"},
	{Name: "model", Title: "Model", Layers: []Layer{OfDevice, OfModel}, Form: Text, First: Observed, Group: "identity"},
	{Name: "serial", Title: "Serial number", Layers: []Layer{OfDevice}, Form: Identity, First: Observed, Group: "identity"},
	{Name: "udi", Title: "UDI", Layers: []Layer{OfDevice}, Form: Identity, First: Asserted, Group: "identity"},
	{Name: "udi-di", Title: "UDI device identifier", Layers: []Layer{OfModel}, Form: Identity, First: Asserted, Group: "identity"},
	{Name: "asset", Title: "Asset number", Layers: []Layer{OfDevice}, Form: Identity, First: Asserted, Group: "identity"},
	{Name: "release", Title: "Software version", Layers: []Layer{OfDevice, OfRelease}, Form: Text, First: Observed, Group: "identity"},
	{Name: "hardware", Title: "Hardware version", Layers: []Layer{OfDevice}, Form: Text, First: Observed, Group: "identity"},
	{Name: "system", Title: "Operating system", Layers: []Layer{OfDevice, OfRelease}, Form: Text, First: Asserted, Group: "identity"},
	{Name: "mac", Title: "MAC address", Layers: []Layer{OfDevice}, Form: Hardware, First: Observed, Group: "identity"},
	{Name: "ip", Title: "IP address", Layers: []Layer{OfDevice}, Form: Address, First: Observed, Group: "identity"},
	{Name: "host", Title: "Host name", Layers: []Layer{OfDevice}, Form: Identity, First: Observed, Group: "identity"},
	{Name: "hl7", Title: "HL7 application", Layers: []Layer{OfDevice}, Form: Identity, First: Observed, Group: "identity"},
	{Name: "ae", Title: "DICOM AE title", Layers: []Layer{OfDevice}, Form: Identity, First: Observed, Group: "identity"},
	{Name: "mqtt", Title: "MQTT client id", Layers: []Layer{OfDevice}, Form: Identity, First: Observed, Group: "identity"},
	{Name: "certificate", Title: "Certificate", Layers: []Layer{OfDevice}, Form: Identity, First: Observed, Group: "identity"},
	{Name: "emdn", Title: "EMDN code", Layers: []Layer{OfModel}, Form: Identity, First: Asserted, Group: "identity"},
	{Name: "gmdn", Title: "GMDN code", Layers: []Layer{OfModel}, Form: Identity, First: Asserted, Group: "identity"},
	{Name: "class", Title: "Risk class", Layers: []Layer{OfModel}, Form: Choice, First: Asserted, Choices: []string{"I", "IIa", "IIb", "III", "A", "B", "C", "D"}, Group: "identity"},

	{Name: "place", Title: "Place", Layers: []Layer{OfDevice}, Form: Place, First: Asserted, Group: "placement"},
	{Name: "department", Title: "Department", Layers: []Layer{OfDevice, OfService}, Form: Text, First: Asserted, Group: "placement"},
	{Name: "life", Title: "Stage of life", Layers: []Layer{OfDevice}, Form: Choice, First: Asserted, Choices: []string{"ordered", "stored", "in-use", "lent", "in-repair", "lost", "retired", "disposed"}, Group: "placement"},
	{Name: "borrower", Title: "Lent to", Layers: []Layer{OfDevice}, Form: Text, First: Asserted, Group: "placement"},
	{Name: "return-by", Title: "To be returned by", Layers: []Layer{OfDevice}, Form: Date, First: Asserted, Group: "placement"},
	{Name: "inventory", Title: "Last counted in", Layers: []Layer{OfDevice}, Form: Text, First: Asserted, Group: "placement"},

	{Name: "owner", Title: "Owner", Layers: []Layer{OfDevice, OfService}, Form: Text, First: Asserted, Group: "ownership"},
	{Name: "custodian", Title: "Responsible", Layers: []Layer{OfDevice, OfService}, Form: Text, First: Asserted, Group: "ownership"},
	{Name: "supplier", Title: "Supplier", Layers: []Layer{OfDevice, OfModel}, Form: Text, First: Asserted, Group: "ownership"},
	{Name: "purchased", Title: "Bought on", Layers: []Layer{OfDevice}, Form: Date, First: Asserted, Group: "ownership"},
	{Name: "warranty", Title: "Warranty until", Layers: []Layer{OfDevice}, Form: Date, First: Asserted, Group: "ownership"},
	{Name: "price", Title: "Price", Layers: []Layer{OfDevice}, Form: Number, First: Asserted, Group: "ownership"},

	{Name: "holds", Title: "Keeps patients' records", Layers: []Layer{OfDevice, OfModel}, Form: Choice, First: Asserted, Choices: []string{"none", "technical", "pseudonymous", "personal"}, Group: "security"},
	{Name: "patch", Title: "Patch status", Layers: []Layer{OfDevice, OfRelease}, Form: Choice, First: Asserted, Choices: []string{"current", "available", "deferred", "impossible"}, Group: "security"},
	{Name: "risk", Title: "Risk", Layers: []Layer{OfDevice, OfModel}, Form: Choice, First: Asserted, Choices: []string{"low", "medium", "high"}, Group: "security"},
	{Name: "support", Title: "Support", Layers: []Layer{OfModel, OfRelease}, Form: Choice, First: Asserted, Choices: support, Group: "support"},
	{Name: "support-until", Title: "Support ends", Layers: []Layer{OfModel, OfRelease}, Form: Date, First: Asserted, Group: "support"},
	{Name: "document", Title: "Documents", Layers: []Layer{OfModel, OfRelease, OfDevice}, Form: Link, First: Asserted, Group: "support"},

	{Name: "fallback", Title: "Fallback", Layers: []Layer{OfService, OfModel}, Form: Text, First: Asserted, Group: "service"},
	{Name: "contact", Title: "Contact", Layers: []Layer{OfService, OfModel}, Form: Text, First: Asserted, Group: "service"},
	{Name: "critical", Title: "When it stops", Layers: []Layer{OfService}, Form: Choice, First: Asserted, Choices: []string{"life", "harm", "delay", "nuisance"}, Group: "service"},

	{Name: "note", Title: "Note", Layers: []Layer{OfDevice, OfModel, OfRelease, OfService}, Form: Text, First: Asserted, Group: "service"},
	{Name: "zone", Title: "Time zone", Layers: []Layer{OfDevice}, Form: Text, First: Asserted, Group: "service", Own: "device.clock"},
	{Name: "clock", Title: "Clock rule", Layers: []Layer{OfDevice}, Form: Text, First: Asserted, Group: "service", Own: "device.clock"},
	{Name: "adoption", Title: "Adoption", Layers: []Layer{OfDevice}, Form: Text, First: Asserted, Group: "service", Own: "device.adopt"},
	{Name: "merged", Title: "Merged into", Layers: []Layer{OfDevice}, Form: Text, First: Decided, Group: "service", Own: "device.merge"},
	{Name: "alias", Title: "Also known as", Layers: []Layer{OfDevice}, Form: Text, First: Decided, Group: "service", Own: "device.merge"},
	{Name: "blocked", Title: "Blocked", Layers: []Layer{OfDevice}, Form: Text, First: Decided, Group: "service", Own: "device.block"},
	{Name: "profile", Title: "Read with", Layers: []Layer{OfDevice}, Form: Text, First: Observed, Group: "service", Own: "profile.put"},
	{Name: "range", Title: "Range of the profile", Layers: []Layer{OfDevice}, Form: Text, First: Observed, Group: "service", Own: "profile.put"},
}

// Kinds gives all names of a layer, in the order people see them; all of them
// for an empty layer.
func Kinds(l Layer) []Kind {
	var out []Kind
	for _, k := range kinds {
		if l == "" || slices.Contains(k.Layers, l) {
			out = append(out, k)
		}
	}
	return out
}

// KindOf gives the kind of a name.
func KindOf(name string) (Kind, bool) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{Name: name, Form: Text, First: Asserted}, false
	}
	return kinds[i], true
}

// Check reads a value as people write it, and gives the form that is kept. The
// error is fault.Invalid, code register.fact.
func Check(l Layer, name, value string) (string, error) {
	k, ok := KindOf(name)
	if !ok || !slices.Contains(k.Layers, l) {
		names := make([]string, 0, 16)
		for _, k := range Kinds(l) {
			names = append(names, k.Name)
		}
		return "", fault.New(fault.Invalid, "register.fact", "a %s has no fact %q; there are %s", l, name, strings.Join(names, ", ")).At("name")
	}
	value = strings.TrimSpace(value)
	wrong := func(want string) (string, error) {
		return "", fault.New(fault.Invalid, "register.fact", "%s: expected %s", k.Title, want).At(name)
	}
	if len(value) > longest {
		return wrong("at most " + strconv.Itoa(longest) + " bytes")
	}
	if value == "" {
		return "", nil
	}
	switch k.Form {
	case Date:
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			return wrong("a date such as 2026-05-03")
		}
	case Number:
		if !decimal(value) {
			return wrong("a number such as 1250.50")
		}
	case Address:
		a, err := netip.ParseAddr(value)
		if err != nil {
			return wrong("an IP address such as 10.1.2.3")
		}
		value = a.Unmap().String()
	case Hardware:
		mac := strings.ToLower(strings.NewReplacer("-", "", ":", "", ".", "").Replace(value))
		if len(mac) != 12 || strings.Trim(mac, "0123456789abcdef") != "" {
			return wrong("a MAC address such as 00:11:22:33:44:55")
		}
		value = mac[:2] + ":" + mac[2:4] + ":" + mac[4:6] + ":" + mac[6:8] + ":" + mac[8:10] + ":" + mac[10:]
	case Choice:
		i := slices.IndexFunc(k.Choices, func(c string) bool { return strings.EqualFold(c, value) })
		if i < 0 {
			return wrong("one of " + strings.Join(k.Choices, ", "))
		}
		value = k.Choices[i]
	case Link:
		if u, err := url.Parse(value); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return wrong("a link such as https://maker.example/manual")
		}
	}
	return value, nil
}

func decimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, part, dotted := strings.Cut(s, ".")
	return whole != "" && strings.Trim(whole+part, "0123456789") == "" && (!dotted || part != "")
}
