package devices

import (
	"context"
	"slices"
	"strings"

	"thalamus/internal/model"
	"thalamus/internal/service"
	"thalamus/internal/web/ui"
)

// identity is one thing by which a device is recognised or called, and where
// that is known from.
type identity struct{ Kind, Value, Sure, Source string }

// identities are the keys of a device, the strongest first, then what was sent
// beside them, then what people and imports say.
func (p devicePage) identities(ctx context.Context) []identity {
	d := &p.Device
	wire := ui.T(ctx, "Its messages on %s", string(d.Observed.Channel))
	var out []identity
	for _, key := range d.Keys {
		kind, value, _ := strings.Cut(key, "|")
		id := identity{kind, strings.ReplaceAll(value, "|", " · "), ui.T(ctx, "Within what gave it"), wire}
		switch kind {
		case "udi":
			id.Kind, id.Sure = ui.T(ctx, "UDI"), ui.T(ctx, "Anywhere in the world")
		case "eui64":
			id.Kind, id.Sure = ui.T(ctx, "EUI-64"), ui.T(ctx, "Anywhere in the world")
		case "serial":
			id.Kind, id.Sure = ui.T(ctx, "Serial number"), ui.T(ctx, "Within its maker and model")
		case "mac":
			id.Kind, id.Sure = ui.T(ctx, "Network address (MAC)"), ui.T(ctx, "Until its network card is changed")
		case "ei":
			id.Kind = ui.T(ctx, "Number given by a system")
		}
		out = append(out, id)
	}
	for _, id := range p.sent() {
		one := identity{Kind: ui.T(ctx, "%s, as sent", called(id.Type, ui.T(ctx, "Identifier"))), Value: id.Value, Source: wire}
		if id.System != "" {
			one.Sure = ui.T(ctx, "Within %s", id.System)
		}
		out = append(out, one)
	}
	for _, r := range p.Facts {
		for _, f := range append([]service.Fact{r.Fact}, r.Against...) {
			if f.Truth == "observed" && slices.Contains([]string{"serial", "udi"}, f.Name) || !names(f.Name) {
				continue
			}
			out = append(out, identity{factName(ctx, f.Name), f.Value, sureOf(ctx, f.Name), sourceText(ctx, f)})
		}
	}
	return out
}

// names says whether a fact names a device.
func names(fact string) bool {
	return slices.Contains([]string{"udi", "asset", "serial", "mac", "ip", "host", "hl7", "ae", "mqtt", "certificate"}, fact)
}

// sureOf says among which devices a fact names one.
func sureOf(ctx context.Context, fact string) string {
	switch fact {
	case "udi", "certificate":
		return ui.T(ctx, "Anywhere in the world")
	case "serial":
		return ui.T(ctx, "Within its maker and model")
	case "mac":
		return ui.T(ctx, "Until its network card is changed")
	case "ip":
		return ui.T(ctx, "Until the network gives another one")
	}
	return ui.T(ctx, "Within this house")
}

// sent gives the identifiers as they were sent, without those that stand as
// they are among the identities.
func (p devicePage) sent() []model.Identifier {
	return slices.DeleteFunc(slices.Clone(p.Device.Observed.Identifiers), func(id model.Identifier) bool {
		return slices.ContainsFunc(p.Device.Keys, func(key string) bool { return strings.HasSuffix(key, "|"+id.Value) })
	})
}
