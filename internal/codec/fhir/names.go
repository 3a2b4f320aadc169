package fhir

import "thalamus/internal/model"

// SystemURI gives the URI of an assigning authority as it was sent, as the
// resources of this package have it.
func SystemURI(name string) string { return uriOf(name) }

// Clean makes a text a FHIR string; empty when it has no visible character.
func Clean(s string) string { return clean(s) }

// DeviceIdentifiers gives the identifiers of a device, the strongest first,
// with URIs as their systems: the same that its Device has in what is
// delivered, so that receivers can join both.
func DeviceIdentifiers(d *model.Device) []model.Identifier {
	var out []model.Identifier
	add := func(i model.Identifier) {
		i.System = uriOf(i.System)
		for _, have := range out {
			if have.System == i.System && have.Value == i.Value {
				return
			}
		}
		out = append(out, i)
	}
	if key, ok := strongest(d); ok {
		add(key)
	}
	for _, i := range d.Identifiers {
		if clean(i.Value) != "" {
			add(deviceIdentifier(d, i))
		}
	}
	if clean(d.Serial) != "" {
		add(deviceIdentifier(d, model.Identifier{Value: d.Serial, Type: "serial"}))
	}
	return out
}
